#define _GNU_SOURCE
#include "lookup_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of wbclient.h, whose numbers and structures are Samba's promise (interface version 0). */
enum { wbc_success = 0 };

struct interface_details {
    uint32_t interface_version;
    const char *winbind_version;
    char winbind_separator;
    const char *netbios_name;
    const char *netbios_domain;
    const char *dns_domain;
};

typedef int details_call(struct interface_details **);
typedef int ping_call(const char *domain, void **error, char **controller);
typedef int domain_call(const char *domain, void **information);
typedef void free_call(void *);

/* The domain of a name, which the caller frees; none in what has none. */
static char *domain_of(const char *name, char separator)
{
    const char *end = strchr(name, separator);
    if (end != NULL)
        return strndup(name, (size_t)(end - name));
    const char *at = strrchr(name, '@');
    return at == NULL ? NULL : strdup(at + 1);
}

static void *call_of(void *library, const char *name)
{
    return library == NULL ? NULL : dlsym(library, name);
}

int lookup_winbind_domain_is_away(const char *name)
{
    /* That of the machine, as the module of the name service has it. Where it is not installed, nobody can tell. */
    void *const library = dlopen("libwbclient.so.0", RTLD_NOW | RTLD_LOCAL);
    details_call *const details_of = (details_call *)call_of(library, "wbcInterfaceDetails");
    ping_call *const ping = (ping_call *)call_of(library, "wbcPingDc2");
    domain_call *const find = (domain_call *)call_of(library, "wbcDomainInfo");
    free_call *const release = (free_call *)call_of(library, "wbcFreeMemory");
    if (details_of == NULL || ping == NULL || find == NULL || release == NULL)
        return 0;
    struct interface_details *details = NULL;
    if (details_of(&details) != wbc_success)
        return 1;
    char *const domain = name == NULL ? NULL : domain_of(name, details->winbind_separator);
    release(details);
    void *error = NULL, *information = NULL;
    char *controller = NULL;
    int result = ping(domain, &error, &controller);
    /* "Domain not found" is also what winbind says of its own when no server answers. One that it has never heard of has no accounts,
     * as long as its own answers, which would tell it. */
    if (result != wbc_success && domain != NULL && find(domain, &information) != wbc_success) {
        release(error);
        error = NULL;
        result = ping(NULL, &error, &controller);
    }
    free(domain);
    release(error);
    release(information);
    release(controller);
    return result != wbc_success;
}
