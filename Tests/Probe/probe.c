#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

extern char **environ;

enum option_code {
    option_regain_root = 256,
    option_read_parent_memory,
    option_read_memory,
    option_read_file,
    option_attack_terminal,
    option_output,
    option_write,
    option_write_error,
    option_fill,
    option_echo_stdin,
    option_sleep,
    option_be_traceable,
    option_leave_tracer,
    option_leave_first_thread,
    option_write_from,
    option_read_into,
    option_size_into,
    option_hunt,
    option_hunt_and_kill,
    option_hunt_process,
    option_exit,
    option_signal,
};

static const struct option options[] = {
    {"regain-root", no_argument, NULL, option_regain_root},
    {"read-parent-memory", required_argument, NULL, option_read_parent_memory},
    {"read-memory", required_argument, NULL, option_read_memory},
    {"read-file", required_argument, NULL, option_read_file},
    {"attack-terminal", required_argument, NULL, option_attack_terminal},
    {"output", required_argument, NULL, option_output},
    {"write", required_argument, NULL, option_write},
    {"write-error", required_argument, NULL, option_write_error},
    {"fill", required_argument, NULL, option_fill},
    {"echo-stdin", no_argument, NULL, option_echo_stdin},
    {"sleep", required_argument, NULL, option_sleep},
    {"be-traceable", no_argument, NULL, option_be_traceable},
    {"leave-tracer", no_argument, NULL, option_leave_tracer},
    {"leave-first-thread", no_argument, NULL, option_leave_first_thread},
    {"write-from", required_argument, NULL, option_write_from},
    {"read-into", required_argument, NULL, option_read_into},
    {"size-into", required_argument, NULL, option_size_into},
    {"hunt", required_argument, NULL, option_hunt},
    {"hunt-and-kill", required_argument, NULL, option_hunt_and_kill},
    {"hunt-process", required_argument, NULL, option_hunt_process},
    {"exit", required_argument, NULL, option_exit},
    {"signal", required_argument, NULL, option_signal},
    {NULL, 0, NULL, 0},
};

void probe_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("probe: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    _exit(PROBE_FAILURE);
}

static void write_all(int descriptor, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(descriptor, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            probe_fail("write to descriptor %d: %s", descriptor, strerror(errno));
        bytes += written;
        count -= (size_t)written;
    }
}

static int64_t number_of(const char *text, int64_t least, int64_t most)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        probe_fail("\"%s\" is no number between %lld and %lld", text, (long long)least, (long long)most);
    return value;
}

static void sleep_for(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || seconds < 0 || seconds > 86400)
        probe_fail("\"%s\" is no number of seconds", text);
    struct timespec rest = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

static void fill(int64_t count)
{
    char block[4096];
    memset(block, 'x', sizeof block);
    for (; count > 0; count -= (int64_t)sizeof block)
        write_all(STDOUT_FILENO, block, count < (int64_t)sizeof block ? (size_t)count : sizeof block);
}

static void echo_standard_input(void)
{
    char block[4096];
    for (;;) {
        ssize_t count = read(STDIN_FILENO, block, sizeof block);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            probe_fail("standard input: %s", strerror(errno));
        if (count == 0)
            return;
        write_all(STDOUT_FILENO, block, (size_t)count);
    }
}

/* A child that traces this process and never looks at it again: the kernel tells a tracer of the end first. */
static void leave_tracer(void)
{
    int ready[2];
    if (pipe(ready) != 0)
        probe_fail("pipe: %s", strerror(errno));
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    const pid_t tracer = fork();
    if (tracer == 0) {
        if (ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) != 0)
            _exit(1);
        write_all(ready[1], "x", 1);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    char byte;
    if (tracer < 0 || read(ready[0], &byte, 1) != 1)
        probe_fail("no tracer: %s", strerror(errno));
}

static void *go_on(void *nothing)
{
    for (;;)
        pause();
    return nothing;
}

