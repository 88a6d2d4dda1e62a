#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Whom the attempts are aimed at; 0 where that is nobody in particular. */
static pid_t target;

/* `result` is what the system call said: negative for a failure, which errno explains. */
static void attempt(const char *call, long result)
{
    int error = result < 0 ? errno : 0;
    json_open_object(NULL);
    json_text("call", call);
    if (target != 0)
        json_integer("target", target);
    else
        json_null("target");
    json_boolean("succeeded", result >= 0);
    json_error(error);
    json_null("content");
    json_close_object();
}

static long take_filesystem_root(void)
{
    setfsuid(0);
    if (setfsuid((uid_t)-1) == 0)
        return 0;
    errno = EPERM;
    return -1;
}

/* Not every capability there is: a machine may lack some in its bounding set, and root could not take those either. */
static long take_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0)
        return -1;
    uint32_t wanted = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_DAC_OVERRIDE | 1u << CAP_KILL;
    data[0].effective |= wanted;
    data[0].permitted |= wanted;
    data[0].inheritable |= wanted;
    return syscall(SYS_capset, &header, data);
}

static long open_and_close(const char *path, int flags)
{
    int descriptor = open(path, flags | O_CLOEXEC);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor;
}

void attack_regain_root(void)
{
    const uid_t keep = (uid_t)-1;
    const gid_t root_group = 0;
    attempt("setuid(0)", setuid(0));
    attempt("setresuid(0, 0, 0)", setresuid(0, 0, 0));
    attempt("setreuid(-1, 0)", setreuid(keep, 0));
    attempt("seteuid(0)", seteuid(0));
    attempt("setresuid(-1, -1, 0)", setresuid(keep, keep, 0));
    attempt("setfsuid(0)", take_filesystem_root());
    attempt("setgid(0)", setgid(0));
    attempt("setresgid(0, 0, 0)", setresgid(0, 0, 0));
    attempt("setregid(-1, 0)", setregid(keep, 0));
    attempt("setgroups(0)", setgroups(1, &root_group));
    attempt("setgroups()", setgroups(0, NULL));
    attempt("capset(CAP_SETUID...)", take_capabilities());
    attempt("prctl(PR_CAP_AMBIENT_RAISE, CAP_SETUID)",
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0));
    attempt("prctl(PR_SET_NO_NEW_PRIVS, 0)", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    attempt("unshare(CLONE_NEWNS)", unshare(CLONE_NEWNS));
    attempt("chroot(/)", chroot("/"));
    attempt("open(/etc/shadow)", open_and_close("/etc/shadow", O_RDONLY));
    attempt("open(/etc/passwd, O_WRONLY)", open_and_close("/etc/passwd", O_WRONLY));
}

/* An address of the other process that it can write to when its map can be read, else one of this program. The kernel checks
 * the right before the address, so a refusal is EPERM in both cases and never EFAULT. */
static uintptr_t address_in(const char *maps)
{
    size_t count;
    char *contents = proc_read(maps, &count);
    uintptr_t address = (uintptr_t)&target;
    for (char *line = contents; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
        const char *rights = strpbrk(line, " \n");
        if (rights == NULL || strncmp(rights, " rw", 3) != 0)
            continue;
        address = strtoull(line, NULL, 16);
        break;
    }
    free(contents);
    return address;
}

static long trace(enum __ptrace_request request, pid_t process)
{
    long result = ptrace(request, process, NULL, NULL);
    if (result == 0 && (request == PTRACE_ATTACH || ptrace(PTRACE_INTERRUPT, process, NULL, NULL) == 0)) {
        waitpid(process, NULL, __WALL);
        ptrace(PTRACE_DETACH, process, NULL, NULL);
    }
    return result;
}

static long steal_descriptor(pid_t process)
{
    const unsigned of_thread = O_EXCL; /* PIDFD_THREAD of Linux 6.9 */
    int handle = (int)syscall(SYS_pidfd_open, process, 0);
    if (handle < 0)
        handle = (int)syscall(SYS_pidfd_open, process, of_thread);
    if (handle < 0)
        return -1;
    long stolen = syscall(SYS_pidfd_getfd, handle, 0, 0);
    int error = errno;
    if (stolen >= 0)
        close((int)stolen);
    close(handle);
    errno = error;
    return stolen;
}

void attack_memory_of(int64_t number, bool traces)
{
    pid_t process = (pid_t)number;
    char path[64], byte = 0;
    struct rlimit limit;

    target = process;
    snprintf(path, sizeof path, "/proc/%d/maps", process);
    struct iovec here = {&byte, 1}, there = {(void *)address_in(path), 1};
    attempt("open(/proc/PID/maps)", open_and_close(path, O_RDONLY));
    attempt("process_vm_readv", process_vm_readv(process, &here, 1, &there, 1, 0));
    /* Nothing but what was read. */
    attempt("process_vm_writev", process_vm_writev(process, &here, 1, &there, 1, 0));
    snprintf(path, sizeof path, "/proc/%d/mem", process);
    attempt("open(/proc/PID/mem, O_RDONLY)", open_and_close(path, O_RDONLY));
    attempt("open(/proc/PID/mem, O_RDWR)", open_and_close(path, O_RDWR));
    snprintf(path, sizeof path, "/proc/%d/environ", process);
    attempt("open(/proc/PID/environ)", open_and_close(path, O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d/fd", process);
    attempt("open(/proc/PID/fd)", open_and_close(path, O_RDONLY | O_DIRECTORY));
    snprintf(path, sizeof path, "/proc/%d/cwd", process);
    attempt("open(/proc/PID/cwd)", open_and_close(path, O_RDONLY));
    attempt("pidfd_getfd", steal_descriptor(process));
    attempt("prlimit", prlimit(process, RLIMIT_NOFILE, NULL, &limit));
    attempt("kill(0)", kill(process, 0));
    if (traces) {
        attempt("ptrace(PTRACE_SEIZE)", trace(PTRACE_SEIZE, process));
        attempt("ptrace(PTRACE_ATTACH)", trace(PTRACE_ATTACH, process));
    }
    target = 0;
}

void attack_terminal(int descriptor)
{
    /* Behind the first, pastes what is selected on a console (ioctl_console(2)); no other terminal knows it. */
    const char selection = 3;
    attempt("ioctl(TIOCSTI)", ioctl(descriptor, TIOCSTI, "\n"));
    attempt("ioctl(TIOCLINUX)", ioctl(descriptor, TIOCLINUX, &selection));
    attempt("ioctl(TIOCSCTTY, 0)", ioctl(descriptor, TIOCSCTTY, 0));
    attempt("ioctl(TIOCSCTTY, 1)", ioctl(descriptor, TIOCSCTTY, 1));
    attempt("open(/dev/tty)", open_and_close("/dev/tty", O_RDWR));
    attempt("ioctl(TIOCSTI) again", ioctl(descriptor, TIOCSTI, "\n"));
}

void attack_read_file(const char *path)
{
    size_t count = 0;
    char *contents = proc_read(path, &count);
    int error = contents == NULL ? errno : 0;
    json_open_object(NULL);
    json_text("call", "read");
    json_null("target");
    json_boolean("succeeded", contents != NULL);
    json_error(error);
    if (contents == NULL)
        json_null("content");
    else
        json_text_of("content", contents, count > 4096 ? 4096 : count);
    json_close_object();
    free(contents);
}
