#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/launch_spawn.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* struct pidfd_info of <linux/pidfd.h>, which older headers do not have. */
struct process_info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t process, thread_group, parent;
    uint32_t real_user, real_group, effective_user, effective_group;
    uint32_t saved_user, saved_group, file_system_user, file_system_group;
    int32_t exit_status;
};

/* PIDFD_SIGNAL_PROCESS_GROUP of <linux/pidfd.h>, which older headers do not have. */
#define SIGNAL_PROCESS_GROUP (1u << 2)

#define PROCESS_INFO_CREDENTIALS (UINT64_C(1) << 1)
#define PROCESS_INFO_CONTROL_GROUP (UINT64_C(1) << 2)
#define PROCESS_INFO_EXIT (UINT64_C(1) << 3)
#define PROCESS_INFO_FIRST_SIZE 64
#define PROCESS_GET_INFO _IOWR(0xFF, 11, struct process_info)

int launch_reap(int process_descriptor, struct launch_exit *report)
{
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    /* The wrapper of glibc has no place for the usage that the system call returns. */
    if (syscall(SYS_waitid, P_PIDFD, process_descriptor, &info, WEXITED | WNOHANG, &usage) != 0)
        return -errno;
    if (info.si_pid == 0)
        return 0;
    report->code = info.si_code;
    report->status = info.si_status;
    report->user_microseconds = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
    report->system_microseconds = (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    report->peak_resident_bytes = (int64_t)usage.ru_maxrss * 1024;
    report->input_blocks = usage.ru_inblock;
    report->output_blocks = usage.ru_oublock;
    return 1;
}

int launch_exit_of_reaped(int process_descriptor, struct launch_exit *report)
{
    struct process_info info;
    memset(&info, 0, sizeof info);
    info.mask = PROCESS_INFO_EXIT;
    if (ioctl(process_descriptor, PROCESS_GET_INFO, &info) != 0)
        return -errno;
    if ((info.mask & PROCESS_INFO_EXIT) == 0)
        return -ENODATA;
    memset(report, 0, sizeof *report);
    if (WIFEXITED(info.exit_status)) {
        report->code = CLD_EXITED;
        report->status = WEXITSTATUS(info.exit_status);
    } else {
        report->code = WCOREDUMP(info.exit_status) ? CLD_DUMPED : CLD_KILLED;
        report->status = WTERMSIG(info.exit_status);
    }
    return 0;
}

int launch_has_ended(int process_descriptor)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_PIDFD, (id_t)process_descriptor, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return -errno;
    return info.si_pid != 0;
}

int launch_signal_group(int process_descriptor, int process, int signal)
{
    /* 0 and 1 would mean this group and every process. */
    if (process <= 1)
        return -EINVAL;
    if (syscall(SYS_pidfd_send_signal, process_descriptor, signal, NULL, SIGNAL_PROCESS_GROUP) == 0)
        return 0;
    /* Kernels before 6.9 know no flags. Whose parent is another process, that may give the number away at every moment. */
    if (errno != EINVAL)
        return -errno;
    if (launch_has_ended(process_descriptor) < 0)
        return -EINVAL;
    return kill(-process, signal) == 0 ? 0 : -errno;
}

int launch_signal(int process_descriptor, int signal)
{
    return syscall(SYS_pidfd_send_signal, process_descriptor, signal, NULL, 0) == 0 ? 0 : -errno;
}

int launch_credentials_of(int process_descriptor, struct launch_credentials *credentials)
{
    struct process_info info;
    memset(&info, 0, sizeof info);
    info.mask = PROCESS_INFO_CREDENTIALS | PROCESS_INFO_CONTROL_GROUP;
    if (ioctl(process_descriptor, PROCESS_GET_INFO, &info) != 0)
        return -errno;
    if ((info.mask & PROCESS_INFO_CREDENTIALS) == 0)
        return -ENODATA;
    credentials->real_user = info.real_user;
    credentials->effective_user = info.effective_user;
    credentials->saved_user = info.saved_user;
    credentials->real_group = info.real_group;
    credentials->effective_group = info.effective_group;
    credentials->saved_group = info.saved_group;
    credentials->file_system_user = info.file_system_user;
    credentials->file_system_group = info.file_system_group;
    credentials->control_group = (info.mask & PROCESS_INFO_CONTROL_GROUP) != 0 ? info.cgroup : 0;
    return 0;
}

int launch_ignores_child_signal(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) != 0)
        return 1;
    return action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0;
}

int launch_has_default_securebits(void)
{
    return prctl(PR_GET_SECUREBITS) == 0;
}

int launch_has_empty_bounding_set(void)
{
    for (unsigned long capability = 0; capability < 64; capability++) {
        const int has = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        /* Numbers above the last one that the kernel has are an error. */
        if (has < 0)
            return capability > 0;
        if (has != 0)
            return 0;
    }
    return 1;
}

int launch_has_capability(unsigned capability)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    memset(sets, 0, sizeof sets);
    if (syscall(SYS_capget, &header, sets) != 0)
        return -errno;
    if (capability >= 64)
        return 0;
    return (sets[capability / 32].effective >> (capability % 32)) & 1u;
}

int launch_has_any_capability(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    memset(sets, 0, sizeof sets);
    if (syscall(SYS_capget, &header, sets) != 0)
        return 1;
    return (sets[0].permitted | sets[1].permitted) != 0;
}
