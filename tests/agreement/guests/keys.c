/* Adding keys, asking for them, and what else is done with them: answered, not made. */
#define _GNU_SOURCE
#include "answers.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The end of memory. */
static char *edge;

static void *last(const void *from, size_t size)
{
	return memcpy(edge - size, from, size);
}

int main(void)
{
	char *page = mmap((void *)0x30000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	static char text[512] = "some \1text that is longer than what is shown of it";
	static struct iovec parts[17] = {{text, 4}, {0, 5}, {text + 3, 40}};
	static struct {
		int first, prime, base, rest[200];
	} dh = {7, -3, 9};
	static struct {
		char *hash, *other;
		uint32_t len, spare[9];
	} kdf = {"sha256", text, 13};
	static struct {
		int id;
		uint32_t in, out, spare[60];
	} query = {5, 6, 7};

	for (int part = 3; part < 17; part++)
		parts[part] = (struct iovec){text + part, part};
	edge = page + 4096;
	munmap(edge, 4096);
	if (answer()) return 1;
	for (int ring = -10; ring < 3; ring++) {
		BOTH(SYS_add_key, "user", text, text, ring + 12, ring);
		BOTH(SYS_request_key, "user", text, ring & 1 ? "info" : 0, ring);
	}
	BOTH(SYS_add_key, 0, 0, 0, 0, 0);
	BOTH(SYS_add_key, edge, edge - 1, edge, 5, 1ull << 32 | 5);
	BOTH(SYS_add_key, last("ab", 2), text, edge - 3, 1ull << 40, -3);
	BOTH(SYS_request_key, edge, 0, edge, 0x1234);
	for (long what = -1; what < 35; what++) {
		for (int ring = -9; ring < 2; ring += 2) {
			BOTH(SYS_keyctl, what, ring, ring + 1, ring + 2, ring + 3);
			BOTH(SYS_keyctl, what, ring, text, 17, 33);
			BOTH(SYS_keyctl, what, ring, text, text, 3);
			BOTH(SYS_keyctl, what, ring, "user", text, text);
		}
		for (int size = 0; size < 4; size++)
			BOTH(SYS_keyctl, what, text, parts, size, -2);
		BOTH(SYS_keyctl, what, -3, parts, 3, -2);
		BOTH(SYS_keyctl, what, &dh, text, 20, 0);
		BOTH(SYS_keyctl, what, &dh, text, 20, &kdf);
		BOTH(SYS_keyctl, what, last(&dh, 12), edge, 20, edge - 4);
		BOTH(SYS_keyctl, what, 7, 0, "info", &query);
		BOTH(SYS_keyctl, what, &query, "enc=pkcs1", text, text + 2);
		BOTH(SYS_keyctl, what, 0, 0, 0, 0);
		BOTH(SYS_keyctl, what, edge, edge, edge, edge);
		BOTH(SYS_keyctl, what, 1ull << 32 | 1, 1ull << 32 | 2, 1ull << 32 | 3, 1ull << 32 | 4);
		BOTH(SYS_keyctl, what, 5, 0x3f3f3f3f, 0x10, 7);
	}
	/* 512 is an error of the kernel's own. */
	for (int bit = 0; bit < 32; bit++) {
		BOTH(SYS_keyctl, 5, 3, 1u << bit | 1);
		BOTH(SYS_keyctl, 15, 3, 1u << bit);
		BOTH(SYS_keyctl, 14, bit - 3);
		if (bit != 9) BOTH(SYS_keyctl, 19, 3, 1, 1u << bit, 2);
		BOTH(SYS_keyctl, 30, 3, 1, 2, 1u << bit);
	}
	kdf.spare[2] = 7;
	BOTH(SYS_keyctl, 23, &dh, text, 20, &kdf);
	kdf.hash = 0;
	kdf.other = 0;
	BOTH(SYS_keyctl, 23, &dh, text, 20, &kdf);
	return 0;
}
