#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "include/launch_spawn.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* A daemon may limit the size of the files it writes, and write(2) reports that by SIGXFSZ, which would end it. The
 * soft limit is raised for the few microseconds that the image takes, as far as the hard one lets it. Returns whether
 * the image fits, and the limit to put back. */
static int make_room(size_t size, struct rlimit *former)
{
    struct rlimit raised;
    if (getrlimit(RLIMIT_FSIZE, former) != 0)
        return -errno;
    if (former->rlim_cur == RLIM_INFINITY || former->rlim_cur >= size)
        return 0;
    if (former->rlim_max != RLIM_INFINITY && former->rlim_max < size)
        return -EFBIG;
    raised.rlim_cur = former->rlim_max;
    raised.rlim_max = former->rlim_max;
    return setrlimit(RLIMIT_FSIZE, &raised) == 0 ? 1 : -errno;
}

static int write_whole(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int in_sealed_memory(const void *image, size_t size)
{
    int file = memfd_create("impersonation-trampoline", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (file < 0 && errno == EINVAL) /* before Linux 6.3 every memfd is executable */
        file = memfd_create("impersonation-trampoline", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return -errno;
    int result = write_whole(file, image, size);
    if (result == 0 && fchmod(file, 0500) != 0)
        result = -errno;
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (result == 0 && fcntl(file, F_ADD_SEALS, seals | F_SEAL_EXEC) != 0 && fcntl(file, F_ADD_SEALS, seals) != 0)
        result = -errno;
    if (result != 0) {
        close(file);
        return result;
    }
    return file;
}

/* A file without a name belongs to whoever made it and cannot be opened by anybody else. The kernel does not run a
 * file that is open for writing, so it is opened again for reading. */
static int in_unnamed_file(const void *image, size_t size, const char *directory)
{
    int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0500);
    if (file < 0)
        return -errno;
    int result = write_whole(file, image, size);
    if (result == 0 && fchmod(file, 0500) != 0) /* whatever the mode creation mask has left */
        result = -errno;
    if (result == 0) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        result = open(path, O_RDONLY | O_CLOEXEC);
        if (result < 0)
            result = -errno;
    }
    close(file);
    return result;
}

int launch_image_create(const void *image, size_t size, enum launch_image_place place, const char *directory)
{
    struct rlimit former;
    const int raised = make_room(size, &former);
    if (raised < 0)
        return raised;
    const int result =
        place == LAUNCH_IMAGE_SEALED_MEMORY ? in_sealed_memory(image, size) : in_unnamed_file(image, size, directory);
    if (raised > 0)
        setrlimit(RLIMIT_FSIZE, &former);
    return result;
}
