#define _GNU_SOURCE
#include "lookup_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int option(int descriptor, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

int lookup_take_socket(void)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (option(STDIN_FILENO, SO_DOMAIN) != AF_UNIX || option(STDIN_FILENO, SO_TYPE) != SOCK_SEQPACKET
        || getpeername(STDIN_FILENO, (struct sockaddr *)&peer, &size) != 0)
        return -ENOTSOCK;
    const int socket = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (socket < 0 || null < 0)
        return -errno;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
        return -errno;
    /* To one number, so that what is above it can go at once. */
    const int kept = STDERR_FILENO + 1;
    if (socket != kept && dup3(socket, kept, O_CLOEXEC) < 0)
        return -errno;
    return syscall(SYS_close_range, kept + 1, ~0u, 0) == 0 ? kept : -errno;
}

int lookup_surroundings_replace(void)
{
    /* Modules write to daemons that may end. One that crashes is to end this process and nothing else: the handlers of Swift would
     * start a program that looks into it. */
    static const int crashes[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        signal(crashes[i], SIG_DFL);
    if (clearenv() != 0 || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) != 0 || setenv("LANG", "C.UTF-8", 1) != 0)
        return -ENOMEM;
    /* The cache that SSSD shares with its clients knows one account of each short name: the last that anybody has asked for. */
    return setenv("SSS_NSS_USE_MEMCACHE", "NO", 1) == 0 ? 0 : -ENOMEM;
}

static int give_up_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
    return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

static int has_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0)
        return 1;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
            return 1;
    return 0;
}

/* As far as that is permitted: whoever has nothing else gets nothing by it. */
static void empty_bounding_set(void)
{
    /* Up to the first number that the kernel does not know. */
    for (unsigned long number = 0; number < 64 && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
        prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

int lookup_give_up_privileges(void)
{
    const struct rlimit none = {0, 0};
    uid_t real, effective, saved;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || getresuid(&real, &effective, &saved) != 0)
        return -errno;
    if (real == 0 || effective != real || saved != real)
        return -EPERM;
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return -errno;
    empty_bounding_set();
    const int result = give_up_capabilities();
    if (result != 0)
        return result;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    if (has_capabilities() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return -EPROTO;
    return 0;
}

int lookup_end_after(uint32_t milliseconds)
{
    static timer_t timer;
    static int is_made;
    if (!is_made) {
        /* Whoever blocks and ignores signals does not escape this one. */
        struct sigevent event;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGKILL;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
            return -errno;
        is_made = 1;
    }
    struct itimerspec time;
    memset(&time, 0, sizeof time);
    time.it_value.tv_sec = milliseconds / 1000;
    time.it_value.tv_nsec = (long)(milliseconds % 1000) * 1000000;
    return timer_settime(timer, 0, &time, NULL) == 0 ? 0 : -errno;
}

int lookup_send(int socket, const void *bytes, uint64_t size)
{
    ssize_t sent;
    do
        sent = send(socket, bytes, size, MSG_NOSIGNAL | MSG_EOR);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return (uint64_t)sent == size ? 0 : -EMSGSIZE;
}

int64_t lookup_receive(int socket, void *buffer, uint64_t capacity)
{
    /* Without room for descriptors the kernel lets go of those that come along. */
    struct iovec part = {buffer, capacity};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t size;
    do
        size = recvmsg(socket, &message, 0);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -errno;
    if (message.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    return message.msg_flags & MSG_CTRUNC ? -EBADMSG : size;
}
