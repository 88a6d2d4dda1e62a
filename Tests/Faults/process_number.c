#define _GNU_SOURCE
#include "include/process_number.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int process_with_number(int number, uint32_t user)
{
    const pid_t numbers[1] = {number};
    int ready[2];
    if (pipe(ready) != 0)
        return -errno;
    struct clone_args arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)numbers, .set_tid_size = 1};
    const long process = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (process == 0) {
        /* Whatever handlers the caller has are none of this process's. */
        for (int signal_number = 1; signal_number < NSIG; signal_number++)
            signal(signal_number, SIG_DFL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (setsid() < 0 || syscall(SYS_setresuid, user, user, user) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0
            || write(ready[1], "x", 1) != 1)
            _exit(1);
        close_range(0, ~0U, 0);
        for (;;)
            pause();
    }
    const int error = errno;
    char byte;
    close(ready[1]);
    const int is_ready = process > 0 && read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    if (process > 0 && !is_ready) {
        waitpid((pid_t)process, NULL, 0);
        return -EIO;
    }
    return process > 0 ? (int)process : -error;
}

void process_with_number_end(int number)
{
    kill(number, SIGKILL);
    while (waitpid(number, NULL, 0) < 0 && errno == EINTR)
        continue;
}
