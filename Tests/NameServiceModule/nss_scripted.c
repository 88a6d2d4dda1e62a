/* A module of the name service (nss(5)) that does what real ones do at their worst. It is put in the place of libnss_hesiod, which
 * glibc brings and nobody uses; /etc/nsswitch.conf of the bed names that.
 *
 * far-alice, far-many and others exist; down-* is unavailable; crash-* ends the process; hang-* never comes back. While
 * /bed/nss/hangs exists, nothing comes back until it is gone; while /bed/nss/answers does, so many calls come back as it has
 * bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST 70000
#define MANY 65000

static const char *const names[] = {"far-alice", "far-many", "far blank", "far-latin", "far-long", "-far", "FAR\\user"};
#define COUNT ((int)(sizeof names / sizeof *names))

static void wait_for_answers(void)
{
    static const char file[] = "/bed/nss/answers";
    struct stat status;
    while (stat(file, &status) == 0) {
        if (status.st_size > 0 && truncate(file, status.st_size - 1) == 0)
            return;
        usleep(2000);
    }
}

static enum nss_status misbehave(const char *name, int *error)
{
    while (access("/bed/nss/hangs", F_OK) == 0)
        usleep(2000);
    wait_for_answers();
    if (name == NULL)
        return NSS_STATUS_NOTFOUND;
    if (strncmp(name, "hang-", 5) == 0)
        for (;;)
            pause();
    if (strncmp(name, "crash-", 6) == 0)
        raise(SIGSEGV);
    if (strncmp(name, "down-", 5) == 0) {
        *error = ECONNREFUSED;
        return NSS_STATUS_UNAVAIL;
    }
    return NSS_STATUS_NOTFOUND;
}

static enum nss_status fill(int index, struct passwd *entry, char *buffer, size_t size, int *error)
{
    static const char home[] = "/bed/home/far", shell[] = "/bin/sh";
    const char *name = strcmp(names[index], "far-latin") == 0 ? "far-\xe4" : names[index];
    char long_home[8000];
    memset(long_home, 'x', sizeof long_home);
    long_home[0] = '/';
    long_home[sizeof long_home - 1] = 0;
    const char *directory = strcmp(names[index], "far-long") == 0 ? long_home : home;
    if (size < strlen(name) + strlen(directory) + sizeof shell + 8) {
        *error = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    entry->pw_name = buffer;
    entry->pw_dir = stpcpy(entry->pw_name, name) + 1;
    entry->pw_shell = stpcpy(entry->pw_dir, directory) + 1;
    entry->pw_passwd = stpcpy(entry->pw_shell, shell) + 1;
    strcpy(entry->pw_passwd, "x");
    entry->pw_gecos = entry->pw_passwd;
    entry->pw_uid = entry->pw_gid = FIRST + (unsigned)index;
    return NSS_STATUS_SUCCESS;
}

static int index_of(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

enum nss_status _nss_hesiod_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, int *error)
{
    const enum nss_status status = misbehave(name, error);
    const int index = index_of(name);
    return index < 0 ? status : fill(index, entry, buffer, size, error);
}

enum nss_status _nss_hesiod_getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size, int *error)
{
    const enum nss_status status = misbehave(NULL, error);
    return user < FIRST || user >= FIRST + COUNT ? status : fill((int)(user - FIRST), entry, buffer, size, error);
}

enum nss_status _nss_hesiod_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, int *error)
{
    const enum nss_status status = misbehave(name, error);
    if (strcmp(name, "far-group") != 0)
        return status;
    const size_t pointer = sizeof(char *);
    if (size < strlen(name) + 3 + 2 * pointer) {
        *error = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    const size_t gap = (pointer - (size_t)buffer % pointer) % pointer;
    entry->gr_mem = (char **)(void *)(buffer + gap);
    entry->gr_mem[0] = NULL;
    entry->gr_name = buffer + gap + pointer;
    entry->gr_passwd = stpcpy(entry->gr_name, name) + 1;
    entry->gr_passwd[0] = 0;
    entry->gr_gid = 70500;
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_hesiod_initgroups_dyn(
    const char *name, gid_t primary, long *start, long *size, gid_t **groups, long limit, int *error)
{
    (void)primary;
    const enum nss_status status = misbehave(name, error);
    if (index_of(name) < 0)
        return status;
    const long count = strcmp(name, "far-many") == 0 ? MANY : 2;
    for (long i = 0; i < count && (limit <= 0 || *start < limit); i++) {
        if (*start == *size) {
            const long larger = *size * 2;
            gid_t *grown = realloc(*groups, (size_t)larger * sizeof **groups);
            if (grown == NULL) {
                *error = ENOMEM;
                return NSS_STATUS_TRYAGAIN;
            }
            *groups = grown;
            *size = larger;
        }
        (*groups)[(*start)++] = 80000 + (unsigned)i;
    }
    return NSS_STATUS_SUCCESS;
}
