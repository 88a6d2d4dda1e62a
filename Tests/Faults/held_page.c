#define _GNU_SOURCE
#include "include/held_page.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_NODE = 2, ROOM_NODE = 3, FILE_SIZE = 1 << 20 };

static void answer(int device, const struct fuse_in_header *request, const void *body, size_t size, int error)
{
    char reply[512];
    struct fuse_out_header head = {.len = (uint32_t)(sizeof head + size), .error = -error, .unique = request->unique};
    memcpy(reply, &head, sizeof head);
    if (size > 0)
        memcpy(reply + sizeof head, body, size);
    if (write(device, reply, sizeof head + size) < 0)
        return;
}

static struct fuse_attr attributes(uint64_t node, uint32_t owner)
{
    struct fuse_attr result = {.ino = node, .uid = owner, .gid = owner, .nlink = 1, .mode = 0040755};
    if (node == FILE_NODE) {
        result.mode = 0100777;
        result.size = FILE_SIZE;
        result.blocks = FILE_SIZE / 512;
        result.blksize = 4096;
    }
    return result;
}

static void serve(int device, uint32_t owner, int asked)
{
    static char buffer[1 << 17] __attribute__((aligned(8)));
    for (;;) {
        const ssize_t count = read(device, buffer, sizeof buffer);
        if (count < 0 && (errno == EINTR || errno == ENOENT))
            continue;
        if (count < 0)
            _exit(0);
        const struct fuse_in_header *request = (const struct fuse_in_header *)buffer;
        switch (request->opcode) {
        case FUSE_INIT: {
            const struct fuse_init_out out = {.major = 7, .minor = 31, .max_write = 4096};
            answer(device, request, &out, sizeof out, 0);
            break;
        }
        case FUSE_GETATTR: {
            const struct fuse_attr_out out = {.attr_valid = 100, .attr = attributes(request->nodeid, owner)};
            answer(device, request, &out, sizeof out, 0);
            break;
        }
        case FUSE_LOOKUP: {
            const uint64_t node = strcmp((const char *)(request + 1), "room") == 0 ? ROOM_NODE : FILE_NODE;
            const struct fuse_entry_out out = {
                .nodeid = node, .attr_valid = 100, .entry_valid = 100, .attr = attributes(node, owner)};
            answer(device, request, &out, sizeof out, 0);
            break;
        }
        case FUSE_OPEN: {
            const struct fuse_open_out out = {.fh = 1};
            answer(device, request, &out, sizeof out, 0);
            break;
        }
        case FUSE_READ:
            /* Never answered: whoever touches the page waits for as long as this process lives. */
            if (write(asked, "x", 1) < 0)
                _exit(1);
            break;
        case FUSE_ACCESS:
            /* chdir(2) alone asks. */
            if (request->nodeid != ROOM_NODE)
                answer(device, request, NULL, 0, 0);
            else if (write(asked, "x", 1) < 0)
                _exit(1);
            break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
            break;
        case FUSE_FLUSH:
        case FUSE_RELEASE:
            answer(device, request, NULL, 0, 0);
            break;
        default:
            answer(device, request, NULL, 0, ENOSYS);
        }
    }
}

int held_page_mount(const char *directory, uint32_t owner, struct held_page *page)
{
    char options[128];
    int asked[2];
    const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0)
        return -errno;
    snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=%u,group_id=%u", device, owner, owner);
    if (pipe2(asked, O_CLOEXEC) != 0 || mount("held", directory, "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
        const int error = errno;
        close(device);
        return -error;
    }
    const pid_t server = fork();
    if (server == 0) {
        /* Nothing of the caller's is held longer than it lives itself, its terminals and streams above all. */
        if (dup2(device, 3) < 0 || dup2(asked[1], 4) < 0)
            _exit(1);
        close_range(5, ~0U, 0);
        for (int number = 0; number < 3; number++)
            close(number);
        serve(3, owner, 4);
    }
    const int error = errno;
    close(device);
    close(asked[1]);
    if (server < 0) {
        close(asked[0]);
        umount2(directory, MNT_DETACH);
        return -error;
    }
    page->server = server;
    page->asked = asked[0];
    return 0;
}

void held_page_release(const char *directory, struct held_page page)
{
    kill(page.server, SIGKILL);
    while (waitpid(page.server, NULL, 0) < 0 && errno == EINTR)
        continue;
    umount2(directory, MNT_DETACH | MNT_FORCE);
    close(page.asked);
}

int held_page_send_descriptor(int socket, int descriptor, const void *bytes, size_t size, int flags)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec place = {(void *)bytes, size};
    struct msghdr message = {
        .msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}
