/* Descriptors that are told of where they are nobody's argument: compared with those of another process, and in what
 * comes with a signal; and structures that are looked into whatever is asked. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kcmp.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 0x3fffffff };

static long compare(int one, int other, int type, long first, const void *second)
{
	return syscall(SYS_kcmp, one, other, type, first, second);
}

static void comparisons(int file, int copy, int epoll, int end)
{
	struct kcmp_epoll_slot slot = {epoll, end, 0};
	int me = getpid(), ready[2], over[2];
	char byte;

	for (int type = 1; type < 10; type++)
		if (type != 7)
			compare(me, me, type, file, (void *)(long)file);
	compare(me, me, KCMP_FILE, file, (void *)(long)copy);
	compare(me, me, KCMP_FILE, file, (void *)77L);
	compare(me, me, KCMP_FILE, -1, (void *)-1L);
	compare(me, me, KCMP_EPOLL_TFD, end, &slot);
	compare(me, me, KCMP_EPOLL_TFD, file, (void *)4L);
	compare(NOBODY, me, KCMP_EPOLL_TFD, file, &slot);
	compare(me, NOBODY, KCMP_EPOLL_TFD, file, &slot);
	compare(0, -1, KCMP_FILE, file, (void *)(long)file);
	pipe(ready);
	pipe(over);
	int child = fork();
	if (child == 0) {
		dup2(end, 60);
		close(copy);
		close(over[1]);
		write(ready[1], "r", 1);
		read(over[0], &byte, 1);
		_exit(0);
	}
	read(ready[0], &byte, 1);
	compare(me, child, KCMP_FILE, end, (void *)60L);
	compare(child, me, KCMP_FILE, 60, (void *)(long)end);
	compare(me, child, KCMP_FILE, copy, (void *)(long)copy);
	slot.tfd = 60;
	compare(me, child, KCMP_EPOLL_TFD, end, &slot);
	close(over[1]);
	waitpid(child, NULL, 0);
}

static void handle(int signo)
{
	(void)signo;
}

static void tell(int fd, int signo)
{
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, signo);
	fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
}

static void signals(int file, int *ends)
{
	struct sigaction action = {.sa_handler = handle};
	int pair[2], numbers[] = {file, 77, -1, -100};

	sigaction(SIGIO, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	tell(ends[0], SIGIO);
	write(ends[1], "x", 1);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	tell(pair[0], SIGUSR1);
	write(pair[1], "x", 1);
	for (int at = 0; at < 4; at++) {
		siginfo_t info;
		memset(&info, 0, sizeof info);
		info.si_signo = SIGUSR1, info.si_code = SI_SIGIO, info.si_band = 5, info.si_fd = numbers[at];
		syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info);
	}
}

static void interfaces(void)
{
	static struct ifreq room[4];
	struct ifconf asked = {.ifc_len = sizeof room, .ifc_req = room};
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct {
		int length;
		void *at;
	} others[] = {{100, NULL}, {10, room}, {40, (void *)-1}, {-5, room}};

	ioctl(udp, SIOCGIFCONF, &asked);
	for (int at = 0; at < 4; at++) {
		asked.ifc_len = others[at].length, asked.ifc_req = others[at].at;
		ioctl(udp, SIOCGIFCONF, &asked);
	}
	ioctl(-1, SIOCGIFCONF, &asked);
	ioctl(udp, SIOCGIFCONF, NULL);
	ioctl(udp, SIOCGIFCONF, -1);
}

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int file = open("file", O_RDWR | O_CREAT, 0600), copy = dup(file), epoll = epoll_create1(0), ends[2];

	pipe(ends);
	epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
	comparisons(file, copy, epoll, ends[0]);
	signals(file, ends);
	interfaces();
	return 0;
}
