/* The launcher: what sudo(8) runs as the account of a job, and what then becomes the job.
 *
 *     impersonation-launcher run PROGRAM [ARGUMENT...]         the environment is the daemon's to say
 *     impersonation-launcher restricted PROGRAM [ARGUMENT...]  neither it nor argv[0] is; directory, limits, streams are
 *     impersonation-launcher session                           behind a login shell: everything comes with the order
 *     impersonation-launcher signal NUMBER PROCESS:START...    signals processes that are who they were
 *
 * The program and its arguments stand in the command line, where sudoers can restrict them and sudo logs them; the
 * environment never does. Whoever starts the launcher can do no more with it than the account itself could: it is an
 * ordinary program without any privilege. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../CLaunchPlan/interpreter.h"
#include "launch_order.h"
#include "signalling.h"

static const char name[] = "impersonation-launcher";

static uint32_t group_buffer[LAUNCH_GROUPS_MAXIMUM];

/* What programs that a rule names never give to others: a daemon would write what the account runs next. */
static const mode_t others_write = S_IWGRP | S_IWOTH;

static __attribute__((noreturn)) void refuse(const char *message)
{
    dprintf(STDERR_FILENO, "%s: %s\n", name, message);
    _exit(LAUNCH_EXIT_FAILED);
}

static __attribute__((noreturn)) void end(int status_descriptor, struct launch_failure failure)
{
    const struct launch_message message = {
        .kind = LAUNCH_MESSAGE_FAILED,
        .step = failure.step,
        .error = failure.error,
        .operation = failure.operation,
    };
    if (write(status_descriptor, &message, sizeof message) < 0)
        _exit(LAUNCH_EXIT_FAILED + 1);
    _exit(LAUNCH_EXIT_FAILED);
}

static __attribute__((noreturn)) void fail(int status_descriptor, int error)
{
    const struct launch_failure failure = {.step = LAUNCH_STEP_READ_PLAN, .error = error, .operation = 0};
    end(status_descriptor, failure);
}

/* What sudo does to keep a command from running others (noexec, intercept) it does with a library that is preloaded. */
static void check_environment(void)
{
    if (getenv("LD_PRELOAD") != NULL)
        refuse("sudo keeps this command from running others (NOEXEC or INTERCEPT), which is what it is for; take the tag "
               "off its rule");
}

static void check_input(void)
{
    int type = 0, domain = 0;
    socklen_t size = sizeof type;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM
        || getsockopt(STDIN_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX)
        refuse("standard input is not the socket of the daemon: sudo logs what it runs (log_input, log_output) and stands "
               "in between, or somebody else has started this program");
}

