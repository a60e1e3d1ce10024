/* Arguments that no sane program passes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const long wild[] = {0, 1, -1, 8, 0x7fff, 0xdeadbeef, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7ffffffff000, -4096, INT64_MIN, INT64_MAX};

enum { WILD = sizeof wild / sizeof *wild };

int main(void) {
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    memset(page, 'z', 4096);
    long edge = (long)page + 4090, whole = (long)page;

    for (int i = 0; i < WILD; i++) {
        long w = wild[i];
        syscall(SYS_openat, w, w, w, w);
        syscall(SYS_openat, AT_FDCWD, "absent", w & ~(long)O_CREAT, w);
        syscall(SYS_openat, AT_FDCWD, "absent/absent", w | O_CREAT, w);
        syscall(SYS_read, 99, w, w);
        syscall(SYS_write, 99, w, w);
        syscall(SYS_pread64, 99, w, 5, w);
        syscall(SYS_readv, 99, w, w);
        syscall(SYS_writev, 99, w, 3);
        syscall(SYS_lseek, 99, w, w);
        syscall(SYS_fstat, w < 0 || w > 2 ? w : 99, w);
        syscall(SYS_newfstatat, AT_FDCWD, w, w, w);
        syscall(SYS_statx, w, w, w, w, w);
        syscall(SYS_readlinkat, w, w, w, w);
        syscall(SYS_fcntl, 99, w, w);
        syscall(SYS_ioctl, 99, w, w);
        syscall(SYS_mprotect, w | 1, w, w);
        syscall(SYS_madvise, w | 1, w, w);
        syscall(SYS_rt_sigaction, w, w, w, w);
        syscall(SYS_rt_sigprocmask, w, w, w, w);
        syscall(SYS_rt_sigpending, w, w);
        syscall(SYS_kill, 0x7ffffff0, w);
        syscall(SYS_wait4, 0x7ffffff0, w, w, w);
        syscall(SYS_waitid, w, w, w, w, w);
        syscall(SYS_futex, w, w | 64, w, w, w, w);
        syscall(SYS_poll, w, 2, 0);
        syscall(SYS_ppoll, w, w | 0x40000000, w, w, w);
        syscall(SYS_epoll_ctl, 99, w, w, w);
        syscall(SYS_socket, w | 0x40, w, w);
        syscall(SYS_connect, 99, w, w);
        syscall(SYS_bind, 99, w, 16);
        syscall(SYS_getsockname, 99, w, w);
        syscall(SYS_setsockopt, 99, w, w, w, w);
        syscall(SYS_getsockopt, 99, w, w, w, w);
        syscall(SYS_sendmsg, 99, w, w);
        syscall(SYS_recvmsg, 99, w, w);
        syscall(SYS_sendto, 99, w, 4, w, w, w);
        syscall(SYS_clock_gettime, w, w);
        syscall(SYS_getrlimit, w, w);
        syscall(SYS_prlimit64, 0x7ffffff0, w, w, w);
        syscall(SYS_getitimer, w, w);
        syscall(SYS_prctl, w == 1 || w == 8 ? 0x5555 : w, w, w, w, w);
        syscall(SYS_utimensat, 99, w, w, w);
        syscall(SYS_faccessat, 99, w, w);
        syscall(SYS_fchmodat, 99, w, w);
        syscall(SYS_mknodat, 99, w, w, w);
        syscall(SYS_renameat2, 99, w, w, w, w);
        syscall(SYS_linkat, 99, w, w, w, w);
        syscall(SYS_unlinkat, 99, w, w);
        syscall(SYS_getdents64, 99, w, w);
        syscall(SYS_execve, w, w, w);
        syscall(SYS_mount, w, w, "none", w, w);
        syscall(SYS_umount2, w, w);
        syscall(SYS_fallocate, 99, w, w, w);
        syscall(SYS_sigaltstack, w, w);
        syscall(SYS_sched_setaffinity, 0x7ffffff0, w, w);
        syscall(SYS_sched_setscheduler, 0x7ffffff0, w, w);
        syscall(SYS_dup3, 99, 98, w);
        syscall(SYS_pipe2, w, w | 1);
        syscall(SYS_eventfd2, w, 1);
        syscall(SYS_memfd_create, w, 0x4000);
        syscall(SYS_timerfd_settime, 99, w, w, w);
        syscall(SYS_timer_create, w, w, w);
        syscall(SYS_mincore, w | 1, w, w);
        syscall(SYS_openat2, 99, w, w, w);
        syscall(SYS_getxattr, w, w, w, w);
        syscall(SYS_setxattr, w, w, w, w, w);
        syscall(SYS_quotactl, w, w, w, w);
        syscall(SYS_sysinfo, w == 0 ? 8 : (w & 0xfff));
        syscall(SYS_uname, w & 0xfff);
        syscall(SYS_statfs, w, w);
        syscall(SYS_splice, 99, w, 98, w, w, w);
        syscall(SYS_sendfile, 99, 98, w, w);
        syscall(SYS_ptrace, 0x7777, w, w, w);
        syscall(SYS_semctl, 0x7ffffff0, w, w, w);
        syscall(SYS_clone, -1L, 8, w, w, w);
        syscall(SYS_clone3, w, w);
        syscall(1000 + i, w, w, w, w, w, w);
        syscall(0x3fffffff - i, w, w, w, w, w, w);
    }
    long calls[] = {SYS_chdir, SYS_unlink, SYS_open, SYS_stat, SYS_readlink, SYS_execve, SYS_access, SYS_rmdir, SYS_truncate, SYS_statfs};
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        syscall(calls[i], edge, edge, 0, 0, 0, 0);
        syscall(calls[i], whole, whole, 0, 0, 0, 0);
        syscall(calls[i], "", 0, 0, 0, 0, 0);
        syscall(calls[i], "a \"quoted\" \\ name\n\t\001\0012\x7f\xc3\xa9", 0, 0, 0, 0, 0);
        syscall(calls[i], "a very long name that goes far beyond the thirty-two bytes of strings", 0, 0, 0, 0, 0);
    }
    syscall(SYS_write, 99, edge, 6);
    syscall(SYS_write, 99, edge, 7);
    syscall(SYS_write, 99, whole, 4096);
    syscall(SYS_writev, 99, edge, 2);
    syscall(SYS_nanosleep, edge, 0);
    syscall(SYS_rt_sigaction, SIGUSR1, edge, 0, 8);
    syscall(SYS_connect, 99, edge, 16);
    syscall(SYS_poll, edge, 1, 0);
    unsigned long requests[] = {0x5401, 0x5402, 0x5413, 0x541b, 0x5421, 0x5450, 0x1234, 0x80087601, 0x40086602, 0xc0206911, 0x8912, 0xae00, 0x12345678, 0xffffffff};
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        syscall(SYS_ioctl, 99, requests[i], 0);
        syscall(SYS_ioctl, 99, requests[i], whole);
        syscall(SYS_ioctl, 0, requests[i], 8);
    }
    return 0;
}
