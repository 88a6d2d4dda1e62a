/* The floor: the fewest system calls that start a program as another account, by a daemon that is root.
 *
 * It is the reference of every ratio, not something to use: between the switch of ids and the exec its child belongs to
 * the account while it still shares the memory of the daemon, and nothing of the switch is read back. */
#ifndef SPAWN_FLOOR_H
#define SPAWN_FLOOR_H

#include <stddef.h>
#include <stdint.h>

struct spawn_floor_job {
    const char *program;
    char *const *arguments;
    char *const *environment;
    const char *directory;
    const uint32_t *groups;
    size_t group_count;
    uint32_t user;
    uint32_t group;
    int null_device;   /* becomes descriptors 0, 1 and 2; above 2 itself */
    void *stack;       /* of the child, aligned to 16 bytes; used by one call at a time */
    size_t stack_size; /* a multiple of 16 */
};

enum spawn_floor_step {
    SPAWN_FLOOR_NO_STEP,
    SPAWN_FLOOR_DISPOSITION,
    SPAWN_FLOOR_UNSHARE,
    SPAWN_FLOOR_SESSION,
    SPAWN_FLOOR_STREAMS,
    SPAWN_FLOOR_DIRECTORY,
    SPAWN_FLOOR_AMBIENT,
    SPAWN_FLOOR_GROUPS,
    SPAWN_FLOOR_GROUP,
    SPAWN_FLOOR_USER,
    SPAWN_FLOOR_CAPABILITIES,
    SPAWN_FLOOR_MASK,
    SPAWN_FLOOR_EXECUTE,
};

struct spawn_floor_child {
    int process_descriptor;
    int failed_step; /* enum spawn_floor_step */
    int error;       /* of that step */
};

/* Starts the job and comes back when it has been executed or a step of the child has failed.
 * Returns 0, or a negative error number when there is no child. A child that failed has to be waited for as well. */
int spawn_floor_start(const struct spawn_floor_job *job, struct spawn_floor_child *child);

/* Waits for the end of a child, reaps it and closes its descriptor. Returns its exit code, 128 plus the number of the
 * signal that ended it, or a negative error number. */
int spawn_floor_wait(int process_descriptor);

#endif
