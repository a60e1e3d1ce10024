"""Netlink: what the C library and a dump of each kind bring; then messages that are never sent, since a filter of its
own answers the calls. Nothing of the machine is changed."""
import ctypes, os, platform, socket, struct

libc = ctypes.CDLL(None)


def message(kind, flags, body, length=None, pid=0):
    length = 16 + len(body) if length is None else length
    return struct.pack("IHHIi", length, kind, flags, 1, pid) + body


def attribute(number, value, length=None):
    length = 4 + len(value) if length is None else length
    return struct.pack("HH", length, number) + value + b"\0" * (-len(value) % 4)


def ended(data):
    while data:
        length, kind = struct.unpack_from("IH", data)
        if kind in (2, 3):
            return True
        data = data[(length + 3) // 4 * 4:]
    return False


# RTM_GETLINK, GETADDR, GETROUTE, GETRULE, GETNETCONF, GETNSID
def dumps():
    socket.if_nameindex()
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    link.bind((0, 0))
    for kind in 18, 22, 26, 34, 82, 90:
        link.send(message(kind, 0x301, bytes(16)))
        while not ended(link.recv(1 << 16)):
            pass
    # An error, and a message that comes by its header.
    link.send(message(18, 5, bytes(16) + attribute(3, b"nowhere\0")))
    link.recv(1 << 16)
    link.sendmsg([message(22, 0x301, b"\2")], [], 0, (0, 0))
    while not ended(link.recvmsg(1 << 16, 100)[0]):
        pass
    # These are not looked into.
    os.write(link.fileno(), message(200, 1, b""))


def answer_sends():
    numbers = {"x86_64": (44, 46), "aarch64": (206, 211)}[platform.machine()]
    code = [(0x20, 0, 0, 0)]
    code += [(0x15, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
    head = struct.pack("H6xQ", len(code), ctypes.addressof(program))
    libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, ctypes.create_string_buffer(head)):
        raise OSError("no filter")


dumps()
answer_sends()
route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
# Nobody knows of what kind it is before it has a name.
route.send(message(18, 5, bytes(16)))
route.bind((0, 0))


def send(data):
    route.send(data)


def messages(kinds, flags, body):
    for kind in kinds:
        send(message(kind, flags, body))
    route.sendmsg([message(kinds[0], flags, body), message(3, 2, b"\0\0\0\0")], [], 0, (0, 0))


for piece in b"", b"abc", message(22, 0x305, b"\2"), message(200, 5, b"\2\3\4"), message(22, 5, b"\2\0\0\0\1\0\0\0"):
    send(piece)
for family in 2, 10, 7, 0, 99:
    six = b"\xfe\x80" + bytes(13) + b"\1"
    link = struct.pack("BxHiII", family, 1, 1, 0x10043, 7)
    conf = attribute(2, attribute(1, b"1234" * 40))
    conf += attribute(0x800A, b"".join([
        attribute(1, b"\x70\0\0\x80"), attribute(2, b"1234" * 60), attribute(3, b"12345678" * 38),
        attribute(5, b"1234" * 4), attribute(6, b"12345678" * 7), attribute(7, six), attribute(8, b"\3"),
        attribute(8, b"\7")]))
    conf += attribute(45, attribute(1, b"1234")) + attribute(99, b"12")
    texts = [b"name", b"n" * 31 + b"\0", b"n" * 32 + b"\0", b"n" * 40 + b"\0", b"\0", b"", b"\1\2\0"]
    messages((16, 17, 18, 19), 0x605, link + b"".join(attribute(3, text) for text in texts))
    messages((16, 18), 0xF05, link + attribute(1, b"\1\2\3\4\5\6") + attribute(1, b"x" * 40))
    info = attribute(1, b"dummy\0rest") + attribute(1, b"nonul") + attribute(4, b"k" * 50) + attribute(9, b"1")
    messages((16,), 0x105, link + attribute(14, b"1" * 32) + attribute(14, b"1" * 20) + attribute(18, info))
    if family != 7:
        messages((16,), 0x105, link + attribute(12, attribute(1, b"\1\2\3\4")) + attribute(26, conf))
    xdp = [attribute(1, b"\3\0\0\0"), attribute(2, b"\4"), attribute(2, b"\11"), attribute(3, b"\x2f\0\0\0")]
    messages((16, 17), 0x305, link + b"".join([
        attribute(29, b"\x81\0\0\0"), attribute(43, b"".join(xdp)), attribute(44, b"\3\0\0\0"),
        attribute(44, b"\x33\0\0\0"), attribute(54, b"123456"), attribute(55, attribute(1, b"\1\2\0\0")),
        attribute(52, attribute(53, b"alt\0") + attribute(4, b"1234") + attribute(0x8035, b"alt\0")),
        attribute(28, b"\0\0\0\0"), attribute(36, b"\1\2\3"), attribute(45, b"\xff\xff\xff\xff")]))
    for size in 92, 93, 96, 100:
        send(message(16, 1, link + attribute(7, b"1234" * (size // 4) + b"5" * (size % 4))))
    for size in 184, 192, 196, 200, 220:
        send(message(16, 1, link + attribute(23, b"1234" * (size // 4))))
    messages((20, 21, 22), 0x305, struct.pack("BBBBi", family, 8, 0x81, 77, 1) + b"".join([
        attribute(1, six), attribute(2, b"1234"), attribute(6, b"1234" * 4), attribute(8, b"\x81\x13\0\0"),
        attribute(3, b"lo\0"), attribute(11, b"1"), attribute(12, b"1"), attribute(9, b"12")]))
    messages((28, 29), 0x305, struct.pack("BxxxiHBB", family, 1, 0x82, 0x90, 1) + b"".join([
        attribute(1, six), attribute(2, b"123456"), attribute(3, b"1234" * 4), attribute(6, b"\1\2"),
        attribute(12, b"\6"), attribute(12, b"\6\0"), attribute(12, b"123456789"), attribute(15, b"\3\0\0\0"),
        attribute(16, b"\0\0"), attribute(17, b"\3"), attribute(8, b"\1\0\0\0"), attribute(10, b"\1\0\0\0")]))
    messages((32, 33, 34), 0x305, struct.pack("BBBBBxxBI", family, 1, 2, 0x10, 254, 9, 0x10002) + b"".join([
        attribute(1, six), attribute(12, b"12345678"), attribute(20, b"12345678"), attribute(21, b"\2"),
        attribute(22, b"\21"), attribute(23, b"1234"), attribute(15, b"\376\0\0\0"), attribute(15, b"\7\1\0\0")]))
    messages((72, 73, 74), 5, struct.pack("BxBBII", family, 1, 2, 1, 7) + b"".join([
        attribute(1, six), attribute(2, b"\1\2\0\0"), attribute(0, b"1"), attribute(3, b"1")]))
    messages((88, 89, 90), 0x305, bytes([family, 0, 0, 0]) + b"".join([
        attribute(1, b"\xff\xff\xff\xff"), attribute(2, b"1234"), attribute(3, b"\1\0\0\0"), attribute(6, b"1")]))
    messages((80, 81, 82), 0x305, bytes([family, 0, 0, 0]) + b"".join([
        attribute(1, b"\xff\xff\xff\xff"), attribute(2, b"1234"), attribute(9, b"\1\0\0\0")]))
    messages((64, 66, 67), 0x305, bytes([family, 0, 0, 0]) + b"".join([
        attribute(1, b"arp\0"), attribute(5, b"1234" * 8), attribute(5, bytes(32)), attribute(7, b"12345678" * 10),
        attribute(7, b"12345678" * 11), attribute(7, b"1" * 84), attribute(8, b"12345678"),
        attribute(6, attribute(1, b"\1\0\0\0") + attribute(3, b"12345678") + attribute(18, b"1"))]))
    messages((30,), 1, struct.pack("BxHiII", family, 1, 1, 0x10043, 7))
    messages((58, 62), 0x301, struct.pack("BBBBi", family, 8, 0x81, 77, 1))
    hop = struct.pack("HBBi", 8, 1, 2, 1)
    via = struct.pack("HBBi", 16, 5, 2, 1) + attribute(5, b"\n\0\0\1")
    for hops in hop, via, hop + via, via + hop, hop[:5], struct.pack("HBBi", 200, 1, 2, 1) + hop:
        send(message(26, 1, struct.pack("BBBBBBBBI", family, 32, 0, 0x14, 253, 17, 200, 1, 0x900) + attribute(9, hops)))
    metrics = attribute(2, b"\1\2\3\4") + attribute(16, b"cubic\0") + attribute(17, b"a")
    messages((24, 25, 26), 1, struct.pack("BBBBBBBBI", family, 32, 0, 0, 0, 0, 0, 0, 0) + b"".join([
        attribute(1, six), attribute(0x8008, metrics), attribute(0x4004, b"\1\0\0\0"), attribute(23, b"12345678"),
        attribute(12, b"x" * 32), attribute(18, struct.pack("H", 10) + b"a" * 16),
        attribute(18, struct.pack("H", 2) + b"a" * 4), attribute(18, struct.pack("H", 77) + b"a" * 4),
        attribute(77, b"12"), attribute(0xC005, six), attribute(20, b""), attribute(21, b"\2\0"),
        attribute(15, b"\1\1\0\0"), attribute(17, b"12345678" * 3)]))
for flags in 0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x100, 0x200, 0x300, 0x400, 0x800, 0xFFFF:
    for kind in 0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 49, 50:
        send(message(kind, flags, b""))
for length in 0, 1, 15, 16, 17, 20, 36, 100, 0xFFFFFFFD, 0xFFFFFFFF:
    wrong = struct.pack("i", -22) + message(18, 5, b"1234") + attribute(1, b"text\0") + attribute(3, b"cookie")
    send(message(3, 0, b"1234" * 5, length))
    send(message(2, 0, b"1234" * 5, length))
    send(message(2, 0x100, wrong, length))
    send(message(18, 0, bytes(16), length) + message(18, 0, bytes(16)) + b"rest")
for error in -1, -22, -4095, -5000, 22, 0, -133, *range(-535, -510), -(1 << 31):
    wrong = struct.pack("i", error) + message(18, 5, b"1234")
    for flags in 0, 0x200, 0x300:
        send(message(2, flags, wrong))
    more = [attribute(1, b"text\0"), attribute(3, b"cookie"), attribute(2, b"1234"), attribute(4, b"123"), attribute(9, b"1")]
    send(message(2, 0x200, wrong + b"".join(more)))
send(message(18, 0, bytes(16) + b"".join(attribute(at % 64, bytes([at])) for at in range(70))))
send(b"".join(message(18, 0, b"\0") for _ in range(40)))

# Messages that end where memory ends.
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_long]
libc.send.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_long, ctypes.c_int]
start = libc.mmap(None, 8192, 3, 0x22, -1, 0)
libc.munmap(start + 4096, 4096)
whole = message(16, 5, struct.pack("BxHiII", 2, 1, 1, 0x10043, 7) + attribute(3, b"name\0")
                + attribute(26, attribute(2, attribute(1, b"1234" * 6))) + attribute(1, b"123456"), 600)
for count in range(4, len(whole) + 1, 4):
    ctypes.memmove(start + 4096 - count, whole, count)
    libc.send(route.fileno(), start + 4096 - count, 600, 0)
for place, count in (None, 600), (None, 6), (77, 6):
    libc.send(route.fileno(), place, count, 0)

# Other protocols: their headers.
for protocol in 2, 6, 7, 9, 10, 15, 16, 22, 3, 11, 18, 19:
    try:
        other = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        other.bind((0, 0))
    except OSError:
        continue
    for kind in 3, 16, 17, 32, 0x101, 1000, 1300:
        if protocol == 16 and kind not in (3, 16):
            continue
        for flags in 0x45, 0x341:
            other.sendto(message(kind, flags, b"\xfe\1\2\3"), (77, 0))

# Questions about sockets, and answers.
route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
route.bind((0, 0))
ASK, TELL = 1, 2
numbers = [struct.pack("%dI" % count, *range(3, 3 + count)) for count in (1, 2, 4, 6, 7, 9, 10)]
texts = [b"", b"\5", b"\0ab", b"/tmp/x\0", b"\xff\xff", bytes(8), b"\xff" * 4, bytes(range(1, 45))]


def diag(flags, body, attributes, values=(), kinds=(20,)):
    for kind in kinds:
        send(message(kind, flags, body))
        send(message(kind, flags, body[:9]))
    for number in range(attributes):
        for value in list(values) + texts + numbers:
            send(message(kinds[0], flags, body + attribute(number, value)))


def ends(family):
    source = socket.inet_pton(socket.AF_INET6, "fe80::1") if family == 10 else b"\x7f\0\0\1" + b"x" * 12
    return struct.pack(">HH", 80, 443) + source + source + struct.pack("III", 1, 7, 8)


diag(ASK, struct.pack("BBHIIIII", 1, 3, 9, 0xFFFFFFFF, 5, 0xFFFFFFFF, 1, 2), 1, kinds=(18, 19, 20, 21))
for state in 0, 1, 12, 13:
    diag(TELL, struct.pack("BBBBIII", 1, state, state, 0, 77, 3, 4), 0)
diag(TELL, struct.pack("BBBBIII", 1, 1, 1, 0, 77, 3, 4), 10)
keys = b"".join(struct.pack("BBH", family, 24, length) + b"\n\0\0\1" + bytes(12) + bytes(range(80))
                for family, length in ((2, 5), (10, 80), (2, 200), (7, 0)))
address = struct.pack("H", 2) + struct.pack(">H", 80) + b"\1\2\3\4" + bytes(120)
for family in 2, 10:
    for protocol, states, extensions in (6, 0xFFFFFFFF, 0xFF), (255, 1, 0), (99, 0, 0x90):
        asked = struct.pack("BBBBI", family, protocol, extensions, 0, states) + ends(family)
        diag(ASK, asked, 0, kinds=(20, 21))
    conditions = [struct.pack("BBH", code, 4, 8) + rest for code in range(16) for rest in (
        b"", b"abc", struct.pack("BBxxi4s", 2, 24, 80, b"\1\2\3\4"), struct.pack("BBxxi16s", 10, 24, -1, b"\xfe\x80"),
        struct.pack("BBxxi", 2, 24, 80), struct.pack("BBxxi4s", 0, 24, 80, b"1234"))]
    diag(ASK, asked, 5, conditions if family == 2 else [])
    diag(ASK, struct.pack("BBBB", family, 20, 0, 0xFF) + ends(family) + struct.pack("II", 0xFFFF, 9), 2, kinds=(18, 19))
    told = struct.pack("BBBB", family, 1, 2, 3) + ends(family) + struct.pack("5I", 1, 2, 3, 4, 5)
    for number in list(range(19)) + [21, 22, 23, 99]:
        for value in texts + numbers + [b"cubic\0", keys, keys[:107], address * 2, address + b"abc", b"\0\xf8\0\0"]:
            send(message(20, TELL, told + attribute(number, value)))
for protocol, state in (255, 0), (4, 1), (99, 5):
    diag(ASK, struct.pack("BBHIIII", 16, protocol, 0, 9, 0xFFFFFFFF, 1, 2), 1)
    diag(TELL, struct.pack("BBBBIIIIII", 16, 3, protocol, state, 9, 8, 7, 6, 5, 4), 6)
member = struct.pack("IIHH", 1, 2, 1, 6) + bytes(range(32))
diag(ASK, struct.pack("BBHIIII", 17, 3, 0, 9, 0xFFFFFFFF, 1, 2), 1)
diag(TELL, struct.pack("BBHIII", 17, 3, 0x800, 9, 8, 7), 9, [member, member * 2 + b"abc", member.replace(b"\6", b"\x40", 1)])
for family in 0, 3, 44, 99:
    send(message(20, ASK, bytes([family]) + bytes(20)))
for family in 0, 1, 2, 16, 17:
    send(message(20, ASK, bytes([family])))
    send(message(20, TELL, bytes([family])))
