/* Control messages of every kind and of any length, and options of sockets with too little room or too much. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define COUNT(all) (sizeof all / sizeof *all)

enum { HEADER = 16, SOL_NETLINK_ = 270, TXREHASH = 74 };

static struct iovec data = {"data", 4};
static char control[512];
static struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control};

/* What is told of a message does not depend on whether it is sent. */
static void tell(int level, int kind, long length, long room)
{
	struct cmsghdr *header = (struct cmsghdr *)control;

	for (unsigned at = HEADER; at < sizeof control; at++)
		control[at] = at % 7;
	header->cmsg_level = level, header->cmsg_type = kind, header->cmsg_len = length;
	message.msg_controllen = room;
	syscall(SYS_sendmsg, -1, &message, 0);
}

static void control_messages(void)
{
	static const int kinds[][2] = {
		{1, 1}, {1, 2}, {1, 3}, {1, 29}, {1, 35}, {1, 37}, {1, 63}, {1, 64}, {1, 65}, {1, 4}, {0, 1}, {0, 2}, {0, 3},
		{0, 4}, {0, 6}, {0, 7}, {0, 8}, {0, 11}, {0, 20}, {0, 23}, {0, 19}, {41, 50}, {6, 1}, {1, 99}, {-1, -1},
	};
	static const long lengths[] = {0, 1, 3, 4, 8, 11, 12, 15, 16, 17, 31, 32, 33, 40, 47, 48, 200};

	for (unsigned at = 0; at < COUNT(kinds); at++)
		for (unsigned length = 0; length < COUNT(lengths); length++)
			tell(kinds[at][0], kinds[at][1], HEADER + lengths[length], (HEADER + lengths[length] + 7) & ~7);
	for (long length = 0; length < 18; length++)
		tell(1, 1, length, 40);
	tell(1, 1, 1000, 40);
	tell(1, 1, 20, 10);
	struct cmsghdr *second = (struct cmsghdr *)(control + 24);
	second->cmsg_level = 1, second->cmsg_type = 2, second->cmsg_len = 28;
	tell(1, 1, 20, 24);
}

static void options(void)
{
	static const int lengths[] = {0, 1, 3, 4, 5, 7, 8, 11, 12, 15};
	char value[16];
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	for (unsigned at = 0; at < COUNT(lengths); at++) {
		socklen_t length = lengths[at];
		for (int option = 0; option < 14; option++) {
			memset(value, 1, sizeof value);
			syscall(SYS_setsockopt, -1, SOL_NETLINK_, option, value, length);
		}
		for (int rehash = 0; rehash < 3; rehash++) {
			*(int *)value = (int[]){1, 255, 2}[rehash];
			syscall(SYS_setsockopt, -1, SOL_SOCKET, TXREHASH, value, length);
		}
		syscall(SYS_getsockopt, udp, SOL_SOCKET, SO_LINGER, value, &length);
		length = lengths[at];
		syscall(SYS_getsockopt, udp, SOL_SOCKET, SO_PEERCRED, value, &length);
	}
}

int main(void)
{
	control_messages();
	options();
	return 0;
}
