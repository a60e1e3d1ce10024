//! What a tree can hold, made and used by a guest: in a mount that can be written to it must say what
//! it says on a real directory.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use crate::kit::{Sandbox, as_nobody, line_difference, python, root, run, skipped};

/// Runs a part of the guest in a mount and on a real directory, behind the words `before`.
#[track_caller]
fn same(part: &str, before: &[&str]) {
    let sandbox = Sandbox::new();
    let Some(guest) = sandbox.guest("nodes") else { return };
    let tree = sandbox.tree();
    fs::create_dir(&tree).expect("the sandbox can be written");
    if !before.is_empty() {
        std::os::unix::fs::chown(&tree, Some(65534), Some(65534)).expect("root gives it away");
    }
    sandbox.ingest(&tree);
    let words = |mut command: Command| run(command.args(before).arg(&guest).arg(&tree).arg(part));
    let mut vrift = sandbox.vrift(["run", "--discard", "--manifest"]);
    vrift.arg(sandbox.path("tree.vrift")).arg("--prefix").arg(&tree).arg("--");
    let mounted = words(vrift);
    let native = words(sandbox.command("env"));
    assert!(!native.stdout.is_empty() && !native.out().contains("GUEST FAILED"), "{native}");
    if native.out().contains("ENOSYS") {
        return skipped("the kernel lacks calls of the part");
    }
    let (native, seen) = (native.out(), mounted.out());
    assert_eq!(native, seen, "{}\n{mounted}", line_difference(&native, &seen));
}

/// The same by root, if the tests are run by root, and by somebody without privilege.
#[track_caller]
fn same_for_all(part: &str) {
    same(part, &[]);
    as_nobody(|nobody| same(part, nobody));
}

#[test]
fn c_107_names_that_are_too_long() {
    same_for_all("names");
}

#[test]
fn c_127_device_nodes_are_names() {
    same_for_all("devices");
}

#[test]
fn c_063_a_program_is_not_written_to_and_run_at_once() {
    same_for_all("busy");
}

#[test]
fn c_127_sockets_are_bound_to_names_and_reached_by_them() {
    same_for_all("sockets");
}

#[test]
fn c_133_connections_and_messages_tell_the_names_of_those_they_are_from() {
    same_for_all("peers");
}

#[test]
fn c_112_a_file_whose_open_fails_is_not_made() {
    same_for_all("crowded");
}

#[test]
fn c_105_set_id_bits_go_when_somebody_writes() {
    same_for_all("set-id");
}

#[test]
fn c_105_set_id_bits_go_when_an_outsider_writes() {
    match root() {
        true => same("outsiders", &[]),
        false => skipped("only root can become somebody else"),
    }
}

#[test]
fn c_106_a_file_without_a_name_has_attributes() {
    same_for_all("times");
}

#[test]
fn c_121_extended_attributes_are_set_by_the_younger_calls() {
    same_for_all("xattrs");
}

#[test]
fn c_111_what_has_no_name_gets_one_only_if_it_was_made_for_that() {
    same_for_all("nameless");
}

/// The kernel would send it to whatever the host has at that path.
#[test]
fn a_message_whose_header_cannot_be_changed_goes_nowhere() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.tree()).expect("the sandbox is ours");
    let manifest = sandbox.ingest(&sandbox.tree());
    let hidden = UnixDatagram::bind(sandbox.tree().join("gram")).expect("the sandbox is ours");
    hidden.set_nonblocking(true).expect("a socket");
    // A header that somebody else may write to, and this program only reads.
    let program = "
import ctypes, mmap, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
def place(memory, writable):
    file = os.memfd_create('x')
    os.ftruncate(file, 4096)
    os.pwrite(file, memory, 0)
    libc.mmap.restype = ctypes.c_void_p
    return libc.mmap(None, ctypes.c_size_t(4096), 3 if writable else 1, 1, file, ctypes.c_long(0))
to = ctypes.create_string_buffer(struct.pack('H', 1) + b'gram')
text = ctypes.create_string_buffer(b'hello')
vector = ctypes.create_string_buffer(struct.pack('QQ', ctypes.addressof(text), 5))
header = struct.pack('QIIQQQQii', ctypes.addressof(to), 6, 0, ctypes.addressof(vector), 1, 0, 0, 0, 0)
ours = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ours.bind('gram')
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for writable in [True, False]:
    at = place(header, writable)
    sent = libc.sendmsg(sender.fileno(), ctypes.c_void_p(at), 0)
    print(sent, ctypes.get_errno(), ctypes.string_at(at, len(header)) == header)
ours.setblocking(False)
print(ours.recv(9))
try: print(ours.recv(9))
except BlockingIOError: print('nothing more')
";
    let mut vrift = sandbox.vrift(["run", "--discard", "--manifest"]);
    vrift.arg(manifest).arg("--prefix").arg(sandbox.tree()).arg("--").args([python, "-c"]);
    let here = format!("import os; os.chdir({:?})\n{program}", sandbox.tree());
    let ran = run(vrift.arg(here));
    assert_eq!(ran.out(), "5 0 True\n-1 1 True\nb'hello'\nnothing more\n", "{ran}");
    assert!(hidden.recv(&mut [0]).is_err(), "it went to the host");
}
