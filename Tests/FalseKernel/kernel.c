#define _GNU_SOURCE

#include "false_process.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/prctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local struct false_process *false_process;

#define LAST_CAPABILITY 40
#define SETS_USERS (UINT64_C(1) << CAP_SETUID)
#define SETS_GROUPS (UINT64_C(1) << CAP_SETGID)

void false_end(const char *complaint)
{
    if (false_process->result.complaint == NULL)
        false_process->result.complaint = complaint;
    longjmp(false_process->end, 1);
}

void false_begin(struct false_process *process, uint32_t beginning)
{
    memset(process, 0, sizeof *process);
    const int is_root = beginning == FALSE_BEGINS_AS_ROOT || beginning == FALSE_BEGINS_AS_BARE_ROOT;
    const uint32_t id = is_root ? 0 : beginning == FALSE_BEGINS_AS_ACCOUNT ? FALSE_ACCOUNT : FALSE_HELPER;
    for (int i = 0; i < 3; i++)
        process->users[i] = process->groups[i] = id;
    if (beginning == FALSE_BEGINS_AS_ACCOUNT) {
        process->supplementary[0] = FALSE_ACCOUNT;
        process->supplementary[1] = FALSE_OTHER_GROUP;
        process->supplementary_count = 2;
    }
    for (int i = 0; i < 3; i++)
        process->capabilities[i] = beginning == FALSE_BEGINS_AS_ROOT ? (UINT64_C(2) << LAST_CAPABILITY) - 1
            : beginning == FALSE_BEGINS_WITH_TWO_CAPABILITIES        ? SETS_USERS | SETS_GROUPS
                                                                     : 0;
    process->is_unprivileged = beginning == FALSE_BEGINS_AS_ACCOUNT;
    process->token = LAUNCH_TOKEN_FREE;
}

/* The text of an argument, which ends where the plan does at the latest. */
static const char *text(long address)
{
    const char *start = (const char *)address;
    /* What the interpreter has written itself. */
    if (start < false_process->plan || start >= false_process->plan + false_process->plan_size) {
        static const char *const own[] = {"/proc/self/oom_score_adj", ""};
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            if (strcmp(start, own[i]) == 0)
                return start;
        false_end("a text is not in the plan");
    }
    const size_t rest = (size_t)(false_process->plan + false_process->plan_size - start);
    if (strnlen(start, rest) == rest)
        false_end("a text ends behind the plan");
    return start;
}

/* Some paths are of no file, and some are not to be run. */
static long outcome_of(const char *path)
{
    return strstr(path, "absent") != NULL ? -ENOENT : strstr(path, "denied") != NULL ? -EACCES : 0;
}

static int is_among(uint32_t id, const uint32_t ids[3])
{
    return id == ids[0] || id == ids[1] || id == ids[2];
}

static long set_ids(uint32_t ids[3], const long wanted[3], int is_privileged)
{
    for (int i = 0; i < 3; i++)
        if ((uint32_t)wanted[i] != UINT32_MAX && !is_privileged && !is_among((uint32_t)wanted[i], ids))
            return -EPERM;
    for (int i = 0; i < 3; i++)
        if ((uint32_t)wanted[i] != UINT32_MAX)
            ids[i] = (uint32_t)wanted[i];
    return 0;
}

/* As capabilities(7) has it: who leaves user id 0 leaves its capabilities. */
static long set_users(const long wanted[3])
{
    struct false_process *process = false_process;
    const int had_root = is_among(0, process->users), was_root = process->users[1] == 0;
    const long result = set_ids(process->users, wanted, (process->capabilities[0] & SETS_USERS) != 0);
    if (result < 0)
        return result;
    if (had_root && !is_among(0, process->users))
        process->capabilities[0] = process->capabilities[1] = 0;
    else if (was_root && process->users[1] != 0)
        process->capabilities[0] = 0;
    else if (!was_root && process->users[1] == 0)
        process->capabilities[0] = process->capabilities[1];
    return 0;
}

