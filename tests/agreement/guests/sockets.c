/* Sockets of this machine with this machine: pairs, UNIX paths, loopback. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static void options(int fd) {
    int names[] = {SO_TYPE, SO_ERROR, SO_REUSEADDR, SO_KEEPALIVE, SO_RCVBUF, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_PASSCRED};
    int on = 1, value;
    socklen_t len;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        len = sizeof value;
        getsockopt(fd, SOL_SOCKET, names[i], &value, &len);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    struct linger linger = {1, 5};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    len = sizeof linger;
    getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
    struct timeval wait = {2, 500};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    struct ucred who;
    len = sizeof who;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
    setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof on);
    setsockopt(fd, 777, 3, &on, sizeof on);
}

static void pairs(void) {
    int types[] = {SOCK_STREAM, SOCK_DGRAM | SOCK_CLOEXEC, SOCK_SEQPACKET | SOCK_NONBLOCK};
    for (int i = 0; i < 3; i++) {
        int ends[2];
        char text[64] = "\x01 bytes \"quoted\" \\ \xff";
        if (socketpair(AF_UNIX, types[i], 0, ends)) return;
        options(ends[0]);
        send(ends[0], text, 20, MSG_NOSIGNAL);
        recv(ends[1], text, sizeof text, MSG_PEEK);
        recv(ends[1], text, sizeof text, 0);
        recv(ends[1], text, sizeof text, MSG_DONTWAIT);

        struct iovec parts[] = {{"first ", 6}, {"second", 6}, {NULL, 0}};
        char room[CMSG_SPACE(sizeof(int))] = {0};
        struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 3, .msg_control = room, .msg_controllen = sizeof room};
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &ends[0], sizeof(int));
        sendmsg(ends[0], &msg, 0);
        struct iovec into = {text, sizeof text};
        char more[256];
        struct sockaddr_un from;
        struct msghdr got = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &into, .msg_iovlen = 1, .msg_control = more, .msg_controllen = sizeof more};
        recvmsg(ends[1], &got, MSG_CMSG_CLOEXEC);

        struct mmsghdr several[2] = {{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = parts + 1, .msg_iovlen = 1}}};
        sendmmsg(ends[0], several, 2, 0);
        struct iovec rooms[2] = {{text, 32}, {text + 32, 32}};
        struct mmsghdr taken[2] = {{.msg_hdr = {.msg_iov = rooms, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = rooms + 1, .msg_iovlen = 1}}};
        struct timespec wait = {100, 0};
        recvmmsg(ends[1], taken, 2, MSG_DONTWAIT, &wait);
        int waiting;
        ioctl(ends[1], FIONREAD, &waiting);
        shutdown(ends[0], SHUT_WR);
        recv(ends[1], text, sizeof text, MSG_DONTWAIT);
        shutdown(ends[1], 77);
        close(ends[0]);
        close(ends[1]);
    }
}

static void paths(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"}, who;
    struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0hidden name"};
    struct sockaddr_un odd = {.sun_family = AF_UNIX, .sun_path = "odd \"\n\t\x7f name"};
    socklen_t len = sizeof who;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connect(server, (struct sockaddr *)&name, sizeof name);
    bind(server, (struct sockaddr *)&name, sizeof name);
    listen(server, 5);
    getsockname(server, (struct sockaddr *)&who, &len);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(client, (struct sockaddr *)&odd, offsetof(struct sockaddr_un, sun_path) + strlen(odd.sun_path));
    connect(client, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 7);
    len = sizeof who;
    int taken = accept4(server, (struct sockaddr *)&who, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    len = sizeof who;
    getpeername(taken, (struct sockaddr *)&who, &len);
    len = 4;
    getpeername(client, (struct sockaddr *)&who, &len);
    getpeername(server, (struct sockaddr *)&who, &len);
    close(taken);
    close(client);
    int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(datagrams, (struct sockaddr *)&hidden, offsetof(struct sockaddr_un, sun_path) + 12);
    sendto(datagrams, "to itself", 9, 0, (struct sockaddr *)&hidden, offsetof(struct sockaddr_un, sun_path) + 12);
    char text[16];
    len = sizeof who;
    recvfrom(datagrams, text, sizeof text, 0, (struct sockaddr *)&who, &len);
    close(datagrams);
}

static void loopback(void) {
    int one = 1, port;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = 0, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, who;
    socklen_t len = sizeof who;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    options(server);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (port = 47831; port < 47900; port++) {
        local.sin_port = htons(port);
        if (bind(server, (struct sockaddr *)&local, sizeof local) == 0) break;
    }
    listen(server, 1);
    getsockname(server, (struct sockaddr *)&who, &len);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (struct sockaddr *)&who, len);
    int taken = accept(server, NULL, NULL);
    char text[100];
    memset(text, 'x', sizeof text);
    send(client, text, sizeof text, MSG_MORE);
    send(client, "end", 3, 0);
    shutdown(client, SHUT_WR);
    while (recv(taken, text, sizeof text, MSG_WAITALL) > 0) {}
    close(taken);
    close(client);
    close(server);

    int datagrams = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    bind(datagrams, (struct sockaddr *)&local, sizeof local);
    sendto(datagrams, "datagram", 8, 0, (struct sockaddr *)&local, sizeof local);
    len = sizeof who;
    recvfrom(datagrams, text, 4, MSG_TRUNC, (struct sockaddr *)&who, &len);
    close(datagrams);
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 local6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback, .sin6_flowinfo = htonl(5), .sin6_scope_id = 1};
    bind(six, (struct sockaddr *)&local6, sizeof local6);
    setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    close(six);
    /* Until here the port was ours alone, whoever else runs this. */
    close(server);
    int link = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    bind(link, (struct sockaddr *)&kernel, sizeof kernel);
    close(link);
    socket(AF_INET, 99, 0);
    socket(99, SOCK_STREAM, 5);
}

/* Sockets of kinds whose protocols have names, and of others. */
static void kinds(void) {
    int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, 44 /* AF_XDP */};
    int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
    int protocols[] = {0, 1, 58, 132, 136};
    for (unsigned at = 0; at < sizeof families / sizeof *families; at++)
        for (unsigned type = 0; type < 4; type++)
            for (unsigned protocol = 0; protocol < 5; protocol++) {
                int fd = socket(families[at], types[type], protocols[protocol]);
                close(fd);
            }
}

int main(void) {
    kinds();
    pairs();
    paths();
    loopback();
    return 0;
}
