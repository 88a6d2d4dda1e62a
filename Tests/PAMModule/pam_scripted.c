/* A module of PAM that does what its arguments say, for tests: each is STAGE:ACTION=VALUE, the stage one of auth, account,
 * cred, uncred, open, close, or * for all of them.
 *
 *   return=CODE   answers with a code of PAM
 *   record=FILE   appends the stage, the effective ids and the account
 *   user=NAME     makes another user of the account
 *   longuser=SIZE makes another one of it, with a name of as many characters
 *   putenv=N=V    sets a variable
 *   info=TEXT     says something
 *   ask=TEXT      asks for something that is not to be seen, and answers with PAM_AUTH_ERR unless there is an answer
 *   demand=TEXT   asks likewise, and answers with PAM_AUTH_ERR also where nobody answers
 *   expect=TEXT   asks for the password, and answers with PAM_AUTH_ERR unless it is that
 *   group=GID     adds a group
 *   umask=OCTAL, nice=N, limit=RESOURCE/SOFT/HARD
 *   hang=deaf     sleeps for good, with all signals blocked if "deaf" follows
 *   wait=FILE     waits until the file is there
 *   run=PROGRAM   runs a program that it does not wait for
 *   clone=        leaves a process whose end raises no signal
 *   thread=       leaves a thread that sleeps for good
 *   become=UID    takes an effective user id and keeps it
 *   keyring=NAME  joins a session keyring
 *   mounts=own    leaves the mount namespace
 *   network=own   leaves the network namespace
 *   bar=          bars itself from new privileges
 *   weaken=NUMBER takes a capability from itself
 *   create=FILE   creates a file that everybody may write, as far as the mask lets it
 *   environ=FILE  appends the environment of the process, a line for each variable
 *   block=        blocks all signals
 *   ignore=NUMBER ignores a signal, default=NUMBER gives it its default effect
 *   alarm=MILLIS  has SIGALRM come
 *   chdir=PATH
 *   noise=COUNT   says as many messages of 256 characters that nobody sees
 *   fill=N/SIZE   sets the variable N to as many characters
 *   raise=NUMBER  sends the process a signal
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void record(pam_handle_t *handle, const char *stage, const char *path)
{
    const char *user = "?";
    char line[512];
    (void)pam_get_item(handle, PAM_USER, (const void **)&user);
    const int size = snprintf(line, sizeof line, "%s %ju %ju %jd %.256s\n", stage, (uintmax_t)geteuid(), (uintmax_t)getegid(),
                              (intmax_t)getpid(), user != NULL ? user : "-");
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0 && size > 0 && write(file, line, (size_t)size) < 0)
        abort();
    if (file >= 0)
        close(file);
}

static void record_environment(const char *path)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        abort();
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
        fprintf(file, "%s\n", *variable);
    fclose(file);
}

static int ask(pam_handle_t *handle, const char *question, const char *expected)
{
    char *answer = NULL;
    int code = pam_prompt(handle, PAM_PROMPT_ECHO_OFF, &answer, "%s", question);
    if (code == PAM_SUCCESS && (answer == NULL || (expected != NULL && strcmp(answer, expected) != 0)))
        code = PAM_AUTH_ERR;
    if (answer != NULL)
        explicit_bzero(answer, strlen(answer));
    free(answer);
    return code;
}

static int fill(pam_handle_t *handle, const char *value)
{
    char name[64];
    unsigned long size;
    if (sscanf(value, "%63[^/]/%lu", name, &size) != 2)
        return PAM_SERVICE_ERR;
    char *variable = malloc(strlen(name) + size + 2);
    if (variable == NULL)
        return PAM_BUF_ERR;
    const size_t start = (size_t)sprintf(variable, "%s=", name);
    memset(variable + start, 'x', size);
    variable[start + size] = 0;
    const int code = pam_putenv(handle, variable);
    free(variable);
    return code;
}

static int weaken(unsigned capability)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (capability >= 64 || syscall(SYS_capget, &header, sets) != 0)
        return -1;
    sets[capability / 32].effective &= ~(1u << capability % 32);
    sets[capability / 32].permitted &= ~(1u << capability % 32);
    return (int)syscall(SYS_capset, &header, sets);
}

static void *sleep_for_good(void *nothing)
{
    for (;;)
        pause();
    return nothing;
}

static int leave_thread(void)
{
    pthread_t thread;
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    const int error = pthread_create(&thread, NULL, sleep_for_good, NULL);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return error == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int act(pam_handle_t *handle, const char *stage, const char *action, const char *value)
{
    int code = PAM_SUCCESS;
    if (strcmp(action, "return") == 0) {
        code = atoi(value);
    } else if (strcmp(action, "record") == 0) {
        record(handle, stage, value);
    } else if (strcmp(action, "user") == 0) {
        code = pam_set_item(handle, PAM_USER, value);
    } else if (strcmp(action, "longuser") == 0) {
        const size_t size = strtoul(value, NULL, 10);
        char *name = malloc(size + 1);
        if (name == NULL)
            abort();
        memset(name, 'x', size);
        name[size] = 0;
        code = pam_set_item(handle, PAM_USER, name);
        free(name);
    } else if (strcmp(action, "putenv") == 0) {
        code = pam_putenv(handle, value);
    } else if (strcmp(action, "info") == 0) {
        code = pam_info(handle, "%s", value);
    } else if (strcmp(action, "ask") == 0) {
        code = ask(handle, value, NULL);
    } else if (strcmp(action, "demand") == 0) {
        code = ask(handle, value, NULL) == PAM_SUCCESS ? PAM_SUCCESS : PAM_AUTH_ERR;
    } else if (strcmp(action, "expect") == 0) {
        code = ask(handle, "Password: ", value);
    } else if (strcmp(action, "group") == 0) {
        gid_t groups[65536];
        const int count = getgroups(65535, groups);
        groups[count] = (gid_t)atoi(value);
        code = count < 0 || setgroups((size_t)count + 1, groups) != 0 ? PAM_CRED_ERR : PAM_SUCCESS;
    } else if (strcmp(action, "umask") == 0) {
        umask((mode_t)strtoul(value, NULL, 8));
    } else if (strcmp(action, "nice") == 0) {
        code = setpriority(PRIO_PROCESS, 0, atoi(value)) == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
    } else if (strcmp(action, "limit") == 0) {
        unsigned resource;
        unsigned long soft, hard;
        if (sscanf(value, "%u/%lu/%lu", &resource, &soft, &hard) != 3)
            return PAM_SERVICE_ERR;
        const struct rlimit limit = {soft, hard};
        code = setrlimit(resource, &limit) == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
    } else if (strcmp(action, "hang") == 0) {
        sigset_t all;
        sigfillset(&all);
        if (strcmp(value, "deaf") == 0)
            sigprocmask(SIG_BLOCK, &all, NULL);
        for (;;)
            pause();
    } else if (strcmp(action, "wait") == 0) {
        while (access(value, F_OK) != 0)
            usleep(1000);
    } else if (strcmp(action, "run") == 0) {
        if (fork() == 0) {
            execl(value, value, "100000", (char *)NULL);
            _exit(127);
        }
    } else if (strcmp(action, "clone") == 0) {
        if (syscall(SYS_clone, 0, NULL, NULL, NULL, NULL) == 0) {
            /* An exec would give it the signal. */
            close_range(0, ~0U, 0);
            sleep_for_good(NULL);
        }
    } else if (strcmp(action, "thread") == 0) {
        code = leave_thread();
    } else if (strcmp(action, "become") == 0) {
        code = seteuid((uid_t)atoi(value)) == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
    } else if (strcmp(action, "create") == 0) {
        close(open(value, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } else if (strcmp(action, "mounts") == 0) {
        code = unshare(CLONE_NEWNS) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
    } else if (strcmp(action, "network") == 0) {
        code = unshare(CLONE_NEWNET) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
    } else if (strcmp(action, "bar") == 0) {
        code = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
    } else if (strcmp(action, "weaken") == 0) {
        code = weaken((unsigned)atoi(value)) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
    } else if (strcmp(action, "keyring") == 0) {
        code = syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, value) < 0 ? PAM_SESSION_ERR : PAM_SUCCESS;
    } else if (strcmp(action, "environ") == 0) {
        record_environment(value);
    } else if (strcmp(action, "block") == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
    } else if (strcmp(action, "ignore") == 0) {
        signal(atoi(value), SIG_IGN);
    } else if (strcmp(action, "default") == 0) {
        signal(atoi(value), SIG_DFL);
    } else if (strcmp(action, "alarm") == 0) {
        const struct itimerval timer = {{0, 0}, {0, atoi(value) * 1000}};
        code = setitimer(ITIMER_REAL, &timer, NULL) == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
    } else if (strcmp(action, "noise") == 0) {
        char noise[257];
        memset(noise, 1, sizeof noise - 1);
        noise[sizeof noise - 1] = 0;
        for (int count = atoi(value); count > 0 && code == PAM_SUCCESS; count--)
            code = pam_info(handle, "%s", noise);
    } else if (strcmp(action, "fill") == 0) {
        code = fill(handle, value);
    } else if (strcmp(action, "raise") == 0) {
        raise(atoi(value));
    } else if (strcmp(action, "chdir") == 0) {
        code = chdir(value) == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
    } else {
        code = PAM_SERVICE_ERR;
    }
    return code;
}

static int perform(pam_handle_t *handle, const char *stage, int argc, const char **argv)
{
    for (int i = 0; i < argc; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s", argv[i]);
        char *action = strchr(text, ':');
        if (action == NULL)
            return PAM_SERVICE_ERR;
        *action++ = 0;
        char *value = strchr(action, '=');
        if (value == NULL)
            return PAM_SERVICE_ERR;
        *value++ = 0;
        if (strcmp(text, stage) != 0 && strcmp(text, "*") != 0)
            continue;
        const int code = act(handle, stage, action, value);
        if (code != PAM_SUCCESS)
            return code;
    }
    return PAM_SUCCESS;
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)flags;
    return perform(handle, "auth", argc, argv);
}

int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)flags;
    return perform(handle, "account", argc, argv);
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return perform(handle, flags & PAM_DELETE_CRED ? "uncred" : "cred", argc, argv);
}

int pam_sm_open_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)flags;
    return perform(handle, "open", argc, argv);
}

int pam_sm_close_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)flags;
    return perform(handle, "close", argc, argv);
}
