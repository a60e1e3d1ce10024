/* Calls with structures of their own, answered and not made: with each bit, with what has no name, with sizes that are not
 * theirs, and before memory that is not there. */
#define _GNU_SOURCE
#include "answers.h"
#include <linux/aio_abi.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(all) (sizeof all / sizeof *all)

/* The end of memory. */
static char *edge;

/* A copy that ends there. */
static void *last(const void *from, size_t size)
{
	return memcpy(edge - size, from, size);
}

static void rules(void)
{
	static const uint64_t sizes[] = {0, 1, 7, 8, 9, 16, 4096, 1ull << 40};
	uint64_t access[2];
	struct {
		uint64_t access;
		int fd;
	} __attribute__((packed)) beneath;

	for (int bit = -1; bit < 64; bit++) {
		access[0] = bit < 0 ? 0 : 1ull << bit | 5;
		access[1] = bit & 1;
		BOTH(SYS_landlock_create_ruleset, access, 8, 0);
		BOTH(SYS_landlock_create_ruleset, last(access, 8), 8 + (bit & 8), 1ull << bit % 34);
		beneath.access = 1ull << bit % 20;
		beneath.fd = bit % 6 - 2;
		BOTH(SYS_landlock_add_rule, bit % 4 - 1, bit & 3, &beneath, bit);
		BOTH(SYS_landlock_add_rule, -100, 1ll << 32 | 1, last(&beneath, 12 - (bit & 1)), 0);
		BOTH(SYS_landlock_restrict_self, bit % 5 - 2, bit);
	}
	for (unsigned at = 0; at < COUNT(sizes); at++) {
		BOTH(SYS_landlock_create_ruleset, access, sizes[at], 0);
		BOTH(SYS_landlock_create_ruleset, 0, sizes[at], 1);
		BOTH(SYS_landlock_create_ruleset, edge, sizes[at], 3);
	}
	beneath.fd = -100;
	BOTH(SYS_landlock_add_rule, 1, 1, &beneath, 0);
	BOTH(SYS_landlock_add_rule, 1, 1, 0, 0);
	BOTH(SYS_landlock_add_rule, 1, 1, 1, 0);
}

