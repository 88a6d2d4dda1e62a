/* Messages with descriptors, and sealed memory: what the Glibc module of Swift does not offer. */
#ifndef FRAME_CALLS_H
#define FRAME_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* The most descriptors that the kernel passes with one message (SCM_MAX_FD). */
#define FRAME_DESCRIPTORS_MOST 253

/* Sends one message with its descriptors (sendmsg(2), unix(7)), without SIGPIPE and without waiting. Returns 0 or a negative
   error number; -EMSGSIZE when the message did not go whole. */
int frame_send(int socket, const void *bytes, size_t size, const int *descriptors, size_t count);

/* What came with a message beside its bytes. */
struct frame_received {
    /* How many bytes there are; a message that is longer than the buffer was cut off. */
    size_t size;
    /* Descriptors, close-on-exec, which are the caller's from now on, whatever else is said here. */
    int descriptors[FRAME_DESCRIPTORS_MOST];
    size_t count;
    /* Whether bytes or descriptors were cut off (MSG_TRUNC, MSG_CTRUNC). */
    int cut_off;
    /* Whether something came that is no descriptor. */
    int unknown;
};

/* Receives one message without waiting (recvmsg(2)). Returns 0 or a negative error number. Where no descriptors are taken, a
 * message that brings some is left where it is and counts as cut off: to let go of them, in the kernel or by a close, can wait for
 * as long as the other side likes. The socket is of no use then, and to be closed last of all. */
int frame_receive(int socket, void *buffer, size_t capacity, int takes_descriptors, struct frame_received *received);

/* The seals of memory that nobody can change any more (F_ADD_SEALS, fcntl(2)): against further seals, shrinking, growing and
   writing. */
#define FRAME_SEALS 0xF

/* Memory that holds the bytes (memfd_create(2)), close-on-exec, not executable, with these seals. Returns the descriptor or a
   negative error number. */
int frame_memory_create(const void *bytes, size_t size, int seals);

/* Whether memory has all of FRAME_SEALS: 1, 0, or a negative error number. */
int frame_is_sealed(int file);

#endif
