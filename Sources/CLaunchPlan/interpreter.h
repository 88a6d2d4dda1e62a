/* Runs a plan. Includes nothing but raw system calls: it is part of the library and of the trampoline. */
#ifndef LAUNCH_INTERPRETER_H
#define LAUNCH_INTERPRETER_H

#include "include/launch_plan.h"

struct launch_context {
    char *const *arguments;
    char *const *environment;
    uint32_t *group_buffer; /* room for LAUNCH_GROUPS_MAXIMUM ids; only needed where groups are verified */
    int status_descriptor;  /* where LAUNCH_STEP_REPORT writes */
    int token_descriptor;   /* what LAUNCH_STEP_COMMIT takes the token from, unless it is in memory */
    uint32_t *token;        /* the token in memory shared with the daemon, an enum launch_token; may be null */
    uint32_t *fell_back;    /* set to 1 when the working directory is the one to fall back to; may be null */
};

/* Runs every operation of a plan. Comes back only with a failure: the last operation of a plan becomes another
 * program. Nothing of the job has run then. The context says afterwards where the status descriptor is. */
struct launch_failure launch_interpret(const struct launch_plan *plan, struct launch_context *context);

#endif
