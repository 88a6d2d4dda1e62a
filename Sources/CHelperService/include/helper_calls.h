/* What the system helper needs of Linux that Swift has no way to say: fork, which Swift forbids because of its runtime's
 * threads, of which the helper has none; identities for a moment; memory that processes share. */
#ifndef HELPER_CALLS_H
#define HELPER_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* Closes descriptors that lie side by side. */
void helper_close_range(int first, int last);

/* Closes what this process was started with from a number on (close_range(2)), and gives the standard streams that were closed
 * to /dev/null. Returns 0 or a negative error number. */
int helper_close_inherited(int first);

/* Gives standard input and output to /dev/null: a process that stays with a job is not to keep open what whoever started the
 * helper waits for the end of. Returns 0 or a negative error number. */
int helper_leave_streams(void);

/* fork(2). The child is killed by the end of its parent, until it says otherwise; it returns 0 there, or a negative error
 * number. */
int helper_fork(void);

/* How many threads this process has, or a negative error number. */
int helper_thread_count(void);

/* Keeps others of the same user id out of this process: no ptrace(2), no core dump, no /proc/PID/mem (PR_SET_DUMPABLE). */
int helper_protect(void);

/* Makes the files of this process in /proc its own account's, until it is protected. */
void helper_unprotect(void);

/* Lets neither this process nor those it makes raise their priority without CAP_SYS_NICE (RLIMIT_NICE of getrlimit(2)). Returns 0 or
 * a negative error number. */
int helper_leave_priority(void);

/* Whether nobody but root may look into this process. */
int helper_is_protected(void);

/* Has this process killed by the end of its parent, as long as it keeps its effective user id. Returns 0, or a negative error
 * number: -ESRCH when the parent has ended already. */
int helper_die_with_parent(int parent);

/* Forgets the death signal of the parent (PR_SET_PDEATHSIG). */
void helper_outlive_parent(void);

/* The signal that tells this process of its parent's end (PR_GET_PDEATHSIG); 0 for none, or a negative error number. */
int helper_death_signal(void);

/* Sets it. Returns 0 or a negative error number; -ESRCH when the parent has ended already. */
int helper_set_death_signal(int parent, int number);

/* Sets the soft limit of open files, up to the hard one, and tells what it was. Returns 0 or a negative error number. */
int helper_open_files_set(uint64_t limit, uint64_t *former);

/* Gives SIGCHLD its default disposition, without which the kernel reaps the children of this process, and ignores SIGXFSZ. Returns 0
 * or a negative error number. */
int helper_reap_children(void);

/* Blocks the signals and makes them readable (signalfd(2)), close-on-exec and not blocking; SIGPIPE, and SIGHUP where it is
 * not among them, are ignored. Returns the descriptor. */
int helper_signals_open(const int32_t *signals, int count);

/* The next signal, 0 when there is none, or a negative error number. */
int helper_signals_next(int descriptor);

/* Gives this process the effective user id for a moment, and takes it back. The real and the saved one stay, so nobody of that
 * id may signal or trace this process. Both return 0 or a negative error number. */
int helper_become(uint32_t user);
int helper_come_back(uint32_t user);

/* Whether each user id of this process is that one: the real, the effective, the saved, and the one for files. */
int helper_is_itself(uint32_t user);

/* Takes them back. Returns 0 or a negative error number. */
int helper_become_itself(uint32_t user);

/* Has the processes of a job that lose their parent become children of this process (PR_SET_CHILD_SUBREAPER), unless it has children
 * already, or threads: what a module of PAM has left, and the orphans of that, are none of the job's. Blocks SIGCHLD as well, and
 * makes it readable (signalfd(2)), close-on-exec and not blocking. Returns the descriptor, none below that number, or a negative error
 * number, and has changed nothing then: -EBUSY where a module has left something. */
int helper_adopt_orphans(int lowest);

/* Blocks SIGCHLD, or takes that back. Returns whether it was blocked. */
int helper_child_signal_block(int blocks);

/* Reaps what this process was given and has ended, a few at a time, but not the job itself, nor what was started without a signal.
 * Returns whether there may be more. */
int helper_reap_orphans(int job);

/* Kills what this process was given, but not the job itself, 0 once that was reaped, and reaps what has ended of it. Returns how many
 * it has found; where that is 0, and the first process of the job has ended, there are none. A negative error number where there are
 * children, and nobody can look. */
int helper_kill_orphans(int job);

/* The end of a child without waiting: its process id, 0 when none has ended, or a negative error number. */
int helper_reap(int *status);

/* Writes a line to standard error unless that would wait for somebody. Returns whether it was written. */
int helper_log(const void *line, size_t size);

/* Closes a socket that a stranger has filled with what may take its time to be closed: another process, which nobody waits
 * for, has it last. */
void helper_close_elsewhere(int descriptor);

/* Takes a file for this process alone, until that has closed it or has ended: a process forked from it does not have it, however long it
 * has the descriptor (F_SETLK, fcntl(2)). Returns 0, or a negative error number: -EAGAIN when another process has it, whose number is
 * told then; 0 for one that cannot be seen from here. */
int helper_lock(int file, int32_t *holder);

/* fs.suid_dumpable, or -1. */
int helper_dumpable_setting(void);

/* alarm(2). */
void helper_alarm(unsigned seconds);

/* Memory that this process shares with those it forks: one word for each of them, all zero at first. Null without memory. */
uint64_t *helper_table_create(size_t count);
uint64_t helper_table_get(const uint64_t *table, size_t index);
void helper_table_set(uint64_t *table, size_t index, uint64_t value);

/* Sets a word that has a value: 1, or 0 when it has another one. */
int helper_table_exchange(uint64_t *table, size_t index, uint64_t expected, uint64_t value);

/* Waits until somebody says that a word has changed, unless its low half has already, for a while at most (futex(2)). */
void helper_table_wait(const uint64_t *table, size_t index, uint64_t expected, int milliseconds);
void helper_table_wake(uint64_t *table, size_t index);

/* Whether a descriptor is the job's side of a pseudo-terminal that belongs to a user: 1 or 0. */
int helper_is_terminal_of(int descriptor, uint32_t user);

/* The group of a file, or UINT32_MAX. */
uint32_t helper_group_of(int descriptor);

/* One account as the name service has it. */
struct helper_account {
    uint32_t user;
    uint32_t group;
    uint32_t *groups; /* the primary one included; helper_account_free frees them */
    int group_count;
    char *name;
    char *home;
    char *shell;
};

/* Looks an account up (getpwnam_r(3)), without and with its groups (getgrouplist(3)). Both return 0, -ENOENT when there is none, or
 * a negative error number of the name service. */
int helper_account_find(const char *name, struct helper_account *account);
int helper_account_look_up(const char *name, struct helper_account *account);

/* Asks for the groups of an account with this name and this primary group, by another process, which is killed when the name
 * service takes longer; where the files alone are asked, no other service is. It has nothing open that this process has. Returns 0,
 * -ETIMEDOUT when it has taken longer, or another negative error number when it could not be asked. */
int helper_account_ask_groups(struct helper_account *account, int asks_files_alone, int milliseconds);
void helper_account_free(struct helper_account *account);

#endif
