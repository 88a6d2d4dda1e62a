#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFCHR: return "character";
    case S_IFBLK: return "block";
    case S_IFIFO: return "pipe";
    case S_IFSOCK: return "socket";
    case S_IFLNK: return "link";
    default: return "anonymous";
    }
}

static const char *access_of(int flags)
{
    if ((flags & O_PATH) != 0)
        return "path";
    switch (flags & O_ACCMODE) {
    case O_RDONLY: return "read";
    case O_WRONLY: return "write";
    default: return "readWrite";
    }
}

static void report_descriptor(int number)
{
    struct stat file;
    int flags = fcntl(number, F_GETFL), descriptor_flags = fcntl(number, F_GETFD);
    if (flags < 0 || descriptor_flags < 0 || fstat(number, &file) != 0)
        probe_fail("descriptor %d: %s", number, strerror(errno));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);

    json_open_object(NULL);
    json_integer("number", number);
    proc_link("target", path);
    json_text("type", type_of(file.st_mode));
    json_text("access", access_of(flags));
    json_integer("statusFlags", flags);
    json_boolean("append", (flags & O_APPEND) != 0);
    json_boolean("nonblocking", (flags & O_NONBLOCK) != 0);
    json_boolean("closeOnExec", (descriptor_flags & FD_CLOEXEC) != 0);
    json_unsigned("device", file.st_dev);
    json_unsigned("inode", file.st_ino);
    json_unsigned("owner", file.st_uid);
    json_unsigned("mode", file.st_mode & 07777);
    json_close_object();
}

static int compare_numbers(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

void report_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        probe_fail("/proc/self/fd: %s", strerror(errno));
    size_t count = 0, capacity = 0;
    int *numbers = NULL;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int number = atoi(entry->d_name);
        if (number == dirfd(directory))
            continue;
        if (count == capacity) {
            capacity = capacity * 2 + 64;
            numbers = realloc(numbers, capacity * sizeof *numbers);
            if (numbers == NULL)
                probe_fail("out of memory for %zu descriptors", capacity);
        }
        numbers[count++] = number;
    }
    closedir(directory);
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    json_open_array("descriptors");
    for (size_t index = 0; index < count; index++)
        report_descriptor(numbers[index]);
    json_close_array();
    free(numbers);
}
