/* The jobs of `spawn-benchmarks hostile`. Everything here has the rights of an ordinary account.
 *
 *   hostile-job load COMPUTING FORKING ALONE  so many processes that do nothing but compute, so many that fork all the time
 *                                             as a build does, and so many that compute in sessions of their own
 *   hostile-job attack ROLES FILE [GROUP...]  what an account can do against launches
 *   hostile-job wait                          waits until it is killed
 *
 * ROLES has a digit for each process of the attack: 0 harasses the account's own processes, 1 tries every process there is,
 * 2 tries control groups, 3 forks, 4 floods standard output, 5 floods it in single bytes, by four processes.
 * FILE is a program of the account's own, which gets a lease; each GROUP is a directory with control groups. The first
 * two write "ready" to standard error when they are at it. What reaches somebody else is told there, as "reached ...". */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_escaped = 16, sweeps_between_kills = 64 };

static pid_t session;

/* Those of this job that have left its session; shared by its processes. */
static volatile pid_t *escaped;

static void pause_for(long milliseconds)
{
    const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The real user id of a process; -1 when it is gone. */
static long owner_of(pid_t process)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/status", process);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    const ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return -1;
    text[count] = 0;
    const char *line = strstr(text, "\nUid:");
    return line ? strtol(line + 5, NULL, 10) : -1;
}

static int is_of_this_job(pid_t process)
{
    if (getsid(process) == session) return 1;
    for (int index = 0; index < most_escaped; index++) {
        if (escaped[index] == process) return 1;
    }
    return 0;
}

/* Tells of a call that has worked on a process of somebody else, before and after it. */
static void tell_reached(const char *call, pid_t process, long owner_before)
{
    if (owner_before >= 0 && owner_before != (long)getuid() && owner_of(process) == owner_before) {
        dprintf(STDERR_FILENO, "reached process %d of user %ld by %s\n", process, owner_before, call);
    }
}

static int is_time_to_kill(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec * 1000 + now.tv_nsec / 1000000) / 400 % 2 == 0;
}

/* Stops, continues, traces and now and then kills every process of the account outside this job: those on their way to
 * be a job, and whatever is one. */
static void harass_own(void)
{
    for (unsigned sweep = 0;; sweep++) {
        DIR *directory = opendir("/proc");
        if (!directory) continue;
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            const pid_t process = atoi(entry->d_name);
            if (process <= 1 || is_of_this_job(process) || owner_of(process) != (long)getuid()) continue;
            kill(process, SIGSTOP);
            kill(process, SIGCONT);
            if (ptrace(PTRACE_SEIZE, process, 0, 0) == 0) {
                ptrace(PTRACE_INTERRUPT, process, 0, 0);
                /* Every other one stays stopped by its tracer until it is killed or the tracer ends. */
                if (sweep % 2 == 0) {
                    waitpid(process, NULL, __WALL | WNOHANG);
                    ptrace(PTRACE_DETACH, process, 0, SIGSTOP);
                }
            }
            /* Not all the time, so that others stand still until their deadline. */
            if (sweep % sweeps_between_kills == sweeps_between_kills - 1 && is_time_to_kill()) kill(process, SIGKILL);
        }
        closedir(directory);
        while (waitpid(-1, NULL, __WALL | WNOHANG) > 0) {
        }
    }
}

/* Tries signals, priorities and limits on every number that a process may have. */
static void harass_all(void)
{
    static const int signals[] = {SIGSTOP, SIGCONT, SIGTERM, SIGKILL};
    for (unsigned round = 0;; round++) {
        const pid_t fresh = fork();
        if (fresh == 0) _exit(0);
        if (fresh > 0) waitpid(fresh, NULL, 0);
        const pid_t last = fresh > 0 ? fresh + 64 : 32768;
        /* Numbers rise, so most of what runs is near the newest. */
        const pid_t first = round % 64 == 0 || last < 2048 ? 1 : last - 2048;
        for (pid_t process = first; process < last; process++) {
            const pid_t its_session = getsid(process);
            if (its_session < 0 || is_of_this_job(process)) continue;
            const long owner = owner_of(process);
            if (owner < 0 || owner == (long)getuid()) continue;
            if (kill(process, signals[round % 4]) == 0) tell_reached("kill", process, owner);
            if (setpriority(PRIO_PROCESS, (id_t)process, 19) == 0) tell_reached("setpriority", process, owner);
            const struct sched_param none = {0};
            if (sched_setscheduler(process, SCHED_IDLE, &none) == 0) tell_reached("sched_setscheduler", process, owner);
            const struct rlimit tight = {0, 0};
            if (prlimit(process, RLIMIT_NOFILE, &tight, NULL) == 0) tell_reached("prlimit", process, owner);
            if (ptrace(PTRACE_SEIZE, process, 0, 0) == 0) tell_reached("ptrace", process, owner);
        }
    }
}

