#define _GNU_SOURCE
#include "include/linux_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

int linux_epoll_control(int poll, int operation, int descriptor, uint32_t events, uint64_t number)
{
    struct epoll_event event = {.events = events, .data = {.u64 = number}};
    return epoll_ctl(poll, operation, descriptor, &event) == 0 ? 0 : -errno;
}

int linux_epoll_wait(int poll, uint64_t *numbers, int capacity, int timeout_milliseconds)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    if (capacity > EVENTS_AT_ONCE)
        capacity = EVENTS_AT_ONCE;
    const int count = epoll_wait(poll, events, capacity, timeout_milliseconds);
    if (count < 0)
        return -errno;
    for (int i = 0; i < count; i++)
        numbers[i] = events[i].data.u64;
    return count;
}

int linux_epoll_create(void)
{
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    return poll >= 0 ? poll : -errno;
}

int linux_eventfd_create(void)
{
    const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return event >= 0 ? event : -errno;
}

int linux_token_create(void)
{
    const int event = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    return event >= 0 ? event : -errno;
}

int linux_token_take(int token)
{
    uint64_t count = 0;
    return read(token, &count, sizeof count) == (ssize_t)sizeof count;
}

int linux_pipe(int *reading, int *writing)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

int linux_pipe_fill(int descriptor, const void *bytes, size_t size)
{
    int capacity = fcntl(descriptor, F_GETPIPE_SZ);
    if (capacity >= 0 && (size_t)capacity < size)
        capacity = fcntl(descriptor, F_SETPIPE_SZ, (int)size);
    if (capacity < 0 || fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0)
        return -errno;
    const ssize_t written = write(descriptor, bytes, size);
    if (written < 0)
        return -errno;
    return (size_t)written == size ? 0 : -EAGAIN;
}

#ifndef SO_INQ
#define SO_INQ 84
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* Twice as much is charged, bookkeeping included, whatever the host has set for its own sockets. */
enum { STREAM_BUFFER_SIZE = 128 * 1024, STREAM_DRAIN_SIZE = 16 * 1024, STREAM_DRAIN_ROUNDS = 128 };

int linux_stream_create(int *daemon_end, int *job_end, int job_writes, int *takes_descriptors)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    const int size = STREAM_BUFFER_SIZE, yes = 1, no = 0;
    setsockopt(ends[job_writes ? 1 : 0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    /* A byte of MSG_OOB is passed over by MSG_PEEK otherwise, and dropped by the call that takes what is behind it, with the
     * descriptors that it has brought along. */
    setsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes);
    if (!*takes_descriptors)
        *takes_descriptors = setsockopt(ends[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) != 0;
    /* Tells the other end too: the job reads an end of file from its output, and a write to its input fails. */
    if (shutdown(ends[0], job_writes ? SHUT_WR : SHUT_RD) != 0) {
        const int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    *daemon_end = ends[0];
    *job_end = ends[1];
    return 0;
}

int linux_stream_take(int descriptor, int daemon_reads, int *takes_descriptors)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    const int yes = 1, no = 0;
    int former = 1;
    /* shutdown(2) says nothing of an AF_UNIX socket that has no other end. */
    if (getpeername(descriptor, (struct sockaddr *)&peer, &size) != 0)
        return -errno;
    size = sizeof former;
    getsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &former, &size);
    const int is_refused = setsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) == 0;
    /* Not before: it waits for whoever sends at this moment, so that what was permitted to bring descriptors is there by now. */
    if (shutdown(descriptor, daemon_reads ? SHUT_WR : SHUT_RD) != 0) {
        const int error = errno;
        if (is_refused)
            setsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &former, sizeof former);
        return -error;
    }
    setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes);
    /* What they tell of the sender has no place in a look at what is there, and would pass for a descriptor. */
    setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &no, sizeof no);
    setsockopt(descriptor, SOL_SOCKET, SO_PASSSEC, &no, sizeof no);
    setsockopt(descriptor, SOL_SOCKET, SO_PASSPIDFD, &no, sizeof no);
    setsockopt(descriptor, SOL_SOCKET, SO_INQ, &no, sizeof no);
    /* No other family has any (unix(7)), and what those tell beside the bytes would be taken for one. */
    *takes_descriptors = peer.ss_family == AF_UNIX && (!is_refused || linux_stream_waiting(descriptor) != 0);
    return 0;
}

long linux_stream_waiting(int descriptor)
{
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == 0 ? count : -errno;
}

