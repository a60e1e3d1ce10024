/* What a signal may come with: every code of every signal, with nothing, something and everything filled in. It is
 * told to a process that is not there. */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { INTS = 32, NOBODY = 0x3fffffff };

static const int codes[] = {0, 0x80, 0x81, -1, -2, -3, -4, -5, -6, -7, -8, -60, -61, 1, 2, 3, 4, 5, 6, 7, 9, 10, 0x7fffffff};

/* Every field lies behind the first three numbers. */
static void fill(int *info, int variant) {
    memset(info, 0, INTS * sizeof *info);
    for (int at = 4; at < INTS; at++) {
        if (variant == 1 || (variant == 2 && at < 6) || (variant == 3 && at >= 6)) info[at] = 100 + at;
        if (variant == 4) info[at] = -at;
    }
    if (variant == 5) {
        info[6] = 0x12345678;
        info[8] = SYS_execve;
        info[9] = 0xc000003e;
    }
}

int main(void) {
    int info[INTS];
    for (int signo = 0; signo < 36; signo++) {
        for (unsigned code = 0; code < sizeof codes / sizeof *codes; code++) {
            for (int variant = 0; variant < 6; variant++) {
                fill(info, variant);
                info[0] = signo;
                info[1] = variant == 4 ? 9999 : variant == 5 ? 5 : 0;
                info[2] = codes[code];
                syscall(SYS_rt_sigqueueinfo, NOBODY, signo, info);
            }
        }
    }
    return 0;
}
