//! What a builder does not build.

use super::*;

#[test]
fn what_is_no_tree_is_not_built() {
    /// Adds something to a tree with the directory `d` and the file `f` in it.
    type Step = fn(&mut Builder, Draft, Draft);
    let cases: &[(Step, &str)] = &[
        (|b, d, _| b.add_name(d, b"", d), "this is not a name"),
        (|b, d, _| b.add_name(d, b"..", d), r#"this is not a name: "..""#),
        (|b, d, f| b.add_name(d, b"a/b", f), r#"this is not a name: "a/b""#),
        (|b, d, f| b.add_name(d, b"\xff\0", f), r#"this is not a name: "\xff\x00""#),
        (|b, d, f| b.add_name(d, b"f", f), r#"a directory has the same name twice: "f""#),
        (|b, d, _| b.add_name(b.root(), b"e", d), r#"a directory has a second name: "e""#),
        (|b, d, _| b.add_name(d, b"r", b.root()), r#"a directory has a second name: "r""#),
        (
            |b, _, f| b.add_name(f, b"x", f),
            r#"a name is in something that is not a directory: "x""#,
        ),
        (|b, _, _| _ = b.add(file(b"")), "a node cannot be reached from the root"),
        (
            |b, _, _| {
                let (x, y) = (b.add(directory()), b.add(directory()));
                b.add_name(x, b"y", y);
                b.add_name(y, b"x", x);
            },
            "a node cannot be reached from the root",
        ),
        (
            |b, d, _| {
                let link = b.add_symlink(Node::default(), b"");
                b.add_name(d, b"l", link);
            },
            "a symlink cannot have this target",
        ),
        (
            |b, d, _| {
                let bad = b.add(Node { mode: 0o10_000, ..file(b"") });
                b.add_name(d, b"m", bad);
            },
            "an attribute is out of range",
        ),
        (
            |b, d, _| {
                let mut other = Builder::new(directory());
                let stranger = (0..9).map(|_| other.add(directory())).last();
                b.add_name(d, b"s", stranger.unwrap());
            },
            r#"a name is of a node that was never added: "s""#,
        ),
        (
            |b, _, f| {
                let mut other = Builder::new(directory());
                let stranger = (0..9).map(|_| other.add(directory())).last();
                b.add_name(stranger.unwrap(), b"s", f);
            },
            "a name is in a directory that was never added",
        ),
    ];
    for (step, wanted) in cases {
        let mut builder = Builder::new(directory());
        let (d, f) = (builder.add(directory()), builder.add(file(b"")));
        builder.add_name(builder.root(), b"d", d);
        builder.add_name(d, b"f", f);
        step(&mut builder, d, f);
        let error = builder.encode().unwrap_err().to_string();
        assert_eq!(error, format!("cannot build a manifest: {wanted}"));
    }
    let error = Builder::new(file(b"")).encode().unwrap_err().to_string();
    assert_eq!(error, "cannot build a manifest: the root is not a directory");
}
