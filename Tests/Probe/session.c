#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/keyctl.h. */
enum { keyctl_get_keyring_id = 0, keyctl_describe = 6, session_keyring = -3 };

/* An unset id is written as 4294967295 in these files. */
static void report_audit_id(const char *name, const char *path)
{
    char *contents = proc_read(path, NULL);
    unsigned long value = contents == NULL ? UINT32_MAX : strtoul(contents, NULL, 10);
    if (value == UINT32_MAX)
        json_null(name);
    else
        json_unsigned(name, value);
    free(contents);
}

static void report_keyring(void)
{
    char description[512];
    long keyring = syscall(SYS_keyctl, keyctl_get_keyring_id, session_keyring, 0, 0, 0);
    long count = keyring < 0 ? -1 : syscall(SYS_keyctl, keyctl_describe, keyring, description, sizeof description, 0);
    if (count < 0 || count > (long)sizeof description)
        json_null("sessionKeyring");
    else
        json_text("sessionKeyring", description);
    if (keyring < 0)
        json_null("sessionKeyringID");
    else
        json_integer("sessionKeyringID", keyring);
}

/* The seventh field of /proc/self/stat; the second one may hold blanks and parentheses of its own. */
static long terminal_number(void)
{
    char *contents = proc_read("/proc/self/stat", NULL);
    char *field = contents == NULL ? NULL : strrchr(contents, ')');
    if (field == NULL)
        probe_fail("/proc/self/stat: %s", strerror(errno));
    char *rest = NULL;
    field = strtok_r(field, " ", &rest);
    for (int number = 2; number < 7 && field != NULL; number++)
        field = strtok_r(NULL, " ", &rest);
    long value = field == NULL ? 0 : strtol(field, NULL, 10);
    free(contents);
    return value;
}

void report_session(void)
{
    json_integer("process", getpid());
    json_integer("parent", getppid());
    json_integer("session", getsid(0));
    json_integer("processGroup", getpgrp());
    json_boolean("sessionLeader", getsid(0) == getpid());
    json_integer("controllingTerminal", terminal_number());
    report_audit_id("loginUserID", "/proc/self/loginuid");
    report_audit_id("auditSession", "/proc/self/sessionid");
    report_keyring();

    char *contents = proc_read("/proc/self/cgroup", NULL);
    char *rest = NULL;
    json_open_array("cgroups");
    for (char *line = contents == NULL ? NULL : strtok_r(contents, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        json_text(NULL, line);
    json_close_array();
    free(contents);
}
