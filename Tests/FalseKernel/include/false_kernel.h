/* Runs the interpreter of plans, and the launcher program around it, on a kernel that is none: nothing happens to this process,
 * whatever the plan says, nor to any other, and what may never happen is noticed. */
#ifndef FALSE_KERNEL_H
#define FALSE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Who the process is that gets a plan. */
enum false_beginning {
    FALSE_BEGINS_AS_ROOT = 0,             /* with every capability */
    FALSE_BEGINS_WITH_TWO_CAPABILITIES = 1, /* CAP_SETUID and CAP_SETGID, as an account of its own */
    FALSE_BEGINS_AS_ACCOUNT = 2,          /* that of the job, with nothing else */
    FALSE_BEGINS_AS_BARE_ROOT = 3,        /* user id 0 without any capability */
    FALSE_BEGINNINGS = 4,
};

/* What sudo was asked to run. */
enum false_mode {
    FALSE_MODE_RUN = 0,
    FALSE_MODE_RESTRICTED = 1,
    FALSE_MODE_SESSION = 2,
    FALSE_MODES = 3,
};

#define FALSE_ACCOUNT 2001u
#define FALSE_OTHER_GROUP 3001u
#define FALSE_HELPER 991u
#define FALSE_PARENT 4242
#define FALSE_PROGRAM "/usr/bin/id"

struct false_result {
    const char *complaint; /* what happened that may never happen; null if nothing did */
    int became_job;
    uint32_t step;  /* of the failure otherwise */
    int32_t error;
};

/* Interprets bytes as a plan. */
struct false_result false_plan(const uint8_t *bytes, size_t size, uint32_t beginning);

/* Gives the launcher an order: a struct launch_order, and behind it what is in the memory. */
struct false_result false_order(const uint8_t *bytes, size_t size, uint32_t mode);

struct false_signals {
    const char *complaint;
    int status; /* of the launcher */
    int sent;
};

/* Lets the launcher signal: the signal, what the file of each process says, and the processes, parted by the byte 0x1D. */
struct false_signals false_signals(const uint8_t *bytes, size_t size);

#endif
