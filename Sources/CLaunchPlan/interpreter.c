#include "interpreter.h"

#include <asm/statfs.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <stddef.h>

#include "system_call.h"

#define ERROR_PERMITTED 1       /* EPERM */
#define ERROR_NO_ENTRY 2        /* ENOENT */
#define ERROR_NO_PROCESS 3      /* ESRCH */
#define ERROR_INTERRUPTED 4     /* EINTR */
#define ERROR_AGAIN 11          /* EAGAIN */
#define ERROR_ACCESS 13         /* EACCES */
#define ERROR_NOT_DIRECTORY 20  /* ENOTDIR */
#define ERROR_INVALID 22        /* EINVAL */
#define ERROR_NO_SYSTEM_CALL 38 /* ENOSYS */
#define ERROR_PROTOCOL 71       /* EPROTO */
#define ERROR_BAD_MESSAGE 74    /* EBADMSG */
#define ERROR_CANCELED 125      /* ECANCELED */

#define FIRST_SIGNAL 1
#define LAST_SIGNAL 64
#define SIGNAL_KILL 9
#define SIGNAL_STOP 19
#define SET_SIGNAL_MASK 2 /* SIG_SETMASK */

/* The kernel's own structure, not that of libc: 64 signals are one word. */
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

struct kernel_limit {
    uint64_t soft;
    uint64_t hard;
};

#define SCHED_POLICY_OTHER 0
#define IO_PRIORITY_WHO_PROCESS 1

/* Every string and list an operation refers to lies inside the plan and ends there. */
static UNINSTRUMENTED const char *string_at(const struct launch_plan *plan, uint64_t offset)
{
    if (offset < sizeof(struct launch_plan) || offset >= plan->size)
        return NULL;
    const char *text = (const char *)plan + offset;
    for (uint64_t i = offset; i < plan->size; i++)
        if (((const char *)plan)[i] == 0)
            return text;
    return NULL;
}

static UNINSTRUMENTED const uint32_t *groups_at(const struct launch_plan *plan, uint64_t offset, uint64_t count)
{
    if (count > LAUNCH_GROUPS_MAXIMUM || offset % sizeof(uint32_t) != 0)
        return NULL;
    if (offset < sizeof(struct launch_plan) || offset > plan->size || plan->size - offset < count * sizeof(uint32_t))
        return NULL;
    return (const uint32_t *)((const char *)plan + offset);
}

/* CLONE_CLEAR_SIGHAND resets handlers but leaves ignored signals ignored, and so does an exec. */
static UNINSTRUMENTED long reset_signals(void)
{
    struct kernel_sigaction defaults;
    defaults.handler = NULL;
    defaults.flags = 0;
    defaults.restorer = NULL;
    defaults.mask = 0;
    for (long signal = FIRST_SIGNAL; signal <= LAST_SIGNAL; signal++) {
        if (signal == SIGNAL_KILL || signal == SIGNAL_STOP)
            continue;
        long result = SYSTEM_CALL_4(__NR_rt_sigaction, signal, &defaults, NULL, sizeof(uint64_t));
        if (result < 0)
            return result;
    }
    return 0;
}

/* A daemon that is protected from the out-of-memory killer does not pass that on. Raising the own score needs no
 * privilege; after the switch the file would belong to root, since the process is no longer dumpable. */
static UNINSTRUMENTED long reset_oom_score(void)
{
    long file = SYSTEM_CALL_4(__NR_openat, AT_FDCWD, "/proc/self/oom_score_adj", 1 /* O_WRONLY */, 0);
    if (file < 0)
        return file;
    long written = SYSTEM_CALL_3(__NR_write, file, "0", 1);
    SYSTEM_CALL_1(__NR_close, file);
    return written < 0 ? written : 0;
}

