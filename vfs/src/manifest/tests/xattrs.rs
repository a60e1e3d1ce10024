//! Extended attributes: kept, shared, and refused where the kernel would refuse them.

use super::*;

/// Compares every answer about the extended attributes of a node with `wanted`.
pub(super) fn check(manifest: &Manifest, id: NodeId, wanted: &[(Vec<u8>, Vec<u8>)]) {
    let found: Vec<_> = manifest.xattrs(id).unwrap().map(Result::unwrap).collect();
    assert!(found.iter().copied().eq(wanted.iter().map(|(name, value)| (&name[..], &value[..]))));
    for (name, value) in wanted {
        assert_eq!(manifest.xattr(id, name).unwrap(), Some(&value[..]));
    }
    assert_eq!(manifest.xattr(id, b"user.absent").unwrap(), None);
}

/// The size of the manifest of `files` empty files with these attributes.
fn size(files: u32, xattrs: impl Fn(u32) -> Vec<Xattr>) -> usize {
    let mut builder = Builder::new(directory());
    for number in 0..files {
        let draft = builder.add(file(b""));
        builder.add_name(builder.root(), &number.to_le_bytes().map(|byte| byte | 0x80), draft);
        builder.set_xattrs(draft, xattrs(number));
    }
    builder.encode().unwrap().0.len()
}

fn one(name: &[u8], value: &[u8]) -> Vec<Xattr> {
    vec![(name.into(), value.into())]
}

#[test]
fn equal_sets_and_strings_are_stored_once() {
    let none = size(50, |_| Vec::new());
    let value = [7; 1000];
    let shared = size(50, |_| one(b"user.k", &value));
    assert_eq!(shared - none, 8 + 24 + 6 + 1000);
    // Fifty sets: their own names, one value.
    let different =
        size(50, |n| one(&[b"user.", &n.to_le_bytes().map(|b| b | 0x80)[..]].concat(), &value));
    assert_eq!(different - none, 50 * (8 + 24 + 9) + 1000);
}

#[test]
fn the_root_and_the_longest_may_have_them_and_the_last_set_counts() {
    let scene = Scene::new();
    let mut builder = Builder::new(directory());
    let longest = (vec![b'n'; 255], vec![0xee; 65536]);
    builder.set_xattrs(builder.root(), one(b"user.gone", b"x"));
    builder.set_xattrs(builder.root(), boxed(std::slice::from_ref(&longest)));
    let link = builder.add_symlink(Node::default(), b"t");
    builder.add_name(builder.root(), b"l", link);
    builder.set_xattrs(link, one(b"trusted.t", b""));
    let manifest = scene.open(&builder.encode().unwrap().0).unwrap();
    check(&manifest, manifest.root(), &[longest]);
    check(&manifest, NodeId(1), &[(b"trusted.t".to_vec(), Vec::new())]);
    manifest.verify().unwrap();
    assert!(matches!(manifest.xattrs(NodeId(2)), Err(Error::NoSuchNode { .. })));
}

#[test]
fn what_the_kernel_would_not_keep_is_refused() {
    let many = |count: u32| -> Vec<Xattr> {
        let name = |number: u32| format!("user.{number:05}").into_bytes();
        (0..count).map(|number| (name(number).into(), Box::default())).collect()
    };
    let mut builder = Builder::new(directory());
    builder.set_xattrs(builder.root(), many(65536 / 11));
    builder.encode().unwrap();
    let cases: [(Vec<Xattr>, &str); 6] = [
        (many(65536 / 11 + 1), r#"a node has too many extended attributes to list: "user.00000""#),
        (one(b"", b"x"), "this is not the name of an extended attribute"),
        (one(b"user.\0", b"x"), r#"this is not the name of an extended attribute: "user.\x00""#),
        (
            one(&[b'n'; 256], b"x"),
            &format!("this is not the name of an extended attribute: \"{}\"", "n".repeat(256)),
        ),
        (
            one(b"user.v", &[0; 65537]),
            r#"the value of an extended attribute is too long: "user.v""#,
        ),
        (
            [one(b"user.t", b"1"), one(b"user.t", b"2")].concat(),
            r#"a node has the same extended attribute twice: "user.t""#,
        ),
    ];
    for (set, wanted) in cases {
        let mut builder = Builder::new(directory());
        builder.set_xattrs(builder.root(), set);
        let error = builder.encode().unwrap_err().to_string();
        assert_eq!(error, format!("cannot build a manifest: {wanted}"));
    }
}

#[test]
fn a_forged_set_is_no_longer_than_a_list_of_the_kernel() {
    let mut builder = Builder::new(directory());
    for number in 0..65536 / 9 {
        let draft = builder.add(file(b""));
        builder.add_name(builder.root(), format!("{number}").as_bytes(), draft);
        builder.set_xattrs(draft, one(format!("user.{number:04}").as_bytes(), b""));
    }
    let (mut bytes, _) = builder.encode().unwrap();
    // The first set is made to have all attributes of the file, which are a list too long.
    let manifest = Manifest::from_bytes(bytes.clone(), Path::new("m")).unwrap();
    let sets = manifest.header.extent(format::Section::Sets);
    let count = (sets.len() / 8) as u32;
    drop(manifest);
    bytes[sets.start + 4..sets.start + 8].copy_from_slice(&count.to_le_bytes());
    seal(&mut bytes);
    let manifest = Manifest::from_bytes(bytes, Path::new("m")).unwrap();
    let list: Vec<_> = manifest.xattrs(NodeId(1)).unwrap().collect();
    let (last, rest) = list.split_last().unwrap();
    assert!(rest.len() == 65536 / 10 && rest.iter().all(Result::is_ok));
    assert!(matches!(last, Err(Error::Damaged { .. })), "{last:?}");
}
