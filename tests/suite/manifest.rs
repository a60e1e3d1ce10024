//! `vrift manifest`: what is printed of manifests in which every byte is known, and how damage and
//! differences are told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use vrift_cas::{Digest, Store};
use vrift_vfs::manifest::{Builder, Draft, Kind, Node, Timestamp};

use crate::kit::{Sandbox, run};

const TIME: Timestamp = Timestamp { sec: 1_700_000_000, nsec: 5 };

fn node(kind: Kind, mode: u32) -> Node {
    let times =
        Node { atime: TIME, mtime: TIME, ctime: TIME, btime: Some(TIME), ..Node::default() };
    Node { kind, mode, uid: 1000, gid: 100, nlink: 2, ..times }
}

fn content(text: &str) -> Node {
    let size = text.len() as u64;
    Node { digest: Digest::of(text.as_bytes()), size, blocks: 8, ..node(Kind::File, 0o644) }
}

/// A tree with one of each kind, and what must not break a line.
struct Tree {
    builder: Builder,
}

impl Tree {
    fn new() -> Tree {
        let mut tree = Tree { builder: Builder::new(node(Kind::Directory, 0o755)) };
        let dir = tree.add(None, b"dev", node(Kind::Directory, 0o1777));
        let device = |kind, rdev| Node { rdev, ..node(kind, 0o660) };
        tree.add(Some(dir), b"disk", device(Kind::BlockDevice, 0x1_0307));
        tree.add(Some(dir), b"null", device(Kind::CharDevice, 0x103));
        tree.add(Some(dir), b"pipe", node(Kind::Fifo, 0o600));
        tree.add(Some(dir), b"socket", node(Kind::Socket, 0o777));
        tree.add(None, b"empty", node(Kind::Directory, 0o700));
        let file = tree.add(None, b"file", content("some text\n"));
        tree.builder.add_name(dir, b"also file", file);
        let xattrs = [(&b"user.text"[..], &b"a \"value\""[..]), (b"security.label", b"\x01\xff")];
        let xattrs = xattrs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        tree.builder.set_xattrs(file, xattrs.collect());
        tree.add(None, b"new\nline\\", Node { mode: 0o4711, ..content("") });
        tree.add(None, b"not \xff utf8", Node { btime: None, ..content("") });
        let link = node(Kind::Symlink, 0o777);
        let link = tree.builder.add_symlink(link, b"dev/null");
        let root = tree.builder.root();
        tree.builder.add_name(root, b"link", link);
        tree
    }

    fn add(&mut self, dir: Option<Draft>, name: &[u8], node: Node) -> Draft {
        let draft = self.builder.add(node);
        self.builder.add_name(dir.unwrap_or(self.builder.root()), name, draft);
        draft
    }

    /// Writes the manifest and the contents.
    fn write(self, sandbox: &Sandbox, name: &str) {
        let store = Store::create(sandbox.store()).expect("a new store");
        for text in ["some text\n", ""] {
            store.insert_bytes(text.as_bytes()).expect("a new blob");
        }
        self.builder.write(&sandbox.path(name)).expect("a new manifest");
    }
}

fn written() -> Sandbox {
    let sandbox = Sandbox::new();
    Tree::new().write(&sandbox, "m.vrift");
    sandbox
}

/// All that a command printed, and how it ended.
fn told(sandbox: &Sandbox, command: &mut Command) -> String {
    let ran = run(command);
    let err = match ran.err() {
        err if err.is_empty() => err,
        err => format!("--- stderr\n{err}"),
    };
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let text = format!("{text}{err}[{}]", ran.status);
    text.replace(&*sandbox.path("").to_string_lossy(), "$SANDBOX/")
}

/// What `vrift manifest` says to these arguments.
fn manifest(sandbox: &Sandbox, args: &[&str]) -> String {
    told(sandbox, sandbox.vrift(["manifest"]).args(args))
}

