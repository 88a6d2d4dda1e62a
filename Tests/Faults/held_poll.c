#define _GNU_SOURCE
#include "include/held_poll.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What tells a stop at a system call from one by SIGTRAP (PTRACE_O_TRACESYSGOOD). */
#define AT_SYSTEM_CALL (SIGTRAP | 0x80)

static int next_stop(int process)
{
    int status;
    while (waitpid(process, &status, __WALL) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -ESRCH;
}

/* Whether it is about to wait; poll(2) that was interrupted is begun again by another system call. */
static int enters_poll(int process)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, process, (void *)sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return 0;
#ifdef SYS_poll
    if (info.entry.nr == SYS_poll)
        return 1;
#endif
    return info.entry.nr == SYS_ppoll || info.entry.nr == SYS_restart_syscall;
}

static int go_on(int process)
{
    return ptrace(PTRACE_SYSCALL, process, NULL, NULL) == 0 ? 0 : -errno;
}

int poll_hold(int process)
{
    if (ptrace(PTRACE_SEIZE, process, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0
        || ptrace(PTRACE_INTERRUPT, process, NULL, NULL) != 0)
        return -errno;
    for (;;) {
        const int stop = next_stop(process);
        if (stop < 0)
            return stop;
        const int is_there = stop == AT_SYSTEM_CALL && enters_poll(process);
        const int result = go_on(process);
        if (result != 0 || is_there)
            return result;
    }
}

int poll_hear(int process, int signal_number)
{
    if (kill(process, signal_number) != 0)
        return -errno;
    const int stop = next_stop(process);
    return stop < 0 ? stop : stop == AT_SYSTEM_CALL ? 0 : -EPROTO;
}

int poll_release(int process)
{
    return ptrace(PTRACE_DETACH, process, NULL, NULL) == 0 ? 0 : -errno;
}