/* Ends the first thread and goes on in another one: the process looks like a zombie. */
static void leave_first_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, go_on, NULL) != 0)
        probe_fail("no thread");
    pthread_exit(NULL);
}

/* Memory of this process whose pages are those of a file. */
static void *pages_of(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    void *memory = file < 0 ? MAP_FAILED : mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (memory == MAP_FAILED)
        probe_fail("%s: %s", path, strerror(errno));
    return memory;
}

static void attack(int code, const char *argument)
{
    switch (code) {
    case option_regain_root:
        attack_regain_root();
        break;
    case option_read_parent_memory:
        attack_memory_of(strcmp(argument, "parent") == 0 ? getppid() : number_of(argument, 1, INT32_MAX), true);
        break;
    case option_read_memory:
        attack_memory_of(number_of(argument, 1, INT32_MAX), false);
        break;
    case option_read_file:
        attack_read_file(argument);
        break;
    case option_attack_terminal:
        attack_terminal((int)number_of(argument, 0, 1024));
        break;
    }
}

static void act(int code, const char *argument)
{
    switch (code) {
    case option_write:
        write_all(STDOUT_FILENO, argument, strlen(argument));
        break;
    case option_write_error:
        write_all(STDERR_FILENO, argument, strlen(argument));
        break;
    case option_fill:
        fill(number_of(argument, 0, INT64_MAX));
        break;
    case option_echo_stdin:
        echo_standard_input();
        break;
    case option_sleep:
        sleep_for(argument);
        break;
    case option_be_traceable:
        /* Yama would let nobody but its parents trace it. */
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
        break;
    case option_leave_tracer:
        leave_tracer();
        break;
    case option_leave_first_thread:
        leave_first_thread();
        break;
    case option_write_from:
        write_all(STDOUT_FILENO, pages_of(argument), 100);
        break;
    case option_read_into:
        if (read(STDIN_FILENO, pages_of(argument), 100) < 0)
            probe_fail("standard input: %s", strerror(errno));
        break;
    case option_size_into:
        if (ioctl(STDIN_FILENO, TIOCGWINSZ, pages_of(argument)) != 0)
            probe_fail("standard input: %s", strerror(errno));
        break;
    case option_hunt:
    case option_hunt_and_kill:
        hunt_account(argument, code == option_hunt_and_kill);
        break;
    case option_hunt_process:
        hunt_process(number_of(argument, 2, INT32_MAX));
        break;
    case option_exit:
        _exit((int)number_of(argument, 0, 255));
    case option_signal: {
        int number = (int)number_of(argument, 1, 64);
        raise(number);
        break;
    }
    }
}

/* Calls `function` for every option on the command line, in its order. */
static void each_option(int count, char *arguments[], void (*function)(int, const char *))
{
    optind = 0;
    for (int code; (code = getopt_long(count, arguments, "+", options, NULL)) != -1;) {
        if (code < option_regain_root)
            probe_fail("usage: probe [OPTION...] [-- ARGUMENT...]; see Tests/Probe/probe.c");
        function(code, optarg);
    }
}

static const char *output_path;

static void note_output(int code, const char *argument)
{
    if (code == option_output)
        output_path = argument;
}

int main(int count, char *arguments[])
{
    each_option(count, arguments, note_output);
    char *status = proc_read("/proc/self/status", NULL);
    if (status == NULL)
        probe_fail("/proc/self/status: %s", strerror(errno));

    json_open_object(NULL);
    report_session();
    report_identity(status);
    report_signals(status);
    report_descriptors();
    report_limits();
    report_scheduling();
    report_place(status);
    report_arguments(count, arguments, environ);
    json_open_array("attempts");
    each_option(count, arguments, attack);
    json_close_array();
    json_close_object();

    size_t length;
    const char *document = json_finish(&length);
    int output = STDOUT_FILENO;
    if (output_path != NULL && (output = open(output_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0)
        probe_fail("%s: %s", output_path, strerror(errno));
    write_all(output, document, length);
    if (output_path != NULL)
        close(output);
    each_option(count, arguments, act);
    return 0;
}
