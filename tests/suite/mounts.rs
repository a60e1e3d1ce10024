//! Several mounts at once, and a mount inside a mount: what a program sees across their borders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Sandbox, have, python, root, run, skipped};

/// Calls across the border of a mount inside another, each told in a line.
const CROSSING: &str = r#"
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def told(name, call):
    try:
        print(name, call())
    except OSError as error:
        print(name, errno.errorcode[error.errno])
def walk(path, resolve, at=-100):
    how = struct.pack("QQQ", os.O_PATH, 0, resolve)
    fd = libc.syscall(437, at, path.encode(), how, 24)
    if fd < 0:
        raise OSError(ctypes.get_errno(), path)
    return os.readlink("/proc/self/fd/%d" % fd).replace(os.environ["T"], "T")
def text(path):
    with open(path) as file:
        return file.read()
for where in ["", "d", "d/inner", "d/inner/..", "d/inner/../..", "d/inner/sub/../..", "link", "link/.."]:
    told("list " + where, lambda: sorted(os.listdir(where or ".")))
for path in ["d/inner/x", "link/x", "d/inner/up", "d/inner/../other", "d/inner/hidden", "link/sub/../../../f"]:
    told("read " + path, lambda: text(path))
for path, resolve in [("d/inner", 1), ("d/inner/x", 1), ("d/other", 1), ("d/inner/..", 1), ("d", 1), ("link", 1),
                      ("d/inner/x", 8), ("d/inner/up", 8), ("link/x", 16)]:
    told("walk %s %d" % (path, resolve), lambda: walk(path, resolve))
inner = os.open("d/inner", os.O_RDONLY)
for path, resolve in [("..", 1), ("sub/..", 1), ("sub/../..", 1), ("..", 8), ("..", 16), ("up", 16), ("sub", 1)]:
    told("walk in inner %s %d" % (path, resolve), lambda: walk(path, resolve, inner))
for old, new in [("d/inner/x", "d/new"), ("d/other", "d/inner/new"), ("d/inner", "d/new"), ("d/other", "d/inner"),
                 ("d/inner/x", "d/inner/sub/new"), ("d/inner/x", "d/inner"), ("d/inner/missing", "d/new"), ("d/inner", "d/inner")]:
    told("rename %s %s" % (old, new), lambda: os.rename(old, new))
    told("link %s %s" % (old, new), lambda: os.link(old, new))
told("rmdir", lambda: os.rmdir("d/inner"))
told("unlink", lambda: os.unlink("d/inner"))
told("mkdir", lambda: os.mkdir("d/inner"))
told("mkdir beside", lambda: os.mkdir("d/beside"))
os.chdir("d/inner/sub")
told("cwd", lambda: os.getcwd().replace(os.environ["T"], "T"))
os.chdir("../..")
told("cwd", lambda: os.getcwd().replace(os.environ["T"], "T"))
told("up", lambda: text("../f"))
os.fchdir(inner)
told("cwd", lambda: os.getcwd().replace(os.environ["T"], "T"))
told("up", lambda: text("../../f"))
"#;

/// Two trees; the second is to be seen in the first.
struct Nest {
    sandbox: Sandbox,
    inner: PathBuf,
}

impl Nest {
    fn new() -> Nest {
        let sandbox = Sandbox::new();
        let (tree, inner) = (sandbox.tree(), sandbox.path("inner"));
        for directory in [tree.join("d/inner"), inner.join("sub")] {
            fs::create_dir_all(directory).expect("the sandbox is empty");
        }
        for (file, text) in [("f", "f"), ("d/other", "other"), ("d/inner/hidden", "hidden")] {
            fs::write(tree.join(file), text).expect("the tree is ours");
        }
        symlink("d/inner", tree.join("link")).expect("the tree is ours");
        fs::write(inner.join("x"), "x").expect("the tree is ours");
        symlink("../other", inner.join("up")).expect("the tree is ours");
        for (directory, manifest) in [(&tree, "outer.vrift"), (&inner, "inner.vrift")] {
            let mut vrift = sandbox.vrift(["ingest".as_ref(), directory.as_os_str()]);
            run(vrift.arg("-o").arg(sandbox.path(manifest))).fine();
        }
        Nest { sandbox, inner }
    }

