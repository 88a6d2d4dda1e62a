#define _GNU_SOURCE
#include "lookup_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of sd-bus.h, whose calls and structure are systemd's promise (libsystemd.so.0). */
typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;

struct bus_error {
    const char *name;
    const char *message;
    int needs_free;
};

struct bus_calls {
    int (*create)(sd_bus **);
    int (*set_address)(sd_bus *, const char *address);
    int (*set_bus_client)(sd_bus *, int is_client);
    int (*set_timeout)(sd_bus *, uint64_t microseconds);
    int (*start)(sd_bus *);
    int (*is_ready)(sd_bus *);
    int (*process)(sd_bus *, sd_bus_message **);
    int (*wait)(sd_bus *, uint64_t microseconds);
    int (*call)(sd_bus *, const char *destination, const char *path, const char *interface, const char *member, struct bus_error *,
        sd_bus_message **reply, const char *types, ...);
    int (*property)(sd_bus *, const char *destination, const char *path, const char *interface, const char *member,
        struct bus_error *, sd_bus_message **reply, const char *type);
    int (*read)(sd_bus_message *, const char *types, ...);
    int (*enter)(sd_bus_message *, char type, const char *contents);
    sd_bus_message *(*release_message)(sd_bus_message *);
    sd_bus *(*close)(sd_bus *);
    void (*free_error)(struct bus_error *);
};

/* One question and all that it takes. */
struct inquiry {
    struct bus_calls calls;
    sd_bus *bus;
    uint64_t end;
};

static const char sssd[] = "org.freedesktop.sssd.infopipe";
static const char sssd_path[] = "/org/freedesktop/sssd/infopipe";
static const char domains[] = "org.freedesktop.sssd.infopipe.Domains";

/* What comes with InfoPipe, wherever it runs. */
static const char sssd_service[] = "/usr/share/dbus-1/system-services/org.freedesktop.sssd.infopipe.service";

static const char bus_socket[] = "/run/dbus/system_bus_socket";

/* What SSSD gives all of its answers for, in microseconds: longer than it takes while it is alive. */
static const uint64_t patience = 2000000;

/* More than forests have one below the other. */
enum { most_ancestors = 16 };

