//! What vrift made of a call, shown after its result.

use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;

use super::names;

/// How many hex digits of a digest are shown.
const DIGEST_SHOWN: usize = 12;

/// A remark on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The content came from this blob, by hex digest.
    Blob(String),
    /// The answer came from the manifest.
    Manifest,
    /// The call was refused.
    Refused {
        /// What the tracee was told.
        errno: Errno,
        /// Why, if the errno does not say it all.
        why: Option<&'static str>,
    },
    /// The call was carried out on this path of the host.
    Redirected(PathBuf),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Blob(digest) => {
                let shown: String = digest.chars().take(DIGEST_SHOWN).collect();
                write!(f, " ⇒ blob {shown}…")
            }
            Note::Manifest => f.write_str(" [manifest]"),
            Note::Refused { errno, why: None } => {
                write!(f, " [refused {}]", names::errno_name(*errno as i32))
            }
            Note::Refused { errno, why: Some(why) } => {
                write!(f, " [refused {}: {why}]", names::errno_name(*errno as i32))
            }
            Note::Redirected(path) => write!(f, " ⇒ {}", path.display()),
        }
    }
}
