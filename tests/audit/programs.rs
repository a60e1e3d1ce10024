//! More programs whose record is what strace shows: tools that name files in all the ways there are.

use std::fs;

use vrift_audit::Act;
use vrift_cas::Digest;

use crate::kit::{Sandbox, have, python, run};
use crate::like_strace::check;

/// Runs a script in the directory `w`, which another one has filled.
#[track_caller]
fn compare(tools: &[&str], filled: &str, script: &str) {
    if !tools.iter().all(|tool| have(tool)) {
        return;
    }
    let prepare = |sandbox: &Sandbox| {
        let filled = format!("rm -rf w; mkdir w; cd w; {filled}");
        let ran = run(&mut sandbox.natively(&["sh", "-ec", &filled]));
        assert!(ran.status.success(), "{ran}");
    };
    let script = format!("cd w; {script}");
    check(&prepare, &["sh", "-ec", &script]);
}

const TREE: &str =
    "mkdir -p t/d/e; echo 1 > t/f; echo 2 > t/d/g; ln t/f t/h; ln -s f t/l; ln -s ../f t/d/m";

#[test]
fn archives() {
    compare(
        &["tar", "gzip"],
        TREE,
        "tar cf a.tar t; mkdir o; tar xf a.tar -C o; cd o; tar xf ../a.tar t/d/g; tar czf ../z.tgz t; \
         gzip -k ../a.tar; gunzip -c ../a.tar.gz | tar tf - > list",
    );
}

#[test]
fn copies() {
    compare(
        &["cp", "install"],
        TREE,
        "cp -a t u; cp t/l -t u/d; install -m 755 t/f u/inst; mv u v; ln -f t/f v/h2; split -b 1 t/f part.; \
         sort -o t/f t/f; touch -r t/f t/d/g; truncate -s 9 v/f; dd if=t/f of=v/dd conv=fsync status=none; \
         cmp t/f t/h; rm -r v; mkdir -p x/y; rmdir -p x/y; cat t/nothing || :; chmod -R g-w t; realpath t/d/m",
    );
    compare(&["rsync"], TREE, "rsync -a t/ u/; echo 3 > t/f; rsync -ac --delete t/ u/");
}

#[test]
fn searches() {
    compare(
        &["find", "xargs"],
        TREE,
        "find t -type f -exec cat {} ';'; find -L t -type f -print0 | xargs -0 -n1 cat; \
         find t -depth -execdir test -e g ';'; find t -name g -delete; grep -r 1 t > found; ls -laR t",
    );
}

#[test]
fn shells() {
    let script = "exec 3<in 4>out; read line <&3; (echo x >&4; cd d; cat f ../in > ../c; pwd -P); \
        { echo 1; echo 2; } >> out; exec 3<&- 4>&-; for n in 1 2; do echo $n; done | sort > s; \
        . ./lib; x=$(cat in); umask 077; : > made; cd d; cd ..; [ -e none ] || test -L d/s; \
        cat <<END > here\n$(cat in)\nEND\n";
    let filled = "mkdir d; echo a > in; echo b > d/f; ln -s f d/s; echo ': lib' > lib";
    compare(&["sort"], filled, script);
    let script = "bash -c 'mapfile lines < in; cat <(echo 1) <(cat in) > both; exec 5<>rw; echo z >&5; \
        pushd d > /dev/null; echo > ../x; popd > /dev/null; set -C; echo > in || :; [[ -f in && ! -L in ]]; \
        x=$(< in); coproc cat; echo end >| in' 2> /dev/null";
    compare(&["bash"], filled, script);
}

#[test]
fn a_build_that_calls_itself() {
    let filled = "mkdir one two; for d in one two; do printf 'o: i\\n\\tcp i o\\ninclude dep\\ndep:\\n\\t\
        echo o: i > dep\\n' > $d/Makefile; echo $d > $d/i; done; printf 'all: one two\\n.PHONY: one two\\n\
        one two:\\n\\t+$(MAKE) -s -C $@\\n' > Makefile";
    compare(&["make"], filled, "make -s -j2; make -s; make -s -C one -q");
}

#[test]
fn version_control() {
    let commit = "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm";
    // Old enough for the index to trust their times; else what is read again depends on the moment.
    let script = format!(
        "export GIT_COMMITTER_DATE='@1 +0000' GIT_AUTHOR_DATE='@1 +0000' GIT_CONFIG_GLOBAL=/dev/null; cd r; \
         touch -d 2001-01-01 f; git add f; {commit} one; echo 22 > f; touch -d 2002-02-02 f; git add f; \
         {commit} two; git status --short; git diff HEAD~1 | cat; git log --oneline | cat"
    );
    compare(&["git"], "GIT_CONFIG_GLOBAL=/dev/null git init -q r; echo 1 > r/f", &script);
}