    /// A command with the first tree at its place and the second at `point`.
    fn mounted(&self, point: &Path, command: &[&str]) -> Command {
        let mut vrift = self.sandbox.vrift(["run", "--read-only", "--manifest"]);
        vrift
            .arg(self.sandbox.path("outer.vrift"))
            .arg("--prefix")
            .arg(self.sandbox.tree())
            .arg("--manifest")
            .arg(self.sandbox.path("inner.vrift"))
            .arg("--prefix")
            .arg(point)
            .arg("--")
            .args(command)
            .env("T", self.sandbox.tree())
            .current_dir(self.sandbox.tree());
        vrift
    }
}

#[test]
fn c_109_a_mount_in_a_mount_is_crossed_as_the_kernel_crosses_one() {
    let (Some(python), true) = (python(), root()) else {
        return skipped("only root can mount natively");
    };
    if !have("unshare") {
        return;
    }
    let nest = Nest::new();
    let tree = nest.sandbox.tree();
    let script = "mount --bind \"$T\" \"$T\" && mount --bind \"$I\" \"$T/d/inner\" && \
                  mount -o remount,bind,ro \"$T/d/inner\" && mount -o remount,bind,ro \"$T\" && \
                  cd \"$T\" && exec \"$@\"";
    let mut natively =
        nest.sandbox.natively(&["unshare", "--mount", "sh", "-c", script, "sh", python, "-c"]);
    let native = run(natively.arg(CROSSING).env("T", &tree).env("I", &nest.inner));
    if native.err().contains("mount:") {
        return skipped("nothing can be mounted here");
    }
    let native = native.fine();
    nest.sandbox.move_away();
    fs::create_dir(&tree).expect("the tree is away");
    let seen = run(&mut nest.mounted(&tree.join("d/inner"), &[python, "-c", CROSSING]));
    assert_eq!(seen.fine(), native);
}

#[test]
fn c_109_a_mount_on_a_free_name_of_a_mount_is_listed_there() {
    let nest = Nest::new();
    let point = nest.sandbox.tree().join("d/new");
    let script = "ls -a d; cat d/new/x d/new/../other; ls d/new/..; cd d/new/sub && pwd -P && \
                  cd ../.. && pwd -P; find . -name '[xo]*' | sort; mkdir new 2>&1; rmdir new 2>&1";
    let ran = run(&mut nest.mounted(&point, &["sh", "-c", script]));
    let at = nest.sandbox.tree().join("d");
    let at = at.display();
    let expected = format!(
        ".\n..\ninner\nnew\nother\nxotherinner\nnew\nother\n{at}/new/sub\n{at}\n./new/x\n./other\n\
         mkdir: cannot create directory 'new': File exists\n\
         rmdir: failed to remove 'new': Read-only file system\n"
    );
    assert_eq!(ran.out(), expected, "{ran}");
}

#[test]
fn c_109_two_mounts_on_the_host_are_two_file_systems() {
    let nest = Nest::new();
    let point = nest.sandbox.path("second");
    let script = "cat f \"$1/x\"; cat \"$1/../site/tree/f\"; cp \"$1/x\" \"$1/../copied\"; \
                  ln \"$1/x\" d/new 2>&1 | grep -o 'Read-only.*'; stat -c %d . \"$1\" | uniq | wc -l; \
                  find \"$1/..\" -xdev -name x; rmdir \"$1\" 2>&1";
    let text = point.to_str().expect("temporary paths are text");
    let ran = run(&mut nest.mounted(&point, &["sh", "-c", script, "sh", text]));
    let expected = format!(
        "fxfRead-only file system\n2\n{}/inner/x\n\
         rmdir: failed to remove '{text}': Device or resource busy\n",
        point.join("..").display()
    );
    assert_eq!(ran.out(), expected, "{ran}");
    assert_eq!(fs::read_to_string(nest.sandbox.path("copied")).ok().as_deref(), Some("x"));
}

