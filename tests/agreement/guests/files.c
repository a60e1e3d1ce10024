/* Calls on files and descriptors that the usual tools make rarely. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static char room[256];

static void opens(void) {
    int flags[] = {O_RDONLY, O_WRONLY | O_APPEND, O_RDWR | O_NONBLOCK | O_SYNC, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW | O_PATH, O_WRONLY | O_TRUNC | O_DSYNC, O_RDWR | O_TMPFILE, O_RDWR | O_CREAT | O_EXCL, O_RDONLY | O_NOATIME | O_CLOEXEC, O_RDWR | O_DIRECT | O_LARGEFILE | O_NOCTTY, O_RDONLY | O_ASYNC, 3, 0x8000000};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
        close(open("file", flags[i], 0604));
        close(open(".", flags[i], 0600));
        close(open("link", flags[i], 04755));
    }
    syscall(SYS_open, "file", O_RDONLY);
    syscall(SYS_creat, "made", 01777);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how);
    syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof how);
    syscall(SYS_openat2, AT_FDCWD, "file", &how, 3);
    close_range(3, 9, 0);
    close_range(100, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void names(void) {
    mkdir("dir", 0750);
    mkdirat(AT_FDCWD, "dir/sub", 01700);
    int dir = open("dir", O_RDONLY | O_DIRECTORY);
    mknod("dir/fifo", S_IFIFO | 0640, 0);
    mknodat(dir, "regular", S_IFREG | 0600, 0);
    mknod("dir/null", S_IFCHR | 0600, makedev(1, 3));
    symlinkat("target/of", dir, "symlink");
    readlinkat(dir, "symlink", room, 4);
    readlinkat(dir, "regular", room, sizeof room);
    linkat(dir, "regular", AT_FDCWD, "hard", 0);
    linkat(AT_FDCWD, "link", dir, "hard-too", AT_SYMLINK_FOLLOW);
    rename("hard", "harder");
    renameat(AT_FDCWD, "harder", dir, "hardest");
    renameat2(dir, "hardest", dir, "regular", RENAME_EXCHANGE);
    renameat2(dir, "hardest", dir, "regular", RENAME_NOREPLACE);
    access("dir", R_OK | X_OK);
    access("absent", F_OK);
    faccessat(dir, "regular", W_OK, AT_EACCESS);
    chmod("dir/regular", 04711);
    fchmodat(dir, "regular", 0, 0);
    fchmod(dir, 0711);
    chown("dir/regular", -1, -1);
    fchownat(dir, "symlink", 0, -1, AT_SYMLINK_NOFOLLOW);
    umask(027);
    umask(022);
    truncate("dir/regular", 12345678901LL);
    truncate("dir/regular", -1);
    chdir("dir");
    getcwd(room, sizeof room);
    getcwd(room, 2);
    syscall(SYS_getcwd, room, 3);
    fchdir(dir);
    chdir("..");
    chdir("absent");
    unlinkat(dir, "regular", 0);
    unlinkat(dir, "sub", AT_REMOVEDIR);
    unlinkat(dir, "sub", 0x4000);
    rmdir("dir");
    close(dir);
}

static void looks(void) {
    struct stat st;
    struct statx stx;
    struct statfs fs;
    int fd = open("file", O_RDWR);
    syscall(SYS_stat, "file", &st);
    syscall(SYS_lstat, "link", &st);
    syscall(SYS_stat, "/dev/null", &st);
    fstat(fd, &st);
    fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
    fstatat(fd, "", &st, AT_EMPTY_PATH);
    statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS | STATX_BTIME, &stx);
    statfs("/proc", &fs);
    fstatfs(999, &fs);
    close(fd);
}

static void contents(void) {
    int fd = open("file", O_RDWR | O_TRUNC), other = open("other", O_RDWR | O_CREAT, 0644);
    char odd[40] = "\0\1\2\a\b\t\n\v\f\r\033 9\0009 \"\\'\177\200\377";
    struct iovec parts[3] = {{odd, 5}, {"", 0}, {odd, sizeof odd}};
    write(fd, odd, sizeof odd);
    write(fd, "12345678901234567890123456789012", 32);
    write(fd, "123456789012345678901234567890123", 33);
    pwrite(fd, "at", 2, 1000000);
    writev(fd, parts, 3);
    pwritev(fd, parts, 2, 77);
    pwritev2(fd, parts, 1, -1, RWF_DSYNC);
    lseek(fd, 0, SEEK_SET);
    read(fd, room, 10);
    read(fd, room, 0);
    pread(fd, room, 32, 3);
    parts[0].iov_base = room, parts[2].iov_base = room + 50;
    readv(fd, parts, 3);
    preadv(fd, parts, 3, 2);
    lseek(fd, -1, SEEK_END);
    lseek(fd, 5, SEEK_DATA);
    lseek(fd, 5, SEEK_HOLE);
    lseek(fd, 5, 9);
    off_t from = 1;
    sendfile(other, fd, &from, 20);
    sendfile(other, fd, NULL, 20);
    loff_t at = 2;
    copy_file_range(fd, &at, other, NULL, 9, 0);
    ftruncate(other, 3);
    fallocate(other, 0, 0, 100);
    fallocate(other, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10);
    fsync(fd);
    fdatasync(fd);
    sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE);
    int ends[2];
    pipe(ends);
    write(ends[1], "pipe", 4);
    splice(ends[0], NULL, other, &at, 4, SPLICE_F_MOVE);
    write(ends[1], "pipe", 4);
    tee(ends[0], ends[1], 4, SPLICE_F_NONBLOCK);
    vmsplice(ends[1], parts, 1, 0);
    dup(fd);
    dup2(fd, 20);
    dup3(fd, 21, O_CLOEXEC);
    dup2(99, 20);
    close(fd);
    close(other);
}

static void controls(void) {
    int fd = open("file", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 2};
    fcntl(fd, F_GETFD);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND);
    fcntl(fd, F_DUPFD, 30);
    fcntl(fd, F_DUPFD_CLOEXEC, 30);
    fcntl(fd, F_SETLK, &lock);
    fcntl(fd, F_GETLK, &lock);
    fcntl(fd, F_OFD_SETLK, &lock);
    fcntl(fd, F_OFD_GETLK, &lock);
    fcntl(fd, F_SETOWN, 0);
    fcntl(fd, F_GETOWN);
    fcntl(fd, F_SETSIG, 10);
    fcntl(fd, F_GETSIG);
    fcntl(fd, F_GETLEASE);
    fcntl(fd, F_SETPIPE_SZ, 4096);
    fcntl(fd, 7777, 3);
    fcntl(999, F_GETFL);
    flock(fd, LOCK_EX | LOCK_NB);
    flock(fd, LOCK_UN);
    flock(fd, 99);
    int number = 1;
    struct termios tio;
    struct winsize size;
    ioctl(fd, TCGETS, &tio);
    ioctl(fd, TIOCGWINSZ, &size);
    ioctl(fd, FIONBIO, &number);
    ioctl(fd, FIONREAD, &number);
    ioctl(fd, FIOCLEX);
    ioctl(fd, FS_IOC_GETFLAGS, &number);
    ioctl(fd, FICLONE, 99);
    ioctl(fd, BLKGETSIZE64, room);
    ioctl(fd, 0x12345, 5);
    fsetxattr(fd, "user.one", "value", 5, 0);
    getxattr("file", "user.one", room, sizeof room);
    getxattr("file", "user.absent", room, sizeof room);
    listxattr("file", room, sizeof room);
    lremovexattr("file", "user.one");
    posix_fadvise(fd, 0, 100, POSIX_FADV_SEQUENTIAL);
    close(fd);
    close(fd);
    close(-1);
}

int main(void) {
    close(open("file", O_CREAT | O_RDWR, 0644));
    symlink("file", "link");
    opens();
    names();
    looks();
    contents();
    controls();
    sync();
    return 0;
}
