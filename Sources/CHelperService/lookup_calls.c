#define _GNU_SOURCE
#include "lookup_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

static int empty_bounding_set(void)
{
    /* Up to the first number that the kernel does not know. */
    for (unsigned long number = 0; number < 64; number++) {
        const int has = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (has < 0)
            break;
        if (has == 1 && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return -errno;
    }
    return 0;
}

static int protect(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

static int change_account(uint32_t user, uint32_t group)
{
    if (user == 0 || user == UINT32_MAX || group == 0 || group == UINT32_MAX)
        return -EINVAL;
    int result = empty_bounding_set();
    if (result != 0)
        return result;
    /* The change of the user id makes a process as open as fs.suid_dumpable says. Nobody can trace one that has capabilities which
     * he lacks, so it keeps those it has until it is protected again. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(group, group, group) != 0
        || setresuid(user, user, user) != 0)
        return -errno;
    if ((result = protect()) != 0)
        return result;
    return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

static int verify(uint32_t user, uint32_t group, int changes)
{
    uid_t real_user, effective_user, saved_user;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real_user, &effective_user, &saved_user) != 0
        || getresgid(&real_group, &effective_group, &saved_group) != 0)
        return -errno;
    if (real_user != user || effective_user != user || saved_user != user)
        return -EPROTO;
    if (changes && (real_group != group || effective_group != group || saved_group != group || getgroups(0, NULL) != 0))
        return -EPROTO;
    /* Refused, or there was a way back. */
    if (changes && (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setresgid((gid_t)-1, 0, (gid_t)-1) == 0))
        return -EPROTO;
    if (has_capabilities() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return -EPROTO;
    return 0;
}

int lookup_give_up_privileges(uint32_t user, uint32_t group)
{
    const struct rlimit none = {0, 0};
    const int changes = geteuid() == 0 || getuid() == 0;
    int result = protect();
    if (result != 0)
        return result;
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return -errno;
    if (changes) {
        if ((result = change_account(user, group)) != 0)
            return result;
    } else {
        user = geteuid();
        /* A daemon may have got a part of the superuser's rights without his account. */
        (void)empty_bounding_set();
        if (setresuid(user, user, user) != 0)
            return -errno;
    }
    if ((result = give_up_capabilities()) != 0)
        return result;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    if ((result = protect()) != 0)
        return result;
    return verify(user, group, changes);
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
