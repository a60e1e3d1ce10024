//! `vrift audit pack`: the files of the host that a run needed, and no others, as manifests to run it from.
//!
//! A mount cannot replace the root directory. So there is a manifest for each place where needed files lie:
//! the deepest directory of a top-level directory that has them all, and all names that were only found.

mod links;
mod patterns;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{Write, stdout};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vrift_audit::deps::{Need, needed};
use vrift_audit::report::quoted;
use vrift_audit::{Act, Content, Model, Text};
use vrift_cas::{Digest, Durability, Store};
use vrift_vfs::ingest::{self, Options, Progress, Sensitive};
use vrift_vfs::manifest::Manifest;

use super::record::{read, told_all};
use crate::cli::PackArgs;
use crate::environment;
use crate::failure::{Failure, complain};
use places::Place;

/// What is taken, by path.
type Wanted = BTreeMap<PathBuf, Want>;

/// What of a path is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Its content, which must have this digest if it is known.
    Content(Option<Digest>),
    /// Its name: a directory without what is in it, a symlink.
    Name,
}

/// Packs, and says how to run the command again. Exit status 1 if something is not as the run found it,
/// or if the record is damaged.
pub(super) fn pack(args: &PackArgs) -> Result<ExitCode, Failure> {
    let model = read(&args.record)?;
    let mut wanted: Wanted = Wanted::new();
    let mut problems = 0;
    for (path, need) in needed(&model) {
        match need {
            Need::Content(version) => {
                let content = version.and_then(|version| model.content(version));
                let digest = content.and_then(Content::digest);
                if version.is_some() && digest.is_none() {
                    complain(&format!("{path}: the record does not tell what the run read of it"));
                    problems += 1;
                }
                wanted.insert(path.as_path().to_owned(), Want::Content(digest));
            }
            Need::Presence => {
                for name in links::way_of(path.as_path(), &model) {
                    wanted.entry(name).or_insert(Want::Name);
                }
            }
        }
    }
    let cwd = Path::new(OsStr::from_bytes(&model.header.cwd));
    wanted.entry(cwd.to_owned()).or_insert(Want::Name);
    let add = |wanted: &mut Wanted, links: BTreeSet<PathBuf>| {
        links.into_iter().for_each(|link| _ = wanted.entry(link).or_insert(Want::Name));
    };
    let links = links::named(&wanted, &model);
    add(&mut wanted, links);
    let listed = listed(&model);
    let points = places::points(&wanted, &listed, cwd);
    // Nobody knows whether these were used; so they do not say where a place is.
    let links = links::near(&wanted, &model);
    add(&mut wanted, links);
    let places = places::of(points, &wanted);
    if places.is_empty() {
        return Err(Failure::new(
            "the run needed no file of the host, so there is nothing to pack",
        ));
    }
    let failed = |error| {
        Failure::new(format!("cannot make the directory {}", args.output.display())).because(error)
    };
    std::fs::create_dir_all(&args.output).map_err(failed)?;
    let store = environment::store_or_new()?.with_durability(Durability::Batched);
    let mut mounts = Vec::new();
    for place in &places {
        let manifest = args.output.join(&place.file);
        problems += place_packed(place, &wanted, &store, &manifest, args)?;
        mounts.push((manifest, place.point.clone()));
    }
    problems += outside(&wanted, &places);
    for (manifest, point, id) in served(&model) {
        if !Manifest::open(&manifest).is_ok_and(|now| now.id().0 == id) {
            complain(&format!("{}: it is not the manifest that was mounted", manifest.display()));
            problems += 1;
        }
        mounts.push((manifest, point));
    }
    tell_of_lists(&listed, &wanted, &model);
    tell(&model, &mounts)?;
    Ok(if problems == 0 { told_all(&model) } else { ExitCode::FAILURE })
}