static void try_to_write(const char *directory, const char *file, const char *text)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path) return;
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    if (write(descriptor, text, strlen(text)) > 0) {
        dprintf(STDERR_FILENO, "reached %s with %s\n", path, text);
    }
    close(descriptor);
}

static int try_group(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)place;
    if (kind != FTW_D) return 0;
    char number[16];
    snprintf(number, sizeof number, "%d", getpid());
    try_to_write(path, "cgroup.procs", number);
    snprintf(number, sizeof number, "%d", getppid());
    try_to_write(path, "cgroup.procs", number);
    try_to_write(path, "cgroup.procs", "1");
    try_to_write(path, "cgroup.freeze", "1");
    try_to_write(path, "cgroup.kill", "1");
    return 0;
}

static void move_between_groups(char **groups)
{
    for (;;) {
        for (char **group = groups; *group; group++) nftw(*group, try_group, 16, FTW_PHYS);
    }
}

/* One child after the other; now and then one in a session of its own, whose parent is gone. */
static void fork_all_the_time(void)
{
    unsigned count = 0;
    for (unsigned number = 0;; number++) {
        const int escapes = number % 8 == 7 && count < most_escaped;
        const pid_t child = fork();
        if (child == 0) {
            if (!escapes) _exit(0);
            const pid_t grandchild = fork();
            if (grandchild == 0) {
                escaped[count] = getpid();
                setsid();
                signal(SIGTERM, SIG_IGN);
                for (int second = 0; second < 60; second++) pause_for(1000);
            }
            _exit(0);
        }
        if (escapes) count++;
        if (child > 0) waitpid(child, NULL, 0);
    }
}

static void flood(void)
{
    static char bytes[65536];
    memset(bytes, 'x', sizeof bytes);
    for (;;) {
        if (write(STDOUT_FILENO, bytes, sizeof bytes) < 0 && errno != EINTR) pause_for(100);
    }
}

/* Each byte is a message of its own, so that there is always one more for whoever reads until there is none. */
static void flood_in_bytes(void)
{
    fork();
    fork();
    for (;;) {
        if (write(STDOUT_FILENO, "x", 1) < 0 && errno != EINTR) pause_for(100);
    }
}

/* Whoever executes the file waits until the lease is given back, which it never is. */
static int take_lease(const char *path)
{
    /* The kernel tells the holder by SIGIO that somebody waits; its default would end this process. */
    signal(SIGIO, SIG_IGN);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    return file >= 0 && fcntl(file, F_SETLEASE, F_WRLCK) == 0;
}

static void spin(void)
{
    for (volatile uint64_t count = 0;; count++) {
    }
}

/* One child after the other. */
static void build(void)
{
    for (;;) {
        const pid_t child = fork();
        if (child == 0) _exit(0);
        if (child > 0) waitpid(child, NULL, 0);
    }
}

static int attack(const char *roles, const char *program, char **groups)
{
    signal(SIGTERM, SIG_IGN);
    session = getsid(0);
    escaped = mmap(NULL, most_escaped * sizeof *escaped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (escaped == MAP_FAILED) return 1;
    if (!take_lease(program)) {
        dprintf(STDERR_FILENO, "no lease on %s: %s\n", program, strerror(errno));
        return 1;
    }
    for (int role = 0; role < 6; role++) {
        if (!strchr(roles, '0' + role)) continue;
        const pid_t process = fork();
        if (process < 0) return 1;
        if (process > 0) continue;
        switch (role) {
        case 0: harass_own(); break;
        case 1: harass_all(); break;
        case 2: move_between_groups(groups); break;
        case 3: fork_all_the_time(); break;
        case 4: flood(); break;
        default: flood_in_bytes(); break;
        }
    }
    dprintf(STDERR_FILENO, "ready\n");
    for (;;) pause();
}

int main(int count, char **arguments)
{
    if (count > 3 && strcmp(arguments[1], "attack") == 0) {
        return attack(arguments[2], arguments[3], arguments + 4);
    }
    if (count == 5 && strcmp(arguments[1], "load") == 0) {
        const int computing = atoi(arguments[2]), forking = atoi(arguments[3]), alone = atoi(arguments[4]);
        for (int number = 0; number < computing + forking + alone; number++) {
            if (fork() != 0) continue;
            if (number < forking) build();
            if (number >= computing + forking) setsid();
            spin();
        }
        dprintf(STDERR_FILENO, "ready\n");
        for (;;) pause();
    }
    if (count == 2 && strcmp(arguments[1], "wait") == 0) {
        for (;;) pause();
    }
    dprintf(STDERR_FILENO, "usage: hostile-job load COMPUTING FORKING ALONE | attack ROLES FILE [GROUP...] | wait\n");
    return 64;
}
