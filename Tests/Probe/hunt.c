#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is told is one line each, written at once: nobody waits for the end of a hunt. */
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    char line[128];
    va_list list;
    va_start(list, format);
    const int count = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (write(STDOUT_FILENO, line, (size_t)count) != count)
        _exit(PROBE_FAILURE);
}

/* One process as it was when it was looked at. */
struct sight {
    char name[17];
    char state;
    unsigned long long start;
    /* Real, effective and saved. */
    uid_t users[3];
};

/* Reads a small file without memory of its own, as often as a hunt does. */
static bool read_text(pid_t process, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, file);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    const ssize_t count = read(descriptor, text, size - 1);
    close(descriptor);
    text[count > 0 ? count : 0] = '\0';
    return count > 0;
}

static bool look_at(pid_t process, struct sight *sight)
{
    char text[4096];
    if (!read_text(process, "status", text, sizeof text))
        return false;
    const char *users = strstr(text, "\nUid:");
    if (users == NULL || sscanf(users, "\nUid: %u %u %u", &sight->users[0], &sight->users[1], &sight->users[2]) != 3)
        return false;
    if (!read_text(process, "stat", text, sizeof text))
        return false;
    const char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (name == NULL || end == NULL || end - name > (ptrdiff_t)sizeof sight->name)
        return false;
    memset(sight->name, 0, sizeof sight->name);
    memcpy(sight->name, name + 1, (size_t)(end - name - 1));
    sight->state = end[2];
    const char *field = end + 1;
    for (int number = 3; number < 22 && field != NULL; number++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return false;
    sight->start = strtoull(field, NULL, 10);
    return true;
}

static bool has_user(const struct sight *sight, uid_t user)
{
    return sight->users[0] == user || sight->users[1] == user || sight->users[2] == user;
}

/* An error that says no, or that nobody is there; any other one comes behind the look at rights. */
static bool is_refusal(void)
{
    return errno == EPERM || errno == EACCES || errno == ESRCH || errno == ENOENT;
}

static bool traces(pid_t process, enum __ptrace_request request)
{
    if (ptrace(request, process, NULL, NULL) != 0)
        return false;
    if (request == PTRACE_SEIZE)
        ptrace(PTRACE_INTERRUPT, process, NULL, NULL);
    waitpid(process, NULL, __WALL);
    ptrace(PTRACE_DETACH, process, NULL, NULL);
    return true;
}

static bool reads_memory(pid_t process)
{
    static char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};
    return process_vm_readv(process, &here, 1, &there, 1, 0) >= 0 || !is_refusal();
}

/* The file of a process without memory can be opened on some kernels, and is empty. */
static bool opens_memory(pid_t process)
{
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%d/mem", process);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    const bool has_memory = pread(file, &byte, 1, 0) != 0;
    close(file);
    return has_memory;
}

static bool lists_descriptors(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", process);
    const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        close(directory);
    return directory >= 0;
}

static bool takes_descriptor(pid_t process)
{
    const int handle = (int)syscall(SYS_pidfd_open, process, 0);
    if (handle < 0)
        return false;
    const long taken = syscall(SYS_pidfd_getfd, handle, 0, 0);
    const bool is_taken = taken >= 0 || !is_refusal();
    if (taken >= 0)
        close((int)taken);
    close(handle);
    return is_taken;
}

/* Everything that would reach the memory or the descriptors of a process. */
static void attack(pid_t process)
{
    if (reads_memory(process))
        tell("reached %d by process_vm_readv\n", process);
    if (opens_memory(process))
        tell("reached %d by /proc/PID/mem\n", process);
    if (lists_descriptors(process))
        tell("reached %d by /proc/PID/fd\n", process);
    if (takes_descriptor(process))
        tell("reached %d by pidfd_getfd\n", process);
    if (traces(process, PTRACE_SEIZE))
        tell("reached %d by PTRACE_SEIZE\n", process);
    if (traces(process, PTRACE_ATTACH))
        tell("reached %d by PTRACE_ATTACH\n", process);
}

/* A process of the account that has begun after this one. The account may signal it, so that it stands still while it is
 * looked at; what is not the program yet may be killed there. */
static void meet(pid_t process, const char *program, bool kills, const struct sight *own)
{
    struct sight before, after;
    if (!look_at(process, &before) || !has_user(&before, getuid()) || before.start < own->start || before.state == 'Z')
        return;
    attack(process);
    if (!look_at(process, &after) || after.start != before.start || after.state == 'Z')
        return;
    const bool is_program = strcmp(after.name, program) == 0;
    const bool is_own = before.users[0] == getuid() && before.users[2] == getuid();
    if (!is_own && kill(process, 0) == 0 && look_at(process, &after) && after.start == before.start
        && after.users[0] == before.users[0] && after.users[2] == before.users[2])
        tell("reached %d by kill\n", process);
    /* Who has stopped cannot have become the program since. */
    if (is_program || !is_own || before.state != 'T')
        return;
    tell("before %d\n", process);
    if (kills && kill(process, SIGKILL) == 0)
        tell("killed %d\n", process);
}

void hunt_account(const char *program, bool kills)
{
    /* A stop can hit nobody but processes of this account, and never this one (kill(2)). */
    enum { stops = 400 };
    struct sight own;
    if (!look_at(getpid(), &own))
        probe_fail("this process cannot be looked at");
    tell("ready\n");
    for (;;) {
        for (int count = 0; count < stops; count++)
            kill(-1, SIGSTOP);
        DIR *directory = opendir("/proc");
        if (directory == NULL)
            probe_fail("/proc: %s", strerror(errno));
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            const pid_t process = atoi(entry->d_name);
            if (process > 1 && process != getpid())
                meet(process, program, kills, &own);
        }
        closedir(directory);
        kill(-1, SIGCONT);
    }
}

void hunt_process(int64_t number)
{
    const pid_t process = (pid_t)number;
    struct sight before, after;
    tell("ready\n");
    while (look_at(process, &before)) {
        if (before.users[1] != getuid())
            continue;
        attack(process);
        if (kill(process, 0) == 0)
            tell("reached %d by kill\n", process);
        struct rlimit limit;
        if (prlimit(process, RLIMIT_NOFILE, NULL, &limit) == 0)
            tell("reached %d by prlimit\n", process);
        if (look_at(process, &after) && after.users[1] == getuid())
            tell("before %d\n", process);
    }
}
