/* Arguments that are cut, ignored, or shown only as far as the kernel takes them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct iovec parts[2] = {{"first", 5}, {"second", 6}};

static void messages(void) {
    struct mmsghdr both[2] = {{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = parts + 1, .msg_iovlen = 1}}};
    struct mmsghdr half[2] = {both[0], {.msg_hdr = {.msg_iov = (void *)8, .msg_iovlen = 1}}};
    int ends[2];
    char text[64];
    struct iovec room = {text, sizeof text};
    struct mmsghdr got[1] = {{.msg_hdr = {.msg_iov = &room, .msg_iovlen = 1}}};
    struct timespec wait = {100, 5};
    sendmmsg(99, both, 2, 0);
    sendmmsg(99, NULL, 2, 0);
    sendmmsg(99, (void *)8, 2, MSG_DONTWAIT);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    sendmmsg(ends[0], half, 2, 0);
    recvmmsg(ends[1], got, 1, 0, &wait);
    recvmmsg(ends[1], got, 0, 0, &wait);
    recvmmsg(ends[1], got, 0, 0, NULL);
    recvmmsg(ends[1], got, 1, MSG_DONTWAIT, NULL);
}

static void options(void) {
    int on = 1;
    socklen_t two = 2, none = 0;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(99, SOL_SOCKET, SO_REUSEADDR, &on, 0);
    setsockopt(99, SOL_SOCKET, SO_REUSEADDR, &on, 2);
    setsockopt(99, SOL_SOCKET, SO_LINGER, &on, 4);
    setsockopt(99, 0, 0, &on, 0);
    setsockopt(99, 0, 0, &on, 2);
    setsockopt(99, 777, 3, &on, 2);
    getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &two);
    getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &none);
    syscall(SYS_socket, AF_INET, 1, 0x100000000);
    syscall(SYS_socket, AF_NETLINK, 3, 0x100000000);
    syscall(SYS_socket, AF_UNIX, 1, 0x100000000);
    syscall(SYS_socket, AF_UNIX, 0, 0);
    syscall(SYS_socket, AF_UNIX, 0x61, 0);
    syscall(SYS_socket, AF_UNIX, 0xf, 0);
}

static void interfaces(void) {
    char room[4096];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifconf all = {sizeof room, {room}}, size = {0, {NULL}}, bad = {80, {(void *)8}}, odd = {81, {room}};
    ioctl(fd, SIOCGIFCONF, &all);
    ioctl(fd, SIOCGIFCONF, &size);
    ioctl(fd, SIOCGIFCONF, &bad);
    ioctl(99, SIOCGIFCONF, &odd);
    ioctl(fd, SIOCGIFCONF, 8);
    ioctl(fd, SIOCGIFCONF, NULL);
}

static void shared_memory(void) {
    struct shmid_ds about;
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    shmctl(id, IPC_STAT, &about);
    shmctl(id, IPC_SET, &about);
    shmctl(id, IPC_STAT, (void *)8);
    shmctl(id, IPC_SET, (void *)8);
    shmctl(-1, IPC_STAT, &about);
    shmctl(id, IPC_RMID, NULL);
}

/* Names of devices that are not there. */
static void quotas(void) {
    const char *device = "/nonexistent/device";
    syscall(SYS_quotactl, 0x80000100, device, 0, NULL);
    syscall(SYS_quotactl, 0x80000200, device, 1, "file");
    syscall(SYS_quotactl, 0x80000200, device, 9, "file");
    syscall(SYS_quotactl, 0x80000301, device, 1, "file");
    syscall(SYS_quotactl, 0x80000402, device, 1, 8);
    syscall(SYS_quotactl, 0x80000702, device, 7, 8);
    syscall(SYS_quotactl, 0x80000702, device, -1, 8);
    syscall(SYS_quotactl, 0x58010007, device, -1, 8);
    syscall(SYS_quotactl, 0x580700, device, 7, 8);
}

/* Sets whose members have names, on descriptors that are not there. */
static void notices(void) {
    for (unsigned bit = 0; bit < 32; bit++) {
        syscall(SYS_fanotify_init, 0x10000000 | 1u << bit, 0);
        syscall(SYS_fanotify_mark, -1, 1u << bit, 1, AT_FDCWD, "file");
    }
    for (unsigned bit = 0; bit < 64; bit++)
        syscall(SYS_fanotify_mark, 99, 1, 1ul << bit, -1, "file");
    syscall(SYS_fanotify_init, 0x10000000, O_RDWR | O_LARGEFILE);
    syscall(SYS_fanotify_init, 0x1000000c, O_CLOEXEC | 3);
    syscall(SYS_fanotify_init, -1, -1);
    syscall(SYS_fanotify_init, 0xc, 0);
    syscall(SYS_fanotify_mark, -1, 0, 0, -1, NULL);
    syscall(SYS_fanotify_mark, -1, 0, -1, 99, "");
    syscall(SYS_fanotify_mark, -1, -1, 0x3b, 0, 8);
}