static int find_calls(struct bus_calls *calls)
{
    /* That of the machine. Where it is not installed, there is nobody who could be asked. */
    void *const library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return -ENOENT;
    const struct {
        void *place;
        const char *name;
    } wanted[] = {
        {&calls->create, "sd_bus_new"},
        {&calls->set_address, "sd_bus_set_address"},
        {&calls->set_bus_client, "sd_bus_set_bus_client"},
        {&calls->set_timeout, "sd_bus_set_method_call_timeout"},
        {&calls->start, "sd_bus_start"},
        {&calls->is_ready, "sd_bus_is_ready"},
        {&calls->process, "sd_bus_process"},
        {&calls->wait, "sd_bus_wait"},
        {&calls->call, "sd_bus_call_method"},
        {&calls->property, "sd_bus_get_property"},
        {&calls->read, "sd_bus_message_read"},
        {&calls->enter, "sd_bus_message_enter_container"},
        {&calls->release_message, "sd_bus_message_unref"},
        {&calls->close, "sd_bus_close_unref"},
        {&calls->free_error, "sd_bus_error_free"},
    };
    for (size_t index = 0; index < sizeof wanted / sizeof *wanted; index++) {
        void *const call = dlsym(library, wanted[index].name);
        if (call == NULL)
            return -ENOENT;
        memcpy(wanted[index].place, &call, sizeof call);
    }
    return 0;
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* How long there still is; what takes longer is late. */
static int remaining(const struct inquiry *inquiry, uint64_t *microseconds)
{
    const uint64_t time = now();
    *microseconds = time < inquiry->end ? inquiry->end - time : 0;
    return *microseconds == 0 ? -ETIMEDOUT : 0;
}

/* The bus of the machine, wherever the environment has another one. The time for a call does not bound the way to it. */
static int open_bus(struct inquiry *inquiry)
{
    const struct bus_calls *const calls = &inquiry->calls;
    int result = calls->create(&inquiry->bus);
    if (result >= 0)
        result = calls->set_address(inquiry->bus, "unix:path=/run/dbus/system_bus_socket");
    if (result >= 0)
        result = calls->set_bus_client(inquiry->bus, 1);
    if (result >= 0)
        result = calls->start(inquiry->bus);
    while (result >= 0 && (result = calls->is_ready(inquiry->bus)) == 0) {
        uint64_t rest = 0;
        result = calls->process(inquiry->bus, NULL);
        if (result == 0 && (result = remaining(inquiry, &rest)) >= 0)
            result = calls->wait(inquiry->bus, rest);
        if (result >= 0)
            result = remaining(inquiry, &rest);
    }
    /* Without a bus there is no InfoPipe. Whatever else keeps this process from it says nothing about SSSD. */
    return result >= 0 ? 0 : result == -ENOENT ? -ENOENT : -ETIMEDOUT;
}

/* Prepares a call, which may take what time there is. */
static int begin_call(const struct inquiry *inquiry)
{
    uint64_t rest = 0;
    const int result = remaining(inquiry, &rest);
    return result < 0 ? result : inquiry->calls.set_timeout(inquiry->bus, rest);
}

static int is_called(const struct bus_error *error, const char *name)
{
    return error->name != NULL && strcmp(error->name, name) == 0;
}

/* Why there is no answer, by the name of the error: the numbers that sd-bus makes of names are of several meanings. The bus calls
 * it the one, and SSSD the other, when a process is not to ask. */
static int reason(const struct bus_error *error)
{
    return is_called(error, "org.freedesktop.DBus.Error.AccessDenied") || is_called(error, "org.freedesktop.DBus.Error.AuthFailed")
        ? -EACCES
        : -ETIMEDOUT;
}

/* Whether SSSD has said that there is no such domain: of its own errors it tells the number, which is another one in each version,
 * and the text. */
static int is_no_domain(const struct bus_error *error)
{
    return is_called(error, "sbus.Error.Errno") && error->message != NULL && strstr(error->message, "Domain not found") != NULL;
}

/* The part of a name that says which domain it is of, in memory of the caller's; NULL where it has none, or no memory is left. */
static char *domain_of(const char *name)
{
    const char *const separator = name == NULL ? NULL : strchr(name, '\\');
    if (separator != NULL)
        return strndup(name, (size_t)(separator - name));
    const char *const sign = name == NULL ? NULL : strrchr(name, '@');
    return sign == NULL ? NULL : strdup(sign + 1);
}

/* Whether SSSD takes a domain for one that it reaches: 0, -EHOSTDOWN, or why it does not say. One that it has heard of and does not
 * serve has no accounts. */
static int ask_alone(const struct inquiry *inquiry, const char *path)
{
    const struct bus_calls *const calls = &inquiry->calls;
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    int is_reached = 0;
    int result = begin_call(inquiry);
    if (result >= 0) {
        result = calls->call(
            inquiry->bus, sssd, path, "org.freedesktop.sssd.infopipe.Domains.Domain", "IsOnline", &error, &reply, "");
        if (result >= 0)
            result = calls->read(reply, "b", &is_reached) < 0 ? -ETIMEDOUT : is_reached ? 0 : -EHOSTDOWN;
        else
            result = is_no_domain(&error) ? 0 : reason(&error);
    }
    calls->free_error(&error);
    calls->release_message(reply);
    return result;
}

/* The domain above one, in memory of the caller's: 1, 0 where there is none, or why SSSD does not say. */
static int find_parent(const struct inquiry *inquiry, const char *path, char **parent)
{
    const struct bus_calls *const calls = &inquiry->calls;
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    const char *value = NULL;
    int result = begin_call(inquiry);
    if (result >= 0) {
        result = calls->property(inquiry->bus, sssd, path, domains, "parent_domain", &error, &reply, "o");
        if (result < 0)
            result = reason(&error);
        else if (calls->read(reply, "o", &value) < 0)
            result = -ETIMEDOUT;
        else
            result = strcmp(value, "/") == 0 || strcmp(value, path) == 0 ? 0 : (*parent = strdup(value)) == NULL ? -ETIMEDOUT : 1;
    }
    calls->free_error(&error);
    calls->release_message(reply);
    return result;
}

/* Whether a domain is reached: SSSD takes one below another for reached as long as it has not tried, also while it does not try since it
 * does not reach the other. */
static int ask_domain(const struct inquiry *inquiry, const char *path)
{
    char *own = NULL;
    int result = 1;
    for (int level = 0; result > 0 && level < most_ancestors; level++) {
        result = ask_alone(inquiry, own == NULL ? path : own);
        if (result == 0) {
            char *parent = NULL;
            result = find_parent(inquiry, own == NULL ? path : own, &parent);
            free(own);
            own = parent;
        }
    }
    free(own);
    return result > 0 ? -ETIMEDOUT : result;
}

/* Whether the domain of that name is reached; 1 where SSSD has none of that name, which may be another name of one of its own. */
static int ask_named(const struct inquiry *inquiry, const char *domain)
{
    const struct bus_calls *const calls = &inquiry->calls;
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    const char *path = NULL;
    int result = begin_call(inquiry);
    if (result >= 0) {
        result = calls->call(inquiry->bus, sssd, sssd_path, sssd, "FindDomainByName", &error, &reply, "s", domain);
        if (result < 0)
            result = is_no_domain(&error) ? 1 : reason(&error);
        else
            result = calls->read(reply, "o", &path) < 0 ? -ETIMEDOUT : ask_domain(inquiry, path);
    }
    calls->free_error(&error);
    calls->release_message(reply);
    return result;
}

/* Whether names of a domain have it in them, always. One that SSSD does not tell it of is asked. */
static int is_qualified(const struct inquiry *inquiry, const char *path)
{
    const struct bus_calls *const calls = &inquiry->calls;
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    int value = 0;
    int result = begin_call(inquiry);
    if (result >= 0)
        result = calls->property(inquiry->bus, sssd, path, domains, "use_fully_qualified_names", &error, &reply, "b");
    if (result >= 0)
        result = calls->read(reply, "b", &value);
    calls->free_error(&error);
    calls->release_message(reply);
    return result >= 0 && value;
}

/* Whether all domains are reached, or all that a name without one may be of. */
static int ask_all(const struct inquiry *inquiry, int has_no_domain)
{
    const struct bus_calls *const calls = &inquiry->calls;
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    int result = begin_call(inquiry);
    if (result >= 0) {
        result = calls->call(inquiry->bus, sssd, sssd_path, sssd, "ListDomains", &error, &reply, "");
        if (result < 0)
            result = reason(&error);
        else if (calls->enter(reply, 'a', "o") < 0)
            result = -ETIMEDOUT;
    }
    while (result >= 0) {
        const char *path = NULL;
        const int more = calls->read(reply, "o", &path);
        if (more <= 0) {
            result = more < 0 ? -ETIMEDOUT : 0;
            break;
        }
        result = has_no_domain && is_qualified(inquiry, path) ? 0 : ask_domain(inquiry, path);
    }
    calls->free_error(&error);
    calls->release_message(reply);
    return result;
}

int lookup_sssd_reach(const char *name, int has_account)
{
    struct inquiry inquiry = {0};
    if (access(sssd_service, F_OK) != 0 || access(bus_socket, F_OK) != 0)
        return errno == ENOENT ? -ENOENT : -ETIMEDOUT;
    /* dbus-daemon asks the name service who connects, with its only thread, so that everybody on the bus waits for a directory, and
     * hangs up on whom that does not know. */
    if (!has_account)
        return -EACCES;
    int result = find_calls(&inquiry.calls);
    if (result < 0)
        return result;
    inquiry.end = now() + patience;
    result = open_bus(&inquiry);
    if (result >= 0) {
        char *const domain = domain_of(name);
        result = domain == NULL ? 1 : ask_named(&inquiry, domain);
        if (result > 0)
            result = ask_all(&inquiry, name != NULL && !lookup_name_has_domain(name, '\\'));
        free(domain);
    }
    if (inquiry.bus != NULL)
        inquiry.calls.close(inquiry.bus);
    return result;
}
