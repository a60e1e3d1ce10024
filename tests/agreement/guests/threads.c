/* Threads that take turns: no two of them ever race for anything but the processor. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 12 };

static int baton[THREADS + 1][2];
static int done[2];

static void *runner(void *arg) {
    int me = (int)(long)arg;
    char byte, name[32];
    snprintf(name, sizeof name, "runner-%d", me);
    prctl(PR_SET_NAME, name);
    for (int round = 0; round < ROUNDS; round++) {
        if (read(baton[me][0], &byte, 1) != 1) return NULL;
        snprintf(name, sizeof name, "file-%d-%d", me, round);
        int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0640);
        struct stat st;
        fstat(fd, &st);
        if (write(fd, name, strlen(name)) < 0) return NULL;
        lseek(fd, -2, SEEK_END);
        close(fd);
        unlink(name);
        sched_yield();
        gettid();
        if (write(baton[me + 1][1], &byte, 1) != 1) return NULL;
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    char byte = 'b';
    if (pipe(done)) return 1;
    for (int i = 0; i <= THREADS; i++)
        if (pipe2(baton[i], O_CLOEXEC)) return 1;
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, runner, (void *)i)) return 1;
    for (int round = 0; round < ROUNDS; round++) {
        if (write(baton[0][1], &byte, 1) != 1) return 1;
        if (read(baton[THREADS][0], &byte, 1) != 1) return 1;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    /* A thread that the end of the process interrupts in a call. */
    pthread_t last;
    if (pthread_create(&last, NULL, runner, (void *)0L)) return 1;
    usleep(50000);
    return 0;
}
