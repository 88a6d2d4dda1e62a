/* The launcher program itself, with another libc where it would change this process. */
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
#include <sys/syscall.h>
#include <unistd.h>

#include "../../Sources/impersonation-launcher/signalling.h"
#include "false_process.h"

#define MEMORY_MOST (80u << 20)
#define ALLOCATIONS_MOST 16

static _Thread_local struct {
    const uint8_t *bytes;
    size_t size;
    void *allocated[ALLOCATIONS_MOST];
    size_t allocations;
} daemon_side;

static char *false_environment[] = {"HOME=/home/alice", "USER=alice", "LOGNAME=alice", "SHELL=/bin/sh", "LD_AUDIT=x", NULL};
char **false_environ = false_environment;

static __attribute__((noreturn)) void false_exit(int status)
{
    (void)status;
    false_end(NULL);
}

static void *false_calloc(size_t count, size_t size)
{
    if (size != 0 && count > MEMORY_MOST / size)
        false_end("wants memory for more than an order has");
    void *place = calloc(count, size);
    if (place == NULL || daemon_side.allocations == ALLOCATIONS_MOST)
        abort();
    return daemon_side.allocated[daemon_side.allocations++] = place;
}

static void *false_malloc(size_t size) { return false_calloc(size, 1); }

/* All of it goes with the process. */
static void false_free(void *place) { (void)place; }

static ssize_t false_recvmsg(int socket, struct msghdr *message, int flags)
{
    (void)socket;
    (void)flags;
    const size_t count = daemon_side.size < message->msg_iov->iov_len ? daemon_side.size : message->msg_iov->iov_len;
    memcpy(message->msg_iov->iov_base, daemon_side.bytes, count);
    uint32_t descriptors = 0;
    if (count >= 16)
        memcpy(&descriptors, daemon_side.bytes + 12, sizeof descriptors);
    /* As many as it says, if they fit into one message. */
    descriptors = descriptors > 128 ? 128 : descriptors;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors);
    for (uint32_t i = 0; i < descriptors; i++) {
        const int number = 1000 + (int)i;
        memcpy(CMSG_DATA(header) + sizeof number * i, &number, sizeof number);
    }
    return (ssize_t)count;
}

static ssize_t false_pread(int file, void *place, size_t size, off_t offset)
{
    (void)file;
    const size_t start = (size_t)offset + 40;
    if (offset < 0 || start >= daemon_side.size)
        return 0;
    const size_t rest = daemon_side.size - start, count = rest < size ? rest : size;
    memcpy(place, daemon_side.bytes + start, count);
    return (ssize_t)count;
}

static ssize_t false_write(int file, const void *bytes, size_t size)
{
    (void)file;
    struct launch_message message;
    if (size != sizeof message)
        false_end("reports in another size");
    memcpy(&message, bytes, size);
    false_process->result.step = message.step;
    false_process->result.error = message.error;
    return (ssize_t)size;
}

static __attribute__((format(printf, 1, 2))) void false_print(const char *format, ...) { (void)format; }

static int false_getsockopt(int socket, int level, int option, void *value, socklen_t *size)
{
    (void)socket;
    (void)level;
    (void)size;
    *(int *)value = option == SO_TYPE ? SOCK_STREAM : AF_UNIX;
    return 0;
}

#define main launcher_main
#define getenv(name) ((char *)NULL)
#define getsockopt false_getsockopt
#define setsid() 1
#define prctl(...) 0
#define send(socket, bytes, size, flags) ((ssize_t)(size))
#define recvmsg false_recvmsg
#define pread false_pread
#define write false_write
#define malloc false_malloc
#define calloc false_calloc
#define free false_free
#define fcntl(file, command, lowest) ((void)(file), (int)(lowest))
#define dup3(from, to, flags) (to)
#define close(file) ((void)(file))
#define umask(bits) (mode_t)false_system_call(__NR_umask, (long)(bits), 0, 0, 0, 0)
#define dprintf(file, ...) false_print(__VA_ARGS__)
#define _exit false_exit
#define environ false_environ
#define send_signals(signal, processes) ((void)(signal), (void)(processes), LAUNCH_SIGNAL_INVALID)
#define launch_interpret false_interpret
#include "../../Sources/CLaunchPlan/interpreter.h"

/* From here on the plan is where every text has to be. */
static struct launch_failure interpret(const struct launch_plan *plan, struct launch_context *context)
{
    false_process->plan = (const char *)plan;
    false_process->plan_size = plan->size;
    false_process->kind = plan->kind;
    return launch_interpret(plan, context);
}

#undef launch_interpret
#define launch_interpret(plan, context) interpret(plan, context)
#include "../../Sources/impersonation-launcher/launcher.c"
#undef malloc
#undef free

struct false_result false_order(const uint8_t *bytes, size_t size, uint32_t mode)
{
    static char *const commands[FALSE_MODES][5] = {
        {"impersonation-launcher", "run", FALSE_PROGRAM, "-u", NULL},
        {"impersonation-launcher", "restricted", FALSE_PROGRAM, "-u", NULL},
        {"impersonation-launcher", "session", NULL},
    };
    struct false_process *process = malloc(sizeof *process);
    if (process == NULL)
        abort();
    false_begin(process, FALSE_BEGINS_AS_ACCOUNT);
    process->is_launcher = 1;
    process->mode = mode;
    false_process = process;
    daemon_side.bytes = bytes;
    daemon_side.size = size;
    daemon_side.allocations = 0;
    if (setjmp(process->end) == 0)
        launcher_main(mode == FALSE_MODE_SESSION ? 2 : 4, (char **)(uintptr_t)commands[mode]);
    const struct false_result result = process->result;
    for (size_t i = 0; i < daemon_side.allocations; i++)
        free(daemon_side.allocated[i]);
    false_process = NULL;
    free(process);
    return result;
}
