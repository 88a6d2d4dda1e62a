/* Makes system calls fail, for good, in every thread of this process and in every child: for tests that run in a
 * process of their own. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdint.h>

#include "daemon_thread.h"
#include "held_page.h"
#include "held_poll.h"
#include "orphan_trials.h"
#include "process_number.h"

/* A system call is hit when each of these arguments compares as it says. Only the lower 32 bits are looked at. */
enum fault_comparison {
    FAULT_ALWAYS = 0,
    FAULT_EQUAL = 1,
    FAULT_NOT_EQUAL = 2,
};

struct fault_condition {
    int comparison;
    int argument; /* 0 to 5 */
    uint32_t value;
};

/* The system call fails with the error from now on; with 0 it does nothing and says that it worked. The latest call for
 * a system call counts; clone3 fails for launchers alone, so that there are threads. Returns 0 or a negative error number. Needs CAP_SYS_ADMIN: no_new_privs stays off. */
int fault_install(int system_call, struct fault_condition first, struct fault_condition second, int error);

/* The numbers of system calls, by name; -1 for a name that is not in the table. */
int fault_system_call(const char *name);

/* prctl(PR_SET_CHILD_SUBREAPER): makes this process the parent of whoever below it loses its own. Returns 0 or a negative error
 * number. */
int inherit_orphans(void);

/* prctl(PR_SET_KEEPCAPS): this thread keeps its permitted capabilities when it gives the superuser's ids away. Returns 0 or a
 * negative error number. */
int keep_capabilities(void);

/* A write lease on a file, taken as its owner: the root of a user namespace has no CAP_LEASE. Returns 0 or a negative
 * error number. */
int take_write_lease(int file, uint32_t owner);

/* Sets the soft limit of open files of a process, and tells what it was. Returns 0 or a negative error number. */
int limit_open_files(int process, uint64_t limit, uint64_t *former);

/* Makes a session keyring of this thread, or joins the one with that name. */
long join_session_keyring(const char *name);

#endif