/// The directories that the run has listed.
fn listed(model: &Model) -> BTreeSet<PathBuf> {
    let needed = needed(model);
    let is_listed =
        |path: &&Text| model.files.get(*path).is_some_and(|file| file.done(Act::List) > 0);
    needed.keys().filter(is_listed).filter_map(|path| path.as_path().canonicalize().ok()).collect()
}

/// Says of which directories the run saw names that are not packed, because it did nothing else with them.
fn tell_of_lists(listed: &BTreeSet<PathBuf>, wanted: &Wanted, model: &Model) {
    let is_packed = |path: &Path| {
        let next = wanted.range::<Path, _>((Bound::Included(path), Bound::Unbounded)).next();
        next.is_some_and(|(next, _)| next.starts_with(path))
    };
    let has_more = |directory: &&PathBuf| {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths = entries.map(|entry| entry.path());
        paths.any(|path| !is_packed(&path) && !links::is_made(&path, model))
    };
    let short: Vec<_> = listed.iter().filter(has_more).collect();
    if let Some(first) = short.first() {
        complain(&format!(
            "of {} directories that the run listed not all names are packed, such as {}",
            short.len(),
            first.display()
        ));
    }
}

/// Takes in what is wanted below one place; returns how much is not as it was.
fn place_packed(
    place: &Place,
    wanted: &Wanted,
    store: &Store,
    manifest: &Path,
    args: &PackArgs,
) -> Result<usize, Failure> {
    let options = Options {
        exclude: patterns::only(&place.inside),
        sensitive: match args.include_sensitive {
            true => Sensitive::Include,
            false => Sensitive::LeaveOut,
        },
        ..Options::new(manifest.to_owned())
    };
    let sources = [place.point.clone()];
    let report = ingest::ingest(&sources, store, &options, &Progress::default())?;
    report.warnings.iter().for_each(|warning| complain(warning));
    report.problems.iter().for_each(|problem| complain(&problem.to_string()));
    let packed = Manifest::open(manifest)?;
    let mut problems = 0;
    for inside in &place.inside {
        let path = place.point.join(inside);
        let problem = match packed.find(inside.as_os_str().as_bytes())? {
            None => {
                "it is not there any more, may not be read, or looks like a secret \
                     (--include-sensitive)"
            }
            Some(node) => match wanted.get(&path) {
                Some(Want::Content(Some(digest))) if packed.node(node)?.digest != *digest => {
                    "its content is not what the run read"
                }
                _ => continue,
            },
        };
        complain(&format!("{}: {problem}", path.display()));
        problems += 1;
    }
    Ok(problems)
}

/// Files that lie where nothing can be mounted: in the root directory itself.
fn outside(wanted: &Wanted, places: &[Place]) -> usize {
    let placed = |path: &Path| places.iter().any(|place| path.starts_with(&place.point));
    let is_content = |want: &Want| matches!(want, Want::Content(_));
    let left = wanted.iter().filter(|(path, want)| is_content(want) && !placed(path));
    left.inspect(|(path, _)| {
        complain(&format!("{}: it lies where no mount can be", path.display()));
    })
    .count()
}

/// The manifests that the run had mounted itself, where, and what they were.
fn served(model: &Model) -> impl Iterator<Item = (PathBuf, PathBuf, [u8; 32])> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let mounts = model.header.mounts.iter();
    mounts.filter_map(move |mount| Some((path(&mount.file), path(&mount.point), mount.manifest?)))
}

/// The command line that runs the command from the mounts.
fn tell(model: &Model, mounts: &[(PathBuf, PathBuf)]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    write!(out, "cd {} && vrift run", quoted(&model.header.cwd))?;
    for (manifest, point) in mounts {
        let manifest = std::path::absolute(manifest)?;
        let quoted = |path: &Path| quoted(path.as_os_str().as_bytes());
        write!(out, " --manifest {} --prefix {}", quoted(&manifest), quoted(point))?;
    }
    write!(out, " --")?;
    for word in &model.header.command {
        write!(out, " {}", quoted(word))?;
    }
    Ok(writeln!(out)?)
}
