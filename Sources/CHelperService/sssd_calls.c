#define _GNU_SOURCE
#include "lookup_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    int (*call)(sd_bus *, const char *destination, const char *path, const char *interface, const char *member, struct bus_error *,
        sd_bus_message **reply, const char *types, ...);
    int (*read)(sd_bus_message *, const char *types, ...);
    int (*enter)(sd_bus_message *, char type, const char *contents);
    int (*property)(sd_bus *, const char *destination, const char *path, const char *interface, const char *member,
        struct bus_error *, char type, void *value);
    sd_bus_message *(*release_message)(sd_bus_message *);
    sd_bus *(*close)(sd_bus *);
    void (*free_error)(struct bus_error *);
};

static const char sssd[] = "org.freedesktop.sssd.infopipe";
static const char sssd_path[] = "/org/freedesktop/sssd/infopipe";

/* What SSSD gives an answer for: longer than the slowest of its own processes takes that is alive. */
static const uint64_t patience = 2000000;

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
        {&calls->call, "sd_bus_call_method"},
        {&calls->read, "sd_bus_message_read"},
        {&calls->enter, "sd_bus_message_enter_container"},
        {&calls->property, "sd_bus_get_property_trivial"},
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

/* The bus of the machine, wherever the environment has another one. */
static int open_bus(const struct bus_calls *calls, sd_bus **bus)
{
    int result = calls->create(bus);
    if (result >= 0)
        result = calls->set_address(*bus, "unix:path=/run/dbus/system_bus_socket");
    if (result >= 0)
        result = calls->set_bus_client(*bus, 1);
    if (result >= 0)
        result = calls->set_timeout(*bus, patience);
    return result < 0 ? result : calls->start(*bus);
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

/* Whether an error is SSSD's own, and not one of the bus or of the way to it. */
static int is_of_sssd(const struct bus_error *error)
{
    static const char start[] = "sbus.Error.";
    return error->name != NULL && strncmp(error->name, start, sizeof start - 1) == 0;
}

/* Whether a domain is reached, by its path: 0, -EHOSTDOWN, or -EACCES or -ETIMEDOUT: SSSD has just named it, and if it fails to
 * answer for it now, nobody knows. */
static int ask_domain(const struct bus_calls *calls, sd_bus *bus, const char *path)
{
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    int is_reached = 0;
    int result = calls->call(
        bus, sssd, path, "org.freedesktop.sssd.infopipe.Domains.Domain", "IsOnline", &error, &reply, "");
    if (result >= 0)
        result = calls->read(reply, "b", &is_reached);
    calls->free_error(&error);
    calls->release_message(reply);
    if (result < 0)
        return result == -EACCES ? result : -ETIMEDOUT;
    return is_reached ? 0 : -EHOSTDOWN;
}

/* Whether the domain of that name is reached; 1 where SSSD has none of that name, which may be another name of one of its own. */
static int ask_named(const struct bus_calls *calls, sd_bus *bus, const char *domain)
{
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    const char *path = NULL;
    int result = calls->call(bus, sssd, sssd_path, sssd, "FindDomainByName", &error, &reply, "s", domain);
    if (result >= 0)
        result = calls->read(reply, "o", &path);
    if (result >= 0)
        result = ask_domain(calls, bus, path);
    else if (is_of_sssd(&error))
        result = 1;
    calls->free_error(&error);
    calls->release_message(reply);
    return result;
}

/* Whether names of a domain have it in them, always. One that SSSD does not tell it of is asked. */
static int is_qualified(const struct bus_calls *calls, sd_bus *bus, const char *path)
{
    struct bus_error error = {0};
    int value = 0;
    const int result = calls->property(
        bus, sssd, path, "org.freedesktop.sssd.infopipe.Domains", "use_fully_qualified_names", &error, 'b', &value);
    calls->free_error(&error);
    return result >= 0 && value;
}

/* Whether all domains are reached, or all that a name without one may be of. */
static int ask_all(const struct bus_calls *calls, sd_bus *bus, int has_no_domain)
{
    sd_bus_message *reply = NULL;
    struct bus_error error = {0};
    int result = calls->call(bus, sssd, sssd_path, sssd, "ListDomains", &error, &reply, "");
    if (result < 0 && is_of_sssd(&error))
        result = -ETIMEDOUT;
    if (result >= 0)
        result = calls->enter(reply, 'a', "o");
    while (result >= 0) {
        const char *path = NULL;
        result = calls->read(reply, "o", &path);
        if (result <= 0)
            break;
        result = has_no_domain && is_qualified(calls, bus, path) ? 0 : ask_domain(calls, bus, path);
    }
    calls->free_error(&error);
    calls->release_message(reply);
    return result;
}

int lookup_sssd_reach(const char *name)
{
    struct bus_calls calls;
    int result = find_calls(&calls);
    if (result < 0)
        return result;
    sd_bus *bus = NULL;
    result = open_bus(&calls, &bus);
    if (result >= 0) {
        char *const domain = domain_of(name);
        result = domain == NULL ? 1 : ask_named(&calls, bus, domain);
        if (result > 0)
            result = ask_all(&calls, bus, name != NULL && !lookup_name_has_domain(name, '\\'));
        free(domain);
    }
    if (bus != NULL)
        calls.close(bus);
    switch (result) {
    case 0:
    case -EHOSTDOWN:
    case -ETIMEDOUT: return result;
    /* SSSD does not tell this process (allowed_uids), or the bus lets it send nothing: dbus-daemon hangs up on whoever has a user
     * id that no account has. */
    case -EACCES:
    case -EPERM:
    case -ENOTCONN:
    case -ECONNRESET: return -EACCES;
    /* There is no bus, nobody on it, or somebody who has no such thing. */
    default: return -ENOENT;
    }
}
