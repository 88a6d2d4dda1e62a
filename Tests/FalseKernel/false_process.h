/* The process that the plan is run in, as the kernel that is none knows it. */
#ifndef FALSE_PROCESS_H
#define FALSE_PROCESS_H

#include <setjmp.h>

#include "include/false_kernel.h"
#include "launch_plan.h"

#define FALSE_GROUPS_MAXIMUM 65536u

struct false_process {
    struct false_result result;
    jmp_buf end;

    /* Real, effective, saved. */
    uint32_t users[3];
    uint32_t groups[3];
    uint32_t supplementary[FALSE_GROUPS_MAXIMUM];
    uint32_t supplementary_count;
    int groups_were_set;
    int is_unprivileged;
    /* Effective, permitted, inheritable. */
    uint64_t capabilities[3];
    int no_new_privileges;
    uint32_t mask;
    uint32_t token;
    int files_were_touched;
    int streams_were_closed;

    /* Where every text and every list has to be that a system call is given. */
    const char *plan;
    size_t plan_size;
    uint32_t kind;

    /* Whether the launcher runs the plan, and for whom. */
    int is_launcher;
    uint32_t mode;
};

extern _Thread_local struct false_process *false_process;

/* What all of interpreter.c calls. */
long false_system_call(long number, long a, long b, long c, long d, long e);

/* Ends the process with what may never happen, if it is not null. */
__attribute__((noreturn)) void false_end(const char *complaint);

void false_begin(struct false_process *process, uint32_t beginning);

#endif
