/* The child plan: everything a child must become, prepared before it exists.
 *
 * A plan is one flat buffer without pointers: a header, a list of operations, and behind them the group ids and
 * strings that operations refer to by offset. It is made in Swift, read by the interpreter of interpreter.c, and means
 * the same in the address space of the daemon and in that of the trampoline. */
#ifndef LAUNCH_PLAN_H
#define LAUNCH_PLAN_H

#include <stdint.h>

#define LAUNCH_PLAN_MAGIC 0x314e504cu
#define LAUNCH_PLAN_VERSION 1u

/* The largest plan: NGROUPS_MAX (65536) groups of four bytes, and as much again for everything else. */
#define LAUNCH_PLAN_MAXIMUM_SIZE (512u * 1024u)
#define LAUNCH_GROUPS_MAXIMUM 65536u

/* Where the trampoline finds the writing end of its status pipe, the reading end of its plan, and its token. */
#define LAUNCH_STATUS_DESCRIPTOR 3
#define LAUNCH_PLAN_DESCRIPTOR 4
#define LAUNCH_TOKEN_DESCRIPTOR 5

/* Where the clone child puts extra descriptors of the job, in their order; the trampoline brings them to 3 and above once
 * its own are out of the way. */
#define LAUNCH_FIRST_EXTRA_DESCRIPTOR 6
#define LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM 64

/* A launch has one token, and who takes it decides: the child, which then becomes the job, or the daemon, which then has
 * withdrawn the launch. A kill alone decides nothing: it comes too late for a child that has become the job by then, and
 * not at all for one whose ids the daemon may not signal. For the trampoline the token is an eventfd that holds one;
 * a clone child in direct mode shares memory with the daemon and uses this word. */
enum launch_token {
    LAUNCH_TOKEN_FREE = 0,
    LAUNCH_TOKEN_COMMITTED = 1,
    LAUNCH_TOKEN_WITHDRAWN = 2,
};

/* Steps of a launch. Those of the child are at the same time the operations of a plan. */
enum launch_step {
    LAUNCH_STEP_NONE = 0,

    /* In the daemon, before there is a child. */
    LAUNCH_STEP_PREPARE = 1,
    LAUNCH_STEP_CREATE_PIPES = 2,
    LAUNCH_STEP_CREATE_TRAMPOLINE = 3,
    LAUNCH_STEP_CLONE = 4,
    LAUNCH_STEP_CREATE_CONTROL_GROUP = 5,
    LAUNCH_STEP_CONNECT = 6, /* to the system helper */

    /* In the clone child: it shares the daemon's memory and still has the daemon's identity. */
    LAUNCH_STEP_UNSHARE_DESCRIPTORS = 10, /* a: first descriptor that is not needed */
    LAUNCH_STEP_PLACE_DESCRIPTOR = 11,    /* a: source, b: target */
    LAUNCH_STEP_SEAL_DESCRIPTORS = 12,    /* a: first descriptor that is closed by the exec */
    LAUNCH_STEP_KEEP_CAPABILITIES = 14,   /* a: mask of the capabilities that the exec must not take away */
    LAUNCH_STEP_JOIN_CONTROL_GROUP = 15,  /* a: descriptor of its cgroup.procs, open for writing */
    LAUNCH_STEP_EXECUTE_TRAMPOLINE = 13,  /* a: descriptor of the image */

    /* In the trampoline, or in direct mode in the clone child. */
    LAUNCH_STEP_READ_PLAN = 20,
    LAUNCH_STEP_RESET_SIGNALS = 21,
    LAUNCH_STEP_NEW_SESSION = 22,
    LAUNCH_STEP_SCHEDULING = 23,
    LAUNCH_STEP_IO_PRIORITY = 24,
    LAUNCH_STEP_NICE = 25,        /* a: nice value, signed */
    LAUNCH_STEP_OOM_SCORE = 26,
    LAUNCH_STEP_SESSION_KEYRING = 27,
    LAUNCH_STEP_RESOURCE_LIMIT = 28, /* a: resource, b: soft, c: hard */
    LAUNCH_STEP_BOUNDING_SET = 29,
    LAUNCH_STEP_AMBIENT_SET = 30,
    LAUNCH_STEP_INHERITABLE_SET = 31,
    LAUNCH_STEP_GROUPS = 32,          /* a: offset of the ids, b: count */
    LAUNCH_STEP_GROUP_ID = 33,        /* a: gid */
    LAUNCH_STEP_EFFECTIVE_USER_ID = 34, /* a: uid */
    LAUNCH_STEP_USER_ID = 35,         /* a: uid */
    LAUNCH_STEP_CAPABILITIES = 36,
    LAUNCH_STEP_NO_NEW_PRIVILEGES = 37,
    LAUNCH_STEP_VERIFY_USER_ID = 38,       /* a: uid */
    LAUNCH_STEP_VERIFY_GROUP_ID = 39,      /* a: gid */
    LAUNCH_STEP_VERIFY_GROUPS = 40,        /* a: offset of the ids, sorted, b: count */
    LAUNCH_STEP_VERIFY_CAPABILITIES = 41,
    LAUNCH_STEP_VERIFY_NO_REGAIN = 42,     /* a: uid and b: gid that must not come back */
    LAUNCH_STEP_VERIFY_NO_NEW_PRIVILEGES = 43,
    LAUNCH_STEP_FILE_MODE_MASK = 44,       /* a: mask */
    LAUNCH_STEP_WORKING_DIRECTORY = 45,    /* a: offset of the path, b: offset of the path to fall back to, or 0 */
    LAUNCH_STEP_OPEN_STREAM = 46,          /* a: offset of the path, b: flags, c: mode << 32 | target */
    LAUNCH_STEP_CLOSE_DESCRIPTORS = 47,    /* a: first descriptor that is closed, b: 0 by the exec, 1 at once */
    LAUNCH_STEP_REPORT = 48,
    LAUNCH_STEP_SIGNAL_MASK = 49,
    LAUNCH_STEP_EXECUTE = 50,              /* a: offset of the paths, each with its zero, b: count */
    LAUNCH_STEP_NOT_DUMPABLE = 51,
    LAUNCH_STEP_CONTROLLING_TERMINAL = 57, /* a: descriptor of a terminal that is nobody's */
    LAUNCH_STEP_OWN_TERMINAL = 58,         /* a: descriptor, b: gid << 32 | uid, c: mode */
    LAUNCH_STEP_MOVE_DESCRIPTORS = 56,     /* a: where the trampoline's own status pipe and, behind it, token go */
    LAUNCH_STEP_PARENT = 53,               /* a: process id of the parent, b: signal that the parent's end is told by, or 0 */
    LAUNCH_STEP_COMMIT = 52,               /* takes the token; ECANCELED when the daemon has it */

