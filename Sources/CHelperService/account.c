#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper_calls.h"

#define BUFFER_MOST (4u << 20)
#define GROUPS_MOST 65536

void helper_account_free(struct helper_account *account)
{
    free(account->groups);
    free(account->name);
    free(account->home);
    free(account->shell);
    memset(account, 0, sizeof *account);
}

static int list_groups(struct helper_account *account)
{
    int capacity = 64;
    for (;;) {
        uint32_t *groups = realloc(account->groups, (size_t)capacity * sizeof *groups);
        if (groups == NULL)
            return -ENOMEM;
        account->groups = groups;
        int count = capacity;
        if (getgrouplist(account->name, account->group, groups, &count) >= 0) {
            account->group_count = count;
            return 0;
        }
        /* Without a larger number than there was room for, the list was not too short: memory was. */
        if (count <= capacity)
            return -ENOMEM;
        if (count > GROUPS_MOST)
            return -E2BIG;
        capacity = count;
    }
}

int helper_account_find(const char *name, struct helper_account *account)
{
    memset(account, 0, sizeof *account);
    for (size_t size = 4096; size <= BUFFER_MOST; size *= 4) {
        char *buffer = malloc(size);
        if (buffer == NULL)
            return -ENOMEM;
        struct passwd entry;
        struct passwd *found = NULL;
        const int error = getpwnam_r(name, &entry, buffer, size, &found);
        if (error == ERANGE) {
            free(buffer);
            continue;
        }
        int result = found != NULL ? 0 : error == 0 ? -ENOENT : -error;
        if (found != NULL) {
            account->user = found->pw_uid;
            account->group = found->pw_gid;
            account->name = strdup(found->pw_name);
            account->home = strdup(found->pw_dir);
            account->shell = strdup(found->pw_shell);
            if (account->name == NULL || account->home == NULL || account->shell == NULL)
                result = -ENOMEM;
        } else if (result == -ENOENT && error != 0) {
            /* Modules of NSS return any number; none of them means "there is none". */
            result = -EIO;
        }
        free(buffer);
        if (result != 0)
            helper_account_free(account);
        return result;
    }
    return -E2BIG;
}

int helper_account_look_up(const char *name, struct helper_account *account)
{
    int result = helper_account_find(name, account);
    if (result == 0)
        result = list_groups(account);
    if (result != 0)
        helper_account_free(account);
    return result;
}

/* MARK: Groups, asked for by a process that can be killed */

/* How long a process that was killed may take to end before it is left to end when it can. */
#define END_MILLISECONDS 250

static int64_t now_in_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void write_all(int descriptor, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t count = write(descriptor, (const char *)bytes + done, size - done);
        if (count < 0 && errno != EINTR)
            return;
        done += count > 0 ? (size_t)count : 0;
    }
}

/* Tells a negative error number, or how many groups there are and which. */
static void ask_here(int pipe, int asks_files_alone, struct helper_account *account)
{
    /* Nobody is to wait for a directory who waits for the end of something that this process has: of the daemon's connection, the
     * listener, the streams of the job, the log. */
    if (syscall(SYS_close_range, STDERR_FILENO + 1, pipe - 1, 0) != 0 && pipe > STDERR_FILENO + 1)
        return;
    if (syscall(SYS_close_range, pipe + 1, ~0u, 0) != 0)
        return;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int stream = 0; stream <= STDERR_FILENO; stream++)
        if (null < 0 || dup2(null, stream) < 0)
            return;
    if (null > STDERR_FILENO)
        close(null);
    /* By glibc's own reading of the files, which takes lines for groups that no manual page describes. */
    const int is_ready =
        !asks_files_alone || (__nss_configure_lookup("group", "files") == 0 && __nss_configure_lookup("initgroups", "files") == 0);
    const int32_t result = is_ready ? list_groups(account) : -EIO;
    const int32_t head = result != 0 ? result : account->group_count;
    write_all(pipe, &head, sizeof head);
    if (head > 0)
        write_all(pipe, account->groups, (size_t)head * sizeof *account->groups);
}

/* All of it in time, or a negative error number: -ETIMEDOUT, or -EIO when there is no more. */
static int read_all(int descriptor, void *bytes, size_t size, int64_t until)
{
    for (size_t done = 0; done < size;) {
        const int64_t left = until - now_in_milliseconds();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd event = {descriptor, POLLIN, 0};
        if (poll(&event, 1, left > 60000 ? 60000 : (int)left) <= 0)
            continue;
        const ssize_t count = read(descriptor, (char *)bytes + done, size - done);
        if (count == 0)
            return -EIO;
        if (count < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        done += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static int hear(int pipe, int64_t until, struct helper_account *account)
{
    int32_t head = 0;
    int result = read_all(pipe, &head, sizeof head, until);
    if (result != 0)
        return result;
    if (head <= 0)
        return head < 0 && head != -ETIMEDOUT ? head : -EIO;
    if (head > GROUPS_MOST)
        return -E2BIG;
    account->groups = calloc((size_t)head, sizeof *account->groups);
    if (account->groups == NULL)
        return -ENOMEM;
    account->group_count = head;
    return read_all(pipe, account->groups, (size_t)head * sizeof *account->groups, until);
}

/* Kills a child and reaps it. One that hangs in the kernel holds nobody up: it is reaped with its parent, or by it if that looks
 * for any child. Until then its number is nobody else's. */
static void end(pid_t child)
{
    kill(child, SIGKILL);
    const int process = (int)syscall(SYS_pidfd_open, child, 0);
    const int64_t until = now_in_milliseconds() + END_MILLISECONDS;
    pid_t ended;
    while ((ended = waitpid(child, NULL, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        const int64_t left = until - now_in_milliseconds();
        if (left <= 0)
            break;
        struct pollfd event = {process, POLLIN, 0};
        /* Without a descriptor every millisecond. */
        (void)poll(&event, 1, process < 0 ? 1 : (int)left);
    }
    if (process >= 0)
        close(process);
}

int helper_account_ask_groups(struct helper_account *account, int asks_files_alone, int milliseconds)
{
    const int64_t until = now_in_milliseconds() + milliseconds;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    int result = ends[1] <= STDERR_FILENO ? -EBADF : fcntl(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK) != 0 ? -errno : 0;
    const pid_t child = result != 0 ? result : helper_fork();
    if (child == 0) {
        ask_here(ends[1], asks_files_alone, account);
        _exit(0);
    }
    close(ends[1]);
    result = child < 0 ? child : hear(ends[0], until, account);
    close(ends[0]);
    if (child > 0)
        end(child);
    if (result != 0) {
        free(account->groups);
        account->groups = NULL;
        account->group_count = 0;
    }
    return result;
}
