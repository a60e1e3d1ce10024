//! `vrift audit deps`: what of the host a run needed, and to which packages that belongs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use vrift_audit::deps::{Dpkg, Need, Owners, Package, needed, rpm_owners};
use vrift_audit::report::{digest, json_bytes};
use vrift_audit::{Model, Text};

use super::record::{read, told_all, write};
use crate::cli::DepsArgs;
use crate::failure::{Failure, complain};

/// What is needed, sorted by who provides it.
struct Needs<'a> {
    model: &'a Model,
    files: &'a BTreeMap<Text, Need>,
    owners: Owners<'a>,
}

/// Exit status 1 if the record is damaged: what is missing there was needed too.
pub(super) fn deps(args: &DepsArgs) -> Result<ExitCode, Failure> {
    let model = read(&args.record)?;
    let files = needed(&model);
    if args.null {
        write(None, |out| {
            files.keys().try_for_each(|path| {
                out.write_all(path.as_bytes())?;
                out.write_all(b"\0")
            })
        })?;
        return Ok(told_all(&model));
    }
    let owners = owners(&files.keys().collect())?;
    let needs = Needs { model: &model, files: &files, owners };
    write(None, |out| match args.json {
        true => writeln!(out, "{}", needs.json()),
        false => needs.print(out),
    })?;
    Ok(told_all(&model))
}

/// The packages of files, by every package database that is there.
fn owners<'a>(files: &BTreeSet<&'a Text>) -> Result<Owners<'a>, Failure> {
    let cannot =
        |whose| move |error| Failure::new(format!("cannot read {whose} database")).because(error);
    let dpkg = Dpkg::open(Path::new("/")).map_err(cannot("dpkg's"))?;
    let by_dpkg = dpkg.map(|database| database.owners(files)).transpose();
    let by_dpkg = by_dpkg.map_err(cannot("dpkg's"))?;
    let by_rpm = rpm_owners(files).map_err(cannot("rpm's"))?;
    if by_dpkg.is_none() && by_rpm.is_none() {
        complain("there is no package database of dpkg or rpm, so packages are not named");
    }
    let mut owners = by_dpkg.unwrap_or_default();
    for (file, packages) in by_rpm.unwrap_or_default() {
        owners.entry(file).or_default().extend(packages);
    }
    Ok(owners)
}

impl<'a> Needs<'a> {
    /// The packages that contents came from, and how many files of each were used. A name that only had to
    /// be there, such as a directory, would name every package that has it.
    fn packages(&self) -> BTreeMap<&Package, u64> {
        let mut packages: BTreeMap<&Package, u64> = BTreeMap::new();
        for (path, _) in self.contents() {
            for package in self.owners.get(path).into_iter().flatten() {
                *packages.entry(package).or_default() += 1;
            }
        }
        packages
    }

    fn contents(&self) -> impl Iterator<Item = (&'a Text, &'a Need)> {
        let all = self.files.iter();
        all.filter(|(_, need)| matches!(need, Need::Content(_)))
    }

    fn digest(&self, need: &Need) -> Option<String> {
        match need {
            Need::Content(version) => digest(self.model, (*version)?),
            Need::Presence => None,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let packages = self.packages();
        writeln!(out, "packages  {}", packages.len())?;
        for (Package { name, version }, files) in packages {
            writeln!(out, "  {files:>5} × {name} {version}")?;
        }
        let own: Vec<_> =
            self.contents().filter(|(path, _)| !self.owners.contains_key(path)).collect();
        writeln!(out, "files of no package  {}", own.len())?;
        for (path, need) in own {
            let digest = self.digest(need).unwrap_or_else(|| "-".to_owned());
            writeln!(out, "  {digest:.16}  {path}")?;
        }
        let found = self.files.len() - self.contents().count();
        writeln!(out, "names that only had to be there  {found}")
    }

    fn json(&self) -> Value {
        let package =
            |package: &Package| json!({ "name": package.name, "version": package.version });
        let packages = self.packages().into_iter().map(
            |(one, files)| json!({ "name": one.name, "version": one.version, "files": files }),
        );
        let files = self.files.iter().map(|(path, need)| {
            let owners = self.owners.get(path).map(Vec::as_slice).unwrap_or_default();
            json!({
                "path": json_bytes(path.as_bytes()),
                "need": match need { Need::Content(_) => "content", Need::Presence => "presence" },
                "blake3": self.digest(need),
                "packages": owners.iter().map(package).collect::<Vec<_>>(),
            })
        });
        json!({
            "schema": "vrift-audit-deps",
            "version": 1,
            "packages": packages.collect::<Vec<_>>(),
            "files": files.collect::<Vec<_>>(),
        })
    }
}
