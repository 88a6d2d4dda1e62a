#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { last_signal = 64 };

static void report_set(const char *status, const char *field, const char *name)
{
    char value[64];
    proc_status_field(status, field, value, sizeof value);
    uint64_t set = strtoull(value, NULL, 16);
    json_open_array(name);
    for (int number = 1; number <= last_signal; number++)
        if ((set >> (number - 1) & 1) != 0)
            json_integer(NULL, number);
    json_close_array();
}

/* glibc's sigaction refuses the two signals it keeps for itself (32 and 33); a job inherits those as well, so the
 * kernel is asked. Its structure starts with the handler on every architecture Swift runs on but MIPS. */
static const char *disposition(int number)
{
    unsigned long action[16] = {0};
    if (syscall(SYS_rt_sigaction, number, NULL, action, (size_t)8) != 0)
        probe_fail("rt_sigaction(%d): %s", number, strerror(errno));
    if (action[0] == (unsigned long)SIG_DFL)
        return "default";
    return action[0] == (unsigned long)SIG_IGN ? "ignored" : "handled";
}

void report_signals(const char *status)
{
    json_open_object("signals");
    report_set(status, "SigPnd", "pending");
    report_set(status, "ShdPnd", "sharedPending");
    report_set(status, "SigBlk", "blocked");
    report_set(status, "SigIgn", "ignored");
    report_set(status, "SigCgt", "caught");
    json_open_array("dispositions");
    for (int number = 1; number <= last_signal; number++)
        json_text(NULL, disposition(number));
    json_close_array();
    json_close_object();
}