long linux_stream_read(int descriptor, void *bytes, size_t size, int takes_descriptors)
{
    /* recv(2) goes on while it finds something, and what comes in meanwhile counts as found: processes that write single
     * bytes as fast as they are taken keep it for tens of milliseconds. */
    const long waiting = linux_stream_waiting(descriptor);
    if (waiting >= 0 && (size_t)waiting < size)
        size = waiting > 0 ? (size_t)waiting : 1;
    if (takes_descriptors) {
        /* What is looked at stays where it is, with the descriptors that came along. Nobody else reads here, so that what
         * is then taken is what was looked at. */
        struct iovec place = {bytes, size};
        struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1};
        const ssize_t seen = recvmsg(descriptor, &message, MSG_PEEK | MSG_DONTWAIT);
        if (seen < 0)
            return -errno;
        if (message.msg_flags & MSG_CTRUNC)
            return -EBADMSG;
        if (seen == 0)
            return 0;
        size = (size_t)seen;
    }
    const ssize_t count = recv(descriptor, bytes, size, MSG_DONTWAIT);
    return count < 0 ? -errno : count;
}

long linux_stream_write(int descriptor, const void *bytes, size_t size)
{
    const ssize_t count = send(descriptor, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return count < 0 ? -errno : count;
}

void linux_stream_close(int descriptor)
{
    char dropped[STREAM_DRAIN_SIZE];
    shutdown(descriptor, SHUT_RDWR);
    for (int round = 0; round < STREAM_DRAIN_ROUNDS && recv(descriptor, dropped, sizeof dropped, MSG_DONTWAIT) > 0; round++)
        continue;
    close(descriptor);
}

long linux_pipe_write(int descriptor, const void *bytes, size_t size)
{
    /* A pipe has no MSG_NOSIGNAL. The signal goes to the thread that writes, so that thread can hold it back and take it
     * off again; one that was pending before is not this one's. */
    sigset_t broken, former, pending;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    const int was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &broken, &former);
    const ssize_t count = write(descriptor, bytes, size);
    const int error = errno;
    /* Whoever shares a pipe can make it wait again (O_NONBLOCK), and then a part may have been written before the signal. */
    if ((count < 0 ? error == EPIPE : (size_t)count < size) && !was_pending) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&broken, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return count < 0 ? -error : count;
}

int linux_terminal_is_master(int descriptor)
{
    int number;
    return ioctl(descriptor, TIOCGPTN, &number) == 0;
}

int linux_terminal_resize(int terminal, uint16_t rows, uint16_t columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(terminal, TIOCSWINSZ, &size) == 0 ? 0 : -errno;
}

int linux_terminal_size(int terminal, uint16_t *rows, uint16_t *columns)
{
    struct winsize size;
    if (ioctl(terminal, TIOCGWINSZ, &size) != 0)
        return -errno;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

int linux_terminal_create(int *master, int *slave, uint16_t rows, uint16_t columns)
{
    const int unlocked = 0;
    const int opened = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (opened < 0)
        return -errno;
    int result = linux_terminal_resize(opened, rows, columns);
    if (result == 0 && ioctl(opened, TIOCSPTLCK, &unlocked) != 0)
        result = -errno;
    const int peer = result == 0 ? ioctl(opened, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    if (result == 0 && peer < 0)
        result = -errno;
    if (result != 0) {
        close(opened);
        return result;
    }
    *master = opened;
    *slave = peer;
    return 0;
}

int linux_secret_memory_create(void)
{
#ifdef SYS_memfd_secret
    const long descriptor = syscall(SYS_memfd_secret, O_CLOEXEC);
    return descriptor >= 0 ? (int)descriptor : -errno;
#else
    return -ENOSYS;
#endif
}

int linux_lock_memory(const void *address, size_t size)
{
    return syscall(SYS_mlock, address, size) == 0 ? 0 : -errno;
}

void linux_thread_name(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

int linux_is_mounted_noexec(const char *directory)
{
    struct statvfs status;
    return statvfs(directory, &status) != 0 || (status.f_flag & ST_NOEXEC) != 0;
}

const char *linux_entry_name(const struct dirent *entry)
{
    return entry->d_name;
}

int linux_is_control_group(int directory)
{
    struct statfs status;
    if (fstatfs(directory, &status) != 0)
        return -errno;
    return (unsigned long)status.f_type == CGROUP2_SUPER_MAGIC;
}

int linux_is_delegated(int directory)
{
    char value = 0;
    return (fgetxattr(directory, "user.delegate", &value, 1) == 1 || fgetxattr(directory, "trusted.delegate", &value, 1) == 1)
        && value == '1';
}

int linux_pidfd_open(int process)
{
    const long descriptor = syscall(SYS_pidfd_open, process, 0u);
    return descriptor >= 0 ? (int)descriptor : -errno;
}

void linux_wipe(const void *memory, size_t size)
{
    if (size > 0)
        explicit_bzero((void *)(uintptr_t)memory, size);
}
