/* The probe: a program that prints, as one JSON document, everything a job can know of itself. The tests launch it
 * in every way there is and compare what it says. It uses libc and nothing else, so that what it sees is what any
 * job would see. */
#ifndef PROBE_H
#define PROBE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The status of a probe that could not do its own work. */
#define PROBE_FAILURE 70

/* Writes `message` to standard error and ends the program with PROBE_FAILURE. */
_Noreturn void probe_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* json.c: the document under construction. A `name` of NULL makes an array element. */
void json_open_object(const char *name);
void json_close_object(void);
void json_open_array(const char *name);
void json_close_array(void);
void json_integer(const char *name, int64_t value);
void json_unsigned(const char *name, uint64_t value);
void json_boolean(const char *name, bool value);
void json_null(const char *name);
/* Bytes that are not UTF-8 become U+FFFD; json_hexadecimal says them exactly. */
void json_text(const char *name, const char *text);
void json_text_of(const char *name, const char *bytes, size_t count);
void json_hexadecimal(const char *name, const char *bytes);
/* An errno as `error` (number) and `errorName`; 0 gives two nulls. */
void json_error(int error);
const char *json_finish(size_t *count);

/* proc.c: small files of /proc. */
/* The contents of `path` with a NUL behind them, to be freed, or NULL with errno set. */
char *proc_read(const char *path, size_t *count);
/* Copies the value of `field` of a /proc/self/status into `value`; ends the probe when it is missing. */
void proc_status_field(const char *status, const char *field, char *value, size_t size);
/* The target of a symbolic link as text, or null in the document when it cannot be read. */
void proc_link(const char *name, const char *path);

/* What the document consists of; each function adds its own members. */
void report_identity(const char *status);
void report_signals(const char *status);
void report_descriptors(void);
void report_limits(void);
void report_scheduling(void);
void report_session(void);
void report_place(const char *status);
void report_arguments(int count, char *const arguments[], char *const environment[]);

/* attacks.c: what a job must not be able to do. Each adds elements to the open array of attempts. */
void attack_regain_root(void);
/* The process may also be a thread of one. Without `traces` it is not seized: that waits for an exec under way. */
void attack_memory_of(int64_t process, bool traces);
void attack_read_file(const char *path);
/* Pushes input into the terminal that a descriptor is, and tries to get hold of it. */
void attack_terminal(int descriptor);

/* hunt.c: what an account does to its own processes, for as long as it is let. Tells, in lines of standard output: "ready",
 * "before PID" for each that was attacked in vain before it was the program, "killed PID", "reached PID by CALL". */
/* Every process of the account that has begun since, on its way to a program of that name. */
void hunt_account(const char *program, bool kills);
/* One process, whenever its effective user id is the account's; ends with it. */
void hunt_process(int64_t process);

#endif
