#define _GNU_SOURCE
#include "session_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper_calls.h"

_Static_assert(HELPER_PASSWORD_SIZE == PAM_MAX_RESP_SIZE, "PAM takes no longer answer");

/* MARK: The password */

void helper_password_wipe(struct helper_password *password)
{
    if (password->text == NULL)
        return;
    explicit_bzero(password->text, HELPER_PASSWORD_SIZE);
    munmap(password->text, HELPER_PASSWORD_SIZE);
    password->text = NULL;
    password->size = 0;
}

static int64_t now_in_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int read_to_end(int descriptor, int64_t until, struct helper_password *password)
{
    for (;;) {
        struct pollfd event = {descriptor, POLLIN, 0};
        const int64_t left = until - now_in_milliseconds();
        if (left <= 0)
            return -ETIMEDOUT;
        const int ready = poll(&event, 1, left > 60000 ? 60000 : (int)left);
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready <= 0)
            continue;
        /* Whoever has the other end may have taken the bytes for somebody else, so the wait may be for nothing. */
        const ssize_t size = read(descriptor, password->text + password->size, HELPER_PASSWORD_SIZE - password->size);
        if (size < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (size == 0)
            return 0;
        if (size > 0)
            password->size += (size_t)size;
        if (password->size == HELPER_PASSWORD_SIZE)
            return -EMSGSIZE;
    }
}

int helper_password_read(int descriptor, int milliseconds, struct helper_password *password)
{
    struct stat status;
    password->text = NULL;
    password->size = 0;
    /* What else could be read may be read again by whoever has it, and may take for ever. */
    if (fstat(descriptor, &status) != 0 || !S_ISFIFO(status.st_mode))
        return -EBADF;
    if (fcntl(descriptor, F_SETFL, O_RDONLY | O_NONBLOCK) != 0)
        return -errno;
    void *page = mmap(NULL, HELPER_PASSWORD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -errno;
    password->text = page;
    /* By the system call itself: with the runtime of a sanitizer mlock(3) says yes and locks nothing. */
    int result = syscall(SYS_mlock, page, HELPER_PASSWORD_SIZE) != 0 || madvise(page, HELPER_PASSWORD_SIZE, MADV_DONTDUMP) != 0
            || madvise(page, HELPER_PASSWORD_SIZE, MADV_DONTFORK) != 0
        ? -errno
        : 0;
    if (result == 0)
        result = read_to_end(descriptor, now_in_milliseconds() + milliseconds, password);
    if (result == 0 && (password->size == 0 || memchr(password->text, 0, password->size) != NULL))
        result = -EINVAL;
    if (result != 0)
        helper_password_wipe(password);
    return result;
}

/* MARK: The conversation */

static void note(struct helper_conversation *conversation, const char *text)
{
    if (text == NULL || *text == 0)
        return;
    const size_t room = HELPER_MESSAGES_SIZE - conversation->messages_size;
    const size_t size = strnlen(text, 512) + 1;
    if (size > room)
        return;
    memcpy(conversation->messages + conversation->messages_size, text, size - 1);
    conversation->messages[conversation->messages_size + size - 1] = 0;
    conversation->messages_size += size;
}

const char *helper_conversation_messages(const struct helper_conversation *conversation)
{
    return conversation->messages;
}

static void forget(struct pam_response *answers, int count)
{
    if (answers == NULL)
        return;
    for (int i = 0; i < count; i++) {
        if (answers[i].resp == NULL)
            continue;
        explicit_bzero(answers[i].resp, strlen(answers[i].resp));
        free(answers[i].resp);
    }
    free(answers);
}

/* Only the first question is answered: pam_krb5 asks for a new password in the middle of an authentication, and the old one as
 * the answer would be set again. */
static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *context)
{
    struct helper_conversation *conversation = context;
    if (count <= 0 || count > PAM_MAX_NUM_MSG || messages == NULL || conversation == NULL)
        return PAM_CONV_ERR;
    struct pam_response *answers = calloc((size_t)count, sizeof *answers);
    if (answers == NULL)
        return PAM_BUF_ERR;
    int result = PAM_SUCCESS;
    int answers_question = 0;
    for (int i = 0; i < count && result == PAM_SUCCESS; i++) {
        const struct pam_message *message = messages[i];
        if (message == NULL) {
            result = PAM_CONV_ERR;
        } else if (message->msg_style == PAM_TEXT_INFO || message->msg_style == PAM_ERROR_MSG) {
            note(conversation, message->msg);
        } else if (message->msg_style == PAM_PROMPT_ECHO_OFF && conversation->password != NULL
                   && !conversation->has_answered && !answers_question && responses != NULL) {
            answers[i].resp = strdup(conversation->password);
            answers_question = 1;
            result = answers[i].resp != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
        } else {
            conversation->was_asked_more = 1;
            note(conversation, message->msg);
            result = PAM_CONV_ERR;
        }
    }
    /* Some modules expect no answers to what is no question, and have no place for them (pam_matrix). */
    if (result == PAM_SUCCESS && responses != NULL) {
        *responses = answers;
        /* Only now has anybody got it. */
        conversation->has_answered |= answers_question;
    } else {
        forget(answers, count);
    }
    return result;
}

