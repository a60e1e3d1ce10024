/* Clocks, sleeps, timers and the times of files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

int main(void) {
    int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM, CLOCK_TAI, 99, -6, -14};
    struct timespec ts, rest;
    struct timeval tv;
    struct timezone tz;
    /* The vdso would answer most of these, and nobody would see it. */
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        syscall(SYS_clock_gettime, clocks[i], &ts);
        syscall(SYS_clock_getres, clocks[i], &ts);
    }
    syscall(SYS_clock_getres, CLOCK_REALTIME, NULL);
    syscall(SYS_gettimeofday, &tv, &tz);
    syscall(SYS_gettimeofday, &tv, NULL);
#ifdef SYS_time
    syscall(SYS_time, &ts.tv_sec);
    syscall(SYS_time, NULL);
#endif
    ts = (struct timespec){0, 1500000};
    nanosleep(&ts, &rest);
    nanosleep(&ts, NULL);
    ts.tv_nsec = -1;
    nanosleep(&ts, NULL);
    ts = (struct timespec){0, 1000};
    clock_nanosleep(CLOCK_REALTIME, 0, &ts, &rest);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
    clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL);
    struct itimerval now, set = {{3, 4}, {500, 6}};
    setitimer(ITIMER_REAL, &set, NULL);
    getitimer(ITIMER_REAL, &now);
    setitimer(ITIMER_VIRTUAL, &set, &now);
    getitimer(ITIMER_PROF, &now);
    getitimer(9, &now);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    struct itimerspec spec = {{7, 8}, {900, 1}}, old;
    timer_create(CLOCK_REALTIME, &event, &timer);
    timer_settime(timer, 0, &spec, &old);
    timer_gettime(timer, &old);
    timer_settime(timer, TIMER_ABSTIME, &spec, NULL);
    timer_delete(timer);
    timer_delete(timer);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    getrusage(RUSAGE_CHILDREN, &usage);
    getrusage(RUSAGE_THREAD, &usage);
    getrusage(55, &usage);
    struct tms tms;
    times(&tms);
    times(NULL);
    struct sysinfo info;
    sysinfo(&info);
    struct timex timex = {.modes = 0};
    adjtimex(&timex);
    clock_adjtime(CLOCK_REALTIME, &timex);

    struct timespec both[] = {{1000000000, 123456789}, {1100000000, 0}};
    struct timespec odd[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    struct timeval both_tv[] = {{1000000000, 123456}, {1100000000, 0}};
    struct utimbuf simple = {1000000000, 1100000000};
    int fd = open("timed", O_CREAT | O_RDWR, 0644);
    futimens(fd, both);
    utimensat(AT_FDCWD, "timed", both, AT_SYMLINK_NOFOLLOW);
    utimensat(AT_FDCWD, "timed", odd, 0);
    utimensat(AT_FDCWD, "timed", NULL, 0);
#ifdef SYS_utimes
    syscall(SYS_utimes, "timed", both_tv);
    syscall(SYS_futimesat, AT_FDCWD, "timed", both_tv);
    syscall(SYS_utime, "timed", &simple);
#endif
    utimensat(AT_FDCWD, "absent", both, 0);
    struct stat st;
    stat("timed", &st);
    struct statx stx;
    statx(AT_FDCWD, "timed", AT_STATX_DONT_SYNC, STATX_MODE | STATX_SIZE | STATX_MTIME, &stx);
    statx(AT_FDCWD, "absent", 0, STATX_ALL, &stx);
    close(fd);
    syscall(SYS_settimeofday, (void *)8, NULL);
    syscall(SYS_clock_settime, 99, &both[0]);
    return 0;
}
