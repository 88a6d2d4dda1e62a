/* A page of memory that never comes: a file of a FUSE file system whose server does not answer a read. An account can mount
 * one without any privilege (fusermount3); here root does it for the account. */
#ifndef HELD_PAGE_H
#define HELD_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct held_page {
    int server;
    /* A byte arrives for each reader that stands still. */
    int asked;
};

/* Mounts the file system; every file in it is one that holds its readers up, and "room" a directory that holds up whoever enters it
 * (chdir(2)). Returns 0 or a negative error number. */
int held_page_mount(const char *directory, uint32_t owner, struct held_page *page);

/* Ends the server, which lets everybody go, and unmounts. */
void held_page_release(const char *directory, struct held_page page);

/* Sends bytes and a descriptor along (SCM_RIGHTS); with MSG_OOB the one byte that there may be is urgent. Returns 0 or a negative
 * error number. */
int held_page_send_descriptor(int socket, int descriptor, const void *bytes, size_t size, int flags);

#endif
