/* The trampoline: the tiny static program that executes a plan in an address space of its own and then becomes the job.
 *
 * It is started with the arguments and the environment of the job, finds its plan on a descriptor, and shares nothing
 * with the daemon but the two pipes. It contains no libc: nothing reads its environment, nothing is loaded. */
#define IN_TRAMPOLINE 1
#include "interpreter.c"

static union {
    struct launch_plan plan;
    unsigned char bytes[LAUNCH_PLAN_MAXIMUM_SIZE];
} buffer;

static uint32_t group_buffer[LAUNCH_GROUPS_MAXIMUM];

static __attribute__((noreturn)) void end(struct launch_failure failure, int status_descriptor)
{
    struct launch_message message;
    message.kind = LAUNCH_MESSAGE_FAILED;
    message.step = failure.step;
    message.error = failure.error;
    message.operation = failure.operation;
    message.fell_back = 0;
    message.reserved = 0;
    SYSTEM_CALL_3(__NR_write, status_descriptor, &message, sizeof message);
    for (;;)
        SYSTEM_CALL_1(__NR_exit_group, 125);
}

static __attribute__((noreturn)) void fail(long error)
{
    struct launch_failure failure;
    failure.step = LAUNCH_STEP_READ_PLAN;
    failure.error = (int32_t)error;
    failure.operation = 0;
    end(failure, LAUNCH_STATUS_DESCRIPTOR);
}

__attribute__((noreturn, used)) void trampoline(long *stack)
{
    const long argument_count = stack[0];
    struct launch_context context;
    context.arguments = (char *const *)(stack + 1);
    context.environment = (char *const *)(stack + 1 + argument_count + 1);
    context.group_buffer = group_buffer;
    context.status_descriptor = LAUNCH_STATUS_DESCRIPTOR;
    context.token_descriptor = LAUNCH_TOKEN_DESCRIPTOR;
    context.token = NULL;
    context.fell_back = NULL;

    unsigned long size = 0;
    for (;;) {
        long count = SYSTEM_CALL_3(
            __NR_read, LAUNCH_PLAN_DESCRIPTOR, buffer.bytes + size, sizeof buffer.bytes - size);
        if (count == -ERROR_INTERRUPTED)
            continue;
        if (count < 0)
            fail(-count);
        if (count == 0)
            break;
        size += (unsigned long)count;
        if (size == sizeof buffer.bytes)
            break;
    }
    if (size < sizeof(struct launch_plan) || buffer.plan.size != size)
        fail(ERROR_BAD_MESSAGE);
    /* The bootstrap plan runs in the daemon; here it would be a way around every requirement. Nobody has switched before. */
    if (buffer.plan.kind == LAUNCH_KIND_BOOTSTRAP || buffer.plan.kind == LAUNCH_KIND_DIRECT
        || buffer.plan.kind == LAUNCH_KIND_SWITCHED)
        fail(ERROR_BAD_MESSAGE);
    const struct launch_failure failure = launch_interpret(&buffer.plan, &context);
    end(failure, context.status_descriptor);
}

#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    xorl %ebp, %ebp\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    call trampoline\n"
        "    ud2\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, #0\n"
        "    mov x30, #0\n"
        "    mov x0, sp\n"
        "    and sp, x0, #-16\n"
        "    bl trampoline\n"
        "    brk #1\n");
#endif
