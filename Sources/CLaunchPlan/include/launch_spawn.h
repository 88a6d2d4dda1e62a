/* The daemon's side of a launch: what Swift cannot say itself. Every function returns a negative error number on
 * failure and takes no lock. */
#ifndef LAUNCH_SPAWN_H
#define LAUNCH_SPAWN_H

#include <stddef.h>
#include <stdint.h>

#include "launch_plan.h"

/* A stack for clone children, with a guard page below. One child at a time uses it. */
#define LAUNCH_STACK_SIZE (64u * 1024u)

struct launch_spawn_request {
    const struct launch_plan *plan; /* run by the clone child */
    char *const *arguments;         /* of the program the plan becomes, ended by a null pointer */
    char *const *environment;       /* likewise */
    void *stack;                    /* from launch_stack_create */
    int control_group;              /* directory of cgroup v2 that the child is cloned into, or -1; clone3(2) only */
};

/* Written while the child runs; another thread may read the descriptor of the process to end a child that stands
 * still. */
struct launch_spawn_result {
    int32_t process;            /* process id, 0 until there is a child */
    int32_t process_descriptor; /* pidfd, close-on-exec, -1 until there is a child */
    struct launch_failure failure;
    uint32_t fell_back; /* whether the working directory is the one to fall back to */
    uint32_t is_there;  /* whether the child has begun, and so the descriptor is one */
    uint32_t token;     /* an enum launch_token; free until somebody takes it */
};

/* Clones a child that shares the memory of the caller, runs the plan in it, and comes back when the child has become
 * another program or has ended. Returns 0 when there is a child to wait for, even a failed one. */
int launch_spawn(const struct launch_spawn_request *request, struct launch_spawn_result *result);

/* The descriptor of the process as another thread sees it while launch_spawn has not come back: -1 until there is one. */
int launch_watched_descriptor(const struct launch_spawn_result *result);

/* Takes the token of a launch whose child shares this memory. Returns whether the launch is withdrawn, now or before: the
 * child does not become the job. Otherwise it is past the point of no return. */
int launch_withdraw(struct launch_spawn_result *result);

/* Maps a stack. Returns null when there is no memory. */
void *launch_stack_create(void);
void launch_stack_destroy(void *stack);

/* Closes descriptors whose file systems may take hours over it (FUSE flushes at each close): a child that shares this process's
 * table, and its memory, takes them out of it and waits. They are the caller's no more. Each call takes 128 KiB of addresses for
 * good. Returns the number of that child, or 0 when they were closed here. Until it ends, a fork gets what is not closed yet. */
int launch_close_aside(const int32_t *descriptors, int count);

/* Where an image of a program is kept so that only its descriptor is needed to run it. */
enum launch_image_place {
    LAUNCH_IMAGE_SEALED_MEMORY = 0, /* memfd_create(2), sealed */
    LAUNCH_IMAGE_UNNAMED_FILE = 1,  /* O_TMPFILE in the given directory, without a name */
};

/* Makes a descriptor, close-on-exec and read-only, that holds an executable image nobody can change. Returns it. */
int launch_image_create(const void *image, size_t size, enum launch_image_place place, const char *directory);

/* How a process ended, and what it used. */
struct launch_exit {
    int32_t code;   /* CLD_EXITED, CLD_KILLED or CLD_DUMPED */
    int32_t status; /* exit code or signal */
    int64_t user_microseconds;
    int64_t system_microseconds;
    int64_t peak_resident_bytes;
    int64_t input_blocks;  /* of 512 bytes, read from block devices (ru_inblock) */
    int64_t output_blocks; /* likewise, written (ru_oublock) */
};

/* waitid(2) on a process descriptor, without waiting. Returns 1 and fills in the exit when the process has ended and
 * is reaped now, 0 when it runs. */
int launch_reap(int process_descriptor, struct launch_exit *exit);

/* The exit status of a process that somebody else has reaped (PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15).
 * Returns 0 and fills in code and status. */
int launch_exit_of_reaped(int process_descriptor, struct launch_exit *exit);

/* pidfd_send_signal(2). */
int launch_signal(int process_descriptor, int signal);

/* What the kernel says of the ids of a process and of its cgroup, from outside (PIDFD_GET_INFO, Linux 6.13). The id of a
 * cgroup is the inode number of its directory; 0 where the kernel knows none. */
struct launch_credentials {
    uint32_t real_user, effective_user, saved_user;
    uint32_t real_group, effective_group, saved_group;
    uint32_t file_system_user, file_system_group;
    uint64_t control_group;
};
int launch_credentials_of(int process_descriptor, struct launch_credentials *credentials);

/* Signals the process group that a process leads: by its descriptor since Linux 6.9 (PIDFD_SIGNAL_PROCESS_GROUP), before that by
 * its number, which is its own only while nobody has reaped it: of a child of this process alone. Returns 0 or a negative error
 * number, -EINVAL where there is no way to it. */
int launch_signal_group(int process_descriptor, int process, int signal);

/* Whether a child has ended, without reaping it: 1, 0, or a negative error number. */
int launch_has_ended(int process_descriptor);

/* Whether SIGCHLD is ignored, or its disposition keeps no zombies (SA_NOCLDWAIT). */
int launch_ignores_child_signal(void);

/* Whether the securebits of the calling thread are the kernel's own (PR_GET_SECUREBITS is 0). */
int launch_has_default_securebits(void);

/* Whether the capability bounding set of the calling thread is empty (PR_CAPBSET_READ). */
int launch_has_empty_bounding_set(void);

/* Whether the calling thread has a capability in its effective set; a negative error number when it cannot tell. */
int launch_has_capability(unsigned capability);

/* Whether the calling thread has a capability, or may raise one (its permitted set); also 1 when it cannot tell. */
int launch_has_any_capability(void);

#endif
