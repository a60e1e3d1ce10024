/* Every way in which a signal may come, and most of what one may do about it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t seen;

static void note(int signo) { seen = signo; }
static void note_info(int signo, siginfo_t *info, void *context) {
    (void)info, (void)context;
    seen = signo;
}
static void jump(int signo, siginfo_t *info, void *context) {
    (void)info, (void)context;
    siglongjmp(back, signo);
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&act.sa_mask);
    sigaction(signo, &act, NULL);
}

static void to_oneself(void) {
    pid_t me = getpid();
    int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH, SIGURG, SIGIO, SIGPWR};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        handle(signals[i], note_info, i & 1 ? SA_RESTART : SA_NODEFER);
        sigaction(signals[i], NULL, &old);
        kill(me, signals[i]);
        raise(signals[i]);
        syscall(SYS_tgkill, me, me, signals[i]);
        syscall(SYS_tkill, me, signals[i]);
    }
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo += 5) {
        union sigval value = {.sival_int = signo};
        handle(signo, note_info, 0);
        sigqueue(me, signo, value);
    }
    signal(SIGUSR1, SIG_IGN);
    kill(me, SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    kill(me, 0);
    kill(me, 65);
    kill(-99999, SIGTERM);
}

static void masks(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigprocmask(SIG_BLOCK, &set, &old);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaddset(&set, SIGRTMIN + 3);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, &old);
    sigprocmask(SIG_UNBLOCK, &set, &old);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, &old);
    sigdelset(&set, SIGINT);
    sigprocmask(SIG_SETMASK, &set, &old);
    sigdelset(&set, SIGUSR1);
    sigprocmask(SIG_SETMASK, &set, &old);
    sigpending(&set);
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigprocmask(77, &set, NULL);
}

static void waits_for_signals(void) {
    sigset_t set, old;
    siginfo_t info;
    struct timespec soon = {0, 1000000};
    signal(SIGUSR1, note);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    sigpending(&set);
    sigwaitinfo(&set, &info);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 42});
    sigaddset(&set, SIGRTMIN);
    sigtimedwait(&set, &info, &soon);
    sigtimedwait(&set, &info, &soon);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct signalfd_siginfo queued;
    kill(getpid(), SIGUSR1);
    if (read(fd, &queued, sizeof queued) < 0) perror("read");
    if (read(fd, &queued, sizeof queued) < 0 && errno != EAGAIN) perror("read");
    close(fd);
    kill(getpid(), SIGUSR1);
    sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void timers(void) {
    struct itimerval once = {.it_value = {.tv_usec = 20000}}, off = {{0, 0}, {0, 0}};
    struct timespec rest, long_time = {5, 0};
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    struct itimerspec spec = {.it_value = {.tv_nsec = 20000000}};

    handle(SIGALRM, note_info, 0);
    setitimer(ITIMER_REAL, &once, NULL);
    pause();
    setitimer(ITIMER_REAL, &once, NULL);
    nanosleep(&long_time, &rest);
    handle(SIGALRM, note_info, SA_RESTART);
    setitimer(ITIMER_REAL, &once, NULL);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, &rest);
    setitimer(ITIMER_REAL, &off, NULL);
    alarm(100);
    alarm(0);
    signal(SIGRTMIN + 1, note);
    event.sigev_value.sival_int = 7;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &spec, NULL);
    pause();
    timer_getoverrun(timer);
    timer_delete(timer);
}

static void faults(void) {
    stack_t alternative = {.ss_sp = malloc(65536), .ss_size = 65536}, old;
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(NULL, &old);
    sigaltstack(&alternative, NULL);
    handle(SIGSEGV, jump, SA_ONSTACK | SA_NODEFER);
    handle(SIGBUS, jump, SA_ONSTACK);
    handle(SIGFPE, jump, SA_RESETHAND);
    handle(SIGILL, jump, 0);
    handle(SIGTRAP, note_info, 0);
    if (!sigsetjmp(back, 1)) *(volatile int *)16 = 1;
    if (!sigsetjmp(back, 1)) *(volatile char *)note = 1;
    int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (!sigsetjmp(back, 1)) seen = *(volatile char *)page;
    munmap(page, 4096);
    close(fd);
    volatile int zero = 0;
    if (!sigsetjmp(back, 1)) seen = 1 / zero;
    if (!sigsetjmp(back, 1)) __builtin_trap();
#ifdef __x86_64__
    __asm__ volatile("int3");
#endif
    sigaltstack(&none, &alternative);
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    if (pipe(ends)) return;
    close(ends[0]);
    if (write(ends[1], "x", 1) < 0 && errno != EPIPE) perror("write");
    signal(SIGPIPE, note);
    if (write(ends[1], "x", 1) < 0 && errno != EPIPE) perror("write");
    close(ends[1]);
}

/* Starts a child that ends as told once it was told. */
static pid_t child(int how, int *tell) {
    int ends[2];
    char byte;
    if (pipe2(ends, O_CLOEXEC)) exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        if (read(ends[0], &byte, 1) < 0) _exit(1);
        if (how < 0) kill(getpid(), -how);
        _exit(how);
    }
    close(ends[0]);
    *tell = ends[1];
    return pid;
}

static void children(void) {
    int ends[] = {0, 3, 255, -SIGTERM, -SIGKILL, -SIGABRT, -SIGRTMIN};
    int tell, status;
    siginfo_t info;
    signal(SIGTERM, SIG_DFL);
    handle(SIGCHLD, note_info, SA_RESTART);
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        pid_t pid = child(ends[i], &tell);
        close(tell);
        waitpid(pid, &status, 0);
    }
    handle(SIGCHLD, note_info, SA_RESTART | SA_NOCLDSTOP);
    pid_t pid = child(9, &tell);
    waitpid(pid, &status, WNOHANG);
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    close(tell);
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    waitid(P_ALL, 0, &info, WEXITED);
    waitid(P_ALL, 0, &info, WEXITED);
    waitpid(-1, &status, 0);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

int main(void) {
    to_oneself();
    masks();
    waits_for_signals();
    timers();
    faults();
    children();
    raise(SIGSYS);
    return 0;
}
