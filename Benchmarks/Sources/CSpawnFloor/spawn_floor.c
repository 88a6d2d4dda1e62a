#define _GNU_SOURCE
#include "spawn_floor.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Raw system calls: the wrappers of libc for set*id and setgroups speak to the threads of the daemon. */
#if defined(__x86_64__)
static inline __attribute__((always_inline)) long call(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline __attribute__((always_inline)) long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = 0;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#else
#error "The floor knows the system calls of x86_64 and aarch64 only."
#endif

#define CALL(number, a, b, c, d) call(number, (long)(a), (long)(b), (long)(c), (long)(d))

/* clone3 with a stack for the child, which calls function(argument) there and never returns. By hand, because the call
 * returns twice and the second time without the frame that a compiler would return through. */
static __attribute__((noinline)) long clone_onto_stack(
    struct clone_args *clone, void (*function)(void *), void *argument)
{
#if defined(__x86_64__)
    long result;
    register void (*child)(void *) __asm__("r12") = function;
    register void *child_argument __asm__("r13") = argument;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(result)
                     : "a"((long)__NR_clone3), "D"(clone), "S"(sizeof *clone), "r"(child), "r"(child_argument)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = __NR_clone3;
    register long x0 __asm__("x0") = (long)clone;
    register long x1 __asm__("x1") = sizeof *clone;
    register void (*child)(void *) __asm__("x9") = function;
    register void *child_argument __asm__("x10") = argument;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, #0\n\t"
                     "mov x0, x10\n\t"
                     "blr x9\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(child), "r"(child_argument)
                     : "memory");
    return x0;
#endif
}

struct child_context {
    const struct spawn_floor_job *job;
    struct spawn_floor_child *child;
};

/* What the kernel takes, which is not the struct sigaction of libc. */
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

#define STEP(name, expression)                                                                                         \
    do {                                                                                                               \
        long result_of_step = (expression);                                                                            \
        if (result_of_step < 0) {                                                                                      \
            context->child->failed_step = (name);                                                                      \
            context->child->error = (int)-result_of_step;                                                              \
            CALL(__NR_exit_group, 125, 0, 0, 0);                                                                       \
        }                                                                                                              \
    } while (0)

static void become_the_job(void *argument)
{
    const struct child_context *context = argument;
    const struct spawn_floor_job *job = context->job;
    const struct kernel_sigaction standard = {0};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    const uint64_t nothing = 0;

    /* CLONE_CLEAR_SIGHAND leaves ignored signals ignored, and daemons ignore this one. */
    STEP(SPAWN_FLOOR_DISPOSITION, CALL(__NR_rt_sigaction, SIGPIPE, &standard, 0, sizeof nothing));
    /* The table of descriptors is shared until here; what lies above is never copied. */
    STEP(SPAWN_FLOOR_UNSHARE, CALL(__NR_close_range, job->null_device + 1, ~0u, CLOSE_RANGE_UNSHARE, 0));
    STEP(SPAWN_FLOOR_SESSION, CALL(__NR_setsid, 0, 0, 0, 0));
    for (int descriptor = 0; descriptor < 3; descriptor++)
        STEP(SPAWN_FLOOR_STREAMS, CALL(__NR_dup3, job->null_device, descriptor, 0, 0));
    STEP(SPAWN_FLOOR_STREAMS, CALL(__NR_close_range, 3, ~0u, 0, 0));
    STEP(SPAWN_FLOOR_DIRECTORY, CALL(__NR_chdir, job->directory, 0, 0, 0));
    STEP(SPAWN_FLOOR_AMBIENT, CALL(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0));
    STEP(SPAWN_FLOOR_GROUPS, CALL(__NR_setgroups, job->group_count, job->groups, 0, 0));
    STEP(SPAWN_FLOOR_GROUP, CALL(__NR_setresgid, job->group, job->group, job->group, 0));
    STEP(SPAWN_FLOOR_USER, CALL(__NR_setresuid, job->user, job->user, job->user, 0));
    STEP(SPAWN_FLOOR_CAPABILITIES, CALL(__NR_capset, &header, none, 0, 0));
    STEP(SPAWN_FLOOR_MASK, CALL(__NR_rt_sigprocmask, SIG_SETMASK, &nothing, 0, sizeof nothing));
    STEP(SPAWN_FLOOR_EXECUTE, CALL(__NR_execve, job->program, job->arguments, job->environment, 0));
}

int spawn_floor_start(const struct spawn_floor_job *job, struct spawn_floor_child *child)
{
    const uint64_t all = ~UINT64_C(0);
    uint64_t former = 0;
    struct child_context context = {job, child};

    *child = (struct spawn_floor_child){-1, SPAWN_FLOOR_NO_STEP, 0};
    struct clone_args clone = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_FILES,
        .pidfd = (uint64_t)(uintptr_t)&child->process_descriptor,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)job->stack,
        .stack_size = job->stack_size,
    };
    CALL(__NR_rt_sigprocmask, SIG_BLOCK, &all, &former, sizeof former);
    long process = clone_onto_stack(&clone, become_the_job, &context);
    CALL(__NR_rt_sigprocmask, SIG_SETMASK, &former, 0, sizeof former);
    return process < 0 ? (int)process : 0;
}

int spawn_floor_wait(int process_descriptor)
{
    siginfo_t information = {0};
    while (waitid(P_PIDFD, (id_t)process_descriptor, &information, WEXITED) != 0) {
        if (errno != EINTR)
            return -errno;
    }
    close(process_descriptor);
    return information.si_code == CLD_EXITED ? information.si_status : 128 + information.si_status;
}
