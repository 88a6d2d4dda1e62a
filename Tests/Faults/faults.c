#define _GNU_SOURCE
#include "include/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The lower half of an argument: both architectures are little-endian. */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))

/* Of the launcher (CLaunchPlan/spawn.c). A thread that glibc makes is a clone3 as well, and libdispatch tries that again and again
 * where it fails for want of memory or processes. */
extern const char launch_clone3[] __attribute__((visibility("hidden")));
#define LAUNCH_CLONE3_SIZE 32
#define CALLER(half) (offsetof(struct seccomp_data, instruction_pointer) + (half) * sizeof(uint32_t))

/* Lets every call through that does not come from launch_clone3. */
static unsigned short only_from_launcher(struct sock_filter *filter)
{
    const uint64_t start = (uint64_t)(uintptr_t)launch_clone3;
    const uint64_t end = start + LAUNCH_CLONE3_SIZE;
    const struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, CALLER(1)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(start >> 32), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, CALLER(0)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)start, 0, 1),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)end, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(filter, steps, sizeof steps);
    return sizeof steps / sizeof steps[0];
}

int fault_install(int system_call, struct fault_condition first, struct fault_condition second, int error)
{
    struct sock_filter filter[16];
    unsigned short count = 0;
    const struct fault_condition conditions[2] = {first, second};

    filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)system_call, 1, 0);
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (system_call == SYS_clone3)
        count += only_from_launcher(filter + count);
    for (int i = 0; i < 2; i++) {
        if (conditions[i].comparison == FAULT_ALWAYS)
            continue;
        const unsigned char equal = conditions[i].comparison == FAULT_EQUAL;
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(conditions[i].argument));
        filter[count++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, conditions[i].value, equal ? 1 : 0, equal ? 0 : 1);
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error);

    struct sock_fprog program = {.len = count, .filter = filter};
    const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (result > 0)
        return -ESRCH; /* the thread that could not be synchronised */
    return result == 0 ? 0 : -errno;
}

int fault_system_call(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } table[] = {
        {"close_range", SYS_close_range}, {"dup3", SYS_dup3},         {"execveat", SYS_execveat},
        {"execve", SYS_execve},           {"read", SYS_read},         {"write", SYS_write},
        {"rt_sigaction", SYS_rt_sigaction}, {"setsid", SYS_setsid},   {"sched_setscheduler", SYS_sched_setscheduler},
        {"ioprio_set", SYS_ioprio_set},   {"setpriority", SYS_setpriority}, {"keyctl", SYS_keyctl},
        {"prlimit64", SYS_prlimit64},     {"prctl", SYS_prctl},       {"setgroups", SYS_setgroups},
        {"setresgid", SYS_setresgid},     {"setresuid", SYS_setresuid}, {"setfsuid", SYS_setfsuid},
        {"epoll_ctl", SYS_epoll_ctl},     {"ioctl", SYS_ioctl},       {"fchmod", SYS_fchmod},
        {"fchown", SYS_fchown},
        {"eventfd2", SYS_eventfd2},       {"kill", SYS_kill},         {"pidfd_send_signal", SYS_pidfd_send_signal},
        {"capset", SYS_capset},           {"capget", SYS_capget},     {"getresuid", SYS_getresuid},
        {"getresgid", SYS_getresgid},     {"getgroups", SYS_getgroups}, {"umask", SYS_umask},
        {"chdir", SYS_chdir},             {"openat", SYS_openat},     {"rt_sigprocmask", SYS_rt_sigprocmask},
        {"clone3", SYS_clone3},           {"clone", SYS_clone},       {"pipe2", SYS_pipe2},
        {"memfd_create", SYS_memfd_create}, {"fcntl", SYS_fcntl},
        {"socketpair", SYS_socketpair},     {"signalfd4", SYS_signalfd4},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].number;
    return -1;
}

int keep_capabilities(void)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

int inherit_orphans(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

int take_write_lease(int file, uint32_t owner)
{
    setfsuid(owner); /* of this thread only */
    const int result = fcntl(file, F_SETLEASE, F_WRLCK) == 0 ? 0 : -errno;
    setfsuid(geteuid());
    return result;
}

long join_session_keyring(const char *name)
{
    const long join = 1; /* KEYCTL_JOIN_SESSION_KEYRING of linux/keyctl.h */
    return syscall(SYS_keyctl, join, name);
}

int limit_open_files(int process, uint64_t limit, uint64_t *former)
{
    struct rlimit files;
    if (prlimit(process, RLIMIT_NOFILE, NULL, &files) != 0)
        return -errno;
    if (former != NULL)
        *former = files.rlim_cur;
    files.rlim_cur = limit;
    return prlimit(process, RLIMIT_NOFILE, &files, NULL) == 0 ? 0 : -errno;
}
