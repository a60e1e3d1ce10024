/*
 * What a program of 32 bits passes to the kernel that one of 64 bits passes in another layout. It is built
 * with -m32 and without a library; each call's arguments are given as they lie in registers or memory.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

static int call6(int nr, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
{
	int ret;
	u32 args[6] = {a, b, c, d, e, f};

	__asm__ volatile("push %%ebp; push %%ebx; push %%esi; push %%edi\n\t"
			 "mov %%eax, %%esi; mov %%edx, %%eax\n\t"
			 "mov (%%esi), %%ebx; mov 4(%%esi), %%ecx; mov 8(%%esi), %%edx; mov 16(%%esi), %%edi\n\t"
			 "mov 20(%%esi), %%ebp; mov 12(%%esi), %%esi\n\t"
			 "int $0x80\n\t"
			 "pop %%edi; pop %%esi; pop %%ebx; pop %%ebp"
			 : "=a"(ret) : "a"(args), "d"(nr) : "ecx", "memory");
	return ret;
}
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(nr, a, b, c, d, e, f, ...) call6((nr), (u32)(a), (u32)(b), (u32)(c), (u32)(d), (u32)(e), (u32)(f))

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall start\n\thlt\n");

void *memset(void *to, int byte, u32 size)
{
	for (volatile char *p = to; size > 0; size--)
		*p++ = byte;
	return to;
}

static u32 out[1024];
static char text[] = "some text";

static void files(void)
{
	static u32 iov[4], lock[4], times[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	static u64 loff = 2;
	static struct { short type, whence; u64 start, len; u32 pid; } __attribute__((packed)) lock64;
	int fd = CALL(5, "file", 0102, 0644), dir;

	CALL(4, fd, text, 9);
	CALL(181, fd, text, 4, 5, 1);        /* pwrite64 */
	CALL(180, fd, out, 4, 2, 0);         /* pread64 */
	iov[0] = (u32)text, iov[1] = 4, iov[2] = (u32)text + 5, iov[3] = 4;
	CALL(146, fd, iov, 2);               /* writev */
	CALL(334, fd, iov, 2, 7, 0);         /* pwritev */
	CALL(333, fd, iov, 1, 1, 0);         /* preadv */
	CALL(378, fd, iov, 1, -1, -1, 0);    /* preadv2 */
	CALL(19, fd, -1, 0);                 /* lseek */
	CALL(140, fd, 0, 3, out, 0);         /* _llseek */
	CALL(140, fd, 1, 3, out, 0);
	CALL(93, fd, 5);                     /* ftruncate */
	CALL(194, fd, 100, 0);               /* ftruncate64 */
	CALL(193, "file", 100, 0);           /* truncate64 */
	CALL(193, "file", 0, -1);
	CALL(92, "file", -1);                /* truncate */
	CALL(250, fd, 0, 0, 10, 1);          /* fadvise64 */
	CALL(272, fd, 1, 2, 3, 4, 2);        /* fadvise64_64 */
	CALL(324, fd, 1, 0, 0, 50, 0);       /* fallocate */
	CALL(314, fd, 1, 0, 2, 0, 7);        /* sync_file_range */
	CALL(225, fd, 0, 0, 10);             /* readahead */
	CALL(106, "file", out);              /* stat, lstat, fstat, and with 64 */
	CALL(107, "file", out);
	CALL(108, fd, out);
	CALL(195, "file", out);
	CALL(196, "file", out);
	CALL(197, fd, out);
	CALL(300, -100, "file", out, 0);
	CALL(195, "nothing", out);
	CALL(108, 1, out);
	CALL(106, "/dev/null", out);
	CALL(195, "/dev/null", out);
	CALL(383, -100, "file", 0, 0x7ff, out);
	CALL(99, "/proc", out);              /* statfs */
	CALL(268, "/proc", 84, out);
	CALL(268, "/proc", 64, out);
	CALL(269, fd, 84, out);
	CALL(100, fd, out);
	CALL(182, "file", -1, -1);           /* chown */
	CALL(212, "file", -1, -1);
	CALL(95, fd, 0xffff, 0xffff);
	CALL(16, "file", 0x1ffff, 0);
	CALL(30, "file", times);             /* utime */
	CALL(30, "file", 0);
	CALL(271, "file", times);            /* utimes */
	CALL(299, -100, "file", times);      /* futimesat */
	CALL(320, -100, "file", times, 0);   /* utimensat */
	CALL(412, -100, "file", times, 0);
	times[1] = 0x3fffffff, times[3] = 0x3ffffffe;
	CALL(320, -100, "file", times, 0);
	lock[0] = 1, lock[1] = 0, lock[2] = 10;
	CALL(55, fd, 6, lock);               /* fcntl */
	CALL(55, fd, 5, lock);
	lock64.type = 0, lock64.start = 1ull << 33, lock64.len = 7;
	CALL(221, fd, 13, &lock64);          /* fcntl64 */
	CALL(221, fd, 12, &lock64);
	CALL(221, fd, 6, lock);
	CALL(221, fd, 38, &lock64);
	CALL(221, fd, 1);
	CALL(221, fd, 3);
	CALL(221, fd, 2, 1);
	CALL(187, 1, fd, out + 40, 3);       /* sendfile */
	CALL(239, 1, fd, &loff, 3);          /* sendfile64 */
	CALL(313, fd, &loff, 1, 0, 3, 0);    /* splice */
	CALL(377, fd, &loff, fd, 0, 3, 0);   /* copy_file_range */
	CALL(85, "/proc/self/exe", out, 3);
	CALL(6, fd);
	CALL(39, "directory", 0755);
	dir = CALL(5, "directory", 0200000);
	CALL(141, dir, out, 4096);           /* getdents */
	CALL(141, dir, out, 4096);
	CALL(19, dir, 0, 0);
	CALL(89, dir, out, 1);               /* readdir */
	CALL(89, -1, out, 1);
	CALL(19, dir, 0, 0);
	CALL(220, dir, out, 4096);
	CALL(40, "directory");
	CALL(10, "file");
	CALL(339, -1, 1, 8, 0, -100, "file"); /* fanotify_mark */
	CALL(183, out, 4096);
	CALL(183, out, 1);
	CALL(14, "node", 010644, 0);
	CALL(10, "node");
	CALL(142, 0, 0, 0, 0, out + 100);    /* _newselect */
}

