/* Memory: mapping, moving, advising, protecting, locking, growing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096 };

int main(void) {
    int advice[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_DOFORK, MADV_MERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_COLD, 77};
    int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ | PROT_GROWSDOWN, 0x4000};
    int fd = open("mapped", O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, 8 * PAGE)) return 1;
    char *shared = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 4 * PAGE);
    char *anonymous = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);
    mmap(anonymous, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mmap(anonymous, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_GROWSDOWN, -1, 0);
    mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0);
    mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 999, 0);
    mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
    mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
    for (unsigned i = 0; i < sizeof advice / sizeof *advice; i++) madvise(anonymous + PAGE, 2 * PAGE, advice[i]);
    for (unsigned i = 0; i < sizeof prots / sizeof *prots; i++) mprotect(anonymous + 4 * PAGE, PAGE, prots[i]);
    mprotect((void *)1, PAGE, PROT_READ);
    msync(shared, PAGE, MS_SYNC);
    msync(shared, PAGE, MS_ASYNC | MS_INVALIDATE);
    char *moved = mremap(anonymous + 8 * PAGE, 4 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
    moved = mremap(moved, 32 * PAGE, PAGE, 0);
    mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, anonymous + 10 * PAGE);
    mremap((void *)PAGE, PAGE, 2 * PAGE, 64);
    mlock(anonymous, PAGE);
    mlock2(anonymous, PAGE, MLOCK_ONFAULT);
    munlock(anonymous, PAGE);
    mlockall(MCL_ONFAULT);
    munlockall();
    unsigned char there[8];
    mincore(shared, 8 * PAGE, there);
    mincore((void *)3, PAGE, there);
    void *top = sbrk(0);
    if (sbrk(3 * PAGE) == (void *)-1) return 1;
    brk(top);
    brk((void *)1);
    munmap(private, 4 * PAGE);
    munmap(shared, 8 * PAGE);
    munmap((void *)1, PAGE);
    close(fd);
    int memory = memfd_create("a name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    memfd_create("", 0x4000);
    fcntl(memory, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK);
    fcntl(memory, F_GET_SEALS);
    fallocate(memory, FALLOC_FL_KEEP_SIZE, 0, PAGE);
    posix_fadvise(memory, 0, 0, POSIX_FADV_DONTNEED);
    readahead(memory, 0, PAGE);
    close(memory);
    char here[16] = "local bytes", copy[16];
    struct iovec to = {copy, 16}, from = {here, 16};
    process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    process_vm_writev(getpid(), &to, 1, &from, 1, 0);
    int segment = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    void *attached = shmat(segment, NULL, SHM_RDONLY);
    struct shmid_ds about;
    shmctl(segment, IPC_STAT, &about);
    shmdt(attached);
    shmctl(segment, IPC_RMID, NULL);
    unsigned cpu, node;
    syscall(SYS_getcpu, &cpu, &node, NULL);
    unsigned long nodes = 0;
    int mode;
    syscall(SYS_get_mempolicy, &mode, &nodes, 64, NULL, 0);
    syscall(SYS_membarrier, 0, 0);
    return 0;
}