static void say_hello(void)
{
    struct launch_hello hello;
    memset(&hello, 0, sizeof hello);
    hello.magic = LAUNCH_HELLO_MAGIC;
    hello.version = LAUNCH_ORDER_VERSION;
    hello.parent = (int32_t)getppid();
    for (int resource = 0; resource < LAUNCH_LIMIT_COUNT; resource++) {
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
        getrlimit((__rlimit_resource_t)resource, &limit);
        hello.limits[resource][0] = limit.rlim_cur;
        hello.limits[resource][1] = limit.rlim_max;
    }
    if (send(STDIN_FILENO, &hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello)
        refuse("the daemon does not listen any more");
}

static void receive_order(struct launch_order *order, int *descriptors, int capacity)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 128)];
        struct cmsghdr alignment;
    } control;
    struct iovec place = {order, sizeof *order};
    struct msghdr message = {
        .msg_iov = &place, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count;
    do
        count = recvmsg(STDIN_FILENO, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    while (count < 0 && errno == EINTR);
    if (count == 0)
        refuse("the daemon has given the launch up");
    if (count != (ssize_t)sizeof *order || (message.msg_flags & MSG_CTRUNC) != 0)
        refuse("the order of the daemon did not arrive whole");
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (order->magic != LAUNCH_ORDER_MAGIC || order->version != LAUNCH_ORDER_VERSION || header == NULL
        || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS
        || order->descriptor_count < LAUNCH_ORDER_OWN_DESCRIPTORS + 3 || order->descriptor_count > (uint32_t)capacity
        || header->cmsg_len != CMSG_LEN(sizeof(int) * order->descriptor_count))
        refuse("the order of the daemon is of another version; install the launcher that belongs to it");
    memcpy(descriptors, CMSG_DATA(header), sizeof(int) * order->descriptor_count);
}

static void *read_all(int file, size_t size, off_t offset)
{
    char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return NULL;
    size_t done = 0;
    while (done < size) {
        const ssize_t count = pread(file, bytes + done, size - done, offset + (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            free(bytes);
            return NULL;
        }
        done += (size_t)count;
    }
    bytes[size] = 0;
    return bytes;
}

/* Pointers to `count` strings, ended by a null pointer; the text is moved on behind them. */
static char **strings(char **text, const char *text_end, uint32_t count, const char *first_of_all)
{
    /* Each has a zero byte at least. */
    if (*text > text_end || count > (size_t)(text_end - *text))
        return NULL;
    char **result = calloc((size_t)count + 2, sizeof *result);
    if (result == NULL)
        return NULL;
    uint32_t next = 0;
    if (first_of_all != NULL)
        result[next++] = (char *)(uintptr_t)first_of_all;
    for (uint32_t i = 0; i < count; i++) {
        if (*text >= text_end)
            return NULL;
        result[next++] = *text;
        *text += strlen(*text) + 1;
    }
    return result;
}

/* Whether a path of the plan is the program that the command line names: itself, or in the search path. */
static int is_named(const char *path, const char *program)
{
    if (strchr(program, '/') != NULL)
        return strcmp(path, program) == 0;
    const char *base = strrchr(path, '/');
    if (base == NULL || strcmp(base + 1, program) != 0)
        return 0;
    const size_t length = (size_t)(base - path);
    for (const char *place = LAUNCH_SEARCH_PATH; *place != 0;) {
        const size_t size = strcspn(place, ":");
        if (size == length && memcmp(place, path, size) == 0)
            return 1;
        place += size + (place[size] == ':');
    }
    return 0;
}

/* What a daemon that may run certain programs only may have done before one of them runs: what changes nothing but the process
 * itself, and what is a mask or a descriptor in the way that is said here. Whatever else there is, or will be, is not among it. */
static int is_harmless(const struct launch_operation *operation)
{
    switch (operation->step) {
    case LAUNCH_STEP_NOT_DUMPABLE:
    case LAUNCH_STEP_RESET_SIGNALS:
    case LAUNCH_STEP_SCHEDULING:
    case LAUNCH_STEP_IO_PRIORITY:
    case LAUNCH_STEP_NICE:
    case LAUNCH_STEP_SESSION_KEYRING:
    case LAUNCH_STEP_RESOURCE_LIMIT:
    case LAUNCH_STEP_AMBIENT_SET:
    case LAUNCH_STEP_CAPABILITIES:
    case LAUNCH_STEP_NO_NEW_PRIVILEGES:
    case LAUNCH_STEP_VERIFY_USER_ID:
    case LAUNCH_STEP_VERIFY_GROUP_ID:
    case LAUNCH_STEP_VERIFY_GROUPS:
    case LAUNCH_STEP_VERIFY_CAPABILITIES:
    case LAUNCH_STEP_VERIFY_NO_REGAIN:
    case LAUNCH_STEP_VERIFY_NO_NEW_PRIVILEGES:
    case LAUNCH_STEP_WORKING_DIRECTORY:
    case LAUNCH_STEP_PARENT:
    case LAUNCH_STEP_COMMIT:
    case LAUNCH_STEP_REPORT:
    case LAUNCH_STEP_SIGNAL_MASK:
    case LAUNCH_STEP_EXECUTE:
        return 1;
    /* Programs make files that the daemon could write, and the account runs them. */
    case LAUNCH_STEP_FILE_MODE_MASK:
        return (operation->a & others_write) == others_write;
    /* Standard error that goes where standard output does. Nothing above them: it would outlast the exec. */
    case LAUNCH_STEP_PLACE_DESCRIPTOR:
        return operation->a <= STDERR_FILENO && operation->b <= STDERR_FILENO;
    /* A program without one of its three streams takes the next file that it opens for it. */
    case LAUNCH_STEP_CLOSE_DESCRIPTORS:
        return operation->a > STDERR_FILENO && operation->a <= INT32_MAX;
    default:
        return 0;
    }
}

/* What sudo was asked about is what is run; and a daemon that may run certain programs only may not open files as the
 * account either, which the redirections of a shell do before sudo, as their own user, nor have them make files that it can
 * write itself. */
static int is_permitted(const struct launch_plan *plan, const char *program, int is_restricted)
{
    const struct launch_operation *operations = (const struct launch_operation *)(plan + 1);
    for (uint32_t i = 0; i < plan->operation_count; i++) {
        if (is_restricted && !is_harmless(&operations[i]))
            return 0;
        /* It changes the mode of whatever file it is given, with the rights of the account. */
        if (operations[i].step == LAUNCH_STEP_OWN_TERMINAL)
            return 0;
        if (operations[i].step != LAUNCH_STEP_EXECUTE)
            continue;
        uint64_t offset = operations[i].a;
        for (uint64_t number = 0; number < operations[i].b; number++) {
            if (offset < sizeof *plan || offset >= plan->size)
                return 0;
            const char *path = (const char *)plan + offset;
            const size_t length = strnlen(path, plan->size - offset);
            if (offset + length >= plan->size || (program != NULL && !is_named(path, program)))
                return 0;
            offset += length + 1;
        }
    }
    return 1;
}

/* Whose variables are whose is sudo's word, which asks the name service as root and takes nothing from its caller unless its
 * rules say so (env_keep, !env_reset). */
static char **environment_of_sudo(void)
{
    static char path[] = "PATH=" LAUNCH_SEARCH_PATH;
    static const char *const kept[] = {"HOME=", "USER=", "LOGNAME=", "SHELL="};
    static char *result[6];
    int count = 0;
    extern char **environ;
    for (int number = 0; number < 4; number++)
        for (char **variable = environ; *variable != NULL; variable++)
            if (strncmp(*variable, kept[number], strlen(kept[number])) == 0) {
                result[count++] = *variable;
                break;
            }
    result[count++] = path;
    result[count] = NULL;
    return result;
}

/* The environment that a login shell has made, without what the order brings itself, and that. */
static char **environment_of_session(char **ordered, uint32_t ordered_count)
{
    extern char **environ;
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **result = calloc(count + ordered_count + 1, sizeof *result);
    if (result == NULL)
        return NULL;
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strcspn(environ[i], "=") + 1;
        int is_replaced = strncmp(environ[i], "SUDO_", 5) == 0;
        for (uint32_t j = 0; j < ordered_count && !is_replaced; j++)
            is_replaced = strncmp(environ[i], ordered[j], length) == 0;
        if (!is_replaced)
            result[next++] = environ[i];
    }
    for (uint32_t j = 0; j < ordered_count; j++)
        result[next++] = ordered[j];
    return result;
}

/* First out of the way of every place, then to their places; standard input is the socket until then. */
static int place(int *descriptors, uint32_t count)
{
    const uint32_t extra = count - LAUNCH_ORDER_OWN_DESCRIPTORS - 3;
    const int lowest = LAUNCH_FIRST_EXTRA_DESCRIPTOR + LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM + 2;
    for (uint32_t i = 0; i < count; i++) {
        const int moved = fcntl(descriptors[i], F_DUPFD_CLOEXEC, lowest);
        if (moved < 0)
            return -errno;
        close(descriptors[i]);
        descriptors[i] = moved;
    }
    for (uint32_t i = 0; i < 3; i++)
        if (dup3(descriptors[LAUNCH_ORDER_OWN_DESCRIPTORS + i], (int)i, 0) < 0)
            return -errno;
    if (dup3(descriptors[1], LAUNCH_STATUS_DESCRIPTOR, O_CLOEXEC) < 0
        || dup3(descriptors[2], LAUNCH_TOKEN_DESCRIPTOR, O_CLOEXEC) < 0)
        return -errno;
    for (uint32_t i = 0; i < extra; i++)
        if (dup3(descriptors[LAUNCH_ORDER_OWN_DESCRIPTORS + 3 + i], LAUNCH_FIRST_EXTRA_DESCRIPTOR + (int)i, O_CLOEXEC) < 0)
            return -errno;
    for (uint32_t i = 0; i < count; i++)
        close(descriptors[i]);
    return 0;
}

enum mode { MODE_RUN, MODE_RESTRICTED, MODE_SESSION };

static int become_job(enum mode mode, char *program, char *const *arguments)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    check_environment();
    check_input();
    /* su(1) makes a session of its own for a command, and its shell has become this program. */
    if (setsid() < 0 && getsid(0) != getpid())
        refuse("no session of its own could be made");
    say_hello();

    struct launch_order order;
    int descriptors[LAUNCH_ORDER_OWN_DESCRIPTORS + 3 + LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM];
    receive_order(&order, descriptors, (int)(sizeof descriptors / sizeof *descriptors));
    const int status = descriptors[1];
    if (order.plan_size < sizeof(struct launch_plan) || order.plan_size > LAUNCH_PLAN_MAXIMUM_SIZE
        || order.strings_size > LAUNCH_ORDER_STRINGS_MAXIMUM || order.argument_count < 1
        || ((order.flags & LAUNCH_ORDER_BRINGS_ARGUMENTS) != 0) != (mode == MODE_SESSION))
        fail(status, EBADMSG);
    struct launch_plan *plan = read_all(descriptors[0], order.plan_size, 0);
    char *text = read_all(descriptors[0], order.strings_size, (off_t)order.plan_size);
    if (plan == NULL || text == NULL)
        fail(status, ENOMEM);
    if (plan->size != order.plan_size || plan->kind != LAUNCH_KIND_SWITCHED
        || plan->operation_count > (plan->size - sizeof *plan) / sizeof(struct launch_operation))
        fail(status, EBADMSG);
    /* Programs that a rule names get their three streams, and nothing that they do not know of. */
    if (mode == MODE_RESTRICTED && order.descriptor_count != LAUNCH_ORDER_OWN_DESCRIPTORS + 3)
        fail(status, EPERM);
    if (!is_permitted(plan, program, mode == MODE_RESTRICTED))
        fail(status, EPERM);
    /* A plan may leave the mask as it is, and rules can have sudo pass that of its caller on. */
    if (mode == MODE_RESTRICTED)
        umask(umask(others_write) | others_write);

    const char *text_end = text + order.strings_size;
    struct launch_context context;
    memset(&context, 0, sizeof context);
    if (mode == MODE_SESSION) {
        context.arguments = strings(&text, text_end, order.argument_count, NULL);
    } else {
        char *const zero = text;
        uint32_t count = 0;
        while (arguments[count] != NULL)
            count++;
        if (order.argument_count != 1 || zero >= text_end)
            fail(status, EBADMSG);
        text += strlen(zero) + 1;
        char **all = calloc((size_t)count + 2, sizeof *all);
        if (all != NULL) {
            /* Some programs are another one by another name. */
            all[0] = mode == MODE_RESTRICTED ? program : zero;
            memcpy(all + 1, arguments, (size_t)count * sizeof *all);
        }
        context.arguments = all;
    }
    char **environment = strings(&text, text_end, order.environment_count, NULL);
    if (mode == MODE_RESTRICTED)
        environment = environment_of_sudo();
    else if ((order.flags & LAUNCH_ORDER_KEEPS_ENVIRONMENT) != 0 && environment != NULL)
        environment = environment_of_session(environment, order.environment_count);
    context.environment = environment;
    if (context.arguments == NULL || context.environment == NULL)
        fail(status, ENOMEM);

    context.group_buffer = group_buffer;
    context.status_descriptor = LAUNCH_STATUS_DESCRIPTOR;
    context.token_descriptor = LAUNCH_TOKEN_DESCRIPTOR;
    const int placed = place(descriptors, order.descriptor_count);
    if (placed < 0)
        fail(status, -placed);
    const struct launch_failure failure = launch_interpret(plan, &context);
    end(context.status_descriptor, failure);
}

int main(int count, char **arguments)
{
    if (count >= 3 && strcmp(arguments[1], "run") == 0)
        return become_job(MODE_RUN, arguments[2], arguments + 3);
    if (count >= 3 && strcmp(arguments[1], "restricted") == 0) {
        /* sudo compares arguments joined by blanks: to "restricted PROGRAM *" a longer name is PROGRAM with an argument. */
        if (strpbrk(arguments[2], " \t\n\v\f\r") != NULL)
            refuse("a program with white space in its path is not what a rule for certain programs means");
        return become_job(MODE_RESTRICTED, arguments[2], arguments + 3);
    }
    if (count == 2 && strcmp(arguments[1], "session") == 0)
        return become_job(MODE_SESSION, NULL, NULL);
    if (count >= 4 && strcmp(arguments[1], "signal") == 0)
        return send_signals(arguments[2], arguments + 3);
    dprintf(STDERR_FILENO,
        "%s is started by sudo for a daemon:\n"
        "  %s run | restricted PROGRAM [ARGUMENT...]\n"
        "  %s session\n"
        "  %s signal NUMBER PROCESS:START...\n",
        name, name, name, name);
    return LAUNCH_SIGNAL_INVALID;
}