#[test]
fn languages() {
    let script = "perl -e 'open(F, \"<in\"); open(G, \">out\"); print G <F>; close G; rename \"out\", \"o\"; \
        unlink \"in\"; mkdir \"d\"; chdir \"d\"; open(H, \">../d/x\"); symlink \"x\", \"y\"; readlink \"y\"; \
        link \"x\", \"z\"; my @all = glob(\"*\"); opendir(D, \".\"); readdir D; chmod 0600, \"x\"; -e \"none\"; \
        system(\"cat ../o\"); fork() or exec \"cat\", \"../o\"; wait; require \"./none.pl\" if 0'";
    compare(&["perl"], "echo a > in", script);
    compare(
        &["sqlite3"],
        "",
        "sqlite3 db 'create table t(a); begin; insert into t values(1); commit; select * from t; vacuum;'",
    );
    let script = "awk '{ print > (\"o\" $1 % 2) } END { while ((getline l < \"in\") > 0) n++; print n | \"cat > n\" }' in; \
        sed -n 'w written' in; sed -i s/1/2/ in";
    compare(&["awk", "sed"], "seq 5 > in", script);
}

/// Descriptors of directories, of files that have no name, and that are passed on.
const DESCRIPTORS: &str = r#"
import os, subprocess, threading, mmap, shutil
here = os.open('.', os.O_RDONLY)
fd = os.open('made', os.O_WRONLY | os.O_CREAT, dir_fd=here)
os.write(fd, b'1'); kept = os.dup(fd); os.close(fd); os.write(kept, b'2'); os.close(kept)
os.rename('made', 'moved', src_dir_fd=here, dst_dir_fd=here)
os.link('moved', 'linked', src_dir_fd=here, dst_dir_fd=here); os.unlink('linked', dir_fd=here)
os.mkdir('d', dir_fd=here); d = os.open('d', os.O_DIRECTORY); os.rename('d', 'e')
os.close(os.open('inside', os.O_WRONLY | os.O_CREAT, dir_fd=d)); open('e/inside').close()
os.symlink('moved', 's1'); os.symlink('s1', 's2'); open('s2').close(); os.readlink('s2', dir_fd=here)
os.symlink('new', 'dangling'); open('dangling', 'w').close()
for name, flags in [('moved', os.O_DIRECTORY), ('s2', os.O_NOFOLLOW), ('moved/x', 0), ('e/none', os.O_RDWR)]:
    try: os.open(name, flags)
    except OSError: pass
nameless = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600); os.write(nameless, b'x')
os.link('/proc/self/fd/%d' % nameless, 'named', src_dir_fd=0)
open('named').close()
way = os.open('moved', os.O_PATH); open('/proc/self/fd/%d' % way).close()
os.fchdir(d); open('here', 'w').close(); open('../moved').close(); os.fchdir(here)
source = os.open('moved', os.O_RDONLY); target = os.open('copy', os.O_WRONLY | os.O_CREAT)
os.sendfile(target, source, 0, 1); os.copy_file_range(source, target, 1); os.close(target)
with open('moved', 'r+b') as f:
    memory = mmap.mmap(f.fileno(), 0)
memory[0] = 65; memory.close()
os.truncate('moved', 1); os.chmod('moved', 0o600); os.utime('moved', (1, 1))
if os.fork() == 0: os.execve(os.open(shutil.which('true'), os.O_RDONLY), ['true'], {})
os.wait()
os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'echo x >&3'], {},
    file_actions=[(os.POSIX_SPAWN_OPEN, 3, 'spawned', os.O_WRONLY | os.O_CREAT, 0o600)]), 0)
def work(n):
    open('t%d' % n, 'w').close(); subprocess.run(['cat', 't%d' % n])
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"#;

#[test]
fn descriptors() {
    let Some(python) = python() else { return };
    let prepare = |sandbox: &Sandbox| {
        let made = run(&mut sandbox.natively(&["sh", "-ec", "rm -rf w; mkdir w"]));
        assert!(made.status.success(), "{made}");
        fs::write(sandbox.path("w/p.py"), DESCRIPTORS).expect("the sandbox is ours");
    };
    check(&prepare, &["sh", "-c", &format!("cd w; exec {python} p.py")]);
}

/// The kernel reads the first lines of scripts that are interpreters, and nobody has them open or mapped.
#[test]
fn interpreters_that_are_scripts_are_told() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("bin")).unwrap();
    let made = [
        ("first", "#!./bin/second x\n"),
        ("bin/third", "#!/bin/true\n"),
        ("alone", "#!/bin/true\n"),
    ];
    for (name, text) in made {
        fs::write(sandbox.path(name), text).unwrap();
    }
    std::os::unix::fs::symlink("third", sandbox.path("bin/second")).unwrap();
    let mode = "chmod 755 first bin/third alone";
    run(&mut sandbox.natively(&["sh", "-c", mode])).fine();
    let recorded = crate::recorded::script(&sandbox, "./first && ./alone");
    let loaded = |name: &str| {
        let path = sandbox.path(name);
        let all = recorded.accesses().filter(|access| access.act == Act::Load);
        let of = all.filter(|access| access.path.as_path() == path);
        of.map(|access| recorded.digest(access)).collect::<Vec<_>>()
    };
    assert_eq!(loaded("bin/third"), [Digest::of(b"#!/bin/true\n")]);
    assert!(loaded("first").is_empty() && loaded("alone").is_empty());
    let third = &recorded.model.files[sandbox.path("bin/third").as_os_str().as_encoded_bytes()];
    assert!(third.is_input() && third.is_code(), "{third:?}");
}
