#define _GNU_SOURCE

#include "order_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define ORDER_DESCRIPTORS_MAXIMUM 128

int order_socket_create(int *daemon_end, int *launcher_end, int *takes_descriptors)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    const int yes = 1, no = 0;
    /* Before there is anybody to send; kernels before 6.16 do not know the second one. */
    int result = setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0 ? 0 : -errno;
    /* A byte of MSG_OOB is passed over by MSG_PEEK otherwise, and dropped with its descriptors by the call that takes what is
     * behind it. */
    if (result == 0)
        result = setsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes) == 0 ? 0 : -errno;
    if (!*takes_descriptors)
        *takes_descriptors = setsockopt(ends[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) != 0;
    if (result == 0)
        result = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
    if (result != 0) {
        close(ends[0]);
        close(ends[1]);
        return result;
    }
    *daemon_end = ends[0];
    *launcher_end = ends[1];
    return 0;
}

long order_receive(int socket, void *bytes, size_t size, struct order_sender *sender, int takes_descriptors)
{
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr alignment;
    } control;
    struct iovec place = {bytes, size};
    struct msghdr message = {
        .msg_iov = &place, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count;
    if (takes_descriptors) {
        /* The kernel closes what there is no room for, here and now. What is looked at stays where it is; nobody else reads
         * here, so that what is then taken is what was looked at. */
        do
            count = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (count < 0 && errno == EINTR);
        if (count <= 0)
            return count == 0 ? 0 : -errno;
        if ((message.msg_flags & MSG_CTRUNC) != 0)
            return -EBADMSG;
        place.iov_len = (size_t)count;
        message.msg_controllen = sizeof control.bytes;
        message.msg_flags = 0;
    }
    do
        count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return count == 0 ? 0 : -errno;
    /* The kernel puts the credentials first, and there is room for nothing else. */
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS
        || header->cmsg_len != CMSG_LEN(sizeof(struct ucred)))
        return -EPROTO;
    struct ucred credentials;
    memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
    sender->process = credentials.pid;
    sender->user = credentials.uid;
    sender->group = credentials.gid;
    return count;
}

int order_send(int socket, const void *bytes, size_t size, const int *descriptors, size_t count)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * ORDER_DESCRIPTORS_MAXIMUM)];
        struct cmsghdr alignment;
    } control;
    if (count == 0 || count > ORDER_DESCRIPTORS_MAXIMUM)
        return -EINVAL;
    memset(&control, 0, sizeof control);
    struct iovec place = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &place,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return sent == (ssize_t)size ? 0 : -EMSGSIZE;
}

int order_memory_create(const void *bytes, size_t size)
{
    const int file = memfd_create("impersonation-order", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return -errno;
    int error = 0;
    for (size_t done = 0; done < size && error == 0;) {
        const ssize_t count = write(file, (const char *)bytes + done, size - done);
        if (count < 0 && errno != EINTR)
            error = errno;
        if (count > 0)
            done += (size_t)count;
    }
    if (error == 0 && fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        error = errno;
    if (error == 0)
        return file;
    close(file);
    return -error;
}
