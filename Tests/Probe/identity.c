#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

static int compare_groups(const void *left, const void *right)
{
    gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;
    return a < b ? -1 : a > b;
}

static void report_groups(void)
{
    int count = getgroups(0, NULL);
    gid_t *groups = calloc((size_t)(count < 1 ? 1 : count), sizeof *groups);
    if (count < 0 || groups == NULL || getgroups(count, groups) != count)
        probe_fail("getgroups: %s", strerror(errno));
    qsort(groups, (size_t)count, sizeof *groups, compare_groups);
    json_open_array("groups");
    for (int index = 0; index < count; index++)
        json_unsigned(NULL, groups[index]);
    json_close_array();
    free(groups);
}

static void report_capabilities(const char *status)
{
    static const char *const sets[][2] = {
        {"CapInh", "inheritable"}, {"CapPrm", "permitted"}, {"CapEff", "effective"},
        {"CapBnd", "bounding"},    {"CapAmb", "ambient"},
    };
    char value[64];
    json_open_object("capabilities");
    for (size_t index = 0; index < sizeof sets / sizeof sets[0]; index++) {
        proc_status_field(status, sets[index][0], value, sizeof value);
        json_text(sets[index][1], value);
    }
    json_close_object();
}

static int prctl_value(const char *name, int operation)
{
    int value = prctl(operation, 0, 0, 0, 0);
    if (value < 0)
        probe_fail("prctl(%s): %s", name, strerror(errno));
    return value;
}

void report_identity(const char *status)
{
    uid_t user[3];
    gid_t group[3];
    char value[64];
    if (getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0)
        probe_fail("getresuid, getresgid: %s", strerror(errno));

    json_open_object("userID");
    json_unsigned("real", user[0]);
    json_unsigned("effective", user[1]);
    json_unsigned("saved", user[2]);
    /* -1 is never a valid id, so the call changes nothing and returns what is set. */
    json_unsigned("filesystem", (uid_t)setfsuid((uid_t)-1));
    json_close_object();

    json_open_object("groupID");
    json_unsigned("real", group[0]);
    json_unsigned("effective", group[1]);
    json_unsigned("saved", group[2]);
    json_unsigned("filesystem", (gid_t)setfsgid((gid_t)-1));
    json_close_object();

    report_groups();
    report_capabilities(status);
    json_integer("secureBits", prctl_value("PR_GET_SECUREBITS", PR_GET_SECUREBITS));
    json_boolean("keepCapabilities", prctl_value("PR_GET_KEEPCAPS", PR_GET_KEEPCAPS) != 0);
    json_boolean("noNewPrivileges", prctl_value("PR_GET_NO_NEW_PRIVS", PR_GET_NO_NEW_PRIVS) != 0);
    proc_status_field(status, "Seccomp", value, sizeof value);
    json_integer("seccomp", strtol(value, NULL, 10));
    json_integer("dumpable", prctl_value("PR_GET_DUMPABLE", PR_GET_DUMPABLE));
    json_integer("personality", personality(0xffffffff));

    int death_signal = 0;
    if (prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0) != 0)
        probe_fail("prctl(PR_GET_PDEATHSIG): %s", strerror(errno));
    json_integer("parentDeathSignal", death_signal);
}
