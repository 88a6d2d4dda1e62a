#define _GNU_SOURCE

#include "signalling.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch_order.h"

#define LAST_SIGNAL 64
#define START_FIELD 20 /* behind the name, counted from 1 */

/* Digits and nothing else, which strtoull(3) is not content with. */
static int number(const char **text, unsigned long long most, unsigned long long *value)
{
    *value = 0;
    if (**text < '0' || **text > '9')
        return 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (*value > most / 10)
            return 0;
        *value = *value * 10 + (unsigned long long)(**text - '0');
        if (*value > most)
            return 0;
    }
    return 1;
}

/* When a process was started (proc_pid_stat(5)); 0 when it is gone. Its name may hold anything, so the last parenthesis counts. */
static unsigned long long start_of(int process)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    const ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0)
        return 0;
    text[size] = 0;
    const char *field = strrchr(text, ')');
    if (field == NULL)
        return 0;
    for (int i = 0; i < START_FIELD; i++) {
        field = strchr(field + 1, ' ');
        if (field == NULL)
            return 0;
    }
    field++;
    unsigned long long start;
    return number(&field, UINT64_MAX, &start) ? start : 0;
}

static int send_one(int signal, const char *process)
{
    unsigned long long id, start;
    /* 0, 1 and what is negative mean groups, init, or everybody. */
    if (!number(&process, INT32_MAX, &id) || id <= 1 || *process++ != ':' || !number(&process, UINT64_MAX, &start)
        || *process != 0 || start == 0)
        return -EINVAL;
    const int descriptor = (int)syscall(SYS_pidfd_open, (pid_t)id, 0);
    if (descriptor < 0)
        return -errno;
    /* Read behind the descriptor: what has this start now is what the descriptor means. */
    int result = start_of((int)id) == start ? 0 : -ESRCH;
    if (result == 0 && syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0) != 0)
        result = -errno;
    close(descriptor);
    return result;
}

int send_signals(const char *signal, char *const *processes)
{
    unsigned long long value;
    if (!number(&signal, LAST_SIGNAL, &value) || *signal != 0 || value == 0)
        return LAUNCH_SIGNAL_INVALID;
    /* The account can stop this process, and the daemon ends no more than the sudo of a call that does not end. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int sent = 0;
    for (; *processes != NULL; processes++) {
        const int result = send_one((int)value, *processes);
        if (result == -EINVAL)
            return LAUNCH_SIGNAL_INVALID;
        sent += result == 0;
    }
    return sent > 0 ? LAUNCH_SIGNAL_SENT : LAUNCH_SIGNAL_NOBODY;
}