/* Whoever inherits a session keyring possesses the keys in it. A kernel without keyrings has none to pass on. */
static UNINSTRUMENTED long join_session_keyring(void)
{
    long result = SYSTEM_CALL_2(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    return result == -ERROR_NO_SYSTEM_CALL || result > 0 ? 0 : result;
}

/* The kernel answers EINVAL for the first number that is no capability to it. */
static UNINSTRUMENTED long empty_bounding_set(void)
{
    for (long capability = 0;; capability++) {
        long result = SYSTEM_CALL_5(__NR_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
        if (result == -ERROR_INVALID && capability > 0)
            return 0;
        if (result < 0)
            return result;
    }
}

static UNINSTRUMENTED long read_capabilities(struct __user_cap_data_struct sets[2])
{
    struct __user_cap_header_struct header;
    header.version = _LINUX_CAPABILITY_VERSION_3;
    header.pid = 0;
    return SYSTEM_CALL_2(__NR_capget, &header, sets);
}

static UNINSTRUMENTED long write_capabilities(const struct __user_cap_data_struct sets[2])
{
    struct __user_cap_header_struct header;
    header.version = _LINUX_CAPABILITY_VERSION_3;
    header.pid = 0;
    return SYSTEM_CALL_2(__NR_capset, &header, sets);
}

static UNINSTRUMENTED long empty_inheritable_set(void)
{
    struct __user_cap_data_struct sets[2];
    long result = read_capabilities(sets);
    if (result < 0)
        return result;
    sets[0].inheritable = 0;
    sets[1].inheritable = 0;
    return write_capabilities(sets);
}

/* An exec takes the capabilities of a process that is not root, unless they are ambient, which only inheritable ones can
 * be. The trampoline gives all of them up again before the job. */
static UNINSTRUMENTED long keep_capabilities(uint64_t wanted)
{
    struct __user_cap_data_struct sets[2];
    long result = read_capabilities(sets);
    if (result < 0)
        return result;
    for (int i = 0; i < 2; i++)
        sets[i].inheritable |= sets[i].permitted & (uint32_t)(wanted >> (32 * i));
    result = write_capabilities(sets);
    for (long capability = 0; result >= 0 && capability < 64; capability++)
        if ((wanted >> capability & 1) != 0 && (sets[capability / 32].permitted >> (capability % 32) & 1) != 0)
            result = SYSTEM_CALL_5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    return result;
}

/* The kernel empties the sets only when a process leaves user id 0; a daemon that has its capabilities otherwise would
 * hand them to the job. */
static UNINSTRUMENTED long empty_capabilities(void)
{
    struct __user_cap_data_struct sets[2];
    for (int i = 0; i < 2; i++) {
        sets[i].effective = 0;
        sets[i].permitted = 0;
        sets[i].inheritable = 0;
    }
    return write_capabilities(sets);
}

/* Files are opened by the effective id, and what the kernel decides at an open it decides by the effective capabilities,
 * which go with user id 0. A file system user id alone (setfsuid(2)) would leave most of them: root's sysctls could be
 * opened for writing, kernel addresses and the kernel's log be read. The real and the saved id stay, so that the account
 * may neither signal nor trace the child yet. */
static UNINSTRUMENTED long become_effective_user(uint32_t user)
{
    uint32_t real = user, effective = ~user, saved = user;
    long result = SYSTEM_CALL_3(__NR_setresuid, -1L, user, -1L);
    if (result >= 0)
        result = SYSTEM_CALL_3(__NR_getresuid, &real, &effective, &saved);
    if (result < 0)
        return result;
    return effective == user ? 0 : -ERROR_PROTOCOL;
}

static UNINSTRUMENTED long verify_user_id(uint32_t expected)
{
    uint32_t real = ~expected, effective = ~expected, saved = ~expected;
    long result = SYSTEM_CALL_3(__NR_getresuid, &real, &effective, &saved);
    if (result < 0)
        return result;
    return real == expected && effective == expected && saved == expected ? 0 : -ERROR_PROTOCOL;
}

static UNINSTRUMENTED long verify_group_id(uint32_t expected)
{
    uint32_t real = ~expected, effective = ~expected, saved = ~expected;
    long result = SYSTEM_CALL_3(__NR_getresgid, &real, &effective, &saved);
    if (result < 0)
        return result;
    return real == expected && effective == expected && saved == expected ? 0 : -ERROR_PROTOCOL;
}

/* The kernel returns the groups sorted; so does the maker of the plan. */
static UNINSTRUMENTED long verify_groups(const uint32_t *expected, uint64_t count, uint32_t *buffer)
{
    if (buffer == NULL)
        return -ERROR_BAD_MESSAGE;
    long found = SYSTEM_CALL_2(__NR_getgroups, LAUNCH_GROUPS_MAXIMUM, buffer);
    if (found < 0)
        return found;
    if ((uint64_t)found != count)
        return -ERROR_PROTOCOL;
    for (uint64_t i = 0; i < count; i++)
        if (buffer[i] != expected[i])
            return -ERROR_PROTOCOL;
    return 0;
}

static UNINSTRUMENTED long verify_capabilities(void)
{
    struct __user_cap_data_struct sets[2];
    for (int i = 0; i < 2; i++) {
        sets[i].effective = ~0u;
        sets[i].permitted = ~0u;
        sets[i].inheritable = ~0u;
    }
    long result = read_capabilities(sets);
    if (result < 0)
        return result;
    for (int i = 0; i < 2; i++)
        if (sets[i].effective != 0 || sets[i].permitted != 0 || sets[i].inheritable != 0)
            return -ERROR_PROTOCOL;
    return 0;
}

/* The proof by trial: taking the former ids back has to fail, and with EPERM. */
static UNINSTRUMENTED long verify_no_regain(uint32_t former_user, uint32_t former_group)
{
    const uint32_t users[2] = {0, former_user};
    for (int i = 0; i < 2; i++) {
        long result = SYSTEM_CALL_3(__NR_setresuid, -1L, users[i], -1L);
        if (result != -ERROR_PERMITTED)
            return -ERROR_PROTOCOL;
    }
    const uint32_t groups[2] = {0, former_group};
    for (int i = 0; i < 2; i++) {
        long result = SYSTEM_CALL_3(__NR_setresgid, -1L, groups[i], -1L);
        if (result != -ERROR_PERMITTED)
            return -ERROR_PROTOCOL;
    }
    return 0;
}

static UNINSTRUMENTED long enter_directory(const char *path, const char *fallback, uint32_t *fell_back)
{
    long result = SYSTEM_CALL_1(__NR_chdir, path);
    if (result >= 0 || fallback == NULL)
        return result;
    *fell_back = 1;
    return SYSTEM_CALL_1(__NR_chdir, fallback);
}

/* /proc/self/maps shows the memory of whoever opened it, for good. A child that shares the daemon's memory would hand the
 * job a view of the daemon. */
static UNINSTRUMENTED long refuse_process_files(long file)
{
    struct statfs status;
    status.f_type = PROC_SUPER_MAGIC;
    long result = SYSTEM_CALL_2(__NR_fstatfs, file, &status);
    if (result < 0)
        return result;
    return status.f_type == PROC_SUPER_MAGIC ? -ERROR_ACCESS : 0;
}

/* Opened without waiting, so that a FIFO in the place of a log file cannot hold the launch up; a regular file reads
 * and writes the same without the flag, and whatever else it is gets back the blocking it would have had. */
static UNINSTRUMENTED long open_stream(const char *path, int flags, uint32_t mode, long target, int shares_memory)
{
    long file = SYSTEM_CALL_4(__NR_openat, AT_FDCWD, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
    if (file < 0)
        return file;
    long result = shares_memory ? refuse_process_files(file) : 0;
    if (result >= 0)
        result = SYSTEM_CALL_3(__NR_fcntl, file, F_SETFL, flags & O_APPEND);
    if (result >= 0)
        result = SYSTEM_CALL_3(__NR_dup3, file, target, 0);
    /* Left to the exec: a close tells a FUSE server, which may not answer while the daemon's thread waits for this child. */
    return result < 0 ? result : 0;
}

/* dup3(2) refuses equal descriptors; such a one only has to survive the exec. */
static UNINSTRUMENTED long place_descriptor(long source, long target)
{
    if (source == target)
        return SYSTEM_CALL_3(__NR_fcntl, target, F_SETFD, 0);
    return SYSTEM_CALL_3(__NR_dup3, source, target, 0);
}

/* The places from 3 upwards are the job's when it has extra descriptors. */
static UNINSTRUMENTED long move_descriptors(struct launch_context *context, uint64_t first)
{
    if (first <= LAUNCH_TOKEN_DESCRIPTOR || first > LAUNCH_FIRST_EXTRA_DESCRIPTOR + LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM + 1)
        return -ERROR_BAD_MESSAGE;
    long result = SYSTEM_CALL_3(__NR_dup3, context->status_descriptor, first, O_CLOEXEC);
    if (result < 0)
        return result;
    context->status_descriptor = (int)first;
    result = SYSTEM_CALL_3(__NR_dup3, context->token_descriptor, first + 1, O_CLOEXEC);
    if (result >= 0)
        context->token_descriptor = (int)first + 1;
    return result;
}

static UNINSTRUMENTED long report_prepared(int descriptor, uint32_t fell_back)
{
    struct launch_message message;
    message.kind = LAUNCH_MESSAGE_PREPARED;
    message.step = LAUNCH_STEP_REPORT;
    message.error = 0;
    message.operation = 0;
    message.fell_back = fell_back;
    message.reserved = 0;
    long written = SYSTEM_CALL_3(__NR_write, descriptor, &message, sizeof message);
    if (written < 0)
        return written;
    return written == (long)sizeof message ? 0 : -ERROR_PROTOCOL;
}

#include "parent.h"
#include "terminal.h"

/* Whoever takes the token first decides whether the launch goes on. */
static UNINSTRUMENTED long commit(const struct launch_context *context)
{
#ifndef IN_TRAMPOLINE
    if (context->token != NULL) {
        uint32_t expected = LAUNCH_TOKEN_FREE;
        return __atomic_compare_exchange_n(
                   context->token, &expected, LAUNCH_TOKEN_COMMITTED, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
            ? 0
            : -ERROR_CANCELED;
    }
#endif
    uint64_t count = 0;
    long result = SYSTEM_CALL_3(__NR_read, context->token_descriptor, &count, sizeof count);
    if (result == -ERROR_AGAIN)
        return -ERROR_CANCELED;
    if (result < 0)
        return result;
    return result == (long)sizeof count ? 0 : -ERROR_PROTOCOL;
}

static UNINSTRUMENTED uint32_t requirements(uint32_t kind)
{
    switch (kind) {
    case LAUNCH_KIND_ISOLATED:
        return LAUNCH_REQUIRES_SWITCH | LAUNCH_REQUIRES_PROOF | LAUNCH_REQUIRES_COMMIT;
    case LAUNCH_KIND_DIRECT:
        return LAUNCH_REQUIRES_SWITCH | LAUNCH_REQUIRES_VERIFIED_USER_ID | LAUNCH_REQUIRES_VERIFIED_GROUP_ID
            | LAUNCH_REQUIRES_VERIFIED_CAPABILITIES | LAUNCH_REQUIRES_COMMIT;
    case LAUNCH_KIND_KEEP_ACCOUNT:
        return LAUNCH_REQUIRES_VERIFIED_USER_ID | LAUNCH_REQUIRES_VERIFIED_GROUP_ID
            | LAUNCH_REQUIRES_VERIFIED_CAPABILITIES | LAUNCH_REQUIRES_COMMIT;
    case LAUNCH_KIND_SWITCHED:
        return LAUNCH_REQUIRES_PROOF | LAUNCH_REQUIRES_COMMIT;
    default:
        return ~0u;
    }
}

/* Like execvp(3): goes on to the next place of the search path while a place does not have the program, and remembers
 * that one of them had it but would not let the account run it. */
static UNINSTRUMENTED long execute_first(
    const struct launch_plan *plan, uint64_t offset, uint64_t count, const struct launch_context *context)
{
    long result = -ERROR_NO_ENTRY;
    long refused = 0;
    for (uint64_t i = 0; i < count; i++) {
        const char *path = string_at(plan, offset);
        if (path == NULL)
            return -ERROR_BAD_MESSAGE;
        result = SYSTEM_CALL_3(__NR_execve, path, context->arguments, context->environment);
        if (result == -ERROR_ACCESS)
            refused = result;
        else if (result != -ERROR_NO_ENTRY && result != -ERROR_NOT_DIRECTORY)
            return result;
        while (((const char *)plan)[offset] != 0)
            offset++;
        offset++;
    }
    return refused != 0 ? refused : result;
}

struct interpreter_state {
    uint32_t done;
    uint32_t fell_back;
};

/* The kernel looks at the lower half of the number alone. */
static UNINSTRUMENTED long close_from(uint64_t first, unsigned flags)
{
    return first > INT32_MAX ? -ERROR_BAD_MESSAGE : SYSTEM_CALL_3(__NR_close_range, first, ~0u, flags);
}

static UNINSTRUMENTED long perform(
    const struct launch_plan *plan,
    const struct launch_operation *operation,
    struct launch_context *context,
    struct interpreter_state *state)
{
    const uint64_t a = operation->a, b = operation->b, c = operation->c;
    long result;

    switch (operation->step) {
    case LAUNCH_STEP_UNSHARE_DESCRIPTORS:
        /* CLONE_FILES made the clone share the daemon's table; what lies above is not even copied. */
        return close_from(a, CLOSE_RANGE_UNSHARE);
    case LAUNCH_STEP_PLACE_DESCRIPTOR:
        return place_descriptor((long)a, (long)b);
    case LAUNCH_STEP_SEAL_DESCRIPTORS:
        return close_from(a, CLOSE_RANGE_CLOEXEC);
    case LAUNCH_STEP_CLOSE_DESCRIPTORS:
        return close_from(a, b == 0 ? CLOSE_RANGE_CLOEXEC : 0);
    case LAUNCH_STEP_KEEP_CAPABILITIES:
        return plan->kind == LAUNCH_KIND_BOOTSTRAP ? keep_capabilities(a) : -ERROR_BAD_MESSAGE;
    case LAUNCH_STEP_JOIN_CONTROL_GROUP:
        if (plan->kind != LAUNCH_KIND_BOOTSTRAP)
            return -ERROR_BAD_MESSAGE;
        /* "0" is whoever writes. */
        result = SYSTEM_CALL_3(__NR_write, a, "0", 1);
        return result < 0 ? result : result == 1 ? 0 : -ERROR_PROTOCOL;
    case LAUNCH_STEP_EXECUTE_TRAMPOLINE:
        if (plan->kind != LAUNCH_KIND_BOOTSTRAP)
            return -ERROR_BAD_MESSAGE;
        return SYSTEM_CALL_5(
            __NR_execveat, a, "", context->arguments, context->environment, AT_EMPTY_PATH);

    case LAUNCH_STEP_RESET_SIGNALS:
        return reset_signals();
    case LAUNCH_STEP_NEW_SESSION:
        return SYSTEM_CALL_0(__NR_setsid);
    case LAUNCH_STEP_CONTROLLING_TERMINAL:
        return control_terminal(a);
    case LAUNCH_STEP_OWN_TERMINAL:
        return own_terminal(a, (uint32_t)b, (uint32_t)(b >> 32), c);
    case LAUNCH_STEP_SCHEDULING: {
        int priority = 0;
        return SYSTEM_CALL_3(__NR_sched_setscheduler, 0, SCHED_POLICY_OTHER, &priority);
    }
    case LAUNCH_STEP_IO_PRIORITY:
        return SYSTEM_CALL_3(__NR_ioprio_set, IO_PRIORITY_WHO_PROCESS, 0, 0);
    case LAUNCH_STEP_NICE:
        return SYSTEM_CALL_3(__NR_setpriority, PRIO_PROCESS, 0, (int)(int64_t)a);
    case LAUNCH_STEP_OOM_SCORE:
        return reset_oom_score();
    case LAUNCH_STEP_SESSION_KEYRING:
        return join_session_keyring();
    case LAUNCH_STEP_RESOURCE_LIMIT: {
        struct kernel_limit limit;
        limit.soft = b;
        limit.hard = c;
        return SYSTEM_CALL_4(__NR_prlimit64, 0, a, &limit, NULL);
    }

    case LAUNCH_STEP_BOUNDING_SET:
        return empty_bounding_set();
    case LAUNCH_STEP_AMBIENT_SET:
        return SYSTEM_CALL_5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    case LAUNCH_STEP_INHERITABLE_SET:
        return empty_inheritable_set();
    case LAUNCH_STEP_GROUPS: {
        const uint32_t *groups = groups_at(plan, a, b);
        if (groups == NULL)
            return -ERROR_BAD_MESSAGE;
        result = SYSTEM_CALL_2(__NR_setgroups, b, groups);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_GROUPS;
        return result;
    }
    case LAUNCH_STEP_GROUP_ID:
        /* -1 means "leave unchanged", and 0 is the superuser's: neither is ever what a job runs with. */
        if (a == 0 || a >= UINT32_MAX)
            return -ERROR_BAD_MESSAGE;
        result = SYSTEM_CALL_3(__NR_setresgid, a, a, a);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_GROUP_ID;
        return result;
    case LAUNCH_STEP_EFFECTIVE_USER_ID:
        if (a == 0 || a >= UINT32_MAX)
            return -ERROR_BAD_MESSAGE;
        return become_effective_user((uint32_t)a);
    case LAUNCH_STEP_USER_ID:
        if (a == 0 || a >= UINT32_MAX)
            return -ERROR_BAD_MESSAGE;
        /* Groups and gid need the right that the uid takes away: before it, or never. */
        if ((state->done & LAUNCH_REQUIRES_SWITCH) != (LAUNCH_REQUIRES_GROUPS | LAUNCH_REQUIRES_GROUP_ID))
            return -ERROR_BAD_MESSAGE;
        result = SYSTEM_CALL_3(__NR_setresuid, a, a, a);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_USER_ID;
        return result;
    case LAUNCH_STEP_CAPABILITIES:
        return empty_capabilities();
    case LAUNCH_STEP_NO_NEW_PRIVILEGES:
        return SYSTEM_CALL_5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    case LAUNCH_STEP_NOT_DUMPABLE:
        /* Of memory that is shared with the daemon it would be the daemon's flag. */
        if (plan->kind == LAUNCH_KIND_DIRECT || plan->kind == LAUNCH_KIND_BOOTSTRAP)
            return -ERROR_BAD_MESSAGE;
        return SYSTEM_CALL_5(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);

    case LAUNCH_STEP_VERIFY_USER_ID:
        result = a == 0 || a >= UINT32_MAX ? -ERROR_BAD_MESSAGE : verify_user_id((uint32_t)a);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_VERIFIED_USER_ID;
        return result;
    case LAUNCH_STEP_VERIFY_GROUP_ID:
        result = a == 0 || a >= UINT32_MAX ? -ERROR_BAD_MESSAGE : verify_group_id((uint32_t)a);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_VERIFIED_GROUP_ID;
        return result;
    case LAUNCH_STEP_VERIFY_GROUPS: {
        const uint32_t *groups = groups_at(plan, a, b);
        result = groups == NULL ? -ERROR_BAD_MESSAGE : verify_groups(groups, b, context->group_buffer);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_VERIFIED_GROUPS;
        return result;
    }
    case LAUNCH_STEP_VERIFY_CAPABILITIES:
        result = verify_capabilities();
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_VERIFIED_CAPABILITIES;
        return result;
    case LAUNCH_STEP_VERIFY_NO_REGAIN:
        result = verify_no_regain((uint32_t)a, (uint32_t)b);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_VERIFIED_NO_REGAIN;
        return result;
    case LAUNCH_STEP_VERIFY_NO_NEW_PRIVILEGES:
        result = SYSTEM_CALL_5(__NR_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
        return result == 1 ? 0 : result < 0 ? result : -ERROR_PROTOCOL;

    case LAUNCH_STEP_FILE_MODE_MASK:
        /* Never fails by itself and returns the former mask; a filter can make it fail all the same. */
        return SYSTEM_CALL_1(__NR_umask, a);
    case LAUNCH_STEP_WORKING_DIRECTORY: {
        const char *path = string_at(plan, a);
        const char *fallback = b == 0 ? NULL : string_at(plan, b);
        if (path == NULL || (b != 0 && fallback == NULL))
            return -ERROR_BAD_MESSAGE;
        result = enter_directory(path, fallback, &state->fell_back);
        if (context->fell_back != NULL)
            *context->fell_back = state->fell_back;
        return result;
    }
    case LAUNCH_STEP_OPEN_STREAM: {
        const char *path = string_at(plan, a);
        if (path == NULL)
            return -ERROR_BAD_MESSAGE;
        return open_stream(
            path, (int)b, (uint32_t)(c >> 32), (long)(c & UINT32_MAX), plan->kind == LAUNCH_KIND_DIRECT);
    }
    case LAUNCH_STEP_MOVE_DESCRIPTORS:
        /* A clone child has no such descriptors. */
        if (plan->kind != LAUNCH_KIND_ISOLATED && plan->kind != LAUNCH_KIND_KEEP_ACCOUNT
            && plan->kind != LAUNCH_KIND_SWITCHED)
            return -ERROR_BAD_MESSAGE;
        return move_descriptors(context, a);
    case LAUNCH_STEP_PARENT:
        return tie_to_parent(a, b);
    case LAUNCH_STEP_COMMIT:
        result = commit(context);
        if (result >= 0)
            state->done |= LAUNCH_REQUIRES_COMMIT;
        return result;
    case LAUNCH_STEP_REPORT:
        return report_prepared(context->status_descriptor, state->fell_back);
    case LAUNCH_STEP_SIGNAL_MASK: {
        uint64_t empty = 0;
        return SYSTEM_CALL_4(__NR_rt_sigprocmask, SET_SIGNAL_MASK, &empty, NULL, sizeof empty);
    }
    case LAUNCH_STEP_EXECUTE: {
        const uint32_t required = requirements(plan->kind);
        if ((state->done & required) != required)
            return -ERROR_BAD_MESSAGE;
        return execute_first(plan, a, b, context);
    }
    default:
        return -ERROR_BAD_MESSAGE;
    }
}

UNINSTRUMENTED struct launch_failure launch_interpret(const struct launch_plan *plan, struct launch_context *context)
{
    struct launch_failure failure;
    failure.step = LAUNCH_STEP_READ_PLAN;
    failure.error = ERROR_BAD_MESSAGE;
    failure.operation = 0;

    if (plan->magic != LAUNCH_PLAN_MAGIC || plan->version != LAUNCH_PLAN_VERSION)
        return failure;
    if (plan->size < sizeof(struct launch_plan) || plan->size > LAUNCH_PLAN_MAXIMUM_SIZE)
        return failure;
    if (plan->operation_count > (plan->size - sizeof(struct launch_plan)) / sizeof(struct launch_operation))
        return failure;

    const struct launch_operation *operations = (const struct launch_operation *)(plan + 1);
    struct interpreter_state state;
    state.done = 0;
    state.fell_back = 0;
    for (uint32_t i = 0; i < plan->operation_count; i++) {
        long result = perform(plan, &operations[i], context, &state);
        if (result < 0) {
            failure.step = operations[i].step;
            failure.error = (int32_t)-result;
            failure.operation = i;
            return failure;
        }
    }
    /* A plan that ends without becoming another program is not a plan. */
    return failure;
}
