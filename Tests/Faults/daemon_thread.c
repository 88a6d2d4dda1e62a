#define _GNU_SOURCE
#include "include/daemon_thread.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static sem_t is_told, has_done;
static int told, result, number;

static long lose_capability(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) != 0)
        return -1;
    sets[0].effective &= ~(1u << CAP_CHOWN);
    return syscall(SYS_capset, &header, sets);
}

static long lower_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return -1;
    files.rlim_cur -= 1;
    return setrlimit(RLIMIT_NOFILE, &files);
}

static long make(int change)
{
    const unsigned long blocked = 1ul << (SIGUSR1 - 1);
    const gid_t group = 4242;
    const struct itimerval timer = {.it_value = {.tv_sec = 100000}};
    switch (change) {
    case DAEMON_CHANGE_UMASK:
        umask(umask(0) ^ 077);
        return 0;
    case DAEMON_CHANGE_DUMPABLE:
        return prctl(PR_SET_DUMPABLE, prctl(PR_GET_DUMPABLE) == 1 ? 0 : 1);
    case DAEMON_CHANGE_LIMIT:
        return lower_limit();
    case DAEMON_CHANGE_DISPOSITION:
        return signal(SIGUSR2, SIG_IGN) == SIG_ERR ? -1 : 0;
    case DAEMON_CHANGE_DIRECTORY:
        return chdir("/usr");
    case DAEMON_CHANGE_ENVIRONMENT:
        return setenv("DAEMON_CHANGE", "made", 1);
    case DAEMON_CHANGE_TIMER:
        return setitimer(ITIMER_REAL, &timer, NULL);
    case DAEMON_CHANGE_MASK:
        return syscall(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, NULL, sizeof blocked);
    case DAEMON_CHANGE_USER_ID:
        return syscall(SYS_setresuid, 2002, -1, -1);
    case DAEMON_CHANGE_GROUP_ID:
        return syscall(SYS_setresgid, 2002, -1, -1);
    case DAEMON_CHANGE_GROUPS:
        return syscall(SYS_setgroups, 1, &group);
    case DAEMON_CHANGE_CAPABILITIES:
        return lose_capability();
    case DAEMON_CHANGE_BOUNDING_SET:
        return prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0);
    case DAEMON_CHANGE_NO_NEW_PRIVILEGES:
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case DAEMON_CHANGE_NICENESS:
        return setpriority(PRIO_PROCESS, (id_t)number, 17);
    }
    errno = EINVAL;
    return -1;
}

static void *obey(void *ready)
{
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    number = (int)syscall(SYS_gettid);
    sem_post(ready);
    for (;;) {
        while (sem_wait(&is_told) != 0)
            continue;
        result = make(told) < 0 ? -errno : 0;
        sem_post(&has_done);
    }
    return NULL;
}

int daemon_thread_start(void)
{
    pthread_t thread;
    sem_init(&is_told, 0, 0);
    sem_init(&has_done, 0, 0);
    const int error = pthread_create(&thread, NULL, obey, &has_done);
    if (error != 0)
        return -error;
    while (sem_wait(&has_done) != 0)
        continue;
    return number;
}

int daemon_thread_change(int change)
{
    told = change;
    sem_post(&is_told);
    while (sem_wait(&has_done) != 0)
        continue;
    return result;
}

int process_dumpable(void)
{
    return prctl(PR_GET_DUMPABLE);
}

int process_set_dumpable(int dumpable)
{
    return prctl(PR_SET_DUMPABLE, dumpable) == 0 ? 0 : -errno;
}

int thread_set_securebits(unsigned long bits)
{
    return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0 ? 0 : -errno;
}

int become_capable_account(uint32_t user)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct sets[2];
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresuid(user, user, user) != 0
        || syscall(SYS_capget, &header, sets) != 0)
        return -errno;
    sets[0].effective = sets[0].permitted;
    sets[1].effective = sets[1].permitted;
    return syscall(SYS_capset, &header, sets) == 0 ? 0 : -errno;
}

int keep_no_zombies(int keep_none)
{
    const struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = keep_none ? SA_NOCLDWAIT : 0};
    return sigaction(SIGCHLD, &action, NULL) == 0 ? 0 : -errno;
}

int share_memory(int process, int other)
{
    const long order = syscall(SYS_kcmp, process, other, KCMP_VM, 0, 0);
    return order < 0 ? -errno : order == 0;
}

int file_put_over(const char *file, const char *other)
{
    return mount(other, file, NULL, MS_BIND, NULL) == 0 ? 0 : -errno;
}

int file_uncover(const char *file)
{
    return umount2(file, MNT_DETACH) == 0 ? 0 : -errno;
}
