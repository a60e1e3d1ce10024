//! The digest in a record is that of the version that was read.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use vrift_audit::{Act, Content, Left, Model};
use vrift_cas::Digest;

use crate::kit::{Sandbox, have, python, run};
use crate::recorded::{Recorded, recorded, script, verify};

#[test]
fn a_file_that_is_overwritten_keeps_the_digest_of_what_was_read() {
    let sandbox = Sandbox::new();
    let recorded = script(
        &sandbox,
        "echo one > f; cat f; echo two > f; cat f; echo three >> f; cat f; cat f; \
         cp f g; mv g f; cat f",
    );
    let digests =
        ["one\n", "two\n", "two\nthree\n", "two\nthree\n", "two\nthree\n", "two\nthree\n"];
    let expected = digests.map(|text| Digest::of(text.as_bytes()));
    assert_eq!(recorded.read(&sandbox.path("f")), expected);
}

/// Both get another name.
#[test]
fn files_that_are_exchanged_are_inputs() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    for name in ["one", "two"] {
        fs::write(sandbox.path(name), name).expect("the sandbox is ours");
    }
    let program = "
import ctypes
libc = ctypes.CDLL(None)
assert libc.renameat2(-100, b'one', -100, b'two', 2) == 0
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    for (name, other) in [("one", "two"), ("two", "one")] {
        let file = &recorded.model.files[sandbox.path(name).as_os_str().as_encoded_bytes()];
        assert!(file.is_input() && file.is_output(), "{name}: {file:?}");
        let digest = |version| recorded.model.content(version).and_then(Content::digest);
        let given: Vec<_> = file.given.iter().map(|&version| digest(version)).collect();
        assert_eq!(given, [Some(Digest::of(name.as_bytes()))], "{name}: {file:?}");
        let Some(Left::File(left)) = file.left else { panic!("{name}: {file:?}") };
        assert_eq!(digest(left), Some(Digest::of(other.as_bytes())));
    }
}

/// What the caller has redirected the command's standard input and output to.
#[test]
fn standard_input_is_read_and_standard_output_is_no_work_of_others() {
    let sandbox = Sandbox::new();
    let read = |lane: &str, before: &str, redirections: &str| {
        fs::write(sandbox.path("in"), "text\n").expect("the sandbox is ours");
        let command =
            "echo one; cat out > copy; cat in > copy; echo two; cat out > copy; echo three";
        let script =
            format!("{before} \"$0\" audit {lane} -o rec -- sh -c '{command}' {redirections}");
        let mut shell = sandbox.command("sh");
        let ran = run(shell.args(["-ec", &script, env!("CARGO_BIN_EXE_vrift")]));
        let recorded = Recorded::at(sandbox.path("rec"), ran);
        assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
        let read = recorded.accesses().filter(|access| access.act == Act::Read);
        let own = read.filter_map(|access| {
            let name = access.path.as_path().strip_prefix(sandbox.path("")).ok()?;
            Some((name.display().to_string(), recorded.digest(access)))
        });
        own.collect::<Vec<_>>()
    };
    let content = |name: &str, text: &str| (name.to_owned(), Digest::of(text.as_bytes()));
    let own = [content("out", "one\n"), content("in", "text\n"), content("out", "one\ntwo\n")];
    for lane in ["--fast-lane=never", "--fast-lane=always"] {
        let given = [&[content("in", "text\n")], &own[..]].concat();
        assert_eq!(read(lane, "", "< in > out"), given);
        let both = [&[content("out", "")], &own[..]].concat();
        assert_eq!(read(lane, ": > out;", "1<> out"), both);
        // One that has lost its name is nowhere to be found.
        assert_eq!(read(lane, "exec 4< in; rm in; echo text > in;", "<&4 4<&- > out"), own);
    }
}

/// A program that writes a file and reads it, over and over, faster than times change; and what it is given
/// each time it opens the file.
pub(crate) fn rewriting(rounds: usize, last: &str) -> (String, Vec<Digest>) {
    let program = format!(
        "
import os
for n in range({rounds}):
    with open('f', 'w') as f: f.write('%03d' % n)
    with open('f') as f: assert f.read() == '%03d' % n
    with open('f', 'r+') as f: f.write('x')
    with open('f') as f: f.read()
    {last}
"
    );
    let opened = |n: usize| {
        let text = format!("{n:03}");
        let changed = format!("x{}", &text[1..]);
        // Opened to be read, to be read and written, and to be read again.
        [&text, &text, &changed].map(|text| Digest::of(text.as_bytes()))
    };
    (program, (0..rounds).flat_map(opened).collect())
}