#[test]
fn ls_shows_all_kinds() {
    let sandbox = written();
    insta::assert_snapshot!(manifest(&sandbox, &["ls", "m.vrift"]), @r"
    drwxr-xr-x  1000   100          0 .
    drwxrwxrwt  1000   100          0 dev
    -rw-r--r--+ 1000   100         10 dev/also file
    brw-rw----  1000   100     259, 7 dev/disk
    crw-rw----  1000   100       1, 3 dev/null
    prw-------  1000   100          0 dev/pipe
    srwxrwxrwx  1000   100          0 dev/socket
    drwx------  1000   100          0 empty
    -rw-r--r--+ 1000   100         10 file
    lrwxrwxrwx  1000   100          8 link -> dev/null
    -rws--x--x  1000   100          0 new\nline\\
    -rw-r--r--  1000   100          0 not � utf8
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["ls", "-l", "m.vrift", "./dev//"]), @r"
    drwxrwxrwt  2  1000   100          0 2023-11-14 22:13:20 dev
    -rw-r--r--+ 2  1000   100         10 2023-11-14 22:13:20 dev/also file
    brw-rw----  1  1000   100     259, 7 2023-11-14 22:13:20 dev/disk
    crw-rw----  1  1000   100       1, 3 2023-11-14 22:13:20 dev/null
    prw-------  1  1000   100          0 2023-11-14 22:13:20 dev/pipe
    srwxrwxrwx  1  1000   100          0 2023-11-14 22:13:20 dev/socket
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["ls", "--json", "m.vrift", "file"]), @r#"
    {"atime":"1700000000.000000005","blocks":8,"btime":"1700000000.000000005","ctime":"1700000000.000000005","digest":"36c1b41ebea3b6a447c4ff24af93dfa56834c4f7947e3b4f9bf02fbfd6a53850","gid":100,"kind":"file","links":2,"mode":"0644","mtime":"1700000000.000000005","node":3,"path":{"text":"file"},"size":10,"uid":1000,"xattrs":[{"name":{"text":"security.label"},"value":{"bytes":"01ff"}},{"name":{"text":"user.text"},"value":{"text":"a \"value\""}}]}
    [exit status: 0]
    "#);
    let paths = run(&mut sandbox.vrift(["manifest", "ls", "-0", "m.vrift"]));
    let paths: Vec<_> = paths.stdout.split(|&byte| byte == 0).collect();
    assert_eq!(paths.len(), 13);
    assert!(paths.contains(&&b"new\nline\\"[..]) && paths.contains(&&b"not \xff utf8"[..]));
}

#[test]
fn tree_draws() {
    let sandbox = written();
    insta::assert_snapshot!(manifest(&sandbox, &["tree", "m.vrift"]), @r"
    .
    ├── dev
    │   ├── also file
    │   ├── disk
    │   ├── null
    │   ├── pipe
    │   └── socket
    ├── empty
    ├── file
    ├── link -> dev/null
    ├── new\nline\\
    └── not � utf8

    2 directories, 9 files
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["tree", "m.vrift", "empty"]), @r"
    empty

    0 directories, 0 files
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["tree", "m.vrift", "link"]), @r"
    link -> dev/null

    0 directories, 0 files
    [exit status: 0]
    ");
}

