#define _GNU_SOURCE
#include "frame_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

_Static_assert(FRAME_SEALS == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "the seals of the kernel");

/* Room for the descriptors and for what else a socket may be set to tell (SCM_CREDENTIALS, SCM_SECURITY): a receiver that has
   room for less loses descriptors without knowing which. */
union control {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(int) * FRAME_DESCRIPTORS_MOST) + 512];
};

int frame_send(int socket, const void *bytes, size_t size, const int *descriptors, size_t count)
{
    union control control;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > FRAME_DESCRIPTORS_MOST)
        return -EINVAL;
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_EOR);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return (size_t)sent == size ? 0 : -EMSGSIZE;
}

int frame_receive(int socket, void *buffer, size_t capacity, int takes_descriptors, struct frame_received *received)
{
    union control control;
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t size;
    received->size = received->count = 0;
    received->cut_off = received->unknown = 0;
    if (!takes_descriptors) {
        /* A message whose descriptors nobody takes is not taken either: the kernel would let go of them in this call, and
         * that can wait for as long as the other side likes, as a close can. A look drops nothing. */
        message.msg_control = NULL;
        message.msg_controllen = 0;
        do
            size = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT);
        while (size < 0 && errno == EINTR);
        /* An error that was told here is not told again, and what comes in from now on was not looked at. */
        if (size < 0)
            return -errno;
        if (message.msg_flags & MSG_CTRUNC) {
            received->cut_off = 1;
            return 0;
        }
    }
    do
        size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -errno;
    received->size = (size_t)size;
    received->cut_off = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            received->unknown = 1;
            continue;
        }
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < count && received->count < FRAME_DESCRIPTORS_MOST; index++)
            memcpy(&received->descriptors[received->count++], CMSG_DATA(header) + index * sizeof(int), sizeof(int));
    }
    return 0;
}

/* Memory files count as files, and a write above the daemon's limit of file sizes would end it by SIGXFSZ. The limit is
   the whole process's, so it is not raised here: launches of this size come at any time, beside what other threads write. */
static int fits(size_t size)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return -errno;
    return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size ? 0 : -EFBIG;
}

static int fill(int file, const char *bytes, size_t size, int seals)
{
    while (size > 0) {
        const ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        size -= (size_t)written;
    }
    return fcntl(file, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int frame_memory_create(const void *bytes, size_t size, int seals)
{
    const int room = fits(size);
    if (room != 0)
        return room;
    int file = memfd_create("impersonation-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (file < 0 && errno == EINVAL) /* before Linux 6.3 there is no such flag */
        file = memfd_create("impersonation-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return -errno;
    const int result = fill(file, bytes, size, seals);
    if (result != 0) {
        close(file);
        return result;
    }
    return file;
}

int frame_is_sealed(int file)
{
    const int seals = fcntl(file, F_GET_SEALS);
    if (seals < 0)
        return errno == EINVAL ? 0 : -errno;
    return (seals & FRAME_SEALS) == FRAME_SEALS;
}