    /* In the daemon, once there is a child. */
    LAUNCH_STEP_CONFIRM = 60,
    LAUNCH_STEP_VERIFY_OUTSIDE = 61,
    LAUNCH_STEP_WAIT = 62,

    /* In the system helper, around a job with a PAM session. */
    LAUNCH_STEP_SESSION_START = 70,
    LAUNCH_STEP_SESSION_AUTHENTICATE = 71,
    LAUNCH_STEP_SESSION_ACCOUNT = 72,
    LAUNCH_STEP_SESSION_CREDENTIALS = 73,
    LAUNCH_STEP_SESSION_OPEN = 74,
    LAUNCH_STEP_SESSION_CLOSE = 75,
};

/* What must have been done before LAUNCH_STEP_EXECUTE hands over to the job. The interpreter refuses a plan that asks
 * for a job without it, so that a mistake in the making of plans cannot run a job as the daemon. */
enum launch_requirement {
    LAUNCH_REQUIRES_GROUPS = 1u << 0,
    LAUNCH_REQUIRES_GROUP_ID = 1u << 1,
    LAUNCH_REQUIRES_USER_ID = 1u << 2,
    LAUNCH_REQUIRES_VERIFIED_USER_ID = 1u << 3,
    LAUNCH_REQUIRES_VERIFIED_GROUP_ID = 1u << 4,
    LAUNCH_REQUIRES_VERIFIED_GROUPS = 1u << 5,
    LAUNCH_REQUIRES_VERIFIED_CAPABILITIES = 1u << 6,
    LAUNCH_REQUIRES_VERIFIED_NO_REGAIN = 1u << 7,
    LAUNCH_REQUIRES_COMMIT = 1u << 8,

    LAUNCH_REQUIRES_SWITCH = LAUNCH_REQUIRES_GROUPS | LAUNCH_REQUIRES_GROUP_ID | LAUNCH_REQUIRES_USER_ID,
    LAUNCH_REQUIRES_PROOF = LAUNCH_REQUIRES_VERIFIED_USER_ID | LAUNCH_REQUIRES_VERIFIED_GROUP_ID
        | LAUNCH_REQUIRES_VERIFIED_GROUPS | LAUNCH_REQUIRES_VERIFIED_CAPABILITIES | LAUNCH_REQUIRES_VERIFIED_NO_REGAIN,
};

/* How a plan is meant to be run. There is no value without a requirement: even a job that keeps the account of the
 * worker proves that it has that account and no capability. */
enum launch_kind {
    LAUNCH_KIND_ISOLATED = 0x5a17,     /* switch and proof in the trampoline */
    LAUNCH_KIND_DIRECT = 0x36c9,       /* switch in the clone child, proof from outside */
    LAUNCH_KIND_KEEP_ACCOUNT = 0x695c, /* no switch, proof in the trampoline */
    LAUNCH_KIND_SWITCHED = 0x2d72,     /* somebody else has switched, proof in the launcher program */
    LAUNCH_KIND_BOOTSTRAP = 0x4ba3,    /* the way into the trampoline; it cannot run a job */
};

struct launch_plan {
    uint32_t magic;
    uint32_t version;
    uint32_t size; /* of the whole buffer, the operations and everything behind them included */
    uint32_t kind;
    uint32_t operation_count;
    uint32_t reserved;
};

struct launch_operation {
    uint32_t step;
    uint32_t reserved;
    uint64_t a;
    uint64_t b;
    uint64_t c;
};

/* The one failure that ended a launch. */
struct launch_failure {
    uint32_t step;
    int32_t error;
    uint32_t operation; /* index in the plan, tells apart operations of the same step */
};

enum launch_message_kind {
    LAUNCH_MESSAGE_FAILED = 0x46414c45,
    LAUNCH_MESSAGE_PREPARED = 0x50524550,
};

/* What a trampoline writes to its status pipe, in one write: PREPARED right before it becomes the job, FAILED when it
 * cannot. The end of the pipe after PREPARED means that the job runs; without any message, that the child has died. */
struct launch_message {
    uint32_t kind;
    uint32_t step;
    int32_t error;
    uint32_t operation;
    uint32_t fell_back; /* whether the working directory is the one to fall back to */
    uint32_t reserved;
};

#endif
