#include "probe.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/ioprio.h, which not every distribution installs. */
enum { io_priority_of_process = 1 };

static void report_value(const char *name, rlim_t value)
{
    if (value == RLIM_INFINITY)
        json_null(name);
    else
        json_unsigned(name, value);
}

void report_limits(void)
{
    static const struct {
        const char *name;
        int resource;
    } limits[] = {
        {"addressSpace", RLIMIT_AS},
        {"core", RLIMIT_CORE},
        {"cpu", RLIMIT_CPU},
        {"data", RLIMIT_DATA},
        {"fileSize", RLIMIT_FSIZE},
        {"lockedMemory", RLIMIT_MEMLOCK},
        {"locks", RLIMIT_LOCKS},
        {"messageQueues", RLIMIT_MSGQUEUE},
        {"nice", RLIMIT_NICE},
        {"openFiles", RLIMIT_NOFILE},
        {"pendingSignals", RLIMIT_SIGPENDING},
        {"processes", RLIMIT_NPROC},
        {"realtimePriority", RLIMIT_RTPRIO},
        {"realtimeTime", RLIMIT_RTTIME},
        {"residentSet", RLIMIT_RSS},
        {"stack", RLIMIT_STACK},
    };
    json_open_object("limits");
    for (size_t index = 0; index < sizeof limits / sizeof limits[0]; index++) {
        struct rlimit limit;
        if (getrlimit(limits[index].resource, &limit) != 0)
            probe_fail("getrlimit(%s): %s", limits[index].name, strerror(errno));
        json_open_object(limits[index].name);
        report_value("soft", limit.rlim_cur);
        report_value("hard", limit.rlim_max);
        json_close_object();
    }
    json_close_object();
}

void report_scheduling(void)
{
    errno = 0;
    int nice_value = getpriority(PRIO_PROCESS, 0);
    struct sched_param parameter;
    cpu_set_t processors;
    if (errno != 0 || sched_getparam(0, &parameter) != 0 || sched_getaffinity(0, sizeof processors, &processors) != 0)
        probe_fail("scheduling: %s", strerror(errno));
    json_integer("nice", nice_value);
    json_integer("schedulerPolicy", sched_getscheduler(0));
    json_integer("schedulerPriority", parameter.sched_priority);
    json_integer("ioPriority", syscall(SYS_ioprio_get, io_priority_of_process, 0));
    json_open_array("processors");
    for (int number = 0; number < CPU_SETSIZE; number++)
        if (CPU_ISSET(number, &processors))
            json_integer(NULL, number);
    json_close_array();
    json_integer("timerSlackNanoseconds", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));

    char *adjustment = proc_read("/proc/self/oom_score_adj", NULL);
    if (adjustment == NULL)
        json_null("outOfMemoryAdjustment");
    else
        json_integer("outOfMemoryAdjustment", strtol(adjustment, NULL, 10));
    free(adjustment);
}
