//! What went in and what came out, with digests.
//!
//! A record names contents by BLAKE3. Who checks a document may know other algorithms only, and SPDX
//! demands SHA-1. These digests are made of contents that are still there: of what is hashed once
//! more as BLAKE3 in the same reading, so that no digest of anything else gets into a document.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use vrift_cas::Digest;
use vrift_record::{Left, Text, VersionId};

use crate::model::{FileUse, Model, Version};
use crate::report::{Summary, hex};

/// A file and the digest of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact<'a> {
    pub(super) path: &'a Text,
    pub(super) file: &'a FileUse,
    version: &'a Version,
    pub(super) digest: Digest,
    pub(super) sums: Option<Sums>,
}

/// Digests of a content by other algorithms, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Of 160 bits.
    pub sha1: String,
    /// Of 256 bits.
    pub sha256: String,
}

/// What went in and what came out, as far as digests are known.
#[derive(Debug)]
pub struct Artifacts<'a> {
    pub(super) model: &'a Model,
    pub(super) inputs: Vec<Artifact<'a>>,
    pub(super) outputs: Vec<Artifact<'a>>,
    /// How many files are left out, because the record does not tell their digest.
    pub unknown: usize,
}

impl<'a> Artifacts<'a> {
    /// Those that a record tells of.
    pub fn of(model: &'a Model) -> Artifacts<'a> {
        let Summary { inputs, outputs, .. } = Summary::of(model);
        let mut unknown = 0;
        let mut known = |files: Vec<(&'a Text, &'a FileUse)>,
                         which: fn(&FileUse) -> Option<VersionId>| {
            let mut all = Vec::with_capacity(files.len());
            for (path, file) in files {
                // What has no version is no regular file.
                let Some(id) = which(file) else { continue };
                match (model.versions.get(&id), digest(model, id)) {
                    (Some(version), Some(digest)) => {
                        all.push(Artifact { path, file, version, digest, sums: None });
                    }
                    _ => unknown += 1,
                }
            }
            all.sort_by_key(|artifact| artifact.path);
            all
        };
        let inputs = known(inputs, |file| file.given.first().copied());
        let outputs = known(outputs, |file| match file.left {
            Some(Left::File(version)) => Some(version),
            _ => None,
        });
        Artifacts { model, inputs, outputs, unknown }
    }

    /// Adds digests by other algorithms. `open` gives what may hold a content: of a path, of a version
    /// that was met there, with this digest. Each content is read once, and used if it is what was recorded.
    pub fn sum<R: Read>(&mut self, open: &mut dyn FnMut(&Text, &Version, Digest) -> Vec<R>) {
        let mut known: BTreeMap<Digest, Sums> = BTreeMap::new();
        for artifact in self.inputs.iter_mut().chain(&mut self.outputs) {
            let Artifact { path, version, digest, .. } = *artifact;
            let made = || {
                let found = open(path, version, digest).into_iter();
                let mut found = found.filter_map(|content| sums(content, version.size).ok());
                Some(found.find(|(found, _)| *found == digest)?.1)
            };
            artifact.sums = known.get(&digest).cloned().or_else(made);
            if let Some(sums) = &artifact.sums {
                known.entry(digest).or_insert_with(|| sums.clone());
            }
        }
    }

    /// The versions of contents, one for each file.
    pub fn versions(&self) -> impl Iterator<Item = &'a Version> {
        self.all().map(|artifact| artifact.version)
    }

    /// How many files have the digest of the record only.
    pub fn unsummed(&self) -> usize {
        self.all().filter(|artifact| artifact.sums.is_none()).count()
    }

    fn all(&self) -> impl Iterator<Item = &Artifact<'a>> {
        self.inputs.iter().chain(&self.outputs)
    }
}

fn digest(model: &Model, version: VersionId) -> Option<Digest> {
    model.content(version)?.digest()
}

/// All digests of what `content` holds. Nobody needs those of more than the recorded size.
fn sums(content: impl Read, size: u64) -> io::Result<(Digest, Sums)> {
    let mut hashed = Hashed {
        content: content.take(size.saturating_add(1)),
        sha1: Sha1::new(),
        sha256: Sha256::new(),
    };
    let digest = Digest::of_reader(&mut hashed)?;
    let Hashed { sha1, sha256, .. } = hashed;
    Ok((digest, Sums { sha1: hex(&sha1.finalize()), sha256: hex(&sha256.finalize()) }))
}

/// A content that is hashed while it is read.
struct Hashed<R> {
    content: R,
    sha1: Sha1,
    sha256: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.sha1.write_all(&buffer[..count])?;
        self.sha256.write_all(&buffer[..count])?;
        Ok(count)
    }
}
