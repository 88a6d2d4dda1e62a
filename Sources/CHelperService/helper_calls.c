#define _GNU_SOURCE
#include "helper_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int helper_close_inherited(int first)
{
    if (syscall(SYS_close_range, first, ~0u, 0) != 0)
        return -errno;
    for (;;) {
        int null = open("/dev/null", O_RDWR);
        if (null < 0)
            return -errno;
        if (null > STDERR_FILENO)
            return close(null) == 0 ? 0 : -errno;
    }
}

void helper_close_range(int first, int last)
{
    /* A filter of system calls may know close(2) alone. */
    if (syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (int descriptor = first; descriptor <= last; descriptor++)
        close(descriptor);
}

int helper_leave_streams(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    int result = dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ? -errno : 0;
    close(null);
    return result;
}

int helper_fork(void)
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0)
        return child < 0 ? -errno : child;
    if (helper_die_with_parent(parent) != 0)
        _exit(1);
    return 0;
}

int helper_thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return -errno;
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(tasks);
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    /* Its runtime has one of its own in each process. */
    count -= count > 1;
#endif
#endif
    return count;
}

int helper_protect(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

void helper_unprotect(void)
{
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

int helper_leave_priority(void)
{
    const struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_NICE, &none) == 0 ? 0 : -errno;
}

int helper_is_protected(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

void helper_outlive_parent(void)
{
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

int helper_die_with_parent(int parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

int helper_death_signal(void)
{
    int number = 0;
    return prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0) == 0 ? number : -errno;
}

int helper_set_death_signal(int parent, int number)
{
    if (prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

int helper_open_files_set(uint64_t limit, uint64_t *former)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return -errno;
    if (former != NULL)
        *former = files.rlim_cur;
    files.rlim_cur = limit < files.rlim_max ? limit : files.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &files) == 0 ? 0 : -errno;
}

int helper_reap_children(void)
{
    /* Whoever starts the helper may ignore the signal, which an exec keeps: the kernel would reap jobs and processes of the helper,
     * and nobody would hear how they ended. Without flags, since SA_NOCLDWAIT does the same. */
    const struct sigaction action = {.sa_handler = SIG_DFL};
    /* A log that may not grow (RLIMIT_FSIZE) is no reason to end, like one that nobody reads. */
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return -errno;
    return sigaction(SIGCHLD, &action, NULL) == 0 ? 0 : -errno;
}

int helper_signals_open(const int32_t *signals, int count)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    /* Somebody who does not read is no reason to end, and no word of whoever stops the helper. Children reset it. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGHUP, sigismember(&set, SIGHUP) ? SIG_DFL : SIG_IGN) == SIG_ERR
        || sigprocmask(SIG_SETMASK, &set, NULL) != 0)
        return -errno;
    const int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int helper_signals_next(int descriptor)
{
    struct signalfd_siginfo info;
    ssize_t size;
    do
        size = read(descriptor, &info, sizeof info);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN ? 0 : -errno;
    return size == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int helper_become(uint32_t user)
{
    if (user == 0 || user == UINT32_MAX)
        return -EINVAL;
    if (setresuid((uid_t)-1, user, (uid_t)-1) != 0)
        return -errno;
    /* The change has taken back both the death signal and, where fs.suid_dumpable says so, the protection (commit_creds of
     * kernel/cred.c). */
    return geteuid() == user ? helper_protect() : -EPROTO;
}

int helper_is_itself(uint32_t user)
{
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0 || real != user || effective != user || saved != user)
        return 0;
    /* It changes nothing and tells what it was (setfsuid(2)). */
    return (uid_t)setfsuid((uid_t)-1) == user;
}

int helper_become_itself(uint32_t user)
{
    /* The id for files follows the effective one. */
    if (setresuid(user, user, user) != 0)
        return -errno;
    return helper_is_itself(user) ? helper_protect() : -EPROTO;
}

int helper_come_back(uint32_t user)
{
    if (setresuid((uid_t)-1, user, (uid_t)-1) != 0)
        return -errno;
    return geteuid() == user ? helper_protect() : -EPROTO;
}

int helper_adopt_orphans(int lowest)
{
    siginfo_t info;
    const int threads = helper_thread_count();
    if (threads < 0)
        return threads;
    /* A thread that a module has left may have children of its own later. */
    if (threads != 1 || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD)
        return -EBUSY;
    sigset_t set, former;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    const int made = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (made < 0)
        return -errno;
    const int descriptor = fcntl(made, F_DUPFD_CLOEXEC, lowest);
    int error = errno;
    close(made);
    if (descriptor < 0)
        return -error;
    /* Of ends alone: a job that stops and goes on all the time is to wake nobody. */
    const struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    struct sigaction former_action;
    /* Before there is a child: what is blocked is not lost. */
    if (sigprocmask(SIG_BLOCK, &set, &former) == 0) {
        if (sigaction(SIGCHLD, &action, &former_action) == 0) {
            if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
                return descriptor;
            error = errno;
            sigaction(SIGCHLD, &former_action, NULL);
        } else {
            error = errno;
        }
        sigprocmask(SIG_SETMASK, &former, NULL);
    } else {
        error = errno;
    }
    close(descriptor);
    return -error;
}

int helper_child_signal_block(int blocks)
{
    sigset_t set, former;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return sigprocmask(blocks ? SIG_BLOCK : SIG_UNBLOCK, &set, &former) == 0 && sigismember(&former, SIGCHLD) == 1;
}

/* The kernel looks at every child for each of them, and whoever makes them may be as fast. */
#define ORPHANS_AT_ONCE 64

int helper_reap_orphans(int job)
{
    for (int i = 0; i < ORPHANS_AT_ONCE; i++) {
        siginfo_t info;
        memset(&info, 0, sizeof info);
        /* One that stands before the others hides them until it was reaped itself. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 || info.si_pid == job)
            return 0;
        (void)waitpid(info.si_pid, NULL, WNOHANG);
    }
    return 1;
}

/* Kills an orphan, or reaps one that has ended. Returns whether it was one. */
static int kill_orphan(pid_t process, pid_t job, pid_t session)
{
    /* Nothing gets into a session that it has not begun or inherited: in this process's own are its own children. */
    if (process <= 1 || process == job || getsid(process) == session)
        return 0;
    const pid_t ended = waitpid(process, NULL, WNOHANG);
    /* Whatever a list says: only a child that was not reaped has its number for itself. */
    if (ended == 0)
        (void)kill(process, SIGKILL);
    /* Whoever was reaped may have started another one, which stands where the list was read before, and moves those up that stand
     * behind. */
    return ended >= 0;
}

int helper_kill_orphans(int job)
{
    siginfo_t info;
    /* Mostly there is none. */
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return 0;
    /* Whoever forks and ends all the time is gone before anybody has looked through all processes; this is a look at few. */
    const int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -errno; /* Linux without CONFIG_PROC_CHILDREN, or no descriptor left */
    const pid_t session = getsid(0);
    char text[4096];
    pid_t process = 0;
    int count = 0;
    ssize_t size;
    while ((size = read(file, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < size; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                process = process * 10 + (text[i] - '0');
            } else {
                count += kill_orphan(process, job, session);
                process = 0;
            }
        }
    const int error = errno;
    close(file);
    return size < 0 ? -error : count;
}

int helper_reap(int *status)
{
    const pid_t child = waitpid(-1, status, WNOHANG | __WALL);
    return child < 0 ? -errno : child;
}

int helper_log(const void *line, size_t size)
{
    /* Whoever reads the log may stand still; the flags of the open file are shared with him, so they stay as they are. */
    if (send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 1;
    if (errno != ENOTSOCK)
        return 0;
    struct iovec part = {(void *)(uintptr_t)line, size};
    if (pwritev2(STDERR_FILENO, &part, 1, -1, RWF_NOWAIT) >= 0)
        return 1;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        return 0;
    /* A terminal or a file. */
    struct pollfd event = {STDERR_FILENO, POLLOUT, 0};
    return poll(&event, 1, 0) == 1 && write(STDERR_FILENO, line, size) >= 0;
}

void helper_close_elsewhere(int descriptor)
{
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) != 0) {
        close(descriptor);
        return;
    }
    /* Twice, so that nobody has to wait for the one that closes; it ends as a process that ends closes, without lingering. */
    const pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            char byte;
            alarm(10);
            close(gate[1]);
            (void)!read(gate[0], &byte, 1);
        }
        _exit(0);
    }
    if (child > 0) {
        int status;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    close(descriptor);
    close(gate[1]);
    close(gate[0]);
}

int helper_lock(int file, int32_t *holder)
{
    *holder = 0;
    /* Whoever has it may end before it is told who that is. */
    for (int attempt = 0; attempt < 100; attempt++) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(file, F_SETLK, &lock) == 0)
            return 0;
        if (errno != EAGAIN && errno != EACCES)
            return -errno;
        if (fcntl(file, F_GETLK, &lock) != 0)
            return -errno;
        if (lock.l_type == F_UNLCK)
            continue;
        *holder = lock.l_pid > 0 ? lock.l_pid : 0;
        return -EAGAIN;
    }
    return -EAGAIN;
}