/* Whoever fails is to wait, and not everybody who waits for the answer: the answer comes first. */
static void note_delay(int code, unsigned microseconds, void *context)
{
    struct helper_conversation *conversation = context;
    if (code != PAM_SUCCESS && conversation != NULL)
        conversation->delay = microseconds;
}

int helper_session_start(const char *service, const char *user, struct helper_conversation *conversation, void **handle)
{
    const struct pam_conv calls = {converse, conversation};
    pam_handle_t *started = NULL;
    *handle = NULL;
    int code = pam_start(service, user, &calls, &started);
    if (code == PAM_SUCCESS)
        code = pam_set_item(started, PAM_FAIL_DELAY, (const void *)(uintptr_t)note_delay);
    if (code == PAM_SUCCESS)
        *handle = started;
    else if (started != NULL)
        pam_end(started, code);
    return code;
}

void helper_session_try(const char *service)
{
    static const int crashes[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    const struct rlimit none = {0, 0};
    const struct pam_conv calls = {converse, NULL};
    pam_handle_t *handle = NULL;
    /* It leaves no core, and nobody looks into it. */
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        signal(crashes[i], SIG_DFL);
    /* All files are read here. The end of a handle that was used for nothing would be a failed attempt to Linux's audit. */
    (void)pam_start(service, "root", &calls, &handle);
    _exit(0);
}

/* MARK: What modules change */

#define KEYCTL_GET_KEYRING_ID 0
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEY_SPEC_SESSION_KEYRING (-3)

void helper_traits_read(struct helper_traits *traits)
{
    traits->mask = umask(077);
    umask((mode_t)traits->mask);
    errno = 0;
    traits->niceness = getpriority(PRIO_PROCESS, 0);
    const long keyring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    traits->keyring = keyring < 0 ? -errno : keyring;
}

void helper_traits_restore(const struct helper_traits *traits)
{
    umask((mode_t)traits->mask);
    (void)setpriority(PRIO_PROCESS, 0, traits->niceness);
}

void helper_limit_restore(int32_t resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limit;
    const __rlimit_resource_t which = (__rlimit_resource_t)resource;
    limit.rlim_cur = soft;
    limit.rlim_max = hard;
    if (setrlimit(which, &limit) == 0 || getrlimit(which, &limit) != 0)
        return;
    /* A hard limit that was lowered stays so without CAP_SYS_RESOURCE. */
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    (void)setrlimit(which, &limit);
}

int helper_keyring_leave(void)
{
    return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? -errno : 0;
}

int helper_groups_set(uint32_t group, const uint32_t *groups, int count)
{
    if (setgroups((size_t)count, groups) != 0 || setresgid(group, group, group) != 0)
        return -errno;
    /* A change of the group makes a process as open as fs.suid_dumpable says, and takes its death signal back (commit_creds of
     * kernel/cred.c). */
    return helper_protect();
}

int helper_groups_get(uint32_t *groups, int capacity)
{
    const int count = getgroups(capacity, capacity > 0 ? groups : NULL);
    return count < 0 ? (errno == EINVAL ? -ERANGE : -errno) : count;
}

void helper_environment_replace(void)
{
    static const char search_path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    static char path[sizeof search_path];
    static char *variables[2];
    /* Needs no memory, so that nothing can fail. setenv(3) changes a list in place where it has the name already, and whoever has
     * asked getenv(3) may write into the text itself. */
    memcpy(path, search_path, sizeof path);
    variables[0] = path;
    variables[1] = NULL;
    environ = variables;
}

int helper_hear_of_parent(int parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

static sigset_t kept_mask;

void helper_signals_keep(void)
{
    sigprocmask(SIG_SETMASK, NULL, &kept_mask);
}

void helper_signals_give_back(void)
{
    sigprocmask(SIG_SETMASK, &kept_mask, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    alarm(0);
    (void)!chdir("/");
}

/* MARK: Deadlines */

static struct {
    int is_made;
    int is_set;
    int spares_children;
    pid_t maker; /* timers are not inherited (fork(2)) */
    timer_t timer;
    timer_t last;
    volatile int descriptor;
    volatile size_t size;
    unsigned char words[HELPER_WORDS_SIZE];
} deadline;

/* The list has numbers of the namespace that /proc was mounted in; the kernel says whether one is a child's here. */
static int kill_child(pid_t number)
{
    siginfo_t info;
    if (number <= 1 || waitid(P_PID, (id_t)number, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0)
        return 0;
    (void)kill(number, SIGKILL);
    return 1;
}

/* What a module has started and left: pam_exec(8) waits for its program as long as that likes. */
static int kill_children(void)
{
    char text[1024];
    const int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    pid_t number = 0;
    int found = 0;
    for (ssize_t size; (size = read(file, text, sizeof text)) > 0;) {
        for (ssize_t i = 0; i < size; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                number = number * 10 + (text[i] - '0');
            } else {
                found |= kill_child(number);
                number = 0;
            }
        }
    }
    close(file);
    return found;
}

/* Those that theirs have made become children of this process, which inherits orphans during a step. */
static void kill_descendants(void)
{
    const struct timespec moment = {0, 1000000};
    for (int i = 0; i < 200 && kill_children(); i++) {
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
            continue;
        nanosleep(&moment, NULL);
    }
}

static void end_of_time(int signal)
{
    (void)signal;
    if (deadline.size > 0)
        (void)send(deadline.descriptor, deadline.words, deadline.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!deadline.spares_children)
        kill_descendants();
    _exit(75);
}

#define LAST_TIME_MILLISECONDS 2000

static int set_timer(timer_t timer, int64_t milliseconds)
{
    struct itimerspec time;
    memset(&time, 0, sizeof time);
    time.it_value.tv_sec = milliseconds / 1000;
    time.it_value.tv_nsec = (milliseconds % 1000) * 1000000;
    return timer_settime(timer, 0, &time, NULL) == 0 ? 0 : -errno;
}

static int make_timer(int signal, timer_t *timer)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    return timer_create(CLOCK_MONOTONIC, &event, timer) == 0 ? 0 : -errno;
}

int helper_deadline_set(int descriptor, const void *words, size_t size, int64_t milliseconds)
{
    if (size > sizeof deadline.words)
        return -EMSGSIZE;
    helper_deadline_clear();
    deadline.descriptor = descriptor;
    memcpy(deadline.words, words, size);
    deadline.size = size;
    /* A signal of its own: modules may use alarm(2), and block or ignore what they know. */
    const int number = SIGRTMAX - 1;
    if (!deadline.is_made) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = end_of_time;
        sigfillset(&action.sa_mask);
        if (sigaction(number, &action, NULL) != 0)
            return -errno;
        int result = make_timer(number, &deadline.timer);
        if (result == 0)
            /* Whoever blocks all signals is ended without a word. */
            result = make_timer(SIGKILL, &deadline.last);
        if (result != 0)
            return result;
        deadline.maker = getpid();
        deadline.is_made = 1;
    }
    if (milliseconds < 1)
        milliseconds = 1;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    deadline.is_set = 1;
    const int result = set_timer(deadline.last, milliseconds + LAST_TIME_MILLISECONDS);
    return result != 0 ? result : set_timer(deadline.timer, milliseconds);
}

void helper_deadline_forget(void)
{
    if (deadline.is_made && deadline.maker == getpid()) {
        (void)timer_delete(deadline.timer);
        (void)timer_delete(deadline.last);
    }
    deadline.is_made = 0;
    deadline.is_set = 0;
    deadline.spares_children = 0;
}

void helper_deadline_spare_children(void)
{
    deadline.spares_children = 1;
}

void helper_deadline_clear(void)
{
    if (!deadline.is_set)
        return;
    deadline.is_set = 0;
    (void)set_timer(deadline.timer, 0);
    (void)set_timer(deadline.last, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}
