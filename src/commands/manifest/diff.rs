//! `vrift manifest diff`: what differs between two manifests.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use serde_json::{Map, Value, json};
use vrift_vfs::manifest::{self, Aspect, Change, Manifest, Node, NodeId};

use super::spell::{date, device, write_path};
use super::{json as spelled, shown};
use crate::cli::DiffArgs;
use crate::failure::Failure;

/// Two manifests, and where to tell of their differences.
struct Comparison<W> {
    before: Manifest,
    after: Manifest,
    out: W,
}

#[derive(Default)]
struct Counts {
    added: u64,
    removed: u64,
    changed: u64,
    by_aspect: BTreeMap<Aspect, u64>,
}

/// Tells of the differences. Exit status 1 if there are any.
pub(super) fn diff(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let (before, after) = (Manifest::open(&args.before)?, Manifest::open(&args.after)?);
    let mut comparison = Comparison { before, after, out: BufWriter::new(stdout().lock()) };
    let mut counts = Counts::default();
    let mut changes = Vec::new();
    manifest::diff(&comparison.before, &comparison.after, &mut |path, change| {
        counts.count(&change);
        if !args.stat {
            changes.push((path.to_vec(), change));
        }
    })?;
    for (path, change) in &changes {
        match args.json {
            true => comparison.tell_program(path, change)?,
            false => comparison.tell_person(path, change)?,
        }
    }
    if args.stat {
        counts.tell(&mut comparison.out, args.json)?;
    }
    comparison.out.flush()?;
    Ok(if counts.any() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl<W: Write> Comparison<W> {
    /// `A path`, `D path`, or `M path (what differs)`.
    fn tell_person(&mut self, path: &[u8], change: &Change) -> Result<(), Failure> {
        let letter = match change {
            Change::Added(_) => "A ",
            Change::Removed(_) => "D ",
            Change::Changed { .. } => "M ",
        };
        self.out.write_all(letter.as_bytes())?;
        write_path(&mut self.out, shown(path))?;
        if let Change::Changed { before, after, aspects } = change {
            let (left, right) = (self.before.node(*before)?, self.after.node(*after)?);
            let differ: Vec<_> = aspects.iter().map(|&a| in_words(a, &left, &right)).collect();
            write!(self.out, " ({})", differ.join(", "))?;
        }
        self.out.write_all(b"\n").map_err(Failure::from)
    }

    /// One object with the nodes as they are in either manifest.
    fn tell_program(&mut self, path: &[u8], change: &Change) -> Result<(), Failure> {
        let before = |id: NodeId| spelled::node(&self.before, path, id);
        let after = |id: NodeId| spelled::node(&self.after, path, id);
        let object = match change {
            Change::Added(id) => json!({ "change": "added", "after": after(*id)? }),
            Change::Removed(id) => json!({ "change": "removed", "before": before(*id)? }),
            Change::Changed { before: left, after: right, aspects } => {
                let aspects: Vec<_> = aspects.iter().copied().map(word).collect();
                let (left, right) = (before(*left)?, after(*right)?);
                json!({ "change": "changed", "what": aspects, "before": left, "after": right })
            }
        };
        writeln!(self.out, "{object}").map_err(Failure::from)
    }
}

/// An aspect in one word.
fn word(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Kind => "kind",
        Aspect::Content => "content",
        Aspect::Mode => "mode",
        Aspect::Owner => "owner",
        Aspect::Mtime => "mtime",
        Aspect::Target => "target",
        Aspect::Device => "device",
        Aspect::Xattrs => "xattrs",
        Aspect::Links => "links",
    }
}

/// An aspect with what it was and is, where that is short.
fn in_words(aspect: Aspect, left: &Node, right: &Node) -> String {
    let was_and_is = match aspect {
        Aspect::Kind => Some((left.kind.word().to_owned(), right.kind.word().to_owned())),
        Aspect::Mode => Some((format!("{:04o}", left.mode), format!("{:04o}", right.mode))),
        Aspect::Owner => Some((owner(left), owner(right))),
        Aspect::Mtime => Some((mtime(left), mtime(right))),
        Aspect::Device => Some((numbers(left), numbers(right))),
        Aspect::Content if left.size != right.size => {
            Some((left.size.to_string(), format!("{} bytes", right.size)))
        }
        Aspect::Content | Aspect::Target | Aspect::Xattrs | Aspect::Links => None,
    };
    match was_and_is {
        Some((was, is)) => format!("{} {was} -> {is}", word(aspect)),
        None => word(aspect).to_owned(),
    }
}

fn owner(node: &Node) -> String {
    format!("{}:{}", node.uid, node.gid)
}

fn mtime(node: &Node) -> String {
    format!("{}.{:09}", date(node.mtime), node.mtime.nsec)
}

fn numbers(node: &Node) -> String {
    let (major, minor) = device(node.rdev);
    format!("{major},{minor}")
}

impl Counts {
    fn count(&mut self, change: &Change) {
        match change {
            Change::Added(_) => self.added += 1,
            Change::Removed(_) => self.removed += 1,
            Change::Changed { aspects, .. } => {
                self.changed += 1;
                for aspect in aspects {
                    *self.by_aspect.entry(*aspect).or_default() += 1;
                }
            }
        }
    }

    fn any(&self) -> bool {
        self.added + self.removed + self.changed > 0
    }

    fn tell(&self, out: &mut impl Write, json: bool) -> Result<(), Failure> {
        let Counts { added, removed, changed, by_aspect } = self;
        let by_word = by_aspect.iter().map(|(&aspect, &count)| (word(aspect), count));
        if json {
            let what: Map<String, Value> =
                by_word.map(|(word, count)| (word.to_owned(), count.into())).collect();
            let counts =
                json!({ "added": added, "removed": removed, "changed": changed, "what": what });
            writeln!(out, "{counts}")?;
            return Ok(());
        }
        write!(out, "{added} added, {removed} removed, {changed} changed")?;
        let what: Vec<_> = by_word.map(|(word, count)| format!("{word} {count}")).collect();
        if !what.is_empty() {
            write!(out, " ({})", what.join(", "))?;
        }
        writeln!(out).map_err(Failure::from)
    }
}