#[test]
fn what_cannot_be_mounted_together_is_refused() {
    let nest = Nest::new();
    let tree = nest.sandbox.tree();
    for (point, why) in [
        ("", "another mount is there already"),
        ("f", "a file of another mount is there"),
        ("f/x", "a file of another mount is in the way"),
        ("d/missing/x", "the directory above it is not in the mount"),
    ] {
        let point = if point.is_empty() { tree.clone() } else { tree.join(point) };
        let err = run(&mut nest.mounted(&point, &["true"])).vrift_failed();
        assert!(err.contains(why), "{err}");
    }
    let both = ["run", "--manifest", "outer.vrift", "--manifest", "inner.vrift", "--", "true"];
    let err = run(&mut nest.sandbox.vrift(both)).vrift_failed();
    assert!(err.contains("--manifest is given 2 times and --prefix 0 times"), "{err}");
}

/// Reads the lists of mounts and compares them with what `stat` says.
const LISTS: &str = r#"
import os, re, sys
octal = lambda text: re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), text)
ids, found = {}, []
for line in open("/proc/self/mountinfo", "rb"):
    before, after = line.rstrip(b"\n").split(b" - ")
    before, after = before.split(b" "), after.split(b" ")
    assert len(before) >= 6 and len(after) >= 3, line
    number, parent = int(before[0]), int(before[1])
    assert number not in ids, line
    ids[number] = before[4]
    if after[0] == b"vrift":
        major, minor = map(int, before[2].split(b":"))
        point = octal(before[4])
        assert os.stat(point).st_dev == os.makedev(major, minor), line
        assert point.startswith(octal(ids[parent]).rstrip(b"/") + b"/"), line
        found.append((point, octal(after[1]), before[5], before[3], ids[parent]))
for point, source, options, root, parent in found:
    print(point.decode(), source.decode(), options.decode(), root.decode(), parent in [f[0] for f in found])
for name in ["/proc/mounts", "/proc/self/mounts", "/proc/%d/mounts" % os.getpid(), "/proc/thread-self/mounts"]:
    lines = [line.split(b" ") for line in open(name, "rb")]
    assert all(len(line) == 6 for line in lines), name
    assert [(octal(l[1]), octal(l[0]), l[3]) for l in lines if l[2] == b"vrift"] == [f[:3] for f in found], name
    assert len(lines) == len(ids), name
print(len(open("/proc/%d/mounts" % os.getppid()).readlines()) == len(ids) - len(found))
"#;

#[test]
fn c_132_lists_of_mounts_tell_of_them() {
    let Some(python) = python() else { return };
    let nest = Nest::new();
    let (tree, sandbox) = (nest.sandbox.tree(), &nest.sandbox);
    let (host, inside) = (sandbox.path("a b\\#"), tree.join("d/inner"));
    let manifests = ["outer.vrift", "i n#.vrift", "inner.vrift"].map(|name| sandbox.path(name));
    fs::copy(sandbox.path("inner.vrift"), &manifests[1]).expect("the sandbox is ours");
    let mut vrift = sandbox.vrift(["run"]);
    for (manifest, point) in manifests.iter().zip([&tree, &host, &inside]) {
        vrift.arg("--manifest").arg(manifest).arg("--prefix").arg(point);
    }
    let out = run(vrift.args(["--", python, "-c", LISTS])).fine();
    let line = |point: &Path, manifest: &Path, nested| {
        let (point, manifest) = (point.display(), manifest.display());
        format!("{point} {manifest} rw,nosuid,nodev / {nested}\n")
    };
    let expected = line(&tree, &manifests[0], "False")
        + &line(&host, &manifests[1], "False")
        + &line(&inside, &manifests[2], "True");
    assert_eq!(out, expected + "True\n");
}