static void memory(void)
{
	static u32 old[6] = {0, 8192, 3, 0x22, -1, 0};
	u32 at = CALL(90, old);

	CALL(90, 8);
	CALL(91, at, 8192);
	at = CALL(192, 0, 4096, 3, 0x22, -1, 0);
	CALL(192, 0, 4096, 1, 1, 99, 3);
	CALL(163, at, 4096, 8192, 1);
	CALL(125, at, 4096, 1);
	CALL(219, at, 4096, 4);
	CALL(45, 0);
}

static void times(void)
{
	static u32 spec[4] = {0, 1000, 0, 0}, wide[8] = {0, 0, 1000, 0}, interval[4];
	static u32 event[16] = {7, 0, 1};
	static u32 set[2] = {1};

	CALL(78, out, out + 8);              /* gettimeofday */
	CALL(265, 1, out);                   /* clock_gettime */
	CALL(403, 1, out);
	CALL(266, 1, out);
	CALL(406, 1, out);
	CALL(162, spec, out);                /* nanosleep */
	CALL(267, 1, 0, spec, out);          /* clock_nanosleep */
	CALL(407, 1, 0, wide, out);
	CALL(13, out);                       /* time */
	CALL(43, out);                       /* times */
	CALL(104, 0, interval, out);         /* setitimer */
	CALL(105, 0, out);
	CALL(259, 1, event, out);            /* timer_create */
	CALL(260, out[0], 0, interval, out + 4);
	CALL(409, out[0], 0, wide + 0, out + 8);
	CALL(261, out[0], out + 4);
	CALL(408, out[0], out + 4);
	CALL(322, 1, 0);                     /* timerfd_create */
	CALL(161, 0, out);                   /* sched_rr_get_interval */
	CALL(423, 0, out);
	CALL(124, out);                      /* adjtimex */
	memset(out, 0, 512);
	CALL(405, 0, out);                   /* clock_adjtime64 */
	CALL(240, set, 0, 2, spec);          /* futex */
	CALL(422, set, 0, 2, wide);
	CALL(240, set, 1, 1);
	CALL(168, 0, 0, 0);                  /* poll */
	{
		static struct { int fd; short events, revents; } fds[2] = {{1, 4}, {-1, 1}};
		static u32 bits[32] = {2}, mask[2] = {0x100, 0}, packed[2], again[32] = {2}, old[5];

		CALL(168, fds, 2, 0);
		spec[1] = 1000, wide[2] = 1000;
		CALL(309, fds, 2, spec, mask, 8);  /* ppoll */
		CALL(414, fds, 2, wide, mask, 8);
		packed[0] = (u32)mask, packed[1] = 8;
		spec[1] = 1000;
		CALL(142, 3, 0, bits, 0, spec);
		bits[0] = 2, spec[1] = 1000;
		CALL(308, 3, 0, bits, 0, spec, packed); /* pselect6 */
		bits[0] = 2, wide[2] = 1000;
		CALL(413, 3, 0, bits, 0, wide, packed);
		spec[1] = 1000;
		old[0] = 3, old[2] = (u32)again, old[4] = (u32)spec;
		CALL(82, old);               /* select */
		CALL(82, 8);
	}
}

