//! Differences: those that two models have, and each aspect alone.

use super::*;

/// All that `diff` reports, as text: sign, path, aspects.
fn differences(before: Builder, after: Builder) -> Vec<String> {
    let [before, after] = [before, after]
        .map(|builder| Manifest::from_bytes(builder.encode().unwrap().0, Path::new("m")).unwrap());
    let mut found = Vec::new();
    diff(&before, &after, &mut |path, change| {
        let path = path.escape_ascii();
        found.push(match change {
            Change::Added(id) => {
                assert_eq!(after.find(&unescape(&path.to_string())).unwrap(), Some(id));
                format!("+{path}")
            }
            Change::Removed(_) => format!("-{path}"),
            Change::Changed { aspects, .. } => format!("{path} {aspects:?}"),
        });
    })
    .unwrap();
    found
}

fn unescape(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'x', digits @ ..]) => {
                let digits = std::str::from_utf8(&digits[..2]).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), &after[3..])
            }
            (b'\\', [b'n', ..]) => (b'\n', &after[1..]),
            (b'\\', [other, ..]) => (*other, &after[1..]),
            _ => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// What the models say: names of one only, and things that are not equal.
fn wanted(before: &Model, after: &Model) -> Vec<String> {
    let mut paths: Vec<_> = before.keys().chain(after.keys()).collect();
    paths.sort_by_key(|path| path.split(|&byte| byte == b'/').collect::<Vec<_>>());
    paths.dedup();
    let line = |path: &Vec<u8>| match (before.get(path), after.get(path)) {
        (Some(_), None) => Some(format!("-{}", path.escape_ascii())),
        (None, Some(_)) => Some(format!("+{}", path.escape_ascii())),
        (left, right) if left == right => None,
        _ => Some(path.escape_ascii().to_string()),
    };
    paths.into_iter().filter_map(line).collect()
}

#[test]
fn differences_are_those_of_the_models() {
    for seed in 1..30 {
        let before = generate(seed, 60);
        // Without some names, and with some of another tree.
        let mut random = Random(seed + 100);
        let mut after = before.clone();
        let single =
            |thing: &Thing| !matches!(thing, Thing::Directory | Thing::File { names: 2.., .. });
        after.retain(|_, thing| !single(thing) || random.below(8) > 0);
        for (path, thing) in generate(seed + 1000, 20) {
            let parent = split(&path).0;
            if single(&thing) && after.get(parent) == Some(&Thing::Directory) {
                after.entry(path).or_insert(thing);
            }
        }
        let found = differences(build(&before, 1), build(&after, 2));
        let found: Vec<_> =
            found.iter().map(|line| line.split(" [").next().unwrap().to_owned()).collect();
        assert_eq!(found, wanted(&before, &after), "{seed}");
        assert_eq!(differences(build(&before, 1), build(&before, 2)), Vec::<String>::new());
    }
}

#[test]
fn each_aspect_is_told() {
    /// A tree with one of each kind, and a file with two names.
    fn tree(
        change: impl Fn(&str, &mut Node),
        target: &[u8],
        xattr: &[u8],
        linked: bool,
    ) -> Builder {
        let node = |name: &str, node: Node| {
            let mut node = node;
            change(name, &mut node);
            node
        };
        let mut builder = Builder::new(node("", directory()));
        let file_a = builder.add(node("a", file(b"a")));
        let device = builder.add(node("c", special(Kind::CharDevice, 5)));
        let link = builder.add_symlink(node("l", Node::default()), target);
        let root = builder.root();
        builder.set_xattrs(link, vec![(b"user.k"[..].into(), xattr.into())]);
        let second = if linked { file_a } else { builder.add(node("a", file(b"a"))) };
        for (name, draft) in [("a", file_a), ("b", second), ("c", device), ("l", link)] {
            builder.add_name(root, name.as_bytes(), draft);
        }
        builder
    }
    let same = || tree(|_, _| {}, b"t", b"v", true);
    let with = |change: fn(&str, &mut Node)| differences(same(), tree(change, b"t", b"v", true));
    assert_eq!(with(|_, _| {}), Vec::<String>::new());
    assert_eq!(with(|_, node| node.atime.sec += 1), Vec::<String>::new());
    assert_eq!(with(|name, node| node.mode ^= u32::from(name.is_empty())), [" [Mode]"]);
    assert_eq!(with(|name, node| node.gid = u32::from(name == "c")), ["c [Owner]"]);
    assert_eq!(with(|name, node| node.uid = u32::from(name == "l")), ["l [Owner]"]);
    assert_eq!(with(|name, node| node.mtime.nsec = u32::from(name == "c")), ["c [Mtime]"]);
    assert_eq!(with(|name, node| node.rdev += u64::from(name == "c")), ["c [Device]"]);
    let content = |name: &str, node: &mut Node| {
        if name == "a" {
            *node = file(b"other");
        }
    };
    assert_eq!(with(content), ["a [Content]", "b [Content]"]);
    let kind = |name: &str, node: &mut Node| {
        if name == "c" {
            *node = file(b"");
        }
    };
    assert_eq!(with(kind), ["c [Kind, Mode]"]);
    assert_eq!(differences(same(), tree(|_, _| {}, b"u", b"v", true)), ["l [Target]"]);
    assert_eq!(differences(same(), tree(|_, _| {}, b"t", b"w", true)), ["l [Xattrs]"]);
    assert_eq!(differences(same(), tree(|_, _| {}, b"t", b"v", false)), ["b [Links]"]);
}
