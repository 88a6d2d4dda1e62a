#define _GNU_SOURCE
#include "include/launch_spawn.h"

#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>

#include "clone.h"
#include "system_call.h"

#define KILLED 9 /* SIGKILL */

/* At the lower end of the child's stack, since the caller goes on. */
struct closing {
    int32_t parent;
    int32_t count;
    int32_t descriptors[];
};

/* What the child itself needs of its stack. */
#define STACK_OF_ITS_OWN (16u * 1024u)

static UNINSTRUMENTED void close_all(void *argument)
{
    const struct closing *closing = argument;
    long status = 1;
    SYSTEM_CALL_5(__NR_prctl, PR_SET_PDEATHSIG, KILLED, 0, 0, 0);
    if (SYSTEM_CALL_0(__NR_getppid) == closing->parent) {
        for (int32_t i = 0; i < closing->count; i++)
            SYSTEM_CALL_1(__NR_close, closing->descriptors[i]);
        status = 0;
    }
    for (;;)
        SYSTEM_CALL_1(__NR_exit_group, status);
}

static UNINSTRUMENTED long clone_closer(void *stack, struct closing *closing)
{
    const uint64_t all = ~UINT64_C(0);
    uint64_t former = 0;
    SYSTEM_CALL_4(__NR_rt_sigprocmask, LAUNCH_BLOCK_SIGNALS, &all, &former, sizeof former);
    /* A fork would copy the tables of all memory, and take the rest of the launch every page that it writes to once more. The
     * child lives on memory that it alone uses, so nothing waits for it; its end raises no signal, so that no wait for a job
     * finds it. */
    const long process =
        launch_clone_child(stack, (struct clone_child){close_all, closing}, CLONE_VM | CLONE_FILES, 0, -1, NULL);
    SYSTEM_CALL_4(__NR_rt_sigprocmask, LAUNCH_SET_SIGNALS, &former, NULL, sizeof former);
    return process;
}

int launch_close_aside(const int32_t *descriptors, int count)
{
    if (count <= 0)
        return 0;
    const size_t size = sizeof(struct closing) + (size_t)count * sizeof *descriptors;
    struct closing *closing = size <= LAUNCH_STACK_SIZE - STACK_OF_ITS_OWN ? launch_stack_create() : NULL;
    if (closing != NULL) {
        closing->parent = (int32_t)SYSTEM_CALL_0(__NR_getpid);
        closing->count = count;
        memcpy(closing->descriptors, descriptors, (size_t)count * sizeof *descriptors);
        /* The stack stays: nobody knows when the child is done with it, and who calls this has one job, or ends soon. */
        const long process = clone_closer(closing, closing);
        if (process > 0)
            return (int)process;
        launch_stack_destroy(closing);
    }
    for (int i = 0; i < count; i++)
        SYSTEM_CALL_1(__NR_close, descriptors[i]);
    return 0;
}
