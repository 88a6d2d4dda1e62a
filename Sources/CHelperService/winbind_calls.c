#define _GNU_SOURCE
#include "lookup_calls.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Of wbclient.h, whose numbers and structures are Samba's promise (interface version 0). */
enum { wbc_success = 0, wbc_winbind_not_available = 6 };

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
typedef void free_call(void *);

int lookup_name_has_domain(const char *name, char separator)
{
    return strchr(name, '@') != NULL || (separator != 0 && strchr(name, separator) != NULL);
}

static void *call_of(void *library, const char *name)
{
    return library == NULL ? NULL : dlsym(library, name);
}

int lookup_winbind_is_cut_off(const char *name)
{
    /* That of the machine, as the module of the name service has it. Where it is not installed, nobody can tell. */
    void *const library = dlopen("libwbclient.so.0", RTLD_NOW | RTLD_LOCAL);
    details_call *const details_of = (details_call *)call_of(library, "wbcInterfaceDetails");
    ping_call *const ping = (ping_call *)call_of(library, "wbcPingDc2");
    free_call *const release = (free_call *)call_of(library, "wbcFreeMemory");
    if (details_of == NULL || ping == NULL || release == NULL)
        return 0;
    struct interface_details *details = NULL;
    int result = details_of(&details);
    if (result != wbc_success)
        return result == wbc_winbind_not_available;
    const int has_domain = name == NULL || lookup_name_has_domain(name, details->winbind_separator);
    release(details);
    if (!has_domain)
        return 0;
    /* That of the machine's own domain, whichever the name has: winbind would ask the server of another one as somebody whom that
     * does not know, and says of its own, while none answers, that there is no such domain. */
    void *error = NULL;
    char *controller = NULL;
    result = ping(NULL, &error, &controller);
    release(error);
    release(controller);
    return result != wbc_success;
}
