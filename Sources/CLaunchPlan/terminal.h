/* The steps of a job with a terminal; a part of interpreter.c. */
#ifndef LAUNCH_TERMINAL_H
#define LAUNCH_TERMINAL_H

#include <asm/ioctls.h>

#define TERMINAL_MODE_MOST 0620u

/* The leader of a new session gets the terminal, unless it is another session's: 0 takes it away from nobody. */
static UNINSTRUMENTED long control_terminal(uint64_t descriptor)
{
    return SYSTEM_CALL_3(__NR_ioctl, descriptor, TIOCSCTTY, 0);
}

/* Once the session has it: until then another process of the account could make it its own. The mode comes first, because a
 * daemon that is not root may have the right to give the terminal away (CAP_CHOWN), but none over it afterwards. */
static UNINSTRUMENTED long own_terminal(uint64_t descriptor, uint32_t user, uint32_t group, uint64_t mode)
{
    if (user == 0 || user == UINT32_MAX || group == UINT32_MAX || (mode & ~(uint64_t)TERMINAL_MODE_MOST) != 0)
        return -ERROR_BAD_MESSAGE;
    long result = SYSTEM_CALL_2(__NR_fchmod, descriptor, mode);
    if (result == -ERROR_PERMITTED) {
        /* The terminal was opened by another user, for whom a helper with CAP_CHOWN alone launches. */
        result = SYSTEM_CALL_3(__NR_fchown, descriptor, SYSTEM_CALL_0(__NR_geteuid), UINT32_MAX);
        if (result >= 0)
            result = SYSTEM_CALL_2(__NR_fchmod, descriptor, mode);
    }
    return result < 0 ? result : SYSTEM_CALL_3(__NR_fchown, descriptor, user, group);
}

#endif