static void event(struct perf_event_attr *attr)
{
	BOTH(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static void counters(void)
{
	static const uint32_t sizes[] = {0, 63, 64, 65, 72, 73, 80, 81, 88, 89, 93, 96, 98, 104, 105, 109, 111, 112, 113, 117, 120, 122, 128, 136, 200, 5000, -1};
	static const unsigned char bytes[] = {0, 0x11, 0x5a, 0xff};
	union {
		struct perf_event_attr attr;
		char bytes[256];
	} all;
	struct perf_event_attr *attr = &all.attr;

	for (unsigned at = 0; at < COUNT(sizes); at++)
		for (unsigned byte = 0; byte < COUNT(bytes); byte++) {
			memset(&all, bytes[byte], sizeof all);
			attr->type = at % 7;
			attr->size = sizes[at];
			BOTH(SYS_perf_event_open, &all, at - 3, at - 2, at - 1, 1ull << (at + byte) % 64);
			if (sizes[at] <= 200 && sizes[at] >= 8)
				BOTH(SYS_perf_event_open, last(&all, sizes[at]), 1, 2, -100, -1);
		}
	memset(&all, 0, sizeof all);
	attr->size = 128;
	for (attr->type = 0; attr->type < 8; attr->type++)
		for (unsigned config = 0; config < 14; config++) {
			attr->config = attr->type == 3 ? config * 0x10101 : config;
			event(attr);
			attr->config |= 1ull << (24 + 3 * config);
			event(attr);
		}
	attr->type = PERF_TYPE_SOFTWARE;
	for (unsigned bit = 0; bit < 64; bit++) {
		memcpy((char *)attr + 40, &(uint64_t){1ull << bit}, 8);
		attr->sample_type = attr->read_format = attr->branch_sample_type = 1ull << bit;
		event(attr);
		attr->sample_type = PERF_SAMPLE_BRANCH_STACK | PERF_SAMPLE_STACK_USER;
		attr->clockid = bit;
		event(attr);
	}
	attr->type = PERF_TYPE_BREAKPOINT;
	for (attr->bp_type = 0; attr->bp_type < 10; attr->bp_type++)
		event(attr);
	event(0);
	for (unsigned back = 0; back < 10; back++)
		event((void *)(edge - back));
}

static void waiters(void)
{
	static const uint32_t counts[] = {0, 1, 2, 33, 128, 140, -1};
	struct {
		uint64_t val, addr;
		uint32_t flags, reserved;
	} all[40];
	int64_t soon[] = {1, 2}, wrong[] = {-1, -1};

	for (unsigned at = 0; at < COUNT(all); at++) {
		all[at].val = at ? 1ull << at : 0;
		all[at].addr = at & 1 ? (long)edge : 0;
		all[at].flags = at < 32 ? 1u << at : at * 3;
		all[at].reserved = at & 3 ? 0 : at;
	}
	for (unsigned at = 0; at < COUNT(counts); at++) {
		BOTH(SYS_futex_waitv, all, counts[at] % 40, at, soon, at);
		BOTH(SYS_futex_waitv, 0, counts[at], 0, wrong, 1);
		BOTH(SYS_futex_waitv, edge, counts[at], 0, 0, 0xffff);
		BOTH(SYS_futex_waitv, last(all, 48), counts[at], 0, 1, 11);
	}
	BOTH(SYS_futex_waitv, all, 1ull << 32 | 1, 1ull << 32, edge - 8, 1ull << 32);
}

static void requests(void)
{
	struct iocb all[44], *each[48];
	char text[] = "some \0text that is longer than what is shown of it";
	struct {
		void *base;
		size_t size;
	} parts[] = {{text, 4}, {0, 5}, {text + 3, 40}};
	uint64_t bits[] = {5, 8};
	uint64_t masks[][2] = {{(long)bits, 8}, {1, 8}, {(long)bits, 16}};
	int64_t events[200], soon[] = {1, 2}, wrong[] = {-1, -1};

	memset(all, 0, sizeof all);
	for (unsigned at = 0; at < COUNT(all); at++) {
		struct iocb *it = each[at] = all + at;

		it->aio_data = at * 0x1234;
		it->aio_key = at / 2;
		it->aio_rw_flags = at % 5 ? 0 : 1 << at / 5;
		it->aio_lio_opcode = at == 40 ? 0x7777 : at % 11;
		it->aio_reqprio = at % 3 ? at * 1000 : 0;
		it->aio_fildes = at - 2;
		it->aio_buf = at % 9 == 5 ? 0 : (long)text + at % 4;
		it->aio_nbytes = at;
		it->aio_offset = at - 3;
		it->aio_flags = at % 8;
		it->aio_resfd = at - 1;
		if (it->aio_lio_opcode == IOCB_CMD_PREADV || it->aio_lio_opcode == IOCB_CMD_PWRITEV) {
			it->aio_buf = at % 9 == 5 ? 0 : (long)parts;
			it->aio_nbytes = at % 5;
		}
	}
	all[5].aio_buf = 0x41;
	each[44] = 0;
	each[45] = (void *)1;
	each[46] = (void *)edge;
	each[47] = all;
	for (unsigned at = 0; at < COUNT(all); at++) {
		BOTH(SYS_io_submit, text, 1, each + at);
		BOTH(SYS_io_cancel, at, each[at], events);
	}
	for (int count = -1; count < 7; count++)
		BOTH(SYS_io_submit, 0, count, each + 42);
	for (unsigned at = 0; at < 12; at++) {
		void *it = last(each[at], 64), *cut = edge - 63;

		BOTH(SYS_io_submit, 7, 1, &it);
		BOTH(SYS_io_submit, 7, 1, &cut);
		all[at].aio_buf = (long)edge - 2;
		all[at].aio_nbytes = 8;
		BOTH(SYS_io_submit, 7, 1, each + at);
	}
	BOTH(SYS_io_submit, 0, 44, each);
	BOTH(SYS_io_submit, 0, 2, 0);
	BOTH(SYS_io_submit, 0, 0, 0);
	BOTH(SYS_io_submit, 0, 0, edge);
	BOTH(SYS_io_submit, 0, 2, edge);
	BOTH(SYS_io_submit, 0, 3, last(each, 16));
	BOTH(SYS_io_submit, 0, -1ull << 20, each);
	BOTH(SYS_io_cancel, 5, 0, 0);
	BOTH(SYS_io_cancel, 5, edge, edge);
	BOTH(SYS_io_cancel, 5, all, edge - 31);
	BOTH(SYS_io_getevents, 6, 1, 2, 0, 0);
	BOTH(SYS_io_getevents, 6, -1, -2, events, wrong);
	BOTH(SYS_io_pgetevents, 6, 1, 2, edge, edge, edge);
	BOTH(SYS_io_pgetevents, 6, 1, 2, events, 0, edge - 8);
	for (unsigned at = 0; at < COUNT(masks); at++)
		BOTH(SYS_io_pgetevents, 6, 1, 2, events, soon, masks[at]);

	/* These are made. */
	unsigned long context = 0;
	struct iocb writes = {.aio_data = 78, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = 1, .aio_buf = (long)text, .aio_nbytes = 5};
	struct iocb *two[] = {&writes, &writes};

	syscall(SYS_io_setup, 10, &context);
	syscall(SYS_io_submit, context, 2, two);
	syscall(SYS_io_getevents, context, 2, 6, events, 0);
	syscall(SYS_io_pgetevents, context, 0, 6, events, soon + 1, 0);
	syscall(SYS_io_cancel, context, &writes, events);
	syscall(SYS_io_destroy, context);
}

/* Lengths that are longer than what they are of, or have more than 32 bits. */
static void lengths(void)
{
	static const unsigned char hardware[] = {0, 1, 8, 10, 20, 32, 33, 75};
	static const unsigned sizes[] = {12, 18, 20, 22, 45, 100};
	char address[128] = {AF_PACKET};

	for (unsigned at = 10; at < sizeof address; at++)
		address[at] = at - 12;
	for (unsigned at = 0; at < COUNT(hardware); at++)
		for (unsigned size = 0; size < COUNT(sizes); size++) {
			address[11] = hardware[at];
			BOTH(SYS_bind, 3, address, sizes[size]);
		}
	for (unsigned long size = 0; size < 70; size += 7) {
		BOTH(SYS_sethostname, edge - 20, size);
		BOTH(SYS_setdomainname, edge - 20, 1ul << 32 | size);
	}
}

#ifdef SYS_modify_ldt
static void segments(void)
{
	uint32_t all[4];

	for (unsigned at = 0; at < 36; at++) {
		all[0] = at - 1;
		all[1] = at * 0x1000;
		all[2] = at * 33333;
		all[3] = at < 32 ? 1u << at : -at;
		BOTH(SYS_modify_ldt, at, all, 16);
		BOTH(SYS_modify_ldt, 7ull << 32 | 1, last(all, 16), at);
	}
	for (int what = -1; what < 3; what++) {
		BOTH(SYS_modify_ldt, what, 0, 16);
		BOTH(SYS_modify_ldt, what, edge - 15, 16);
		BOTH(SYS_modify_ldt, what, edge - 16, 9ull << 32 | 16);
	}
}
#endif

int main(void)
{
	char *page = mmap((void *)0x30000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	edge = page + 4096;
	munmap(edge, 4096);
	if (answer()) return 1;
	rules();
	counters();
	waiters();
	requests();
	lengths();
#ifdef SYS_modify_ldt
	segments();
#endif
	return 0;
}
