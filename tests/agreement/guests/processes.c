/* Credentials, limits, scheduling, and the making and ending of processes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void oneself(void) {
    struct utsname name;
    char comm[16];
    gid_t groups[32];
    unsigned long set[16] = {0};
    int value;
    getpid(), getppid(), gettid();
    getuid(), geteuid(), getgid(), getegid();
    uid_t r, e, s;
    getresuid(&r, &e, &s);
    getresgid(&r, &e, &s);
    getgroups(0, NULL);
    getgroups(32, groups);
    setresuid(-1, -1, -1);
    setresgid(-1, -1, -1);
    setreuid(-1, -1);
    setfsuid(-1);
    getpgrp();
    getpgid(0);
    getsid(0);
    setpgid(0, 0);
    uname(&name);
    prctl(PR_SET_NAME, "a \"name\"");
    prctl(PR_GET_NAME, comm);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_GET_PDEATHSIG, &value);
    prctl(PR_GET_DUMPABLE);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_CAPBSET_READ, 21);
    prctl(PR_GET_SECCOMP);
    prctl(12345, 1, 2, 3, 4);
    personality(0xffffffff);
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    syscall(SYS_capget, &head, data);
    sched_yield();
    struct sched_param param = {0};
    sched_getscheduler(0);
    sched_getparam(0, &param);
    sched_setscheduler(0, SCHED_BATCH, &param);
    sched_get_priority_max(SCHED_FIFO);
    sched_get_priority_min(77);
    syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    struct { unsigned size, policy; unsigned long long flags; int nice; unsigned priority; unsigned long long runtime, deadline, period; } attr;
    syscall(SYS_sched_getattr, 0, &attr, 48, 0);
    getpriority(PRIO_PROCESS, 0);
    setpriority(PRIO_PROCESS, 0, 1);
    syscall(SYS_getrandom, comm, 8, 1);
    syscall(SYS_set_tid_address, &value);
    syscall(SYS_get_robust_list, 0, &set[0], &set[1]);
    syscall(SYS_futex, &value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    struct timespec soon = {0, 1000};
    value = 5;
    syscall(SYS_futex, &value, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 4, NULL, NULL, 0);
    syscall(SYS_futex, &value, FUTEX_WAIT_PRIVATE, 5, &soon, NULL, 0);
    syscall(SYS_futex, &value, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 5, &soon, NULL, -1);
    syscall(SYS_futex, &value, FUTEX_CMP_REQUEUE, 1, 2, &set[0], 5);
}

static void limits(void) {
    for (int resource = 0; resource <= 16; resource++) {
        struct rlimit limit;
        syscall(SYS_getrlimit, resource, &limit);
        syscall(SYS_prlimit64, 0, resource, NULL, &limit);
    }
    struct rlimit limit = {1 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max = 12345;
    setrlimit(RLIMIT_FSIZE, &limit);
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL);
}

static int in_clone(void *arg) {
    (void)arg;
    getppid();
    return 7;
}

static void make(void) {
    int status, pidfd = -1;
    if (fork() == 0) _exit(1);
    wait(&status);
    if (vfork() == 0) _exit(2);
    wait(NULL);
    char *stack = malloc(65536);
    clone(in_clone, stack + 65536, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
    wait3(&status, 0, &(struct rusage){0});
    struct clone_args args = {.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (unsigned long)&pidfd, .exit_signal = SIGCHLD};
    if (syscall(SYS_clone3, &args, sizeof args) == 0) _exit(4);
    siginfo_t info;
    waitid(P_PIDFD, pidfd, &info, WEXITED);
    close(pidfd);
    syscall(SYS_clone3, &args, 3);
    char *argv[] = {"true", "with \"quotes\"", "", NULL}, *envp[] = {"ONE=1", NULL};
    pid_t pid;
    posix_spawnp(&pid, "true", NULL, NULL, argv, envp);
    waitpid(pid, &status, 0);
    posix_spawn(&pid, "/absent", NULL, NULL, argv, envp);
    execve("/absent", argv, envp);
    execve("/", argv, NULL);
    execve("/absent", NULL, NULL);
    execveat(AT_FDCWD, "absent", argv, envp, AT_SYMLINK_NOFOLLOW);
    if (fork() == 0) {
        setsid();
        char *sh[] = {"sh", "-c", "exit 5", NULL};
        execve("/bin/sh", sh, envp);
    }
    waitpid(-1, &status, __WALL);
    pidfd = syscall(SYS_pidfd_open, getpid(), 0);
    syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0);
    syscall(SYS_pidfd_open, -1, 0);
    close(pidfd);
    syscall(SYS_unshare, 0);
    syscall(SYS_setns, 99, 0);
    chroot("/absent");
}

int main(void) {
    oneself();
    limits();
    make();
    exit(256);
}
