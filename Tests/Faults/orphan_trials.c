#define _GNU_SOURCE
#include "include/orphan_trials.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a trial exits with where it cannot be made. */
enum { IMPOSSIBLE = 100 };

/* Forks a process that is told to, or does nothing until its parent ends; it has begun a session then, where it is to. */
static pid_t make(int begins_session, int ends)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0)
        _exit(IMPOSSIBLE);
    const pid_t process = fork();
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (begins_session && setsid() < 0)
            _exit(1);
        if (ends)
            _exit(0);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    siginfo_t info;
    close(ready[1]);
    const ssize_t size = read(ready[0], &byte, 1);
    close(ready[0]);
    if (process < 0 || size != !ends || (ends && waitid(P_PID, (id_t)process, &info, WEXITED | WNOWAIT) != 0))
        _exit(IMPOSSIBLE);
    return process;
}

/* Whether a child is there that has not ended. */
static int lives(pid_t process)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static int behind_dead(int count, orphan_killer kill_orphans)
{
    siginfo_t info;
    for (int i = 0; i < count; i++)
        (void)make(1, 1);
    (void)make(1, 0);
    while (kill_orphans(0) > 0)
        continue;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static int sessions(int count, orphan_killer kill_orphans)
{
    (void)count;
    const pid_t own = make(0, 0), job = make(1, 0), orphan = make(1, 0);
    while (kill_orphans(job) > 0)
        continue;
    return !lives(own) | !lives(job) << 1 | lives(orphan) << 2;
}

static int no_descriptors(int count, orphan_killer kill_orphans)
{
    (void)count;
    const pid_t orphan = make(1, 0);
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0)
        return IMPOSSIBLE;
    const int with_child = kill_orphans(0);
    kill(orphan, SIGKILL);
    waitpid(orphan, NULL, 0);
    return (with_child != -EMFILE) | (kill_orphans(0) != 0) << 1;
}

/* The first process of a namespace has this one, which reads in /proc what the numbers of its children are outside. */
static int with_foreign_numbers(orphan_killer kill_orphans)
{
    char text[16] = {0};
    if (setsid() < 0)
        return IMPOSSIBLE;
    (void)make(1, 0);
    const int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (read(file, text, sizeof text - 1) <= 0)
        return IMPOSSIBLE;
    close(file);
    const pid_t numbers[1] = {atoi(text)};
    int made[2];
    if (pipe2(made, O_CLOEXEC) != 0)
        return IMPOSSIBLE;
    /* Its parent ends, so that it is no child of this process. */
    const pid_t parent = fork();
    if (parent == 0) {
        struct clone_args arguments = {
            .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)numbers, .set_tid_size = 1};
        const long stranger = syscall(SYS_clone3, &arguments, sizeof arguments);
        if (stranger == 0) {
            if (setsid() < 0 || write(made[1], "x", 1) != 1)
                _exit(1);
            close(made[1]);
            for (;;)
                pause();
        }
        _exit(0);
    }
    char byte;
    close(made[1]);
    waitpid(parent, NULL, 0);
    const int descriptor = (int)syscall(SYS_pidfd_open, numbers[0], 0);
    if (read(made[0], &byte, 1) != 1 || descriptor < 0)
        return IMPOSSIBLE;
    (void)kill_orphans(0);
    struct pollfd event = {descriptor, POLLIN, 0};
    return poll(&event, 1, 200) == 1;
}

static int status_of(pid_t child)
{
    int status = 0;
    if (child < 0)
        return IMPOSSIBLE;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return IMPOSSIBLE;
    return WIFEXITED(status) ? WEXITSTATUS(status) : IMPOSSIBLE;
}

static int foreign_numbers(int count, orphan_killer kill_orphans)
{
    (void)count;
    if (unshare(CLONE_NEWPID) != 0)
        return IMPOSSIBLE;
    const pid_t first = fork();
    if (first == 0) {
        const pid_t process = fork();
        if (process == 0)
            _exit(with_foreign_numbers(kill_orphans));
        _exit(status_of(process));
    }
    return status_of(first);
}

static int perform(int (*trial)(int, orphan_killer), int count, orphan_killer kill_orphans)
{
    const pid_t process = fork();
    if (process == 0) {
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_DFL);
        _exit(setsid() < 0 ? IMPOSSIBLE : trial(count, kill_orphans));
    }
    if (process < 0)
        return -errno;
    int status = 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return !WIFEXITED(status) || WEXITSTATUS(status) == IMPOSSIBLE ? -ENOTSUP : WEXITSTATUS(status);
}

int orphan_trial_behind_dead(int count, orphan_killer kill_orphans)
{
    return perform(behind_dead, count, kill_orphans);
}

int orphan_trial_sessions(orphan_killer kill_orphans)
{
    return perform(sessions, 0, kill_orphans);
}

int orphan_trial_foreign_numbers(orphan_killer kill_orphans)
{
    return perform(foreign_numbers, 0, kill_orphans);
}

int orphan_trial_no_descriptors(orphan_killer kill_orphans)
{
    return perform(no_descriptors, 0, kill_orphans);
}
