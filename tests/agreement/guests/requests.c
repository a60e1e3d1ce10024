/* Requests to terminals, block devices, files, name spaces and sockets: with structures, numbers and nothing, to what
 * answers them and to what does not. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/blkzoned.h>
#include <linux/btrfs.h>
#include <linux/dm-ioctl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/nbd.h>
#include <linux/perf_event.h>
#include <linux/rtc.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/uinput.h>
#include <linux/usbdevice_fs.h>
#include <linux/userfaultfd.h>
#include <linux/vhost.h>
#include <linux/videodev2.h>
#include <linux/watchdog.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(all) (sizeof all / sizeof *all)

static char room[256];

static void ask(int fd, unsigned request, int byte)
{
	memset(room, byte, sizeof room);
	syscall(SYS_ioctl, fd, request, room);
}

static void terminals(void)
{
	static const unsigned answered[] = {0x5401, 0x5405, 0x802c542a, 0x5419, 0x5413, 0x80045440};
	static const unsigned set[] = {0x5402, 0x5406, 0x402c542b, 0x402c542c};
	int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	for (unsigned at = 0; at < COUNT(answered); at++) {
		ask(terminal, answered[at], 0);
		syscall(SYS_ioctl, terminal, answered[at], 0);
	}
	syscall(SYS_ioctl, terminal, 0x5401, room);
	syscall(SYS_ioctl, terminal, 0x5402, room);
	syscall(SYS_ioctl, terminal, 0x802c542a, room);
	syscall(SYS_ioctl, terminal, 0x402c542b, room);
	for (unsigned at = 0; at < COUNT(set); at++) {
		ask(-1, set[at], 0);
		ask(-1, set[at], 0x5a);
		ask(-1, set[at], 0xff);
	}
	for (unsigned request = 0x5401; request < 0x5461; request++) {
		ask(-1, request, 0);
		syscall(SYS_ioctl, -1, request, 5);
	}
	for (unsigned bit = 0; bit < 17; bit++) {
		unsigned modem = 1u << bit | 2;
		syscall(SYS_ioctl, -1, 0x5416, &modem);
	}
	ask(-1, 0x5417, 0);
	ask(-1, 0x5418, 0xff);
}

static void others(void)
{
	static const unsigned all[] = {
		0x80045430, 0x40045431, 0x80045432, 0x40045436, 0x80045438, 0x80045439, 0x1, 0x2, 0x125d, 0x125e, 0x125f,
		0x1260, 0x1261, 0x1262, 0x1263, 0x1264, 0x1265, 0x1266, 0x1267, 0x1268, 0x1277, 0x1278, 0x1279, 0x127a,
		0x127b, 0x127c, 0x127d, 0x127e, 0x127f, 0x80081270, 0x40081271, 0x80081272, 0xc0045877, 0xc0045878,
		0xc0185879, 0x40087602, 0x80087601, 0x80086601, 0x40086602, 0x40049409, 0x8906, 0x8907,
	};
	int space = open("/proc/self/ns/uts", O_RDONLY), user = open("/proc/self/ns/user", O_RDONLY);
	int file = open("file", O_RDWR | O_CREAT, 0600), udp = socket(AF_INET, SOCK_DGRAM, 0);

	for (unsigned at = 0; at < COUNT(all); at++) {
		ask(-1, all[at], 0x11);
		syscall(SYS_ioctl, -1, all[at], 0);
		syscall(SYS_ioctl, -1, all[at], 7);
	}
	for (unsigned request = 0xb701; request < 0xb705; request++) {
		syscall(SYS_ioctl, -1, request, 0);
		ask(space, request, 0);
		ask(user, request, 0);
	}
	ask(file, 2, 0);
	ask(file, 0x5460, 0);
	for (unsigned request = 0x8901; request < 0x8906; request++)
		ask(udp, request, 0);
	for (unsigned request = 0x890b; request < 0x8998; request++) {
		/* Those about interfaces are elsewhere. */
		if (request >= 0x8913 && request < 0x8944) continue;
		syscall(SYS_ioctl, -1, request, room);
		syscall(SYS_ioctl, -1, request, 0);
	}
}