int helper_dumpable_setting(void)
{
    char digit = 0;
    const int file = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const ssize_t size = read(file, &digit, 1);
    close(file);
    return size == 1 && digit >= '0' && digit <= '2' ? digit - '0' : -1;
}

void helper_alarm(unsigned seconds)
{
    alarm(seconds);
}

uint64_t *helper_table_create(size_t count)
{
    void *table = mmap(NULL, count * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return table == MAP_FAILED ? NULL : table;
}

uint64_t helper_table_get(const uint64_t *table, size_t index)
{
    return __atomic_load_n(&table[index], __ATOMIC_SEQ_CST);
}

void helper_table_set(uint64_t *table, size_t index, uint64_t value)
{
    __atomic_store_n(&table[index], value, __ATOMIC_SEQ_CST);
}

int helper_table_exchange(uint64_t *table, size_t index, uint64_t expected, uint64_t value)
{
    return __atomic_compare_exchange_n(&table[index], &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Linux runs on machines of both orders; the one that this runs on has the low half first. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a futex has 32 bits, and these are to be the low ones");

void helper_table_wait(const uint64_t *table, size_t index, uint64_t expected, int milliseconds)
{
    const struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    /* Not FUTEX_PRIVATE_FLAG: other processes wake this one. */
    (void)syscall(SYS_futex, (const uint32_t *)(const void *)&table[index], FUTEX_WAIT, (uint32_t)expected, &time, NULL, 0);
}

void helper_table_wake(uint64_t *table, size_t index)
{
    (void)syscall(SYS_futex, (uint32_t *)(void *)&table[index], FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

int helper_is_terminal_of(int descriptor, uint32_t user)
{
    /* UNIX98_PTY_SLAVE_MAJOR of <linux/major.h>: eight majors, as the kernel has them. */
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISCHR(status.st_mode))
        return 0;
    return major(status.st_rdev) >= 136 && major(status.st_rdev) <= 143 && status.st_uid == user;
}

uint32_t helper_group_of(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 ? status.st_gid : UINT32_MAX;
}
