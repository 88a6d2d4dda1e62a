/* The daemon's side of what launch_order.h describes. Every function returns a negative error number on failure. */
#ifndef ORDER_CALLS_H
#define ORDER_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* A pair of connected stream sockets, close-on-exec. What comes in at the daemon's end, which does not block, comes with the
 * kernel's word on who has sent it (SO_PASSCRED). `takes_descriptors` tells whether the daemon's end is to take descriptors that
 * are sent along, and then whether it does: kernels before 6.16 cannot be kept from it. */
int order_socket_create(int *daemon_end, int *launcher_end, int *takes_descriptors);

/* Who has sent something. */
struct order_sender {
    int32_t process;
    uint32_t user;
    uint32_t group;
};

/* Receives what is there, at most so many bytes, and who has sent it. Returns how many bytes, 0 at the end, -EPROTO where the
 * kernel does not say by whom, -EBADMSG where descriptors came along: they stay in the socket, whose close can take as long as
 * they like. */
long order_receive(int socket, void *bytes, size_t size, struct order_sender *sender, int takes_descriptors);

/* Sends bytes with descriptors in one message, without SIGPIPE and without waiting. Returns 0, or -EMSGSIZE when they did not go
 * whole. */
int order_send(int socket, const void *bytes, size_t size, const int *descriptors, size_t count);

/* Memory that holds the bytes and that nobody can change any more, close-on-exec. Returns the descriptor. */
int order_memory_create(const void *bytes, size_t size);

#endif
