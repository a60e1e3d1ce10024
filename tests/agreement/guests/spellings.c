/* Values that are spelled in a way of their own: names beside numbers, numbers that have a name only with others, and
 * structures that count only in part. All calls fail, or change nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char zeros[256];

static void quotas(void)
{
	for (long command = 0; command < 0x1300; command += 0x100)
		syscall(SYS_quotactl, command << 8 | 1, "missing", 77, 0);
	for (long command = 0x800000; command < 0x80000b; command++)
		syscall(SYS_quotactl, command << 8 | command % 4, "missing", 2, 1);
}

static void options(void)
{
	static const int all[] = {1, 4, 5, 6, 9, 10, 11, 12, 14, 19, 20, 26, 45};

	for (unsigned at = 0; at < sizeof all / sizeof *all; at++)
		for (long value = 3; value < 8; value++)
			syscall(SYS_prctl, all[at], value == 3 ? 1000 : value == 7 ? -1 : value, -1L, 3, 4);
	for (long operation = 0; operation < 6; operation++)
		syscall(SYS_prctl, 47, operation, 99, 4, 5);
	for (int at = 0; at < 5; at++) {
		char name[16];

		syscall(SYS_prctl, 15, "some sixteen too" + at);
		syscall(SYS_prctl, 16, name);
		syscall(SYS_prctl, 52, at, 0, 0, 0);
		syscall(SYS_prctl, 62, at, at - 1, at, at == 1 ? 0 : 7L);
		syscall(SYS_prctl, 59, at ? 3 : 0, 0, 0, at);
	}
	syscall(SYS_prctl, 26, 1);
	syscall(SYS_prctl, 1, 0);
}

static void memory(void)
{
	static const long flags[] = {0, 0xb, 0x2b, 0x20000fa8, 0x10000002b, -100, 0xcc076fe0610db9f, 0x4000000, 0x4000022};

	for (unsigned at = 0; at < sizeof flags / sizeof *flags; at++) {
		syscall(SYS_mmap, 0, 0, 0x10000, flags[at], -1, 1);
		syscall(SYS_remap_file_pages, 0, 0, 0, 0, flags[at]);
		syscall(SYS_memfd_create, -1L, flags[at]);
	}
	syscall(SYS_memfd_create, -1L, 0x2000000);
	for (long nodes = 0; nodes < 3; nodes++) {
		syscall(SYS_get_mempolicy, zeros, zeros + 8, nodes, 0, 0x1268);
		syscall(SYS_get_mempolicy, zeros, 0, nodes, 0, 0x1268);
	}
}

static void pages(void)
{
	enum { PAGES = 40, PAGE = 4096 };
	char *start = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static void *all[PAGES];
	static int nodes[PAGES], status[PAGES];

	for (int at = 0; at < PAGES; at++) {
		all[at] = start + at * PAGE;
		nodes[at] = at % 3 - 1;
		if (at % 2) start[at * PAGE] = 1;
	}
	syscall(SYS_move_pages, 0, PAGES, all, NULL, status, 2);
	syscall(SYS_move_pages, 0, 3, all, NULL, status, 0);
	syscall(SYS_move_pages, 0, PAGES, all, nodes, NULL, 7);
	syscall(SYS_move_pages, 0, 0, all, nodes, status, 7);
	syscall(SYS_move_pages, 0, 2, -1, -1, -1, 4);
	syscall(SYS_move_pages, 0x3fffffff, 3, NULL, NULL, NULL, 9);
}

static void locks(void)
{
	static const int waits[] = {0, 6, 9, 11, 13};

	for (int operation = 0; operation < 15; operation++)
		for (int flags = 0; flags < 4; flags++)
			syscall(SYS_futex, -1L, operation | flags << 7, 1, -1L, 3, 4);
	for (unsigned at = 0; at < sizeof waits / sizeof *waits; at++)
		syscall(SYS_futex, -1L, waits[at] | 0x180, 1, zeros, 3, 4);
	for (unsigned operation = 0; operation < 16; operation++)
		for (unsigned comparison = 0; comparison < 8; comparison++)
			syscall(SYS_futex, 0, 5, 1, 1, 1, operation << 28 | comparison << 24 | 5 << 12 | comparison);
}

static void attributes(void)
{
	static const char *values[] = {"abc", "\1\0", "\0", "a longer one that is cut off by its length"};

	for (unsigned at = 0; at < sizeof values / sizeof *values; at++)
		for (long more = 0; more < 2; more++)
			syscall(SYS_setxattr, "missing", "user.a", values[at], strlen(values[at]) + more, 0);
	syscall(SYS_setxattr, "missing", "user.a", values[1], 3, 0);
	for (unsigned at = 0; at < 3; at++)
		syscall(SYS_mknod, "missing/file", (int[]){0, 031, 0170000 | 7}[at], 0);
}

static void processes(void)
{
	unsigned header[2] = {0x13, 0};

	for (int class = 0; class < 6; class++)
		syscall(SYS_ioprio_set, 5, -1, class << 13 | class);
	syscall(SYS_ioprio_set, 1, -1, -1);
	syscall(SYS_ioprio_get, 1, 0);
	for (int at = 0; at < 3; at++) {
		header[0] = (unsigned[]){0, 0x13, 0x20080522}[at];
		syscall(SYS_capset, header, -1L);
	}
	syscall(SYS_reboot, 0, 8, 0x400, 0);
	syscall(SYS_reboot, 0xfee1dead, 8, 0x400, 0);
	syscall(SYS_swapon, "missing", 0x1630000 | 3070);
	syscall(SYS_swapon, "missing", 0x8001);
	syscall(SYS_syslog, 8, 0, 9);
	syscall(SYS_syslog, 8, 5, -1);
	syscall(SYS_socket, 3, 0, 0x20003eb2);
}

static void mounts(void)
{
	unsigned long changes[4] = {0x100000, 0, 0, 1};

	for (int at = 0; at < 3; at++) {
		changes[0] = (unsigned long[]){0x100000, 1, 0x100000}[at];
		changes[3] = at == 2 ? -1 : 0;
		syscall(SYS_mount_setattr, -1, "missing", 0, changes, sizeof changes);
	}
	for (int at = 0; at < 6; at++)
		syscall(SYS_mount, "a", "missing", "type",
			(long[]){0xc0ed0000, 0xc0ed0021, 0x1c0ed1001, 0xc0ed8000, 0xc0ee8000, 0x21}[at], "data");
	for (int at = 0; at < 4; at++)
		syscall(SYS_fsconfig, -1, 2, "key", zeros, (int[]){3, 1 << 20, (1 << 20) + 1, -1}[at]);
}

static void rings(void)
{
	unsigned params[30];
	int ring;

	for (unsigned at = 0; at < 14; at++) {
		memset(params, 0, sizeof params);
		params[2] = at == 13 ? -1 : 1u << at;
		params[3] = params[4] = at;
		params[6] = -1;
		params[7] = at == 9;
		syscall(SYS_io_uring_setup, at % 3, params);
	}
	memset(params, 0, sizeof params);
	ring = syscall(SYS_io_uring_setup, 4, params);
	for (unsigned bit = 0; bit < 6; bit++)
		syscall(SYS_io_uring_enter, -1, 1, 2, 1u << bit | 1, 0L, 8L);
	syscall(SYS_io_uring_enter, ring, 0, 0, 0, 0L, 8L);
	syscall(SYS_io_uring_setup, 4, 0L);
	syscall(SYS_io_uring_setup, 4, 8L);
	close(ring);
}

int main(void)
{
	rings();
	open("/dev/null", O_RDONLY);
	quotas();
	options();
	memory();
	pages();
	locks();
	attributes();
	processes();
	mounts();
	return 0;
}
