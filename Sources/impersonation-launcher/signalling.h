/* Signals to processes that are named by number and start: a daemon may not signal those of another account itself. */
#ifndef SIGNALLING_H
#define SIGNALLING_H

/* Sends a signal to every process of the list, each `PROCESS:START` with the start in clock ticks since the boot. Returns the
 * exit code. */
int send_signals(const char *signal, char *const *processes);

#endif
