/* System calls of Linux that the Glibc module of Swift does not offer. */
#ifndef LINUX_CALLS_H
#define LINUX_CALLS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* epoll_ctl(2) with a number to know the event by. Returns 0 or a negative error number. */
int linux_epoll_control(int poll, int operation, int descriptor, uint32_t events, uint64_t number);

/* epoll_wait(2) for the numbers of what is ready. Returns how many, or a negative error number. */
int linux_epoll_wait(int poll, uint64_t *numbers, int capacity, int timeout_milliseconds);

/* epoll_create1(2) and eventfd(2), close-on-exec, the latter not blocking. */
int linux_epoll_create(void);
int linux_eventfd_create(void);

/* pipe2(2), close-on-exec. Returns 0 or a negative error number. */
int linux_pipe(int *reading, int *writing);

/* Writes everything into an empty pipe at once, made larger where it has to be, or fails: a user with more than
   /proc/sys/fs/pipe-user-pages-soft gets pipes of two pages, and a blocking write would wait for a reader that is not
   there yet. Returns 0 or a negative error number. */
int linux_pipe_fill(int descriptor, const void *bytes, size_t size);

/* A stream between the daemon and a job, in one direction: a pair of connected sockets, close-on-exec, that do the work of
   a pipe. read(2), write(2) and close(2) of a pipe wait for a lock that the kernel holds while it copies from or to the
   memory of the other side, O_NONBLOCK or not, and a page of that memory can be one of a FUSE file that never comes. Two
   sockets share no such lock: what is written is copied into a buffer of its own first.

   Unless takes_descriptors is set already, the job is kept from sending descriptors along (unix(7), SCM_RIGHTS), which the
   kernel can do since Linux 6.16 (SO_PASSRIGHTS); it tells whether the job can. Returns 0 or a negative error number. */
int linux_stream_create(int *daemon_end, int *job_end, int job_writes, int *takes_descriptors);

/* Makes a connected socket that somebody else has made an end as the one above: in one direction, without what the kernel
   tells of senders, and without descriptors where it can keep them out; it tells whether they can come along, or may have come
   already. Returns 0 or a negative error number, and has changed nothing then. */
int linux_stream_take(int descriptor, int daemon_reads, int *takes_descriptors);

/* How many bytes can be read now, or a negative error number. */
long linux_stream_waiting(int descriptor);

/* Reads what is there, and nothing that comes in meanwhile. Returns how many bytes, 0 at the end, -EAGAIN when there is
   nothing yet, -EBADMSG when the job has sent descriptors along: whoever takes them closes them, and that may take as long
   as the job likes. */
long linux_stream_read(int descriptor, void *bytes, size_t size, int takes_descriptors);

/* Writes what the other side has room for, and never raises SIGPIPE. Returns how many bytes, or a negative error number. */
long linux_stream_write(int descriptor, const void *bytes, size_t size);

/* Closes the daemon's end. What the job has written and nobody has read is dropped before: the job's next write would fail
   with ECONNRESET otherwise, and not as one to a pipe does. */
void linux_stream_close(int descriptor);

/* write(2) to a pipe that leaves no SIGPIPE behind. Returns how many bytes, or a negative error number. */
long linux_pipe_write(int descriptor, const void *bytes, size_t size);

/* Whether a descriptor is the master of a pseudo-terminal. */
int linux_terminal_is_master(int descriptor);

/* Opens a pseudo-terminal (pty(7)): the master, and the slave by it alone (TIOCGPTPEER), so that no path is followed. Both
   close-on-exec; neither becomes the controlling terminal of the caller. Returns 0 or a negative error number. */
int linux_terminal_create(int *master, int *slave, uint16_t rows, uint16_t columns);

/* The size of a terminal (TIOCGWINSZ). Returns 0 or a negative error number. */
int linux_terminal_size(int terminal, uint16_t *rows, uint16_t *columns);

/* Tells a terminal its size (TIOCSWINSZ); the kernel tells the job by SIGWINCH. Returns 0 or a negative error number. */
int linux_terminal_resize(int terminal, uint16_t rows, uint16_t columns);

/* An eventfd(2) that holds one, close-on-exec and not blocking; whoever reads it first has it. Returns the descriptor or a
   negative error number. */
int linux_token_create(void);

/* Takes the token. Returns whether it was still there. */
int linux_token_take(int token);

/* The name of what readdir(3) has returned, where it is: Swift would copy all 256 bytes that d_name is declared with. */
const char *linux_entry_name(const struct dirent *entry);

/* Whether a directory is one of cgroup v2: 1, 0, or a negative error number. */
int linux_is_control_group(int directory);

/* pidfd_open(2), which is close-on-exec. Returns the descriptor or a negative error number. */
int linux_pidfd_open(int process);

/* Whether a directory of cgroup v2 was delegated by systemd, which marks it (user.delegate or trusted.delegate): 1 or 0. */
int linux_is_delegated(int directory);

/* memfd_secret(2), close-on-exec: memory that no other process, not even the kernel itself, can read. Returns the
   descriptor or a negative error number. */
int linux_secret_memory_create(void);

/* mlock(2) of whole pages, by the system call itself: the runtimes of the sanitizers answer the function of libc with
   success and lock nothing, and a secret must not depend on how a program is built. Returns 0 or a negative error number. */
int linux_lock_memory(const void *address, size_t size);

/* Overwrites memory with zeros, also what is freed next (explicit_bzero(3)), and also where its owners take it for constant: nobody
 * reads it any more. */
void linux_wipe(const void *memory, size_t size);

/* pthread_setname_np(3) for the calling thread; at most 15 characters. */
void linux_thread_name(const char *name);

/* Whether a directory lies on a file system that runs no programs (MS_NOEXEC), or cannot be told. */
int linux_is_mounted_noexec(const char *directory);

#endif
