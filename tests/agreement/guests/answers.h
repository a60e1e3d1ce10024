/* Calls that are never made: a filter answers them, with success or with an error. So whatever a call says the kernel has
 * filled in is what lay there before. */
#pragma once
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

/* The filter tells the answers apart by the place a call comes from. */
long answered(long nr, const long *args);
long failed(long nr, const long *args);
extern char after_answered[], after_failed[];
#define CALLER(name)                                                                                              \
    ".globl " #name "\n" #name ": push %rbx\n mov %rsi, %rbx\n mov %rdi, %rax\n mov (%rbx), %rdi\n"              \
    "mov 8(%rbx), %rsi\n mov 16(%rbx), %rdx\n mov 24(%rbx), %r10\n mov 32(%rbx), %r8\n mov 40(%rbx), %r9\n"     \
    "syscall\n.globl after_" #name "\nafter_" #name ": pop %rbx\n ret\n"
asm(CALLER(answered) CALLER(failed));

#define PLACE(name) ((uint32_t)(uintptr_t)after_##name)

/* From here on calls of the two functions are answered. */
static int answer(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PLACE(answered), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PLACE(failed), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* A call with up to six arguments, answered in both ways. */
#define BOTH(...) BOTH_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define BOTH_(nr, a, b, c, d, e, f, ...) \
    both((nr), (long[]){(long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)})
static void both(long nr, const long *args) {
    answered(nr, args);
    failed(nr, args);
}
