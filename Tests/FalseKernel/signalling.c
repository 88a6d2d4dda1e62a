/* The part of the launcher that signals, on a kernel with one process, whose file says what somebody likes. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../Sources/impersonation-launcher/signalling.h"
#include "false_kernel.h"

#define PROCESS_DESCRIPTOR 1000
#define FILE_DESCRIPTOR 1001
#define PROCESSES_MOST 8
#define TEXT_MOST 4096
#define STAT_MOST 1023

static _Thread_local struct {
    const char *stat;
    char **named;
    int id; /* of the process that was opened last */
    struct false_signals result;
} other;

static void complain(const char *complaint)
{
    if (other.result.complaint == NULL)
        other.result.complaint = complaint;
}

/* A number in digits alone, and what it ends at; -1 where there is none that fits. */
static long double digits(const char *text, const char **end)
{
    long double value = *text >= '0' && *text <= '9' ? 0 : -1;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (*text - '0');
    *end = text;
    return value;
}

/* The start in what the file says: behind the twentieth blank after the last parenthesis. */
static long double told_start(void)
{
    const char *at = strrchr(other.stat, ')'), *end;
    int blanks = 0;
    for (; at != NULL && *at != 0; at++)
        if (*at == ' ' && ++blanks == 20)
            return digits(at + 1, &end);
    return -1;
}

/* Whether somebody has named this process, with the start that its file tells where that is asked for too. */
static int is_named(int id, int has_start)
{
    for (char **process = other.named; *process != NULL; process++) {
        const char *end;
        if (digits(*process, &end) != id || *end != ':')
            continue;
        const long double start = digits(end + 1, &end);
        if (*end == 0 && start > 0 && (!has_start || start == told_start()))
            return 1;
    }
    return 0;
}

static long false_syscall(long number, ...)
{
    va_list list;
    va_start(list, number);
    const int first = va_arg(list, int);
    const int second = va_arg(list, int);
    va_end(list);
    if (number == SYS_pidfd_open) {
        if (first <= 1 || !is_named(first, 0))
            complain("opens whom nobody has named");
        other.id = first;
        return PROCESS_DESCRIPTOR;
    }
    if (number != SYS_pidfd_send_signal) {
        complain("calls something else");
        return -1;
    }
    other.result.sent++;
    if (first != PROCESS_DESCRIPTOR)
        complain("signals by another descriptor");
    if (second < 1 || second > 64)
        complain("sends what is no signal");
    if (!is_named(other.id, 1))
        complain("signals a process that was started at another time");
    return 0;
}

static int false_open(const char *path, int flags)
{
    char own[64];
    (void)flags;
    snprintf(own, sizeof own, "/proc/%d/stat", other.id);
    if (strcmp(path, own) != 0)
        complain("reads another file");
    return FILE_DESCRIPTOR;
}

static ssize_t false_read(int file, char *place, size_t size)
{
    const size_t length = strlen(other.stat);
    if (file != FILE_DESCRIPTOR)
        complain("reads another descriptor");
    memcpy(place, other.stat, length < size ? length : size);
    return (ssize_t)(length < size ? length : size);
}

#define open(path, flags) false_open(path, flags)
#define read(file, place, size) false_read(file, place, size)
#define close(file) ((void)(file))
#define prctl(...) ((void)0)
#define syscall(...) false_syscall(__VA_ARGS__)
#define send_signals false_send_signals
int false_send_signals(const char *signal, char *const *processes);
#include "../../Sources/impersonation-launcher/signalling.c"

struct false_signals false_signals(const uint8_t *bytes, size_t size)
{
    char text[TEXT_MOST + 1];
    char *parts[2 + PROCESSES_MOST + 1] = {NULL};
    const size_t length = size < TEXT_MOST ? size : TEXT_MOST;
    memcpy(text, bytes, length);
    text[length] = 0;
    int count = 0;
    for (char *next = text; next != NULL && count < 2 + PROCESSES_MOST; count++) {
        parts[count] = next;
        next = strchr(next, 0x1D);
        if (next != NULL)
            *next++ = 0;
    }
    memset(&other, 0, sizeof other);
    if (count < 3)
        return other.result;
    /* More of a file is not read. */
    parts[1][strnlen(parts[1], STAT_MOST)] = 0;
    other.stat = parts[1];
    other.named = parts + 2;
    other.result.status = false_send_signals(parts[0], parts + 2);
    if ((other.result.status == LAUNCH_SIGNAL_SENT) != (other.result.sent > 0) && other.result.status != LAUNCH_SIGNAL_INVALID)
        complain("says something else than it has done");
    return other.result;
}
