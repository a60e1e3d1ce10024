/* Generated calls that are answered, not made. */
#define _GNU_SOURCE
#include "answers.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CALLS = 3000, PAGES = 4, BYTES = PAGES * 4096 };

static uint64_t state = 88172645463325252ull;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 2685821657736338717ull >> 11;
}

static uint64_t upto(uint64_t n) { return next() % n; }

/* Behind it nothing is mapped. */
static char *const arena = (char *)0x20000000ul;

static uint64_t pointer(void) {
    uint64_t start = (uint64_t)arena, end = start + BYTES;
    switch (upto(12)) {
    case 0: return 0;
    case 1: return end - 1 - upto(40);
    case 2: return end + upto(3) * 8;
    case 3: return 0xdead0000beefull;
    case 4: return next() << 11;
    case 5: return start + upto(BYTES);
    default: return start + upto(BYTES - 512) / 8 * 8;
    }
}

static uint64_t scalar(void) {
    switch (upto(13)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return upto(8);
    case 3: return upto(70);
    case 4: return 1ull << upto(34);
    case 5: return 1ull << upto(32) | 1ull << upto(32);
    case 6: return 1ull << upto(24) | 1ull << upto(24) | 1ull << upto(24) | upto(4);
    case 7: return -1;
    case 8: return (uint64_t)-100;
    case 9: return (uint32_t)next();
    case 10: return next() << 11 ^ next();
    case 11: return upto(5000);
    default: return upto(32);
    }
}

static size_t put(size_t at, uint64_t word, size_t bytes) {
    memcpy(arena + at, &word, bytes);
    return at + bytes;
}

/* Numbers, texts, zeroes, and pointers with lengths. */
static void fill(void) {
    for (size_t at = 0; at + 64 < BYTES;) {
        size_t count = upto(60);
        switch (upto(6)) {
        case 0: at = put(at, upto(3) ? scalar() : pointer(), 8); break;
        case 1: at = put(at, scalar(), 4); break;
        case 2: at = put(at, scalar(), 2); break;
        case 3:
            for (size_t i = 0; i < count; i++) arena[at++] = upto(9) ? 32 + upto(95) : upto(256);
            break;
        case 4:
            memset(arena + at, 0, count);
            at += count;
            break;
        default: at = put(put((at + 7) & ~7ul, pointer(), 8), upto(80), 8); break;
        }
    }
}

/* What strace does not know is not compared, nor what its lines say of calls that did not happen: new processes,
 * programs and ends. vrift completes the answer of sched_getaffinity. What it shows as numbers is in docs/trace-format.md. */
static int left_out(long nr) {
    static const long calls[] = {
        SYS_exit, SYS_exit_group, SYS_execve, SYS_execveat, SYS_rt_sigreturn, SYS_clone, SYS_clone3, SYS_fork,
        SYS_vfork, SYS_restart_syscall, SYS_sched_getaffinity, SYS_bpf, SYS_init_module,
        SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup, SYS_kexec_file_load, SYS_kexec_load,
        SYS__sysctl,
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (nr == calls[i]) return 1;
    return 0;
}

int main(void) {
    mmap(arena, BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    munmap(arena + BYTES, 4096);
    if (answer()) return 1;
    for (int i = 0; i < CALLS; i++) {
        long args[6], nr = upto(4) ? upto(335) : 424 + upto(27);
        if (i % 8 == 0) fill();
        for (int a = 0; a < 6; a++) args[a] = upto(2) ? pointer() : scalar();
        if (left_out(nr)) continue;
        if (upto(3)) answered(nr, args);
        else failed(nr, args);
    }
    return 0;
}