static void processes(void)
{
	static u32 limit[4] = {1024, 4096}, area[4] = {-1, 0x1000, 0xfffff, 0x51};
	static const char *argv[] = {"nothing", "here", 0}, *envp[] = {"A=b", 0};
	int pid;

	CALL(76, 7, out);                    /* getrlimit */
	CALL(191, 7, out);
	CALL(191, 2, out);
	CALL(75, 4, limit);
	CALL(340, 0, 7, 0, out);             /* prlimit64 */
	CALL(77, 0, out);                    /* getrusage */
	CALL(116, out);                      /* sysinfo */
	CALL(122, out);                      /* uname */
	CALL(109, out);
	CALL(59, out);
	CALL(11, "nothing", argv, envp);     /* execve */
	CALL(243, area);                     /* set_thread_area */
	CALL(244, area);
	CALL(24), CALL(199), CALL(47), CALL(49), CALL(201), CALL(50), CALL(202), CALL(200);
	CALL(165, out, out + 1, out + 2);    /* getresuid */
	CALL(209, out, out + 1, out + 2);
	CALL(80, 0, out);                    /* getgroups */
	CALL(80, 32, out);
	CALL(205, 32, out);
	CALL(70, -1, -1);                    /* setreuid */
	CALL(203, -1, -1);
	CALL(23, 0x12345);
	CALL(242, 0, 128, out);              /* sched_getaffinity */
	CALL(241, 0, 4, out);
	CALL(311, out, 12);                  /* set_robust_list */
	CALL(312, 0, out, out + 1);
	CALL(64), CALL(20), CALL(224);
	CALL(36);
	CALL(42, out);                       /* pipe */
	CALL(60, 022);
	CALL(172, 15, text);                 /* prctl */
	CALL(172, 16, out);
	CALL(172, 2, out);
	CALL(136, 0xffffffff);
	CALL(96, 0, 0);
	pid = CALL(2);
	if (pid == 0)
		CALL(1, 3);
	CALL(7, pid, out, 0);                /* waitpid */
	pid = CALL(120, 17, 0, 0, 0, 0);
	if (pid == 0)
		CALL(252, 4);
	CALL(114, pid, out, 0, out + 8);     /* wait4 */
	pid = CALL(120, 0x1200000 | 17, 0, 0, 0, out + 60);
	if (pid == 0)
		CALL(252, 5);
	CALL(284, 1, pid, out, 4, out + 40); /* waitid */
	CALL(7, -1, out, 1);
}

static void handler(int signo) { }
__asm__("restorer:\n\tmov $173, %eax\n\tint $0x80\n");
__asm__("old_restorer:\n\tpop %eax\n\tmov $119, %eax\n\tint $0x80\n");
extern char restorer[], old_restorer[];

static void signals(void)
{
	static u32 action[5], old[4], stack[3], set[2] = {0x200, 0}, info[32] = {10, 0, -1, 7, 8, 9}, zero[4], self;

	action[0] = (u32)handler, action[1] = 0x04000004, action[2] = (u32)restorer, action[3] = 0x400;
	CALL(174, 10, action, out, 8);       /* rt_sigaction */
	CALL(174, 10, 0, out, 8);
	self = CALL(20);
	CALL(37, self, 10);
	old[0] = (u32)handler, old[1] = 0x800, old[2] = 0x04000000, old[3] = (u32)old_restorer;
	CALL(67, 12, old, out);              /* sigaction */
	CALL(67, 12, 0, out);
	CALL(37, self, 12);
	CALL(48, 16, 1);                     /* signal */
	CALL(48, 16, 0);
	CALL(175, 0, set, out, 8);           /* rt_sigprocmask */
	CALL(126, 0, set, out);              /* sigprocmask */
	CALL(126, 1, 0, out);
	CALL(69, 0x10);                      /* ssetmask */
	CALL(68);
	CALL(73, out);
	CALL(176, out, 8);
	CALL(69, 0);
	CALL(175, 0, set, 0, 8);
	CALL(178, self, 10, info);       /* rt_sigqueueinfo */
	CALL(177, set, out, zero, 8);        /* rt_sigtimedwait */
	CALL(421, set, out, zero, 8);
	stack[0] = (u32)out, stack[2] = 4096;
	CALL(186, stack, 0);                 /* sigaltstack */
	CALL(186, 0, out);
	CALL(327, -1, set, 8, 0);            /* signalfd4 */
}

