/* The tie between a job and the process that started it; a part of interpreter.c. */
#ifndef LAUNCH_PARENT_H
#define LAUNCH_PARENT_H

#include <linux/prctl.h>

/* After the switch, which clears the signal (kernel/cred.c, commit_creds), and before the exec, which keeps it. A parent
 * that has ended in between sends none any more: then the child has another one by now. */
static UNINSTRUMENTED long tie_to_parent(uint64_t parent, uint64_t signal)
{
    if (parent <= 1 || parent > INT32_MAX || signal > LAST_SIGNAL)
        return -ERROR_BAD_MESSAGE;
    if (signal != 0) {
        long result = SYSTEM_CALL_5(__NR_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0);
        if (result < 0)
            return result;
    }
    return SYSTEM_CALL_0(__NR_getppid) == (long)parent ? 0 : -ERROR_NO_PROCESS;
}

#endif
