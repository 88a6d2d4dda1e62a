/* Children that share the memory of their parent and run on a stack of their own. */
#ifndef LAUNCH_CLONE_H
#define LAUNCH_CLONE_H

#include <stdint.h>

#define LAUNCH_BLOCK_SIGNALS 0 /* SIG_BLOCK */
#define LAUNCH_SET_SIGNALS 2   /* SIG_SETMASK */

/* What a child runs. It never comes back from that, and speaks to the kernel alone (system_call.h). */
struct clone_child {
    void (*function)(void *);
    void *argument;
};

/* Clones a child (clone3(2), else clone(2)); every signal is to be blocked meanwhile. The stack is one of launch_stack_create.
 * The descriptor is for CLONE_PIDFD. Returns its process id or a negative error number. */
__attribute__((visibility("hidden"))) long launch_clone_child(
    void *stack,
    struct clone_child child,
    unsigned long flags,
    int end_signal,
    int control_group,
    int32_t *process_descriptor);

#endif
