/* What a daemon and the launcher program say to each other where somebody else, sudo(8), switches to the account.
 *
 * sudo closes every descriptor from 3 upwards and builds an environment of its own. So the launcher has a connected socket as its
 * standard input and nothing else: it says hello, and is sent one order that brings the plan, the environment and every
 * descriptor of the job. */
#ifndef LAUNCH_ORDER_H
#define LAUNCH_ORDER_H

#include <stdint.h>

#define LAUNCH_HELLO_MAGIC 0x4f4c4c48u
#define LAUNCH_ORDER_MAGIC 0x5244524fu
#define LAUNCH_ORDER_VERSION 1u

/* RLIMIT_RTTIME is the last one that Linux has. */
#define LAUNCH_LIMIT_COUNT 16

/* The search path of a job whose program is named without a slash, and of one whose environment the order does not bring. */
#define LAUNCH_SEARCH_PATH "/usr/local/bin:/usr/bin:/bin"

/* What the launcher says first, in one write. The kernel tells who says it (SO_PASSCRED). */
struct launch_hello {
    uint32_t magic;
    uint32_t version;
    int32_t parent;
    uint32_t reserved;
    uint64_t limits[LAUNCH_LIMIT_COUNT][2]; /* soft and hard; what sudo and PAM have left of them */
};

enum launch_order_flags {
    LAUNCH_ORDER_BRINGS_ARGUMENTS = 1u << 0,    /* the launcher was named no program */
    LAUNCH_ORDER_KEEPS_ENVIRONMENT = 1u << 1,   /* what a login shell has made of it; the order's goes on top */
};

/* The answer. With it come the memory that holds the plan and the strings, the writing end of the status pipe, the token, and
 * the descriptors 0, 1, 2, 3... of the job. Behind the plan in the memory stand argv[0], the arguments if the order brings
 * them, and the environment, each string with its zero. */
struct launch_order {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t descriptor_count; /* all of them */
    uint64_t plan_size;
    uint64_t strings_size;
    uint32_t argument_count; /* argv[0] included */
    uint32_t environment_count;
};

/* How many descriptors of an order are not the job's. */
#define LAUNCH_ORDER_OWN_DESCRIPTORS 3

/* More than the kernel takes as arguments and environment of a program (a quarter of the largest stack, and 6 MiB). */
#define LAUNCH_ORDER_STRINGS_MAXIMUM (64u * 1024u * 1024u)

/* Exit codes of the launcher when it is asked to signal; 1 is sudo's. */
#define LAUNCH_SIGNAL_SENT 0
#define LAUNCH_SIGNAL_NOBODY 3
#define LAUNCH_SIGNAL_INVALID 4

/* The exit code of a launcher that could not tell anybody why it does not go on but by its standard error. */
#define LAUNCH_EXIT_FAILED 125

#endif
