//! Calls that look for a file and find none are answered by vrift: as the kernel answers them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use vrift_audit::Before;

use crate::kit::{Sandbox, have, line_difference, python, root, run, skipped};
use crate::recorded::recorded_with;

/// Every way to look for a file, at every kind of path; prints what came of it.
const PROGRAM: &str = r#"
libc = ctypes.CDLL(None, use_errno=True)
def plain(name): return name.replace(f'/proc/{os.getpid()}/', '/proc/PID/')
def attempt(name, call):
    try: result = call()
    except OSError as error: result = error.errno
    if isinstance(result, os.stat_result): result = 'there'
    print(plain(name), result)
def look(path, **at):
    for name, call in [
        ('stat', lambda: os.stat(path, **at)),
        ('lstat', lambda: os.stat(path, follow_symlinks=False, **at)),
        ('access', lambda: os.access(path, os.R_OK, **at)),
        ('effective', lambda: os.access(path, os.R_OK, effective_ids=True, **at)),
        ('readlink', lambda: os.readlink(path, **at)),
        ('open', lambda: os.close(os.open(path, os.O_RDONLY, dir_fd=at.get('dir_fd')))),
        ('write', lambda: os.close(os.open(path, os.O_WRONLY, dir_fd=at.get('dir_fd')))),
        ('list', lambda: os.close(os.open(path, os.O_DIRECTORY, dir_fd=at.get('dir_fd')))),
        ('path', lambda: os.close(os.open(path, os.O_PATH | os.O_NOFOLLOW, dir_fd=at.get('dir_fd')))),
    ]: attempt(f'{name} {path}', call)
    if not at:
        attempt(f'xattr {path}', lambda: len(os.getxattr(path, 'user.none')))
        attempt(f'xattrs {path}', lambda: os.listxattr(path))
        attempt(f'statvfs {path}', lambda: os.statvfs(path) and 'there')
        attempt(f'exec {path}', lambda: os.execv(path, ['x']))
        # The path is looked at before the words, which are not there.
        libc.execve(path.encode(), ctypes.c_void_p(1), ctypes.c_void_p(1))
        print(plain(f'exec nothing {path}'), ctypes.get_errno())
def all_paths():
    here = os.getcwd()
    for path in [
        'none', 'file', 'file/', 'file/none', 'file/.', 'dir', 'dir/', 'dir/.', 'dir/../none', 'dir/none/x', 'none/..',
        'link', 'link/', 'dangling', 'dangling/x', 'loop', 'through/file', 'through/none', 'closed/x', 'closed/none', '', '.', '..',
        'own', 'own/none', 'n' * 255, 'n' * 256, 'd/' * 2047, '/proc/self/none', '/proc/self/fd/9', '/proc/self/fd/99',
        '/proc/%d/fd/9' % os.getpid(), '/proc/1/none', '/none', '/', '//', here + '/none', here + '/own/none', here + '/file/x',
    ]: look(path)
start = os.getcwd()
os.dup2(os.open('file', os.O_RDONLY), 9)
all_paths()
directory = os.open('dir', os.O_RDONLY)
look('none', dir_fd=directory)
look('inner', dir_fd=directory)
look('none', dir_fd=9)
look('none', dir_fd=77)
os.chdir('dir')
look('none'); look('inner'); look('../file/x')
os.mkdir("gone"); os.chdir('gone'); os.rmdir('../gone')
look('none'); look('.'); look('..')
# The kernel does not look at the path of an open if no descriptor is free.
os.chdir(start)
def fill():
    try:
        while True: os.dup(0)
    except OSError: pass
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
os.dup2(0, 63); look('none')
fill(); look('none'); look('file'); look('file/x'); look(start + '/none'); look('')
os.close(40); look('none')
fill(); resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64)); look('none')
"#;

fn plant(sandbox: &Sandbox) {
    fs::create_dir(sandbox.tree()).expect("the sandbox is ours");
    let at = |name: &str| sandbox.tree().join(name);
    for name in ["dir", "closed"] {
        fs::create_dir(at(name)).expect("the sandbox is ours");
    }
    for name in ["file", "dir/inner", "closed/x"] {
        fs::write(at(name), name).expect("the sandbox is ours");
    }
    let links = [
        ("link", "file"),
        ("dangling", "none"),
        ("loop", "loop"),
        ("through", "dir/.."),
        ("own", "/proc/self/fd/9"),
    ];
    for (name, target) in links {
        symlink(target, at(name)).expect("the sandbox is ours");
    }
    use std::os::unix::fs::PermissionsExt;
    for (name, mode) in [("closed", 0), ("dir", 0o777)] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode))
            .expect("the sandbox is ours");
    }
}

