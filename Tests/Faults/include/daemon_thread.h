/* A thread of the process that lasts, and what may be changed in a daemon: for tests of what a launch must not change. */
#ifndef DAEMON_THREAD_H
#define DAEMON_THREAD_H

#include <stdint.h>

enum daemon_change {
    DAEMON_CHANGE_UMASK,
    DAEMON_CHANGE_DUMPABLE,
    DAEMON_CHANGE_LIMIT,
    DAEMON_CHANGE_DISPOSITION,
    DAEMON_CHANGE_DIRECTORY,
    DAEMON_CHANGE_ENVIRONMENT,
    DAEMON_CHANGE_TIMER,
    /* Of the thread alone. */
    DAEMON_CHANGE_MASK,
    DAEMON_CHANGE_USER_ID,
    DAEMON_CHANGE_GROUP_ID,
    DAEMON_CHANGE_GROUPS,
    DAEMON_CHANGE_CAPABILITIES,
    DAEMON_CHANGE_BOUNDING_SET,
    DAEMON_CHANGE_NO_NEW_PRIVILEGES,
    DAEMON_CHANGE_NICENESS,
    DAEMON_CHANGE_COUNT,
};

/* Starts the thread, which does nothing but what it is told here. Returns its number or a negative error number. */
int daemon_thread_start(void);

/* Lets that thread change one thing, by a system call where libc would change every thread. Returns 0 or a negative error
 * number. */
int daemon_thread_change(int change);

/* prctl(PR_GET_DUMPABLE) of this process, and PR_SET_DUMPABLE; Swift cannot call prctl. */
int process_dumpable(void);
int process_set_dumpable(int dumpable);

/* Sets the securebits of the calling thread (PR_SET_SECUREBITS). Returns 0 or a negative error number. */
int thread_set_securebits(unsigned long bits);

/* Gives the user id of root up, in every thread, and lets the calling one keep its capabilities. Returns 0 or a negative error
 * number. */
int become_capable_account(uint32_t user);

/* Sets the disposition of SIGCHLD to the default with SA_NOCLDWAIT, or without. */
int keep_no_zombies(int keep_none);

/* Whether two processes share their memory (kcmp(2), KCMP_VM): 1, 0, or a negative error number. */
int share_memory(int process, int other);

/* Lets a file stand in the place of another one in this mount namespace, and takes it away again. Return 0 or a negative error
 * number. */
int file_put_over(const char *file, const char *other);
int file_uncover(const char *file);

#endif
