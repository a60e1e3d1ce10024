//! Everyday programs see in a mount what they see in the real directory: the same scripts run in
//! both, at the same path, and every byte of output, every error and every status is compared.
//! Listing orders are the file system's own, so scripts sort; inode and device numbers are masked.

use std::fs;
use std::os::unix::fs::symlink;

use crate::kit::{Twin, fixture, have, python, run};
use crate::zoo;

fn zoo() -> Twin {
    Twin::new(zoo::build)
}

#[test]
fn listings() {
    zoo().scripts(&[
        "ls -la",
        "ls -laR | cat",
        "ls -lan --full-time",
        "ls -l link.dir link.dir/ link.file x; ls -ld ../tree",
        "ls -d */ sub/*/ [!l]*/*/",
        "ls -a empty.d many",
        "ls missing sub x/y link.self link.dangling/",
        "ls -lL 2>&1 | sort",
        "ls -ls --block-size=1 | cat",
        "echo * && echo .* && echo sub/* sub/*/ */link*",
    ]);
}

#[test]
fn find_prints_every_attribute() {
    let every = "'%p %y %Y %m %M %U %G %u %g %s %b %k %n %T@ %C@ %l %d %f %h\\n'";
    zoo().scripts(&[
        &format!("find . -printf {every} | sort"),
        &format!("find \"$T\" -printf {every} | sort"),
        &format!("find -L . -maxdepth 3 -path ./link.dotdot -prune -o -printf {every} 2>&1 | sort"),
        "find sub/ link.dir link.dir/ x -print | sort",
        "find . -type d | sort; find . -type l | sort; find . -type f | wc -l; find . -empty | sort",
        "find . -newer x | sort; find . -perm -u+x | sort; find . -samefile hard1 | sort",
        "find . -name '*.sh' -exec cat {} + ; find . -depth -name 'l*' | sort",
        "find . -readable | sort; find . -executable | sort",
    ]);
}