#[test]
fn stat_shows_all_attributes() {
    let sandbox = written();
    insta::assert_snapshot!(manifest(&sandbox, &["stat", "m.vrift", "file", "dev/disk", "link"]), @r#"
      File: file
      Size: 10              Blocks: 8          file
      Node: 3               Links: 2
    Access: (0644/-rw-r--r--)  Uid: 1000  Gid: 100
    Access: 2023-11-14 22:13:20.000000005 +0000
    Modify: 2023-11-14 22:13:20.000000005 +0000
    Change: 2023-11-14 22:13:20.000000005 +0000
     Birth: 2023-11-14 22:13:20.000000005 +0000
    Digest: 36c1b41ebea3b6a447c4ff24af93dfa56834c4f7947e3b4f9bf02fbfd6a53850
     Xattr: security.label=0x01ff
     Xattr: user.text="a \"value\""
      File: dev/disk
      Size: 0               Blocks: 0          block device
      Node: 7               Links: 1     Device type: 259,7
    Access: (0660/brw-rw----)  Uid: 1000  Gid: 100
    Access: 2023-11-14 22:13:20.000000005 +0000
    Modify: 2023-11-14 22:13:20.000000005 +0000
    Change: 2023-11-14 22:13:20.000000005 +0000
     Birth: 2023-11-14 22:13:20.000000005 +0000
      File: link -> dev/null
      Size: 8               Blocks: 0          symlink
      Node: 4               Links: 1
    Access: (0777/lrwxrwxrwx)  Uid: 1000  Gid: 100
    Access: 2023-11-14 22:13:20.000000005 +0000
    Modify: 2023-11-14 22:13:20.000000005 +0000
    Change: 2023-11-14 22:13:20.000000005 +0000
     Birth: 2023-11-14 22:13:20.000000005 +0000
    [exit status: 0]
    "#);
    insta::assert_snapshot!(manifest(&sandbox, &["stat", "m.vrift", "/", "absent"]), @r"
      File: .
      Size: 0               Blocks: 0          directory
      Node: 0               Links: 2
    Access: (0755/drwxr-xr-x)  Uid: 1000  Gid: 100
    Access: 2023-11-14 22:13:20.000000005 +0000
    Modify: 2023-11-14 22:13:20.000000005 +0000
    Change: 2023-11-14 22:13:20.000000005 +0000
     Birth: 2023-11-14 22:13:20.000000005 +0000
    --- stderr
    vrift: absent: no such path in the manifest
      hint: `vrift manifest ls MANIFEST` lists all paths, relative to the ingested directory
    [exit status: 125]
    ");
    let out =
        run(&mut sandbox
            .vrift(["manifest", "stat", "--json", "m.vrift", "file", "dev/null", "link"]));
    let objects: Vec<serde_json::Value> = out
        .fine()
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!(objects[0]["xattrs"][0]["name"]["text"], "security.label");
    assert_eq!(objects[0]["xattrs"][0]["value"]["bytes"], "01ff");
    assert_eq!(objects[0]["links"], 2);
    assert_eq!(objects[0]["mtime"], "1700000000.000000005");
    assert_eq!(objects[1]["device"], serde_json::json!([1, 3]));
    assert_eq!(objects[2]["target"]["text"], "dev/null");
}

#[test]
fn show_counts_what_is_rare_too() {
    let sandbox = written();
    let shown = manifest(&sandbox, &["show", "m.vrift"]);
    let (_, counts) = shown.split_once('\n').expect("the id has a line of its own");
    insta::assert_snapshot!(counts, @r"
    files        3
    directories  3
    symlinks     1
    others       4
    with xattrs  1
    bytes        10
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["show", "m.vrift", "dev/disk"]), @r"
    path    dev/disk
    node    7
    kind    block device
    mode    0660 rw-rw----
    owner   1000:100
    links   1
    size    0
    mtime   1700000000.000000005
    device  259,7
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["cat", "m.vrift", "dev/pipe"]), @r"
    --- stderr
    vrift: dev/pipe: not a regular file
    [exit status: 125]
    ");
}

#[test]
fn diff_tells_what_differs() {
    let sandbox = written();
    let mut other = Tree::new();
    let root = other.builder.root();
    let link = other.builder.add_symlink(node(Kind::Symlink, 0o777), b"elsewhere");
    let dir = other.add(None, b"added", node(Kind::Directory, 0o755));
    other.builder.add_name(dir, b"link", link);
    other.write(&sandbox, "more.vrift");
    // The same names, each with something else.
    let mut changed = Builder::new(Node { uid: 0, ..node(Kind::Directory, 0o755) });
    let later = Timestamp { sec: TIME.sec + 60, nsec: 0 };
    for (name, node) in [
        (&b"dev"[..], node(Kind::Fifo, 0o1777)),
        (b"empty", node(Kind::Directory, 0o500)),
        (b"file", Node { mtime: later, ..content("another text\n") }),
        (b"new\nline\\", Node { mode: 0o4711, ..content("") }),
    ] {
        let draft = changed.add(node);
        changed.add_name(root, name, draft);
    }
    let link = changed.add_symlink(node(Kind::Symlink, 0o777), b"dev/zero");
    changed.add_name(root, b"link", link);
    changed.write(&sandbox.path("changed.vrift")).expect("a new manifest");

    let diff = |args: &[&str]| told(&sandbox, sandbox.vrift(["manifest", "diff"]).args(args));
    insta::assert_snapshot!(diff(&["m.vrift", "m.vrift"]), @r"
    [exit status: 0]
    ");
    insta::assert_snapshot!(diff(&["m.vrift", "more.vrift"]), @r"
    A added
    A added/link
    [exit status: 1]
    ");
    insta::assert_snapshot!(diff(&["more.vrift", "m.vrift"]), @r"
    D added
    D added/link
    [exit status: 1]
    ");
    insta::assert_snapshot!(diff(&["m.vrift", "changed.vrift"]), @r"
    M . (owner 1000:100 -> 0:100)
    M dev (kind directory -> fifo)
    D dev/also file
    D dev/disk
    D dev/null
    D dev/pipe
    D dev/socket
    M empty (mode 0700 -> 0500)
    M file (content 10 -> 13 bytes, mtime 2023-11-14 22:13:20.000000005 -> 2023-11-14 22:14:20.000000000, xattrs)
    M link (target)
    D not � utf8
    [exit status: 1]
    ");
    insta::assert_snapshot!(diff(&["--stat", "m.vrift", "changed.vrift"]), @r"
    0 added, 6 removed, 5 changed (kind 1, content 1, mode 1, owner 1, mtime 1, target 1, xattrs 1)
    [exit status: 1]
    ");
    insta::assert_snapshot!(diff(&["--stat", "--json", "m.vrift", "changed.vrift"]), @r#"
    {"added":0,"changed":5,"removed":6,"what":{"content":1,"kind":1,"mode":1,"mtime":1,"owner":1,"target":1,"xattrs":1}}
    [exit status: 1]
    "#);
    let ran = run(&mut sandbox.vrift(["manifest", "diff", "--json", "m.vrift", "changed.vrift"]));
    let objects: Vec<serde_json::Value> = ran
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let of = |path: &str| {
        let found = objects.iter().find(|object| object["before"]["path"]["text"] == path);
        found.unwrap_or_else(|| panic!("nothing of {path}: {ran}"))
    };
    assert_eq!(of("file")["what"], serde_json::json!(["content", "mtime", "xattrs"]));
    assert_eq!(of("dev/null")["change"], "removed");
    assert_eq!(
        (&of("empty")["before"]["mode"], &of("empty")["after"]["mode"]),
        (&"0700".into(), &"0500".into())
    );
    insta::assert_snapshot!(diff(&["m.vrift", "absent.vrift"]), @r"
    --- stderr
    vrift: manifest absent.vrift: cannot open it: No such file or directory (os error 2)
    [exit status: 125]
    ");
}

#[test]
fn verify_finds_what_is_wrong() {
    let sandbox = written();
    insta::assert_snapshot!(manifest(&sandbox, &["verify", "m.vrift"]), @r"
    11 nodes, 2 contents looked for, 0 wrong
    [exit status: 0]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["verify", "--deep", "m.vrift"]), @r"
    11 nodes, 2 contents hashed, 0 wrong
    [exit status: 0]
    ");
    let store = Store::open(sandbox.store()).expect("it was just made");
    // Of the same size: only reading it tells.
    let blob = store.path_of(&Digest::of(b"some text\n"));
    fs::set_permissions(&blob, Permissions::from_mode(0o644)).expect("it is ours");
    fs::write(&blob, "some lies\n").expect("it is ours");
    assert!(manifest(&sandbox, &["verify", "m.vrift"]).ends_with("0 wrong\n[exit status: 0]"));
    insta::assert_snapshot!(manifest(&sandbox, &["verify", "--deep", "m.vrift"]), @r"
    11 nodes, 2 contents hashed, 1 wrong
    --- stderr
    vrift: file: blob 36c1b41ebea3b6a447c4ff24af93dfa56834c4f7947e3b4f9bf02fbfd6a53850 hashes to e1539285892465a9f98472978f326a77cf318c67f04b1c84315e638ebf6f0b47; ingest the source again
    [exit status: 1]
    ");
    fs::write(&blob, "short").expect("it is ours");
    fs::remove_file(store.path_of(&Digest::of(b""))).expect("it is ours");
    insta::assert_snapshot!(manifest(&sandbox, &["verify", "m.vrift"]), @r"
    11 nodes, 2 contents looked for, 3 wrong
    --- stderr
    vrift: file: blob 36c1b41ebea3b6a447c4ff24af93dfa56834c4f7947e3b4f9bf02fbfd6a53850 has 5 bytes instead of 10
    vrift: new\nline\\: blob af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 is not in the store; ingest the source again
    vrift: not � utf8: blob af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 is not in the store; ingest the source again
    [exit status: 1]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["verify", "--deep", "--json", "m.vrift"]).replace(
        &manifest_id(&sandbox), "$ID"), @r#"
    {"contents":2,"deep":true,"id":"$ID","manifest":"m.vrift","nodes":11,"wrong":3}
    --- stderr
    vrift: file: blob 36c1b41ebea3b6a447c4ff24af93dfa56834c4f7947e3b4f9bf02fbfd6a53850 has 5 bytes instead of 10
    vrift: new\nline\\: blob af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 is not in the store; ingest the source again
    vrift: not � utf8: blob af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 is not in the store; ingest the source again
    [exit status: 1]
    "#);
}

fn manifest_id(sandbox: &Sandbox) -> String {
    let shown = run(&mut sandbox.vrift(["manifest", "show", "m.vrift"])).fine();
    shown
        .lines()
        .next()
        .expect("the id comes first")
        .split_whitespace()
        .last()
        .expect("two words")
        .to_owned()
}

#[test]
fn what_is_no_manifest_is_told_from_what_is_damaged() {
    let sandbox = written();
    let good = fs::read(sandbox.path("m.vrift")).expect("it was just written");
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        fs::write(sandbox.path("other.vrift"), bytes).expect("it is ours");
        manifest(&sandbox, &["verify", "other.vrift"])
    };
    insta::assert_snapshot!(changed(0, b'#'), @r"
    --- stderr
    vrift: other.vrift is not a manifest
    [exit status: 125]
    ");
    insta::assert_snapshot!(changed(8, 1), @r"
    --- stderr
    vrift: manifest other.vrift: it has format version 1, which this vrift (version 2) no longer reads; ingest again
    [exit status: 125]
    ");
    insta::assert_snapshot!(changed(8, 9), @r"
    --- stderr
    vrift: manifest other.vrift: it has format version 9, which this vrift (version 2) does not know; use a newer one
    [exit status: 125]
    ");
    insta::assert_snapshot!(changed(good.len() - 1, b'!'), @r"
    --- stderr
    vrift: manifest other.vrift: a checksum does not match (file truncated or damaged); ingest again or restore a copy
    [exit status: 1]
    ");
    fs::write(sandbox.path("other.vrift"), &good[..good.len() - 1]).expect("it is ours");
    insta::assert_snapshot!(manifest(&sandbox, &["ls", "other.vrift"]), @r"
    --- stderr
    vrift: manifest other.vrift: the file does not have the length it should have (file truncated or damaged); ingest again or restore a copy
    [exit status: 125]
    ");
    insta::assert_snapshot!(manifest(&sandbox, &["tree", "site"]), @r"
    --- stderr
    vrift: site is not a manifest
    [exit status: 125]
    ");
}