/// Natively and recorded the program must print the same.
#[track_caller]
fn check(before: &[&str], after: &str) {
    let Some(python) = python() else { return };
    let program = format!("import ctypes, os, resource\n{after}\n{PROGRAM}");
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let words = [before, &[python, "-c", &program]].concat();
    let native = run(sandbox.natively(&words).current_dir(sandbox.tree()));
    assert!(native.status.success(), "{native}");
    let count = native.out().lines().filter(|line| line.ends_with(" 2")).count();
    assert!(count > 100, "{count} lookups in vain");
    for lane in ["--fast-lane=auto", "--fast-lane=never"] {
        let mut vrift = sandbox.vrift(["audit", lane, "-o"]);
        let vrift = vrift.arg(sandbox.path("rec")).arg("--").args(&words);
        let recorded = run(vrift.current_dir(sandbox.tree()));
        assert!(recorded.status.success(), "{recorded}");
        let difference = line_difference(&native.out(), &recorded.out());
        assert!(native.out() == recorded.out(), "{lane}: {difference}");
    }
}

#[test]
fn lookups_in_vain_fail_as_the_kernel_lets_them_fail() {
    check(&[], "");
}

/// Who sees something else than vrift is answered by the kernel.
#[test]
fn lookups_of_other_users_and_roots_are_the_kernels() {
    if !root() {
        return skipped("only root becomes somebody else");
    }
    check(&[], "import os; os.setresuid(65534, 65534, 65534)");
    check(&[], "import os; os.setresuid(0, 0, 0); os.setgroups(os.getgroups())");
    check(&[], "import os, resource; os.chroot('.'); os.chdir('/')");
    check(&[], "import os; os.setgroups([]); os.setresgid(7, 7, 7); os.setresuid(5, 0, 0)");
    // Without them root is nobody special in the programs that are executed next.
    let (securebits, noroot) = (28, 1 << 0);
    let again = format!(
        "import os, sys
if 'again' not in os.environ:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl({securebits}, {noroot}, 0, 0, 0) == 0, ctypes.get_errno()
    os.environ['again'] = 'x'
    os.execv(sys.executable, sys.orig_argv)"
    );
    check(&[], &again);
    if have("unshare") {
        let new_tree =
            "mount -t tmpfs none dir && mkdir dir/none && touch dir/none/x && exec \"$@\"";
        check(&["unshare", "-m", "sh", "-c", new_tree, "sh"], "");
    }
}

/// What a call says of a path is not always whether there is something.
#[test]
fn what_is_no_directory_or_is_replaced_was_there() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    let program = "
import ctypes, os, sys
os.chdir(sys.argv[1])
def attempt(what, *args):
    try: what(*args)
    except OSError: pass
for name in ['read', 'only', 'link', 'only/below']: attempt(os.listdir, name)
open('read').read()
attempt(os.open, 'slash/', os.O_RDONLY)
attempt(os.chdir, 'entered')
attempt(os.rename, 'moved', 'none/moved'); attempt(os.link, 'linked', 'none/linked'); open('linked').read()
attempt(os.rename, 'none/old', 'fresh')
ctypes.CDLL(None).renameat2(-100, b'changed', -100, b'nothing', 2); open('changed').read()
for old, new in [('one', 'over'), ('two', 'fresh')]:
    open(old, 'w').close(); os.rename(old, new)
";
    for options in
        [&["--fast-lane=never"][..], &["--fast-lane=always"], &["--overlay", "TREE", "--discard"]]
    {
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir(&tree).expect("the sandbox is ours");
        let names = ["read", "only", "slash", "entered", "over", "moved", "linked", "changed"];
        for name in names {
            fs::write(tree.join(name), name).expect("the sandbox is ours");
        }
        symlink("only", tree.join("link")).expect("the sandbox is ours");
        let place = tree.to_str().expect("a plain path");
        let options: Vec<_> = options.iter().map(|word| word.replace("TREE", place)).collect();
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let recorded = recorded_with(&sandbox, &options, &[python, "-c", program, place]);
        assert!(recorded.ran.status.success(), "{}", recorded.ran);
        let file = |name: &str| &recorded.model.files[tree.join(name).as_os_str().as_bytes()];
        for name in names.into_iter().chain(["link"]) {
            assert_eq!(file(name).before, Before::There, "{name} {options:?}");
            assert!(!file(name).is_missing(), "{name} {options:?}");
        }
        for name in ["read", "linked", "changed"] {
            assert!(file(name).is_input(), "{name} {options:?}");
        }
        for name in ["only/below", "none/old"] {
            assert!(file(name).is_missing(), "{name} {options:?}");
        }
        assert_eq!(file("fresh").before, Before::Absent, "{options:?}");
    }
}
