//! `vrift session diff --patch`: git and patch(1) make the session's tree of the one it was started
//! from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::kit::{Ran, Sandbox, have, run};

/// What a patch can say of a tree: contents, targets, and whether a file may be executed.
fn shape(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut all = BTreeMap::new();
    let mut below = vec![root.to_owned()];
    while let Some(dir) = below.pop() {
        for entry in fs::read_dir(&dir).expect("a directory").flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("it was just listed"));
            let what = if kind.is_dir() {
                below.push(path);
                continue;
            } else if kind.is_symlink() {
                format!("-> {:?}", fs::read_link(&path).expect("a symlink"))
            } else {
                let mode = entry.metadata().expect("it was just listed").permissions().mode();
                format!("{} {:?}", mode & 0o100, fs::read(&path).expect("a file").escape_ascii())
            };
            let inside = path.strip_prefix(root).expect("it lies in the tree");
            all.insert(inside.as_os_str().as_bytes().to_vec(), what);
        }
    }
    all
}

/// Runs a script on the tree in a session and returns the patch and the tree that came of it.
fn patched(sandbox: &Sandbox, script: &str) -> (Ran, PathBuf) {
    let tree = sandbox.tree();
    let manifest = sandbox.ingest(&tree);
    let mut vrift = sandbox.vrift(["run", "--session", "s", "--manifest"]);
    vrift.arg(&manifest).arg("--prefix").arg(&tree).args(["--", "sh", "-c", script]);
    let ran = run(vrift.current_dir(&tree));
    assert_eq!(ran.code(), Some(0), "{ran}");
    let patch = run(&mut sandbox.vrift(["session", "diff", "--patch", "s"]));
    let (new, to) = (sandbox.path("new.vrift"), sandbox.path("wanted"));
    run(sandbox.vrift(["session", "commit", "s", "-o"]).arg(&new)).fine();
    run(sandbox.vrift(["export"]).args([&new, &to])).fine();
    (patch, to)
}

const GIT: &[&str] = &["git", "apply"];
const PATCH: &[&str] = &["patch", "-p1", "-s", "--no-backup-if-mismatch", "-i"];

/// Applies a patch to a copy of the tree.
fn applied(sandbox: &Sandbox, patch: &[u8], wanted: &Path, by: &[&[&str]]) {
    let file = sandbox.path("patch");
    fs::write(&file, patch).expect("a file");
    let wanted = shape(wanted);
    for words in by {
        let copy = sandbox.path(format!("by-{}", words[0]));
        run(sandbox.command("cp").arg("-a").arg(sandbox.tree()).arg(&copy)).fine();
        let mut apply = sandbox.command(words[0]);
        apply.args(&words[1..]).arg(&file).current_dir(&copy);
        // The sandbox is in nobody's repository.
        let ran = run(apply.env("GIT_CEILING_DIRECTORIES", sandbox.path("")));
        let text = String::from_utf8_lossy(patch);
        assert!(ran.status.success(), "{words:?}: {ran}\n{text}");
        assert_eq!(shape(&copy), wanted, "{words:?}\n{text}");
        fs::remove_dir_all(&copy).expect("it was just made");
    }
}

#[test]
fn git_and_patch_take_the_patch_of_a_session() {
    if !have("git") || !have("patch") {
        return;
    }
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(tree.join("d/e")).expect("the sandbox can be written");
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    for file in ["a", "b b", "d/a", "d/e/f", "gone", "moved", "cr", "end"] {
        fs::create_dir_all(tree.join(file).parent().expect("it is in the tree")).expect("a dir");
        fs::write(tree.join(file), &lines).expect("a file");
    }
    fs::write(tree.join("cr"), "a\rb\rc\r\nd\r").expect("a file");
    fs::write(tree.join("empty"), "").expect("a file");
    std::os::unix::fs::symlink("a", tree.join("l")).expect("a symlink");
    std::os::unix::fs::symlink("a", tree.join("tolink")).expect("a symlink");
    let script = r#"sed -i 's/line 3$/LINE 3/; s/line 30/LINE 30/' a && echo more >> 'b b' &&
        chmod +x d/a && printf 'no end' >> end && printf 'a\rB\rc\r\nd\re' > cr && rm gone &&
        mv moved d/moved && mv d/e/f "$(printf 'q"\\\t\344')" && echo more >> d/moved &&
        ln -sf b l && rm tolink && echo file > tolink && : > new && mkdir -p n/m && echo n > n/m/n &&
        printf 'one' > n/one && ln -s nowhere n/l"#;
    let (patch, wanted) = patched(&sandbox, script);
    assert_eq!((patch.code(), &patch.err()[..]), (Some(1), ""), "{patch}");
    let text = patch.out();
    for part in [
        "diff --git \"a/b b\" \"b/b b\"\n--- a/b b\t\n+++ b/b b\t\n@@ -38,3 +38,4 @@\n line 37\n line 38\n \
         line 39\n+more\n",
        "diff --git a/d/a b/d/a\nold mode 100644\nnew mode 100755\n",
        "diff --git a/moved b/d/moved\nsimilarity index 98%\nrename from moved\nrename to d/moved\n\
         --- a/moved\n+++ b/d/moved\n@@ -38,3 +38,4 @@\n line 37\n",
        "diff --git a/d/e/f \"b/q\\\"\\\\\\t\\344\"\nsimilarity index 100%\nrename from d/e/f\n\
         rename to \"q\\\"\\\\\\t\\344\"\n",
        "+++ /dev/null\n@@ -1 +0,0 @@\n-a\n\\ No newline at end of file\n\
         diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+b\n\
         \\ No newline at end of file\n",
        "diff --git a/new b/new\nnew file mode 100644\n",
        "deleted file mode 120000\n--- a/tolink\n+++ /dev/null\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    applied(&sandbox, &patch.stdout, &wanted, &[GIT, PATCH]);
}

/// patch(1) knows neither of these, whoever wrote the patch: it makes no directory where a file was,
/// and takes the removal of an empty file for one that has been made.
#[test]
fn git_takes_a_patch_of_files_that_become_directories() {
    if !have("git") {
        return;
    }
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.tree().join("tofile")).expect("the sandbox can be written");
    for (file, text) in [("tofile/x", "x\n"), ("todir", "y\n"), ("empty", "")] {
        fs::write(sandbox.tree().join(file), text).expect("a file");
    }
    let script = "rm -r tofile && echo now a file > tofile && rm todir empty && mkdir todir && \
        echo x > todir/y";
    let (patch, wanted) = patched(&sandbox, script);
    applied(&sandbox, &patch.stdout, &wanted, &[GIT]);
}

