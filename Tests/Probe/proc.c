#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *proc_read(const char *path, size_t *count)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    size_t length = 0, capacity = 4096;
    char *contents = malloc(capacity);
    for (;;) {
        if (contents == NULL)
            probe_fail("out of memory for %s", path);
        ssize_t got = read(descriptor, contents + length, capacity - length - 1);
        if (got < 0) {
            int error = errno;
            free(contents);
            close(descriptor);
            errno = error;
            return NULL;
        }
        if (got == 0)
            break;
        length += (size_t)got;
        if (capacity - length < 2) {
            capacity *= 2;
            contents = realloc(contents, capacity);
        }
    }
    close(descriptor);
    contents[length] = '\0';
    if (count != NULL)
        *count = length;
    return contents;
}

void proc_status_field(const char *status, const char *field, char *value, size_t size)
{
    size_t length = strlen(field);
    for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        if (strncmp(line, field, length) != 0 || line[length] != ':')
            continue;
        line += length + 1;
        line += strspn(line, " \t");
        size_t count = strcspn(line, "\n");
        if (count >= size)
            probe_fail("%s of /proc/self/status is %zu bytes long", field, count);
        memcpy(value, line, count);
        value[count] = '\0';
        return;
    }
    probe_fail("/proc/self/status has no line %s", field);
}

void proc_link(const char *name, const char *path)
{
    char target[8192];
    ssize_t count = readlink(path, target, sizeof target);
    if (count < 0)
        json_null(name);
    else
        json_text_of(name, target, (size_t)count);
}
