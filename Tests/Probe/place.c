#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void report_place(const char *status)
{
    char value[64];
    proc_status_field(status, "Umask", value, sizeof value);
    json_integer("umask", strtol(value, NULL, 8));

    char directory[8192];
    if (getcwd(directory, sizeof directory) == NULL) {
        json_null("workingDirectory");
        json_integer("workingDirectoryError", errno);
    } else {
        json_text("workingDirectory", directory);
        json_null("workingDirectoryError");
    }
    proc_link("rootDirectory", "/proc/self/root");
    proc_link("executable", "/proc/self/exe");

    static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
    json_open_object("namespaces");
    for (size_t index = 0; index < sizeof kinds / sizeof kinds[0]; index++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[index]);
        proc_link(kinds[index], path);
    }
    json_close_object();
}

static void report_list(const char *name, const char *bytes_name, char *const list[])
{
    json_open_array(name);
    for (char *const *element = list; *element != NULL; element++)
        json_text(NULL, *element);
    json_close_array();
    json_open_array(bytes_name);
    for (char *const *element = list; *element != NULL; element++)
        json_hexadecimal(NULL, *element);
    json_close_array();
}

void report_arguments(int count, char *const arguments[], char *const environment[])
{
    json_integer("argumentCount", count);
    report_list("arguments", "argumentBytes", arguments);
    report_list("environment", "environmentBytes", environment);
}