#[test]
fn what_a_patch_cannot_hold_is_told() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(&tree).expect("the sandbox can be written");
    fs::write(tree.join("bin"), b"a\0b").expect("a file");
    fs::write(tree.join("mode"), "mode").expect("a file");
    let script = "printf 'a\\0c' > bin; chmod 600 mode; mkdir empty; mkfifo f; mkdir d; : > d/x";
    let (patch, _) = patched(&sandbox, script);
    assert_eq!(
        patch.out(),
        "diff --git a/bin b/bin\nBinary files a/bin and b/bin differ\n\
         diff --git a/d/x b/d/x\nnew file mode 100644\n"
    );
    let told = "vrift: 3 differences have no place in a patch";
    assert!(patch.err().starts_with(told), "{patch}");
}

#[test]
fn json_holds_the_patch_of_each_path() {
    let sandbox = Sandbox::new();
    let tree = sandbox.tree();
    fs::create_dir_all(&tree).expect("the sandbox can be written");
    fs::write(tree.join("a"), "a\n").expect("a file");
    let manifest = sandbox.ingest(&tree);
    let mut vrift = sandbox.vrift(["run", "--session", "s", "--manifest"]);
    vrift.arg(&manifest).arg("--prefix").arg(&tree).args(["--", "sh", "-c", "echo b >> a"]);
    assert_eq!(run(vrift.current_dir(&tree)).code(), Some(0));
    let ran = run(&mut sandbox.vrift(["session", "diff", "--patch", "--json", "s"]));
    let object: serde_json::Value = serde_json::from_str(&ran.out()).expect("one object");
    let text = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n a\n+b\n";
    let found = (object["path"].as_str(), object["what"].as_str(), object["patch"].as_str());
    assert_eq!(found, (Some("a"), Some("changed"), Some(text)));
}

/// Numbers that look random and follow from the seed.
fn random(state: &mut u64, end: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % end
}

#[test]
fn patches_of_generated_changes_give_the_tree() {
    if !have("git") || !have("patch") {
        return;
    }
    let names = ["a", "b", "c c", "d/a", "d/b", "d/e/a", "d/e/b"];
    for seed in 0..12u64 {
        let sandbox = Sandbox::new();
        let tree = sandbox.tree();
        fs::create_dir_all(tree.join("d/e")).expect("the sandbox can be written");
        let mut state = seed;
        for name in names {
            let mut text = String::new();
            for _ in 0..random(&mut state, 60) {
                let _ = writeln!(text, "{}", random(&mut state, 8));
            }
            text.push_str(["x", "x\n", "\n"][random(&mut state, 3) as usize]);
            fs::write(tree.join(name), text).expect("a file");
        }
        let mut script = String::new();
        for _ in 0..12 {
            let one = names[random(&mut state, names.len() as u64) as usize];
            let other = names[random(&mut state, names.len() as u64) as usize];
            let line = random(&mut state, 50);
            let _ = match random(&mut state, 6) {
                0 => writeln!(script, "sed -i {}d '{one}'", line + 1),
                1 => writeln!(script, "sed -i '{}s/^/new\\n/' '{one}'", line + 1),
                2 => writeln!(script, "printf {line} >> '{one}'"),
                3 => writeln!(script, "mv '{one}' '{other}'"),
                4 => writeln!(script, "rm '{one}'"),
                _ => writeln!(script, "chmod +x '{one}'"),
            };
        }
        let (patch, wanted) = patched(&sandbox, &format!("exec 2> /dev/null\n{script}\ntrue"));
        applied(&sandbox, &patch.stdout, &wanted, &[GIT, PATCH]);
    }
}