static u32 inside(int number, u32 a, u32 b, u32 c, u32 d, u32 e)
{
	static u32 args[6];

	args[0] = a, args[1] = b, args[2] = c, args[3] = d, args[4] = e, args[5] = 0;
	return CALL(102, number, args);
}

static void sockets(void)
{
	static u32 pair[2], iov[2], msg[7], control[4] = {16, 1, 1}, got[7], room[16], many[8], wide[8], length = 4, value = 1;
	static struct { unsigned short family; char path[20]; } name = {1, "nothing"};
	static struct { unsigned short family; char path[20]; } abstract = {1, "\0thr"};
	u32 fd = inside(1, 1, 1, 0, 0, 0);

	inside(3, fd, (u32)&name, 10, 0, 0);
	inside(2, fd, (u32)&abstract, 6, 0, 0);
	inside(4, fd, 1, 0, 0, 0);
	inside(8, 1, 2, 0, (u32)pair, 0);
	CALL(360, 1, 1, 0, out);
	inside(9, pair[0], (u32)text, 4, 0, 0);
	inside(10, pair[1], (u32)out, 64, 0, 0);
	inside(11, pair[0], (u32)text, 4, 0, 0);
	inside(12, pair[1], (u32)out, 64, 0x40, 0);
	iov[0] = (u32)text, iov[1] = 9;
	control[3] = pair[0];
	msg[2] = (u32)iov, msg[3] = 1, msg[4] = (u32)control, msg[5] = 16;
	inside(16, pair[0], (u32)msg, 0, 0, 0);
	iov[0] = (u32)out;
	got[2] = (u32)iov, got[3] = 1, got[4] = (u32)room, got[5] = 64;
	inside(17, pair[1], (u32)got, 0, 0, 0);
	CALL(372, pair[1], got, 0x40);
	iov[0] = (u32)text, msg[5] = 0;
	for (int i = 0; i < 7; i++)
		many[i] = msg[i];
	CALL(345, pair[0], many, 1, 0);      /* sendmmsg */
	CALL(337, pair[1], many, 1, 0x40, 0); /* recvmmsg */
	CALL(417, pair[1], many, 1, 0x40, wide);
	inside(14, fd, 1, 2, (u32)&value, 4);
	inside(15, fd, 1, 2, (u32)&value, (u32)&length);
	CALL(366, fd, 1, 2, &value, 4);
	inside(6, fd, (u32)out, (u32)&length, 0, 0);
	inside(7, fd, (u32)out, (u32)&length, 0, 0);
	inside(13, pair[0], 2, 0, 0, 0);
	inside(18, pair[0], 0, 0, 0x800, 0);
	CALL(102, 3, 8);
	CALL(102, 77, out);
	CALL(102, 0, out);
}

static void ipc(void)
{
	static u32 id, value, kludge[2];
	static struct { u32 type; char text[8]; } message = {3, "seven.."};
	static struct { short number, op, flags; } operation = {0, 1, 04000};

	id = CALL(117, 23, 0, 4096, 01600);  /* shmget */
	CALL(117, 21, id, 0, &value);
	CALL(117, 22, 0, 0, 0, value);
	CALL(117, 24, id, 0, 0, 0);
	id = CALL(117, 13, 0, 01600);        /* msgget */
	CALL(117, 11, id, 8, 04000, &message);
	kludge[0] = (u32)out, kludge[1] = 3;
	CALL(117, 12, id, 8, 04000, kludge);
	CALL(117, 14, id, 0, 0, 0);
	id = CALL(117, 2, 0, 1, 01600);      /* semget */
	CALL(117, 1, id, 1, 0, &operation);
	CALL(117, 3, id, 0, 16, &value);
	CALL(117, 3, id, 0, 0, &value);
	CALL(117, 99, 1, 2, 3, 4, 5);
	id = CALL(395, 0, 4096, 01600);      /* shmget */
	CALL(396, id, 0, 0);
	CALL(9999, 1, 2, 3, 4, 5, 6);
}

__attribute__((used)) void start(u32 *stack)
{
	files();
	memory();
	times();
	processes();
	signals();
	sockets();
	ipc();
	CALL(252, 0);
}
