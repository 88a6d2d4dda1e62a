#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

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

int helper_account_look_up(const char *name, struct helper_account *account)
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
            result = account->name == NULL || account->home == NULL || account->shell == NULL ? -ENOMEM
                                                                                             : list_groups(account);
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
