#include <stdlib.h>
#include <string.h>

#include "false_process.h"

#define launch_interpret false_interpret
#include "../../Sources/CLaunchPlan/interpreter.h"

static uint32_t group_buffer[LAUNCH_GROUPS_MAXIMUM];

static char *const arguments[] = {"true", NULL};
static char *const environment[] = {NULL};

struct false_result false_plan(const uint8_t *bytes, size_t size, uint32_t beginning)
{
    struct false_result refused = {.step = LAUNCH_STEP_READ_PLAN};
    struct launch_plan header;
    /* As whoever interprets it insists. */
    if (size < sizeof header || size > LAUNCH_PLAN_MAXIMUM_SIZE)
        return refused;
    memcpy(&header, bytes, sizeof header);
    if (header.size != size)
        return refused;
    struct false_process *process = malloc(sizeof *process);
    char *plan = malloc(size);
    if (process == NULL || plan == NULL)
        abort();
    memcpy(plan, bytes, size);
    false_begin(process, beginning);
    process->plan = plan;
    process->plan_size = size;
    process->kind = header.kind;
    false_process = process;
    if (setjmp(process->end) == 0) {
        struct launch_context context;
        uint32_t fell_back = 0;
        memset(&context, 0, sizeof context);
        context.arguments = arguments;
        context.environment = environment;
        context.fell_back = &fell_back;
        const int shares_memory = header.kind == LAUNCH_KIND_DIRECT || header.kind == LAUNCH_KIND_BOOTSTRAP;
        context.group_buffer = shares_memory ? NULL : group_buffer;
        context.token = shares_memory ? &process->token : NULL;
        context.status_descriptor = shares_memory ? -1 : LAUNCH_STATUS_DESCRIPTOR;
        context.token_descriptor = shares_memory ? -1 : LAUNCH_TOKEN_DESCRIPTOR;
        const struct launch_failure failure = launch_interpret((const struct launch_plan *)plan, &context);
        process->result.step = failure.step;
        process->result.error = failure.error;
    }
    const struct false_result result = process->result;
    false_process = NULL;
    free(plan);
    free(process);
    return result;
}
