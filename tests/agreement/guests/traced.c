/* Requests of ptrace, answered and not made. */
#define _GNU_SOURCE
#include "answers.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define COUNT(all) (sizeof all / sizeof *all)

static char room[4096];
/* The end of memory. */
static char *edge;

/* A copy that ends there. */
static void *last(const void *from, size_t size)
{
	return memcpy(edge - size, from, size);
}

/* Each request with good pointers, bad ones and numbers. */
static void every(long request)
{
	static const unsigned char bytes[] = {0, 1, 0x33, 0xff};

	/* What is in a filter of the kernel's is not taken apart. */
	if (request == 0x420c) return;
	for (unsigned at = 0; at < COUNT(bytes); at++) {
		memset(room, bytes[at], sizeof room);
		BOTH(SYS_ptrace, request, 5, room, room);
	}
	BOTH(SYS_ptrace, request, -1, 0, 17);
	BOTH(SYS_ptrace, request, 1ll << 33 | 7, edge, edge);
	BOTH(SYS_ptrace, request, 1, 24, 1ull << 33 | 11);
	BOTH(SYS_ptrace, request, 1, 8, 0);
	BOTH(SYS_ptrace, request, 1, 24, edge - 8);
}

static void sets(void)
{
	static const long types[] = {1, 2, 3, 0x200, 0x202, 0x404, 0x46e62b7f, 0x7777};
	static const unsigned sizes[] = {0, 4, 8, 12, 16, 72, 160, 200, 216, 224, 416, 420, 424, 512, 520, 4000};
	struct iovec all;

	memset(room, 0x42, sizeof room);
	for (unsigned type = 0; type < COUNT(types); type++)
		for (unsigned size = 0; size < COUNT(sizes); size++) {
			all.iov_base = room;
			all.iov_len = sizes[size];
			BOTH(SYS_ptrace, 0x4204, 5, types[type], &all);
			BOTH(SYS_ptrace, 0x4205, 5, types[type], last(&all, 16));
			all.iov_base = edge - 8;
			BOTH(SYS_ptrace, 0x4204, 5, types[type], &all);
			BOTH(SYS_ptrace, 0x4205, 5, types[type], &all);
		}
}

static void signals(void)
{
	struct {
		uint64_t off;
		uint32_t flags;
		int count;
	} peek = {3, 1, 2};
	uint64_t mask = 0x5555;

	memset(room, 0, sizeof room);
	*(int *)room = 11;
	*(int *)(room + 8) = 1;
	BOTH(SYS_ptrace, 0x4209, 5, &peek, room);
	BOTH(SYS_ptrace, 0x4202, 5, 0, room);
	BOTH(SYS_ptrace, 0x4203, 5, 1, room);
	BOTH(SYS_ptrace, 0x4203, 5, 0, last(room, 128));
	BOTH(SYS_ptrace, 0x4203, 5, 0, edge - 64);
	for (unsigned size = 0; size < 10; size++) {
		BOTH(SYS_ptrace, 0x420a, 5, size, &mask);
		BOTH(SYS_ptrace, 0x420b, 5, size, last(&mask, 8));
		BOTH(SYS_ptrace, 0x420d, 5, size, &mask);
	}
}

int main(void)
{
	char *page = mmap((void *)0x30000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	edge = page + 4096;
	munmap(edge, 4096);
	if (answer()) return 1;
	for (long request = -1; request < 36; request++)
		every(request);
	for (long request = 0x4200; request < 0x4211; request++)
		every(request);
	every(1ll << 32);
	for (unsigned bit = 0; bit < 40; bit++) {
		BOTH(SYS_ptrace, 0x4200, 5, 0, 1ull << bit | 1);
		BOTH(SYS_ptrace, 0x4206, 5, 1ull << bit, 1ull << bit);
		BOTH(SYS_ptrace, 7, 5, 0, bit);
	}
	for (long place = 0; place < 940; place += 4) {
		BOTH(SYS_ptrace, 3, 5, place, room);
		BOTH(SYS_ptrace, 6, 5, place, 0x77);
	}
	sets();
	signals();
	return 0;
}