/// As many versions as there are, however fast they follow each other: the times of a file do not
/// tell them apart.
#[test]
fn versions_that_follow_in_a_moment_are_kept_apart() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let (program, expected) = rewriting(300, "");
    let recorded = recorded(&sandbox, &[python, "-c", &program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    assert_eq!(recorded.read(&sandbox.path("f")), expected);
}

/// What is written to memory changes the times of a file once, and not again.
pub(crate) const MAPPED: &str = "
import mmap, os, time
with open('f', 'w+b') as f:
    f.write(b'-' * 4096)
    f.flush()
    shared = mmap.mmap(f.fileno(), 4096)
for n in range(4):
    shared[0] = ord('a') + n
    time.sleep(0.07) # longer than times are taken for too young to tell
    open('f', 'rb').close()
shared[0] = ord('z')
";

/// The digests of what that reads, and of what it leaves.
pub(crate) fn mapped() -> ([Digest; 4], Digest) {
    let with = |first: char| Digest::of(format!("{first}{}", "-".repeat(4095)).as_bytes());
    (['a', 'b', 'c', 'd'].map(with), with('z'))
}

#[test]
fn what_is_written_through_a_mapping_is_hashed_again() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let recorded = recorded(&sandbox, &[python, "-c", MAPPED]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let (read, left) = mapped();
    assert_eq!(recorded.read(&sandbox.path("f")), read);
    let file = &recorded.model.files[sandbox.path("f").as_os_str().as_encoded_bytes()];
    let Some(Left::File(version)) = file.left else { panic!("{file:?}") };
    assert_eq!(recorded.model.content(version), Some(Content::Whole(left)));
    run(&mut verify(&sandbox, &recorded.path)).fine();
}

/// A large file is hashed while the tree goes on; who would change it waits.
#[test]
fn a_large_file_is_hashed_before_it_is_changed() {
    let sandbox = Sandbox::new();
    let big: Vec<u8> = (0..24u32 << 20).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let ways = [
        ": > big",
        "truncate -s 9 big",
        "echo x >> big",
        "printf x | dd of=big conv=notrunc status=none",
    ];
    for way in ways {
        fs::write(sandbox.path("big"), &big).unwrap();
        let recorded = script(&sandbox, &format!("exec 3< big; {way}; cat <&3 > /dev/null"));
        assert_eq!(recorded.read(&sandbox.path("big"))[..1], [Digest::of(&big)], "{way}");
        assert_eq!(recorded.model.totals.as_ref().unwrap().incomplete, 0, "{way}");
    }
}

/// Its content goes on under that name, and would not be told where it is read as something that was made.
#[test]
fn what_is_given_another_name_is_an_input() {
    let sandbox = Sandbox::new();
    let names = ["exclusive", "linked", "mode", "moved"];
    for name in names {
        fs::write(sandbox.path(name), name).unwrap();
    }
    let script = "ln linked a; mv moved b; cat a b; chmod 700 mode; mv mode m; \
                  dd if=/dev/null of=exclusive conv=excl 2> /dev/null || mv exclusive x; echo own > c; mv c d; ln d e; rm d; \
                  ln -s a link; mv link link2; mkdir dir; mv dir dir2; mv none y 2> /dev/null || :";
    let recorded = self::script(&sandbox, script);
    let inputs = recorded.model.files.iter().filter(|(path, file)| {
        file.is_input() && path.as_path().parent() == Some(sandbox.path("").as_path())
    });
    let inputs: Vec<_> = inputs
        .map(|(path, file)| {
            let version = *file.given.first().expect("its content is known");
            let name = path.as_path().file_name().unwrap().to_str().unwrap();
            (name, recorded.model.content(version).unwrap().digest().unwrap())
        })
        .collect();
    assert_eq!(inputs, names.map(|name| (name, Digest::of(name.as_bytes()))));
}

#[test]
fn a_file_that_is_removed_after_it_was_opened_has_its_digest() {
    let sandbox = Sandbox::new();
    let big: Vec<u8> = (0..8u32 << 20).map(|n| (n >> 3) as u8).collect();
    fs::write(sandbox.path("big"), &big).unwrap();
    let recorded = script(&sandbox, "exec 3< big; rm big; cat <&3 > /dev/null");
    assert_eq!(recorded.read(&sandbox.path("big")), [Digest::of(&big)]);
    let file = &recorded.model.files[sandbox.path("big").as_os_str().as_encoded_bytes()];
    assert_eq!(file.left, Some(Left::Gone));
}

/// Every digest of a compile is that of the file as it is, if nobody has changed it since.
#[test]
fn digests_of_a_compile_are_those_of_the_files() {
    if !have("cc") {
        return;
    }
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("a.c"), "#include <stdio.h>\nint main(void){return puts(\"x\");}\n")
        .unwrap();
    let recorded = recorded(&sandbox, &["cc", "a.c", "-o", "a"]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let mut checked = 0;
    for access in recorded.accesses().filter(|access| access.version.is_some()) {
        if access.path.as_path().exists() && !access.path.as_path().starts_with(sandbox.path("")) {
            let now = Digest::of(&fs::read(access.path.as_path()).unwrap());
            assert_eq!(recorded.digest(access), now, "{}", access.path);
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked} files");
    let left = |model: &Model, name: &str| {
        let path = sandbox.path(name);
        let Some(Left::File(version)) = model.files[path.as_os_str().as_encoded_bytes()].left
        else {
            panic!("{name} was not left");
        };
        model.content(version)
    };
    let program = Digest::of(&fs::read(sandbox.path("a")).unwrap());
    assert_eq!(left(&recorded.model, "a"), Some(Content::Whole(program)));
    for act in [Act::Execute, Act::Load, Act::Map] {
        assert!(recorded.accesses().any(|a| a.act == act && a.version.is_some()), "{act:?}");
    }
}

/// Files that are made when they are read have no version: reading them again could tell something
/// else, or wait for ever.
#[test]
fn files_of_proc_have_no_version() {
    let sandbox = Sandbox::new();
    let recorded = script(&sandbox, "read x < /proc/self/stat; read x < /proc/uptime");
    let of_proc: Vec<_> =
        recorded.accesses().filter(|access| access.path.to_string().starts_with("/proc")).collect();
    assert!(of_proc.len() >= 2, "{of_proc:?}");
    assert!(of_proc.iter().all(|access| access.version.is_none()), "{of_proc:?}");
}

/// Somebody who is not traced changes a file that has been read.
#[test]
fn a_change_by_others_is_told() {
    use vrift_audit::{Escape, What};
    let sandbox = Sandbox::new();
    for name in ["in", "quiet", "ours"] {
        fs::write(sandbox.path(name), "before").unwrap();
    }
    // Old enough for their times to tell of changes.
    let old = sandbox.natively(&["touch", "-d", "2001-01-01", "in", "quiet", "ours"]).status();
    assert!(old.unwrap().success());
    let fifo = |name: &str| nix::unistd::mkfifo(&sandbox.path(name), nix::sys::stat::Mode::S_IRWXU);
    fifo("there").unwrap();
    fifo("back").unwrap();
    let (there, back) = (sandbox.path("there"), sandbox.path("back"));
    let input = sandbox.path("in");
    let other = std::thread::spawn(move || {
        drop(fs::read(there).unwrap());
        fs::write(input, "after").unwrap();
        fs::File::create(back).unwrap().write_all(b"x").unwrap();
    });
    let recorded =
        script(&sandbox, "cat in quiet ours; echo > there; read x < back; echo z > ours");
    other.join().unwrap();
    let told: Vec<_> = recorded
        .model
        .findings
        .iter()
        .filter(|f| matches!(f.what, What::Escape { kind: Escape::ChangedByOthers, .. }))
        .map(|finding| finding.subject.to_string())
        .collect();
    assert_eq!(told, [sandbox.path("in").display().to_string()]);
}

/// `/proc/self` is the caller's: its descriptors are not those of vrift.
#[test]
fn a_program_is_executed_by_a_way_to_a_descriptor() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let program = "
import os, shutil, subprocess, sys
shutil.copy('/bin/true', 'mine')
for way in ['/proc/self/fd/%d', '/dev/fd/%d']:
    fd = os.open('mine', os.O_RDONLY)
    if 'dev' in way: os.unlink('mine')
    subprocess.run([way % fd], pass_fds=[fd], check=True)
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let digest = Digest::of(&fs::read("/bin/true").expect("it can be read"));
    let mine = sandbox.path("mine");
    let executed: Vec<_> = recorded
        .accesses()
        .filter(|access| access.act == Act::Execute && access.path.as_path() == mine)
        .map(|access| recorded.digest(access))
        .collect();
    assert_eq!(executed, [digest, digest]);
    run(&mut verify(&sandbox, &recorded.path)).fine();
}

/// What the tree has changed by one name of a file is no input by another.
#[test]
fn a_file_that_was_changed_by_another_of_its_names_is_no_input() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let names = [
        "written",
        "truncated",
        "mode",
        "read",
        "before",
        "both",
        "mapped",
        "executed",
        "program",
        "script",
        "linked",
    ];
    for name in names {
        match name {
            "executed" | "mapped" | "program" => {
                fs::copy("/bin/true", sandbox.path(name)).map(drop).unwrap();
            }
            _ => fs::write(sandbox.path(name), "before").unwrap(),
        }
        fs::hard_link(sandbox.path(name), sandbox.path(format!("{name}2"))).unwrap();
    }
    let program = "
import mmap, os, subprocess
def write(name):
    file = os.open(name, os.O_WRONLY | os.O_APPEND); os.write(file, b'W'); os.close(file)
def read(name, flags=os.O_RDONLY):
    file = os.open(name, flags); os.read(file, 9); return file
subprocess.run(['./program2'], check=True); write('program')
write('written'); read('written2')
os.truncate('truncated', 3); read('truncated2')
os.chmod('mode', 0o600); read('mode2')
read('read2'); write('read'); read('read2')
read('before2'); write('before')
write('both'); read('both2', os.O_RDWR)
mapped = os.open('mapped2', os.O_RDONLY); write('mapped')
mmap.mmap(mapped, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
write('executed'); subprocess.run(['./executed2'], check=True)
subprocess.run(['./script2'], check=True); write('script')
os.link('linked2', 'linked3'); write('linked')
os.link('single', 'single2'); write('single2')
";
    fs::write(sandbox.path("single"), "before").unwrap();
    fs::write(sandbox.path("script"), "#!/bin/true\n").unwrap();
    fs::set_permissions(sandbox.path("script"), Permissions::from_mode(0o755)).unwrap();
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    let is = |name: &str| {
        let path = sandbox.path(name);
        let file = &recorded.model.files[path.as_os_str().as_encoded_bytes()];
        (file.is_input(), file.is_output())
    };
    let told = names.map(|name| (name, is(&format!("{name}2"))));
    let ours = (false, true);
    let expected = [
        ("written", ours),
        ("truncated", ours),
        ("mode", (true, false)),
        ("read", (true, true)),
        ("before", (true, true)),
        ("both", ours),
        ("mapped", (true, true)),
        ("executed", ours),
        ("program", (true, true)),
        ("script", (true, true)),
        ("linked", (true, true)),
    ];
    assert_eq!(told, expected);
    assert_eq!((is("single"), is("linked3")), ((true, true), (false, true)));
    run(&mut verify(&sandbox, &recorded.path)).fine();
}

/// What becomes code only after it was mapped was read before.
#[test]
fn a_library_that_mprotect_makes_code_is_an_input() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    fs::copy("/bin/true", sandbox.path("library")).unwrap();
    let program = "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
file = os.open('library', os.O_RDONLY)
at = libc.mmap(None, 4096, 1, 2, file, 0)
os.close(file)
print(libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(4096), 5))
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert_eq!(recorded.ran.out(), "0\n", "{}", recorded.ran);
    let library = sandbox.path("library");
    assert_eq!(recorded.read(&library), [Digest::of(&fs::read("/bin/true").unwrap())]);
    let file = &recorded.model.files[library.as_os_str().as_encoded_bytes()];
    assert!(file.is_input() && file.done(Act::Map) == 0, "{file:?}");
}

/// A new name is a change of the file's attributes, and leaves no other trace in them.
#[test]
fn what_the_tree_has_renamed_was_not_changed_by_others() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    for name in ["moved", "linked", "left", "right", "over", "kept"] {
        fs::write(sandbox.path(name), name).unwrap();
    }
    let program = "
import ctypes, os
def read(name): os.read(os.open(name, os.O_RDONLY), 9)
os.rename('moved', 'to'); read('to'); os.rename('to', 'again'); read('again')
read('linked'); os.link('linked', 'second'); os.unlink('second'); read('linked')
read('left'); read('right'); ctypes.CDLL(None).renameat2(-100, b'left', -100, b'right', 2)
read('left'); read('right')
read('kept'); os.link('kept', 'third'); os.rename('over', 'third'); read('kept'); read('third')
";
    let recorded = recorded(&sandbox, &[python, "-c", program]);
    assert!(recorded.ran.status.success(), "{}", recorded.ran);
    assert!(recorded.model.findings.is_empty(), "{:?}", recorded.model.findings);
    assert_eq!(
        recorded.read(&sandbox.path("left")),
        ["left", "right"].map(|text| Digest::of(text.as_bytes()))
    );
}
