#define _GNU_SOURCE
#include "socket_calls.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

void socket_take_descriptors(int descriptor, int takes)
{
    setsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &takes, sizeof takes);
}

static int fill_address(struct sockaddr_un *address, const char *path)
{
    size_t length = strlen(path);
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    /* An empty path would be a socket without a name, one that begins with a zero byte an abstract one. */
    if (length == 0 || length >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length);
    return 0;
}

int socket_create(void)
{
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int socket_listen(const char *path, int backlog, uint32_t mode)
{
    struct sockaddr_un address;
    int result = fill_address(&address, path);
    if (result < 0)
        return result;
    int descriptor = socket_create();
    if (descriptor < 0)
        return descriptor;
    /* Before anybody can connect: what waits in the queue keeps the descriptors it has brought. */
    socket_take_descriptors(descriptor, 0);
    /* The mode of the process decides, for whoever looks at the path again may look at another file. */
    const mode_t former = umask(0777 & ~(mode_t)mode);
    result = bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ? -errno : 0;
    umask(former);
    if (result == 0 && listen(descriptor, backlog) != 0)
        result = -errno;
    if (result != 0) {
        close(descriptor);
        return result;
    }
    return descriptor;
}

int socket_connect(int descriptor, const char *path)
{
    struct sockaddr_un address;
    int result = fill_address(&address, path);
    if (result < 0)
        return result;
    return connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
}

int socket_accept(int descriptor)
{
    const int off = 0;
    int accepted = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0)
        return -errno;
    /* Whoever has opened the listening socket may have asked for these; a message without descriptors is to bring nothing. */
    setsockopt(accepted, SOL_SOCKET, SO_PASSCRED, &off, sizeof off);
    setsockopt(accepted, SOL_SOCKET, SO_PASSSEC, &off, sizeof off);
    setsockopt(accepted, SOL_SOCKET, SO_PASSPIDFD, &off, sizeof off);
    return accepted;
}

static int option(int descriptor, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

int socket_takes_descriptors(int descriptor)
{
    return option(descriptor, SO_PASSRIGHTS) != 0;
}

int socket_peer_process(int descriptor)
{
    int process = -1;
    socklen_t size = sizeof process;
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERPIDFD, &process, &size) == 0 ? process : -errno;
}

int socket_is_listening_seqpacket(int descriptor)
{
    return option(descriptor, SO_DOMAIN) == AF_UNIX && option(descriptor, SO_TYPE) == SOCK_SEQPACKET
        && option(descriptor, SO_ACCEPTCONN) == 1;
}

int socket_peer(int descriptor, int32_t *process, uint32_t *user, uint32_t *group)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return -errno;
    *process = credentials.pid;
    *user = credentials.uid;
    *group = credentials.gid;
    return 0;
}

int socket_peer_groups(int descriptor, uint32_t *groups, int capacity)
{
    socklen_t size = (socklen_t)((size_t)capacity * sizeof *groups);
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return -errno;
    return (int)(size / sizeof *groups);
}
