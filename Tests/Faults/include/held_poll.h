/* A process that is held where poll(2) has just told it something, so that more can happen before it goes on: a tracer does that
 * (ptrace(2)). All three are to be called by the same thread. */
#ifndef HELD_POLL_H
#define HELD_POLL_H

/* Takes hold of a process of one thread, and lets it go on until it waits in poll(2). Returns 0 or a negative error number. */
int poll_hold(int process);

/* Sends it a signal that it reads from a descriptor, and holds it once poll(2) has told it of that. Returns 0 or a negative error
 * number. */
int poll_hear(int process, int signal_number);

/* Lets it go. Returns 0 or a negative error number. */
int poll_release(int process);

#endif