/* A queue, and one that is not there. */
static void queue(void) {
    struct { long type; char text[100]; } message = {3, "seven"};
    int id = msgget(IPC_PRIVATE, 0600);
    msgsnd(id, &message, 6, IPC_NOWAIT);
    msgsnd(id, &message, 90, 0);
    msgsnd(id, &message, 0, 0);
    msgsnd(id, NULL, 8, IPC_NOWAIT);
    msgsnd(id, (void *)8, 8, 0177777777);
    message.type = -1;
    msgsnd(id, &message, 3, IPC_NOWAIT);
    msgsnd(id, &message, -1, 0);
    msgsnd(id, &message, 100000, 0);
    msgrcv(id, &message, 100, 3, IPC_NOWAIT);
    msgrcv(id, &message, 4, 0, MSG_NOERROR | IPC_NOWAIT);
    msgrcv(id, &message, 4, -5, 077777777);
    msgrcv(id, &message, 100, 3, IPC_NOWAIT);
    msgrcv(id, NULL, 4, 0, IPC_NOWAIT);
    msgrcv(-1, &message, 4, 0, 0);
    msgctl(id, IPC_RMID, NULL);
}

/* Flags that nobody has named. */
static void posix_queue(void) {
    long given[8] = {8, 3, 100, 0}, named[8] = {04000, 1, 1, 1}, both[8] = {04010, 1, 1, 1};
    long *all[] = {given, named, both};
    for (int at = 0; at < 3; at++) {
        syscall(SYS_mq_getsetattr, 99, all[at], given);
        syscall(SYS_mq_open, "no/name", O_CREAT, 0600, all[at]);
    }
}

/* Structures whose first word is their size. */
static void sizes(void) {
    for (unsigned size = 0; size < 70; size += size < 3 ? 1 : 15) {
        unsigned attr[20] = {size, 3, 0, 0, 7};
        syscall(SYS_sched_setattr, -1, attr, 0);
        syscall(SYS_sched_getattr, -1, attr, size, 0);
    }
}

static void words(void) {
    long never[2] = {-1, -1}, values[4] = {1, -1, -2, -3}, how[3] = {0, 0, 0};
    int timer, event[16] = {0, 0, 10, 4, 77}, carried[16] = {5, 0, 10, 0, 77}, thread[16] = {0, 1, 10, 2, 77};
    fd_set set;
    FD_ZERO(&set);
    fcntl(99, F_SETPIPE_SZ, 0x100000000);
    fcntl(99, F_DUPFD_CLOEXEC, 0x100000001);
    fcntl(99, F_SETOWN, 0x100000001);
    syscall(SYS_sched_setaffinity, -16, 0, NULL);
    syscall(SYS_sched_setaffinity, -16, 0, 8);
    syscall(SYS_sched_setaffinity, -16, 0x100000008, 8);
    syscall(SYS_openat2, AT_FDCWD, "nothing", how, 24);
    syscall(SYS_openat2, AT_FDCWD, "nothing", how, 23);
    syscall(SYS_mknodat, 99, "name", 0x10000 | 020666, 5);
    syscall(SYS_mknodat, 99, "name", 0xffff0000 | 0100666, 5);
    syscall(SYS_timer_create, 0, event, &timer);
    syscall(SYS_timer_create, 0, carried, &timer);
    syscall(SYS_timer_create, 0, thread, &timer);
    syscall(SYS_nanosleep, never, NULL);
    syscall(SYS_setitimer, 9, values, NULL);
    syscall(SYS_pselect6, -1, &set, NULL, NULL, NULL, NULL);
    syscall(SYS_pselect6, 0, &set, NULL, NULL, (long[]){0, 0}, NULL);
    syscall(SYS_membarrier, 0, 0, 0);
    syscall(SYS_membarrier, 16, 0, 0);
    syscall(SYS_futex, NULL, 0x40, 0, NULL, NULL, 0x100000001);
    syscall(SYS_epoll_ctl, 99, 0, 0, NULL);
    syscall(SYS_prctl, 0, 0, 0, 0, 0);
    for (unsigned number = 0xae00; number < 0xaf00; number++) {
        if (number != 0xae03) ioctl(99, number, 0);
    }
}

int main(void) {
    messages();
    options();
    interfaces();
    shared_memory();
    quotas();
    notices();
    queue();
    posix_queue();
    sizes();
    words();
    return 0;
}