/// Hides what `stat` prints of inode and device.
fn without_inodes(text: String) -> String {
    text.lines()
        .map(|line| match (line.find("Device: "), line.find("Links: ")) {
            (Some(device), Some(links)) if device < links => {
                format!("{}{}\n", &line[..device], &line[links..])
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn stat_of_every_kind() {
    zoo().masked(without_inodes).scripts(&[
        "stat . x empty sub empty.d link.file link.dir link.dangling link.self hard1 big run.sh",
        "stat -L link.file link.dir link.abs link.host link.up",
        "stat sub/ sub/. sub/.. link.dir/ link.dir/. \"$T\" \"$T/\" \"$T/../tree/x\"",
        "stat missing x/ x/y link.dangling/ link.self/",
        "stat -L link.dangling link.self",
        "stat -c '%n %N %a %A %F %h %s %b %B %o %u %g %U %G %x %y %z %X %Y %Z' * sub/*",
        "stat - < x",
        "stat - < sub",
        "stat -f -c '%l %t %T %S' . x > /dev/null",
    ]);
}

#[test]
fn contents() {
    zoo().scripts(&[
        "cat x empty sub/a sub/../x ./x hard1 hard2 'with space' ./-dash \"$T/x\"",
        "cat link.file link.abs link.dir/a link.absdir/b link.up link.host link.viahost/a",
        "cat sub missing x/ link.self link.dangling sub/missing x/y",
        "md5sum * 2>&1 | sort",
        "md5sum big many/* sub/* 2>&1 | sort; sha256sum big",
        "wc x big many/0099; wc -c < big; wc -l many/* | sort",
        "head -c 100 big | od -c; tail -c 100 big | od -c; dd if=big bs=1000 skip=123 count=2 2>/dev/null | md5sum",
        "cmp x sub/a; cmp sub/a sub/b; diff x sub/a",
        "grep -r alpha . 2>&1 | sort; grep -rl here . | sort; grep -c . many/* | sort | md5sum",
        "sort sub/a sub/b | uniq -c; sed -n 2p sub/a; awk '{ print FILENAME, $1 }' sub/a x; file x big empty 2>&1 | head -3",
        "cat < x; while read line; do echo \"<$line>\"; done < sub/a; cat x - < empty; exec 5< x; cat <&5",
        "cat *; cat .../* 2>/dev/null; echo",
        "du -al --apparent-size -b . | sort; du -s .; du -sh sub",
    ]);
}

/// The copy goes out of the mount, with everything `cp -a` keeps.
#[test]
fn copies() {
    let seen = "find . -printf '%p %y %m %U %G %s %n %T@ %l\\n' | sort";
    zoo().scripts(&[
        &format!(
            "rm -rf $S/out; cp -a . $S/out; diff -r --no-dereference . $S/out && cd $S/out && {seen}"
        ),
        "rm -rf $S/out; cp -r sub $S/out; ls -l --time-style=+ $S/out; cp -rL sub $S/out; cat $S/out/sub/link.x",
        "tar --sort=name -cf - . | tar tvf - --full-time",
        "tar --sort=name -cf - . | md5sum",
        "tar -chf - sub many 2>&1 | tar tf - | sort",
        "rm -rf $S/out; mkdir $S/out; tar --sort=name -cf - . | tar xpf - -C $S/out; diff -r --no-dereference . $S/out",
        "cp x $S/copy; cat $S/copy; cp -p run.sh $S/copy.sh; stat -c '%a %y' $S/copy.sh; $S/copy.sh; install -m 600 x $S/i; stat -c %a $S/i",
    ]);
}

#[test]
fn paths_are_real() {
    zoo().scripts(&[
        "realpath . .. x sub/.. link.file link.dir link.abs link.absdir/a link.up link.host link.viahost/a",
        "realpath link.dangling; realpath -e link.dangling missing; realpath -m missing/x; realpath link.self",
        "realpath ../host/into/a ../host/relative/deep ../host/into/..; realpath -s link.dir/..",
        "readlink -f x link.dir/../x sub/link.x sub/deep/link.over; readlink link.file link.abs x",
        "pwd; pwd -P; cd sub/deep; pwd; cd ..; pwd; cd link.dir 2>/dev/null || cd \"$T/link.dir\"; pwd; pwd -P; cd ..; pwd; cd -P \"$T/link.dir/..\"; pwd",
        "cd sub && cat ../x && pwd",
        "cd link.dotdot && pwd -P && cat tree/x outside.txt",
        "cd \"$S/host/into\" && pwd -P && cat a ../x ../../outside.txt",
        "cd sub/deep && cat ../../../outside.txt && cd ../../.. && pwd && ls tree/sub",
        "cd .. && cat tree/x && (cd tree && cat x) && cd tree/sub && cat ../../outside.txt",
        "cd empty.d && ls && cat ../x && cd ../missing",
        "cd x; cd link.self; cd link.dangling; cd link.dir/x; cd 'with space'",
        "cat \"$S/host/into/a\" \"$S/host/tofile\" \"$S/site/host/into/../x\" \"$S/host/relative/link.x\"",
        "cd / && cat \"$T/x\" && cat \"..$T/../outside.txt\"",
        "cat \"$T/../../host/passwd\" \"$T/sub/../../outside.txt\" \"$T/link.dotdot/outside.txt\"",
        "ls -l /proc/self/cwd | sed 's/.* //'; readlink /proc/self/cwd; readlink /proc/thread-self/cwd",
    ]);
}

#[test]
fn c_083_descriptors_in_proc_are_jumps_to_the_open_file() {
    zoo().scripts(&[
        "exec 7< x; cat /proc/self/fd/7; cat /dev/fd/7; readlink /proc/self/fd/7; readlink /dev/fd/7",
        "exec 7< sub; readlink /proc/self/fd/7; ls /proc/self/fd/7/; cat /proc/self/fd/7/a /dev/fd/7/../x",
        "exec 7< x; stat -L -c '%a %s %h %y' /proc/self/fd/7 /dev/fd/7; stat -c '%F' /proc/self/fd/7",
        "exec 7< sub; cd /proc/self/fd/7 && pwd -P && cat a",
        "cat /proc/self/cwd/x; ls /proc/self/cwd/sub; cd /proc/self/cwd/sub && pwd -P",
        "cat /dev/stdin < x; readlink /dev/stdin < x; readlink -f /dev/stdin < sub; realpath /dev/fd/0 < x",
        "exec 7< x; sh -c 'cat /proc/$PPID/fd/7; readlink /proc/$PPID/fd/7 /proc/$PPID/cwd'",
        "exec 7< ../outside.txt; readlink /proc/self/fd/7; cat /proc/self/fd/7; exec 8<&7 7< x; cat /dev/fd/8 /dev/fd/7",
    ]);
}

#[test]
fn tests_of_the_shell() {
    let every = "for f in . .. x empty sub run.sh mode.none mode.d link.file link.dir link.dangling link.self \
                 missing x/ sub/ x/y sub/missing hard1 big link.host; do";
    zoo().scripts(&[
        &format!("{every} for t in -e -f -d -L -r -x -s -p -S -b -c -g -u -k -O -G; do test $t $f && echo $f $t; done; done"),
        &format!("{every} for o in -nt -ot -ef; do test $f $o x && echo $f $o; test x $o $f && echo x $o $f; done; done"),
        "test hard1 -ef sub/hard3 && echo same; test x -ef sub/../link.file && echo same",
        "[ -x run.sh ] && sh run.sh; . ./run.sh; command -v ./run.sh",
    ]);
}

/// Writing is refused in this version as on a read-only file system; `test` says so.
#[test]
fn nothing_is_writable() {
    let twin = zoo();
    twin.sandbox.ingest(&twin.sandbox.tree());
    twin.sandbox.move_away();
    let script =
        twin.in_tree("test -w x || test -w . || test -w sub || test -w link.file || echo none");
    let ran = run(twin.sandbox.in_mount(&script).env("T", twin.sandbox.tree()));
    assert_eq!(ran.fine(), "none\n");
}

#[test]
fn python_looks_around() {
    let Some(python) = python() else { return };
    let script = format!("{python} {}", fixture("scripts/look.py").display());
    zoo().scripts(&[&script, &format!("cd sub/.. && {script} | tail -3"), &format!("cd sub; {python} -c 'import os; print(os.getcwd(), sorted(os.listdir(os.fsencode(\"..\"))))'")]);
}

/// Python runs modules that lie in the mount and finds them by listing directories.
#[test]
fn python_imports_from_the_mount() {
    let Some(python) = python() else { return };
    let twin = Twin::new(|sandbox| {
        zoo::build(sandbox);
        let package = sandbox.tree().join("package/inner");
        fs::create_dir_all(&package).expect("a new directory");
        zoo::write(&package.join("__init__.py"), b"from .. import name\nprint(__file__, name)\n");
        zoo::write(&package.with_file_name("__init__.py"), b"name = __name__\n");
        zoo::write(
            &sandbox.tree().join("main.py"),
            b"import package.inner, sys\nprint(sys.path[0], __file__)\n",
        );
        zoo::times(&sandbox.tree());
    });
    twin.scripts(&[
        &format!("{python} main.py"),
        &format!("{python} \"$T/main.py\""),
        &format!("cd sub && {python} ../main.py"),
        &format!("{python} -m package.inner"),
        &format!("cd / && PYTHONPATH=\"$T\" {python} -c 'import package.inner'"),
    ]);
}

#[test]
fn c_097_five_thousand_names_in_a_directory() {
    let twin = Twin::new(|sandbox| {
        let crowd = sandbox.tree().join("crowd");
        fs::create_dir_all(&crowd).expect("a new directory");
        for number in 0..5000 {
            let name = format!("{number}-{}", "n".repeat(number % 120));
            if number % 7 == 0 {
                symlink(number.to_string(), crowd.join(name)).expect("a new link");
            } else {
                zoo::write(&crowd.join(name), number.to_string().as_bytes());
            }
        }
        zoo::times(&sandbox.tree());
    });
    twin.scripts(&[
        "ls crowd",
        "find crowd -type f | wc -l; find crowd -type l -printf '%f %l\\n' | sort | md5sum",
        "ls -f crowd | sort | uniq -d; ls -f crowd | wc -l",
        "cat crowd/1-n crowd/4999-*; ls crowd/49*8-* | md5sum",
    ]);
}

#[test]
fn c_034_deep_directories_and_long_names() {
    let twin = Twin::new(|sandbox| {
        let mut directory = sandbox.tree();
        for depth in 0..60 {
            directory.push(format!("d{depth}"));
        }
        fs::create_dir_all(&directory).expect("a new directory");
        zoo::write(&directory.join("leaf"), b"deep\n");
        let mut long = sandbox.tree();
        for letter in ["a", "b", "c", "d"] {
            long.push(letter.repeat(255));
        }
        fs::create_dir_all(&long).expect("a new directory");
        zoo::write(&long.join("e".repeat(255)), b"long\n");
        zoo::times(&sandbox.tree());
    });
    twin.scripts(&[
        "find . -printf '%p %s\\n' | sort",
        "find . -name leaf -exec cat {} \\;",
        "cat a*/b*/c*/d*/e*; cat */*/*/*/e*; cd a*/b*/c*/d* && pwd && cat e* ../../../../d0/d1/../../a*/../d0/missing",
        "cd \"$(dirname \"$(find . -name leaf)\")\" && pwd && cat leaf && cd ../../.. && pwd && find . | wc -l",
        "cp -a . $S/out && diff -r . $S/out && rm -rf $S/out",
    ]);
}

#[test]
fn programs_that_read_in_their_own_way() {
    let twin = zoo();
    let mut scripts = vec![
        "od -An -c x | head -2; xxd big 2>/dev/null | md5sum; strings big | md5sum",
        "split -n 3 big $S/part && cat $S/parta? | cmp - big && rm $S/part*",
        "gzip -c big | gunzip | cmp - big; gzip -kc < x | gunzip",
        "xargs -0 cat < empty; printf 'x\\0sub/a\\0' | xargs -0 -n1 -P2 cat | sort",
        "sh -c 'sh -c \"sh -c \\\"cat sub/deep/er/est/leaf\\\"\"'; (cd sub; (cd deep; (cd er; cat est/leaf)))",
        "env -C sub cat a; timeout 60 cat x; nice cat x; cat x | (cd sub; cat; cat a) | wc -c",
    ];
    if have("perl") {
        scripts.push("perl -e 'opendir D, \".\"; print join \"\\n\", sort readdir D; print -s \"big\"; print join \",\", (stat \"x\")[2..5,7,9]'");
    }
    if have("git") {
        scripts.push("git diff --no-index --stat sub/a x; git hash-object x big");
    }
    twin.scripts(&scripts);
}

/// The mount hides what is at its place on the host, and a program may start there.
#[test]
fn a_mount_covers_the_current_directory() {
    let twin = zoo();
    let sandbox = &twin.sandbox;
    sandbox.ingest(&sandbox.tree());
    sandbox.move_away();
    fs::create_dir_all(sandbox.tree().join("sub")).expect("a new directory");
    zoo::write(&sandbox.tree().join("hidden"), b"not to be seen\n");
    let mut pwd = sandbox.in_mount(&["sh", "-c", "pwd; cat ../x a; ls ..|grep hidden"]);
    let ran = run(pwd.current_dir(sandbox.tree().join("sub")));
    let expected = format!("{}\nx here\nalpha\nbeta\n", sandbox.tree().join("sub").display());
    assert_eq!((ran.out(), ran.err()), (expected, String::new()));
}
