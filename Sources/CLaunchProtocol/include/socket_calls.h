/* Sockets that a daemon and the system helper meet at, and who is at the other end (unix(7)). */
#ifndef SOCKET_CALLS_H
#define SOCKET_CALLS_H

#include <stdint.h>

/* Sockets of SOCK_SEQPACKET, close-on-exec and not blocking. They return the descriptor or a negative error number; the
 * path may have 107 bytes. One that listens takes no descriptors from those who connect. Listening changes the file mode creation mask for a moment: only in a process without threads. */
int socket_listen(const char *path, int backlog, uint32_t mode);
int socket_create(void);
int socket_connect(int socket, const char *path);

/* accept4(2), close-on-exec and not blocking. */
int socket_accept(int socket);

/* Whether the kernel takes descriptors from the other end (SO_PASSRIGHTS, Linux 6.16; before, nothing happens). Who is accepted
 * has what the listening socket has. */
void socket_take_descriptors(int socket, int takes);

/* Whether it does; 1 also where the kernel does not know. */
int socket_takes_descriptors(int socket);

/* A descriptor of the process that was at the other end when it connected (SO_PEERPIDFD), or a negative error number: -ENOPROTOOPT
 * before Linux 6.5. */
int socket_peer_process(int socket);

/* Whether a descriptor is a listening socket of AF_UNIX and SOCK_SEQPACKET: 1 or 0. */
int socket_is_listening_seqpacket(int socket);

/* Who was at the other end when it connected, or listened (SO_PEERCRED). Returns 0 or a negative error number. */
int socket_peer(int socket, int32_t *process, uint32_t *user, uint32_t *group);

/* The supplementary groups that the other end had then (SO_PEERGROUPS). Returns how many, or a negative error number. */
int socket_peer_groups(int socket, uint32_t *groups, int capacity);

#endif
