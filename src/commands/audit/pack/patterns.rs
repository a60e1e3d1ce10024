//! Patterns, in gitignore(5)'s syntax, that leave out all but some paths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Leaves out all that is not in `kept`, paths relative to the source, or above something that is. The last
/// pattern that matches decides; so each directory is let in, emptied, and its names are let in again.
pub(super) fn only(kept: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut all: BTreeSet<&Path> = BTreeSet::new();
    for path in kept {
        all.extend(path.ancestors().filter(|path| !path.as_os_str().is_empty()));
    }
    let mut patterns = vec!["/*".to_owned()];
    for path in all {
        // A name that is not UTF-8 cannot be said in a pattern; it is missed when the manifest is checked.
        let Some(name) = path.to_str().map(escaped) else { continue };
        patterns.push(format!("!/{name}"));
        patterns.push(format!("/{name}/*"));
    }
    patterns
}

fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        if "*?[]{}!#\\ ".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
