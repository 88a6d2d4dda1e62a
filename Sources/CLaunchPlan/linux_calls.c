#define _GNU_SOURCE
#include "include/linux_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
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

/* A pipe has no MSG_NOSIGNAL, and the disposition of SIGPIPE is the host's. The kernel sends the signal to the thread that
 * writes, so it is held back for the write and taken off again, unless one was pending before that means something else. */
long linux_pipe_write(int descriptor, const void *bytes, size_t size)
{
    sigset_t broken_pipe, former, pending;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    sigpending(&pending);
    const int was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &former);
    const ssize_t written = write(descriptor, bytes, size);
    const int error = errno;
    if (written < 0 && error == EPIPE && !was_pending) {
        const struct timespec now = {0, 0};
        while (sigtimedwait(&broken_pipe, NULL, &now) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return written < 0 ? -error : written;
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

void linux_thread_name(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

int linux_is_mounted_noexec(const char *directory)
{
    struct statvfs status;
    return statvfs(directory, &status) != 0 || (status.f_flag & ST_NOEXEC) != 0;
}

int linux_is_control_group(int directory)
{
    struct statfs status;
    if (fstatfs(directory, &status) != 0)
        return -errno;
    return (unsigned long)status.f_type == CGROUP2_SUPER_MAGIC;
}

int linux_pidfd_open(int process)
{
    const long descriptor = syscall(SYS_pidfd_open, process, 0u);
    return descriptor >= 0 ? (int)descriptor : -errno;
}