static int compare(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static long set_groups(uint64_t count, const char *list)
{
    struct false_process *process = false_process;
    if (count > FALSE_GROUPS_MAXIMUM)
        return -EINVAL;
    if (list < process->plan || list > process->plan + process->plan_size
        || (size_t)(process->plan + process->plan_size - list) < count * sizeof(uint32_t))
        false_end("a list of groups is not in the plan");
    if ((process->capabilities[0] & SETS_GROUPS) == 0)
        return -EPERM;
    memcpy(process->supplementary, list, count * sizeof(uint32_t));
    qsort(process->supplementary, count, sizeof(uint32_t), compare);
    process->supplementary_count = (uint32_t)count;
    process->groups_were_set = 1;
    return 0;
}

static long capabilities(int writes, struct __user_cap_data_struct data[2])
{
    struct false_process *process = false_process;
    for (int i = 0; i < 2; i++) {
        uint32_t *const fields[3] = {&data[i].effective, &data[i].permitted, &data[i].inheritable};
        for (int set = 0; set < 3; set++) {
            const uint64_t half = UINT64_C(0xFFFFFFFF) << (32 * i);
            if (!writes)
                *fields[set] = (uint32_t)(process->capabilities[set] >> (32 * i));
            else
                process->capabilities[set] &= ~half | (uint64_t)*fields[set] << (32 * i);
        }
    }
    return 0;
}

static int are_ordinary(const uint32_t ids[3])
{
    return ids[0] == ids[1] && ids[1] == ids[2] && ids[0] != 0 && ids[0] != UINT32_MAX;
}

/* A job begins here, or would. */
static void check_job(const char *path, char *const *arguments, char *const *environment)
{
    const struct false_process *process = false_process;
    if (!are_ordinary(process->users))
        false_end("a job as root, or with the ids of two");
    if (!are_ordinary(process->groups))
        false_end("a job with root's group, or with the groups of two");
    for (int set = 0; set < 3; set++)
        if (process->capabilities[set] != 0)
            false_end("a job with capabilities");
    if (process->token != LAUNCH_TOKEN_COMMITTED)
        false_end("a job that nobody has taken the token for");
    const int is_switched = process->kind == LAUNCH_KIND_ISOLATED || process->kind == LAUNCH_KIND_DIRECT;
    if (is_switched && !process->groups_were_set)
        false_end("a job with the groups of the daemon");
    if (process->is_unprivileged && (process->users[0] != FALSE_ACCOUNT || process->groups[0] != FALSE_ACCOUNT))
        false_end("a job of somebody else");
    for (; *arguments != NULL; arguments++)
        if (strlen(*arguments) > SIZE_MAX / 2)
            false_end("an argument without an end");
    if (!process->is_launcher)
        return;
    if (process->kind != LAUNCH_KIND_SWITCHED)
        false_end("the launcher runs a plan for somebody else");
    if (process->mode != FALSE_MODE_SESSION && strcmp(path, FALSE_PROGRAM) != 0)
        false_end("another program than sudo was asked about");
    if (process->mode != FALSE_MODE_RESTRICTED)
        return;
    static const char *const names[] = {"HOME=", "USER=", "LOGNAME=", "SHELL=", "PATH=/usr/local/bin:/usr/bin:/bin"};
    for (; *environment != NULL; environment++) {
        int is_known = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            is_known |= strncmp(*environment, names[i], strlen(names[i])) == 0;
        if (!is_known)
            false_end("a variable of the daemon for a program that a rule names");
    }
    if (process->files_were_touched)
        false_end("a file of the account was opened or changed for a program that a rule names");
    if (process->streams_were_closed)
        false_end("a program that a rule names is without a stream");
    if ((process->mask & (S_IWGRP | S_IWOTH)) != (S_IWGRP | S_IWOTH))
        false_end("a program that a rule names makes files that others can write");
}

static long execute(const char *path, char *const *arguments, char *const *environment)
{
    check_job(path, arguments, environment);
    const long result = outcome_of(path);
    if (result < 0)
        return result;
    false_process->result.became_job = 1;
    false_end(NULL);
}

static long process_control(long option, long argument)
{
    switch (option) {
    case PR_CAPBSET_DROP:
        if ((uint64_t)argument > LAST_CAPABILITY)
            return -EINVAL;
        return (false_process->capabilities[0] & UINT64_C(1) << CAP_SETPCAP) != 0 ? 0 : -EPERM;
    case PR_SET_NO_NEW_PRIVS:
        false_process->no_new_privileges = 1;
        return 0;
    case PR_GET_NO_NEW_PRIVS: return false_process->no_new_privileges;
    case PR_CAP_AMBIENT:
    case PR_SET_DUMPABLE: return 0;
    case PR_SET_PDEATHSIG: return (uint64_t)argument <= 64 ? 0 : -EINVAL;
    default: false_end("an unknown prctl");
    }
}

static long is_descriptor(long descriptor) { return descriptor >= 0 && descriptor < 4096 ? 0 : -EBADF; }

static long write_to(long descriptor, long address, long size)
{
    const char *bytes = (const char *)address;
    if (size == 1 && bytes[0] != '0')
        false_end("writes what it never does");
    if (size != 1 && size != (long)sizeof(struct launch_message))
        false_end("reports in another size");
    return is_descriptor(descriptor) < 0 ? -EBADF : size;
}

static long take_token(long address)
{
    if (false_process->token != LAUNCH_TOKEN_FREE)
        return -EAGAIN;
    false_process->token = LAUNCH_TOKEN_COMMITTED;
    const uint64_t one = 1;
    memcpy((void *)address, &one, sizeof one);
    return sizeof one;
}

static long get_ids(const uint32_t ids[3], long a, long b, long c)
{
    *(uint32_t *)a = ids[0];
    *(uint32_t *)b = ids[1];
    *(uint32_t *)c = ids[2];
    return 0;
}

long false_system_call(long number, long a, long b, long c, long d, long e)
{
    struct false_process *process = false_process;
    (void)e;
    switch (number) {
    case __NR_execve: return execute(text(a), (char *const *)b, (char *const *)c);
    case __NR_execveat:
        if (process->kind != LAUNCH_KIND_BOOTSTRAP)
            false_end("a trampoline within a job");
        text(b);
        return -ENOEXEC;
    case __NR_setresuid: return set_users((const long[3]){a, b, c});
    case __NR_setresgid:
        return set_ids(process->groups, (const long[3]){a, b, c}, (process->capabilities[0] & SETS_GROUPS) != 0);
    case __NR_getresuid: return get_ids(process->users, a, b, c);
    case __NR_getresgid: return get_ids(process->groups, a, b, c);
    case __NR_setgroups: return set_groups((uint64_t)a, (const char *)b);
    case __NR_getgroups:
        memcpy((void *)b, process->supplementary, process->supplementary_count * sizeof(uint32_t));
        return process->supplementary_count;
    case __NR_capget:
    case __NR_capset: return capabilities(number == __NR_capset, (struct __user_cap_data_struct *)b);
    case __NR_prctl: return process_control(a, b);
    case __NR_openat: {
        const char *path = text(b);
        process->files_were_touched |= strcmp(path, "/proc/self/oom_score_adj") != 0;
        return outcome_of(path) < 0 ? outcome_of(path) : 100;
    }
    case __NR_fstatfs:
        *(long *)b = 0xEF53;
        return 0;
    case __NR_chdir: return outcome_of(text(a));
    case __NR_fchmod:
    case __NR_fchown:
        process->files_were_touched = 1;
        return is_descriptor(a);
    case __NR_dup3: return a == b ? -EINVAL : is_descriptor(a) < 0 || is_descriptor(b) < 0 ? -EBADF : b;
    case __NR_close_range:
        process->streams_were_closed |= (uint32_t)a <= STDERR_FILENO;
        return (uint64_t)a > INT32_MAX ? -EINVAL : 0;
    case __NR_read: return take_token(b);
    case __NR_write: return write_to(a, b, c);
    case __NR_umask: {
        const uint32_t former = process->mask;
        process->mask = (uint32_t)a & 0777;
        return former;
    }
    case __NR_prlimit64: return (uint64_t)b < 16 && d == 0 ? 0 : -EINVAL;
    case __NR_getppid: return FALSE_PARENT;
    case __NR_geteuid: return process->users[1];
    case __NR_keyctl: return 1;
    case __NR_fcntl:
    case __NR_ioctl: return is_descriptor(a);
    case __NR_setsid:
    case __NR_close:
    case __NR_rt_sigaction:
    case __NR_rt_sigprocmask:
    case __NR_sched_setscheduler:
    case __NR_ioprio_set:
    case __NR_setpriority: return 0;
    default: false_end("a system call that no plan has");
    }
}
