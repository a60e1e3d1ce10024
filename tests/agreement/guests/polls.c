/* Waiting for descriptors in all ways there are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int in, out;

static void polls(void) {
    struct pollfd some[] = {{in, POLLIN | POLLPRI, 0}, {out, POLLOUT, 0}, {-1, POLLIN, 0}, {900, POLLIN | POLLRDHUP, 0}};
    struct timespec soon = {0, 2000000};
    sigset_t none;
    sigemptyset(&none);
    sigaddset(&none, SIGUSR1);
    poll(some, 4, 0);
    poll(some, 1, 3);
    poll(NULL, 0, 1);
    poll(some + 1, 1, -1);
    ppoll(some, 1, &soon, &none);
    ppoll(some, 2, NULL, NULL);
    poll((struct pollfd *)8, 2, 0);
    poll(some, 0, 0);
}

static void selects(void) {
    fd_set reads, writes, errors;
    struct timeval soon = {0, 2000};
    struct timespec soon_too = {0, 2000000};
    sigset_t set;
    sigfillset(&set);
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_ZERO(&errors);
    FD_SET(in, &reads);
    FD_SET(out, &writes);
    FD_SET(in, &errors);
    select(out + 1, &reads, &writes, &errors, NULL);
    FD_ZERO(&reads);
    FD_SET(in, &reads);
    select(in + 1, &reads, NULL, NULL, &soon);
    soon.tv_sec = 0, soon.tv_usec = 0;
    FD_SET(in, &reads);
    select(in + 1, &reads, NULL, NULL, &soon);
    soon.tv_sec = 40;
    select(out + 1, NULL, &writes, NULL, &soon);
    FD_SET(in, &reads);
    pselect(in + 1, &reads, NULL, NULL, &soon_too, &set);
    pselect(0, NULL, NULL, NULL, &soon_too, NULL);
    FD_SET(500, &reads);
    soon.tv_sec = 0, soon.tv_usec = 100;
    select(501, &reads, NULL, NULL, &soon);
    select(-1, &reads, NULL, NULL, NULL);
    soon.tv_sec = 0, soon.tv_usec = 1;
    select(0, NULL, NULL, NULL, &soon);
}

static void epolls(void) {
    struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 0x1122334455667788}}, got[4];
    struct timespec soon = {0, 1000000};
    sigset_t set;
    sigemptyset(&set);
    int fd = epoll_create1(EPOLL_CLOEXEC);
    close(epoll_create(5));
    epoll_create1(3);
    epoll_ctl(fd, EPOLL_CTL_ADD, in, &event);
    epoll_ctl(fd, EPOLL_CTL_ADD, in, &event);
    event.events = EPOLLOUT | EPOLLONESHOT | EPOLLRDHUP;
    event.data.u32 = 7;
    epoll_ctl(fd, EPOLL_CTL_ADD, out, &event);
    epoll_wait(fd, got, 4, -1);
    epoll_wait(fd, got, 4, 1);
    epoll_pwait(fd, got, 4, 1, &set);
    syscall(SYS_epoll_pwait2, fd, got, 4, &soon, &set, 8);
    syscall(SYS_epoll_pwait2, -1, got, 4, &soon, &set, 8);
    syscall(SYS_epoll_pwait2, -1, got, 4, NULL, NULL, 8);
    syscall(SYS_epoll_pwait2, fd, got, 4, 8, &set, 8);
    syscall(SYS_epoll_pwait, -1, got, 4, 0, &set, 8);
    syscall(SYS_epoll_pwait, fd, got, 4, 0, &set, 4);
    syscall(SYS_rseq, NULL, 32, 0, 0);
    syscall(SYS_rseq, -1, 32, 1, 7);
    if (write(out, "wake", 4) != 4) return;
    epoll_wait(fd, got, 4, 1000);
    event.events = EPOLLIN;
    epoll_ctl(fd, EPOLL_CTL_MOD, in, &event);
    epoll_ctl(fd, EPOLL_CTL_DEL, out, NULL);
    epoll_ctl(fd, 9, out, &event);
    epoll_wait(fd, got, 4, 0);
    epoll_wait(fd, NULL, 4, 0);
    epoll_wait(fd, got, 0, 0);
    close(fd);
}

static void others(void) {
    unsigned long long number = 3;
    char room[512];
    int event = eventfd(5, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (write(event, &number, 8) < 0 || read(event, &number, 8) < 0) return;
    close(event);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec spec = {.it_interval = {0, 0}, .it_value = {0, 1000000}};
    timerfd_settime(timer, 0, &spec, NULL);
    if (read(timer, &number, 8) < 0) return;
    timerfd_gettime(timer, &spec);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, &spec);
    close(timer);
    int watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int watch = inotify_add_watch(watcher, ".", IN_CREATE | IN_DELETE | IN_ONLYDIR);
    close(open("watched", O_CREAT | O_WRONLY, 0600));
    if (read(watcher, room, sizeof room) < 0) return;
    inotify_rm_watch(watcher, watch);
    inotify_rm_watch(watcher, 99);
    close(watcher);
}

/* More descriptors than are shown, of which every one, every second, or every third counts. */
static void crowds(void) {
    enum { MANY = 100 };
    struct pollfd fds[MANY];
    write(out, "x", 1);
    for (int step = 1; step <= 3; step++) {
        for (int i = 0; i < MANY; i++) fds[i] = (struct pollfd){i % step ? -1 : in, POLLIN, 0};
        for (int count = 31; count <= MANY; count += count < 35 ? 1 : 21) poll(fds, count, 0);
    }
    char byte;
    read(in, &byte, 1);
}

int main(void) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK)) return 1;
    in = ends[0], out = ends[1];
    polls();
    selects();
    epolls();
    others();
    crowds();
    return 0;
}
