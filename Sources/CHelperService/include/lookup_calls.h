/* What a process does to itself before it asks the name service: whatever a module or a directory makes of it afterwards, there is
 * nothing in it to be had. */
#ifndef LOOKUP_CALLS_H
#define LOOKUP_CALLS_H

#include <stdint.h>

/* Takes the socket out of the standard streams, gives these to /dev/null, and closes everything else. Returns the socket,
 * close-on-exec, or a negative error number: -ENOTSOCK when standard input is no connected socket of AF_UNIX and
 * SOCK_SEQPACKET. */
int lookup_take_socket(void);

/* Replaces the environment of this process, and ignores SIGPIPE. Returns 0 or a negative error number. */
int lookup_surroundings_replace(void);

/* Gives up what this process may do beside what its account may: all capabilities, the bounding set as far as that is permitted,
 * and what a set-user-ID program would give it. Nobody may trace this process afterwards, and it leaves no core.
 *
 * Returns 0 or a negative error number, -EPERM for the superuser, whose account nobody changes here; this process is then to
 * end. */
int lookup_give_up_privileges(void);

/* Has this process killed by the kernel after a while; 0 takes that back. Returns 0 or a negative error number. */
int lookup_end_after(uint32_t milliseconds);

/* Sends a message whole, and waits for room. Returns 0 or a negative error number. */
int lookup_send(int socket, const void *bytes, uint64_t size);

/* Receives a message, and waits for one. Returns its size, 0 at the end of the connection, or a negative error number: -EMSGSIZE
 * when it does not fit, -EBADMSG when descriptors came along. */
int64_t lookup_receive(int socket, void *buffer, uint64_t capacity);

/* Whether winbind, by its own word (wbcPingDc2), hears from no server of the machine's domain, so that it may not know accounts of a
 * domain. 0 for names without one, which it answers by itself, and where nobody can tell; NULL is whatever name there may be. Blocks
 * for as long as winbind likes. */
int lookup_winbind_is_cut_off(const char *name);

/* Whether SSSD, by its own word (InfoPipe's IsOnline), reaches the directory that would have to know a name: that of its domain and
 * those above it; all where SSSD has no domain of that name; those with short names where it has none; all for NULL. SSSD says of
 * an account that it does not know what it says of one that there is not, also while it has never reached its directory.
 *
 * Returns 0, -EHOSTDOWN when it does not, -EACCES when SSSD or the bus does not let this process ask, -ENOENT where there is nobody
 * to ask: no InfoPipe, no bus, no libsystemd; and -ETIMEDOUT for everything else: nobody knows then. Takes two seconds at most.
 *
 * has_account: whether this process has an account of the local files. */
int lookup_sssd_reach(const char *name, int has_account);

/* Whether a name has a domain, in front of a separator or behind an at sign. */
int lookup_name_has_domain(const char *name, char separator);

#endif
