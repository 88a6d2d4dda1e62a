/* What a PAM session needs of C: a conversation that PAM calls back, a password in memory of its own, what modules change in
 * the process they run in, and an end to steps that hang. */
#ifndef SESSION_CALLS_H
#define SESSION_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* The longest password: PAM_MAX_RESP_SIZE, the zero behind it included (CVE-2015-3238: longer ones hung unix_chkpwd). */
#define HELPER_PASSWORD_SIZE 512

/* A password in a page of its own: never swapped out, not in a core, wiped when it goes. */
struct helper_password {
    char *text;
    size_t size; /* without the zero behind it */
};

/* Reads a password to the end of a pipe. Returns 0 or a negative error number: -EMSGSIZE when it is too long, -EINVAL when it
 * is empty or has a zero byte in it, -ETIMEDOUT when the pipe does not end in time, -EBADF when it is no pipe. */
int helper_password_read(int descriptor, int milliseconds, struct helper_password *password);
void helper_password_wipe(struct helper_password *password);

#define HELPER_MESSAGES_SIZE 4096

/* What modules and this side say to each other. It must stay where it is as long as the handle lives. */
struct helper_conversation {
    const char *password; /* the answer to the first question that is not to be seen; null: nothing is answered */
    int has_answered;
    int was_asked_more; /* a question came that has no answer here */
    unsigned delay;     /* how many microseconds a module would have whoever failed wait */
    size_t messages_size;
    char messages[HELPER_MESSAGES_SIZE]; /* what modules said, a zero behind each */
};

/* What modules said, where it is: Swift would make a type of as many numbers as there is room for. */
const char *helper_conversation_messages(const struct helper_conversation *conversation);

/* Begins with PAM (pam_start(3)). Returns PAM's code; the handle is null unless that is PAM_SUCCESS. */
int helper_session_start(const char *service, const char *user, struct helper_conversation *conversation, void **handle);

/* Begins with PAM for a service in this process, which ends with it: by a signal where that crashes. */
void helper_session_try(const char *service) __attribute__((noreturn));

/* What modules change in their process and a job inherits or is given. */
struct helper_traits {
    uint32_t mask;
    int32_t niceness;
    int64_t keyring; /* the serial number of the session keyring, or a negative error number */
};

void helper_traits_read(struct helper_traits *traits);

/* Sets the file mode creation mask and the nice value again. */
void helper_traits_restore(const struct helper_traits *traits);

/* Keeps the signal mask of this process, and gives it back with what else a module may have left: the dispositions that waiting
 * for children and writing to sockets take, alarm(2), the working directory. */
void helper_signals_keep(void);
void helper_signals_give_back(void);

/* Sets a resource limit of this process, as far as it may. */
void helper_limit_restore(int32_t resource, uint64_t soft, uint64_t hard);

/* Gives this process a session keyring of its own, without a name: the one that it has is left. Returns 0 or a negative error
 * number. */
int helper_keyring_leave(void);

/* setgroups(2) and setresgid(2), for modules that add groups to those there are. Both give the process back the protection that a
 * change of the group takes away. Return 0 or a negative error number. */
int helper_groups_set(uint32_t group, const uint32_t *groups, int count);

/* getgroups(2). Returns the count, or a negative error number; -ERANGE when there are more than there is room for;
 * with no room at all it only counts. */
int helper_groups_get(uint32_t *groups, int capacity);

/* Replaces the environment of this process, which modules look into, by a search path; it cannot fail. */
void helper_environment_replace(void);

/* Has this process told of its parent's end by SIGTERM instead of being killed: it has a session to close. */
int helper_hear_of_parent(int parent);

/* The longest last words. */
#define HELPER_WORDS_SIZE 16384

/* Ends this process, and what its modules have started, once the time is up, and says some last words over a socket first.
 * Whatever runs meanwhile may hang, block signals but not this one, and use alarm(2). Returns 0 or a negative error number. */
int helper_deadline_set(int descriptor, const void *words, size_t size, int64_t milliseconds);
void helper_deadline_clear(void);

/* Lets a process that was forked meanwhile have deadlines of its own. */
void helper_deadline_forget(void);

/* Has the end of the time spare the children of this process, which it kills otherwise: a job may have left some on purpose. */
void helper_deadline_spare_children(void);

#endif
