#define _GNU_SOURCE
#include "include/launch_spawn.h"

#include <linux/sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clone.h"
#include "interpreter.h"
#include "system_call.h"

#define CHILD_ENDED 17 /* SIGCHLD */

#define ERROR_PERMITTED 1
#define ERROR_NO_SYSTEM_CALL 38

#define CLONE_FLAGS (CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_FILES)

/* Both clones put the child on a stack whose top holds a function and its argument; the child takes them off and never
 * comes back. They are written by hand because a clone with a stack of its own returns twice, the second time without
 * the frame that a compiler would return through. */
long launch_clone3(struct clone_args *arguments, size_t size);
long launch_clone(unsigned long flags, void *stack_top, int *process_descriptor);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl launch_clone3\n"
        ".hidden launch_clone3\n"
        ".type launch_clone3, @function\n"
        "launch_clone3:\n"
        "    movl $435, %eax\n"
        "    syscall\n"
        "    testq %rax, %rax\n"
        "    jz launch_clone_entry\n"
        "    ret\n"
        ".size launch_clone3, .-launch_clone3\n"
        ".globl launch_clone\n"
        ".hidden launch_clone\n"
        ".type launch_clone, @function\n"
        "launch_clone:\n"
        "    movl $56, %eax\n"
        "    xorl %r10d, %r10d\n"
        "    xorl %r8d, %r8d\n"
        "    syscall\n"
        "    testq %rax, %rax\n"
        "    jz launch_clone_entry\n"
        "    ret\n"
        ".size launch_clone, .-launch_clone\n"
        "launch_clone_entry:\n"
        "    xorl %ebp, %ebp\n"
        "    popq %rax\n"
        "    popq %rdi\n"
        "    call *%rax\n"
        "    ud2\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl launch_clone3\n"
        ".hidden launch_clone3\n"
        ".type launch_clone3, %function\n"
        "launch_clone3:\n"
        "    mov x8, #435\n"
        "    svc #0\n"
        "    cbz x0, launch_clone_entry\n"
        "    ret\n"
        ".size launch_clone3, .-launch_clone3\n"
        ".globl launch_clone\n"
        ".hidden launch_clone\n"
        ".type launch_clone, %function\n"
        "launch_clone:\n"
        "    mov x8, #220\n"
        "    mov x3, #0\n"
        "    mov x4, #0\n"
        "    svc #0\n"
        "    cbz x0, launch_clone_entry\n"
        "    ret\n"
        ".size launch_clone, .-launch_clone\n"
        "launch_clone_entry:\n"
        "    mov x29, #0\n"
        "    mov x30, #0\n"
        "    ldp x1, x0, [sp], #16\n"
        "    blr x1\n"
        "    brk #1\n");
#endif

UNINSTRUMENTED long launch_clone_child(
    void *stack,
    struct clone_child child,
    unsigned long flags,
    int end_signal,
    int control_group,
    int32_t *process_descriptor)
{
    struct clone_child *top = (struct clone_child *)((char *)stack + LAUNCH_STACK_SIZE) - 1;
    *top = child;

    struct clone_args arguments = {
        .flags = flags | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)process_descriptor,
        .exit_signal = (uint64_t)end_signal,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = (uint64_t)((char *)top - (char *)stack),
    };
    if (control_group >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)control_group;
        return launch_clone3(&arguments, sizeof arguments);
    }
    long process = launch_clone3(&arguments, sizeof arguments);
    /* Filters of containers answer ENOSYS or EPERM to clone3, whose flags they cannot see. The handlers that the older
     * call leaves in place never run: every signal is blocked until the exec or the end, and an exec resets them. */
    if (process == -ERROR_NO_SYSTEM_CALL || process == -ERROR_PERMITTED)
        process = launch_clone(flags | (unsigned long)end_signal, top, process_descriptor);
    return process;
}

struct plan_child {
    const struct launch_spawn_request *request;
    struct launch_spawn_result *result;
};

static UNINSTRUMENTED void run_plan(void *argument)
{
    const struct plan_child *child = argument;
    struct launch_context context;
    /* The kernel writes the number of the pidfd before there is one, and writes it even when it makes no child. */
    child->result->process = (int32_t)SYSTEM_CALL_0(__NR_getpid);
    __atomic_store_n(&child->result->is_there, 1, __ATOMIC_RELEASE);
    context.arguments = child->request->arguments;
    context.environment = child->request->environment;
    context.group_buffer = NULL;
    context.status_descriptor = -1;
    context.token_descriptor = -1;
    context.token = &child->result->token;
    context.fell_back = &child->result->fell_back;
    child->result->failure = launch_interpret(child->request->plan, &context);
    for (;;)
        SYSTEM_CALL_1(__NR_exit_group, 125);
}

UNINSTRUMENTED int launch_spawn(const struct launch_spawn_request *request, struct launch_spawn_result *result)
{
    struct plan_child child = {.request = request, .result = result};
    const uint64_t all = ~UINT64_C(0);
    uint64_t former = 0;

    result->process = 0;
    result->process_descriptor = -1;
    result->failure = (struct launch_failure){LAUNCH_STEP_NONE, 0, 0};
    result->fell_back = 0;
    result->is_there = 0;

    /* No handler of the daemon may run on the child's stack. Also the two signals that glibc keeps to itself. */
    SYSTEM_CALL_4(__NR_rt_sigprocmask, LAUNCH_BLOCK_SIGNALS, &all, &former, sizeof former);
    long process = launch_clone_child(
        request->stack,
        (struct clone_child){run_plan, &child},
        CLONE_FLAGS,
        CHILD_ENDED,
        request->control_group,
        &result->process_descriptor);
    SYSTEM_CALL_4(__NR_rt_sigprocmask, LAUNCH_SET_SIGNALS, &former, NULL, sizeof former);
    if (process < 0) {
        result->process_descriptor = -1;
        return (int)process;
    }
    result->process = (int32_t)process;
    return 0;
}

int launch_watched_descriptor(const struct launch_spawn_result *result)
{
    if (__atomic_load_n(&result->is_there, __ATOMIC_ACQUIRE) == 0)
        return -1;
    return __atomic_load_n(&result->process_descriptor, __ATOMIC_ACQUIRE);
}

int launch_withdraw(struct launch_spawn_result *result)
{
    uint32_t expected = LAUNCH_TOKEN_FREE;
    __atomic_compare_exchange_n(
        &result->token, &expected, LAUNCH_TOKEN_WITHDRAWN, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return expected != LAUNCH_TOKEN_COMMITTED;
}

void *launch_stack_create(void)
{
    const size_t guard = 64u * 1024u; /* a page of any size that aarch64 has */
    char *base = mmap(NULL, guard + LAUNCH_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (mprotect(base, guard, PROT_NONE) != 0) {
        munmap(base, guard + LAUNCH_STACK_SIZE);
        return NULL;
    }
    return base + guard;
}

void launch_stack_destroy(void *stack)
{
    const size_t guard = 64u * 1024u;
    if (stack != NULL)
        munmap((char *)stack - guard, guard + LAUNCH_STACK_SIZE);
}