/* Extents, attributes beyond the flags, and the place of a device in memory. */
static void extents(void)
{
	static const unsigned all[] = {0xc020660b, 0x4020940d, 0xc0189436, 0x801c581f, 0x401c5820};
	int file = open("file", O_RDWR | O_CREAT, 0600), udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct {
		struct fiemap map;
		struct fiemap_extent extents[2];
	} map;
	struct {
		struct file_dedupe_range range;
		struct file_dedupe_range_info info[3];
	} same = {{1, 2, 3}, {{file, 3}, {-1, 4}, {file, 5}}};
	struct file_clone_range part = {file, 1, 2, 3};
	struct ifreq device = {.ifr_name = "lo"};

	for (unsigned at = 0; at < COUNT(all); at++) {
		ask(-1, all[at], 0x11);
		syscall(SYS_ioctl, file, all[at], 0);
		syscall(SYS_ioctl, file, all[at], 7);
	}
	for (unsigned flags = 0; flags < 16; flags++) {
		memset(&map, 0, sizeof map);
		map.map.fm_length = -1;
		map.map.fm_flags = flags;
		map.map.fm_extent_count = flags & 1;
		syscall(SYS_ioctl, file, FS_IOC_FIEMAP, &map);
		syscall(SYS_ioctl, -1, FS_IOC_FIEMAP, &map);
	}
	for (unsigned count = 0; count < 4; count++) {
		same.range.dest_count = count;
		syscall(SYS_ioctl, file, FIDEDUPERANGE, &same);
	}
	syscall(SYS_ioctl, file, FICLONERANGE, &part);
	ask(file, FS_IOC_FSGETXATTR, 0);
	for (unsigned bit = 0; bit < 32; bit++) {
		unsigned flags[7] = {1u << bit | 2, bit, 1, bit, 7};

		syscall(SYS_ioctl, -1, FS_IOC_FSSETXATTR, flags);
		flags[0] = 1u << bit;
		syscall(SYS_ioctl, -1, FS_IOC_SETFLAGS, flags);
	}
	syscall(SYS_ioctl, udp, SIOCGIFMAP, &device);
	device.ifr_map = (struct ifmap){1, 2, 3, 4, 5, 6};
	syscall(SYS_ioctl, -1, SIOCGIFMAP, &device);
	syscall(SYS_ioctl, -1, SIOCSIFMAP, &device);
}

/* Devices: names, and whether there is a number behind them. */
static void devices(void)
{
	static const unsigned char kinds[] = {3, 0x22, 0x4c, 0x53, 0x94, 0xab, 0xae};
	static const unsigned sized[] = {
		TUNSETIFF, TUNGETFEATURES, TUNSETPERSIST, VHOST_SET_OWNER, VHOST_SET_MEM_TABLE, RTC_RD_TIME, RTC_IRQP_SET,
		DM_VERSION, DM_TABLE_LOAD, DM_DEV_CREATE, UFFDIO_API, UFFDIO_REGISTER, UFFDIO_COPY, WDIOC_KEEPALIVE,
		WDIOC_SETTIMEOUT, KVM_GET_REGS, KVM_SET_USER_MEMORY_REGION, BTRFS_IOC_SUBVOL_CREATE, BTRFS_IOC_SNAP_DESTROY,
		BTRFS_IOC_DEFRAG, USBDEVFS_SUBMITURB, USBDEVFS_CONTROL, EVIOCGRAB, EVIOCGVERSION, UI_SET_EVBIT, FS_IOC_ADD_ENCRYPTION_KEY,
		FS_IOC_ENABLE_VERITY, BLKREPORTZONE, SECCOMP_IOCTL_NOTIF_RECV, PERF_EVENT_IOC_PERIOD, PERF_EVENT_IOC_SET_BPF,
		VIDIOC_QUERYCAP, VIDIOC_S_FMT, SIOCGSTAMP_NEW,
	};
	struct ifreq device;

	for (unsigned at = 0; at < COUNT(kinds); at++)
		for (unsigned request = kinds[at] << 8; request < kinds[at] + 1u << 8; request++) {
			/* Of these the number has a name. */
			if (request == 0x329 || request == 0x32d || request == NBD_SET_FLAGS || request == KVM_CHECK_EXTENSION) continue;
			syscall(SYS_ioctl, -1, request, 7);
		}
	for (unsigned at = 0; at < COUNT(sized); at++)
		syscall(SYS_ioctl, -1, sized[at], 7);
	memset(&device, 1, sizeof device);
	strcpy(device.ifr_name, "some");
	for (unsigned kind = 0; kind < 0x400; kind++) {
		device.ifr_hwaddr.sa_family = kind;
		syscall(SYS_ioctl, -1, SIOCSIFHWADDR, &device);
	}
	/* A name that does not end. */
	memset(&device, 'a', sizeof device);
	syscall(SYS_ioctl, -1, SIOCSIFHWADDR, &device);
	syscall(SYS_ioctl, -1, SIOCGIFMAP, &device);
	ask(open("/dev/urandom", O_RDONLY), 0x80045200, 0);
	ask(-1, 0x40045201, 1);
}

int main(void)
{
	devices();
	terminals();
	others();
	extents();
	return 0;
}
