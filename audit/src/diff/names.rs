//! What two runs call the same thing by different names: temporary files, process ids, the directory.
//!
//! No list of patterns of temporary names is kept. A temporary file is one that the run made and did not
//! leave, whatever it is called.

use std::collections::HashSet;

use vrift_record::Text;

use crate::model::Model;

/// Where a path in a word of a command line ends.
const ENDS: &[u8] = b" \t\n'\"=:;,()<>|&";

/// The names of one run.
#[derive(Debug)]
pub(super) struct Names<'a> {
    passing: HashSet<&'a [u8]>,
    /// The directory the run started in, if the other one started elsewhere.
    directory: Option<&'a [u8]>,
}

/// The temporary files of one process, in the order in which its command line names them.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<Vec<u8>>);

impl<'a> Names<'a> {
    /// The names of a run that is compared with another.
    pub(super) fn of(model: &'a Model, other: &Model) -> Names<'a> {
        let passing = model.files.iter().filter(|(_, file)| file.is_passing());
        let directory = &model.header.cwd;
        let elsewhere = *directory != other.header.cwd && directory.len() > 1;
        Names {
            passing: passing.map(|(path, _)| path.as_bytes()).collect(),
            directory: elsewhere.then_some(&directory[..]),
        }
    }

    /// The name of a file in both runs; `None` if it is temporary.
    pub(super) fn path(&self, path: &Text) -> Option<Text> {
        let bytes = path.as_bytes();
        if self.is_passing(bytes) {
            return None;
        }
        Some(match self.plain(bytes) {
            Some(name) => Text::from(name),
            None => path.clone(),
        })
    }

    /// Whether a path, or a directory it is in, is temporary.
    fn is_passing(&self, path: &[u8]) -> bool {
        self.is_passing_below(1, path)
    }

    /// The same for directories whose paths are longer than that.
    fn is_passing_below(&self, length: usize, path: &[u8]) -> bool {
        let mut end = path.len();
        while end > length {
            if self.passing.contains(&path[..end]) {
                return true;
            }
            end = path[..end].iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        }
        false
    }

    /// A path without the process ids and the directory in it, if there are any.
    fn plain(&self, path: &[u8]) -> Option<Vec<u8>> {
        let inside = self.directory.and_then(|directory| path.strip_prefix(directory));
        if let Some(rest) = inside.filter(|rest| rest.is_empty() || rest.starts_with(b"/")) {
            return Some([b"<directory>", rest].concat());
        }
        // Ids of processes and threads, and terminals.
        if !path.starts_with(b"/proc/") && !path.starts_with(b"/dev/pts/") {
            return None;
        }
        let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let parts = path.split(|&byte| byte == b'/');
        let named: Vec<&[u8]> =
            parts.map(|part| if is_number(part) { &b"<number>"[..] } else { part }).collect();
        Some(named.join(&b'/'))
    }

    /// The path of a temporary file that a word names from a directory.
    fn passing_in(&self, directory: &Text, name: &[u8]) -> Option<Vec<u8>> {
        let mut parts = name.split(|&byte| byte == b'/');
        if self.passing.is_empty() || name.is_empty() || parts.any(|part| part == b"..") {
            return None;
        }
        let name = name.strip_prefix(b"./").unwrap_or(name);
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let directory = directory.as_bytes();
        let directory = directory.strip_suffix(b"/").unwrap_or(directory);
        let path = [directory, b"/", name].concat();
        // In a temporary directory not every word names a file.
        self.is_passing_below(directory.len(), &path).then_some(path)
    }

    /// A word of a command line or a value of a variable, with all paths in it by their common names; relative ones start in
    /// this directory.
    pub(super) fn word(
        &self,
        word: &Text,
        directory: Option<&Text>,
        numbers: &mut Numbers,
    ) -> Text {
        let bytes = word.as_bytes();
        let mut spelled = Vec::with_capacity(bytes.len());
        let mut changed = false;
        let mut at = 0;
        while at < bytes.len() {
            // An absolute path may follow on a name, as in `-o/tmp/x`.
            let begins = at == 0 || ENDS.contains(&bytes[at - 1]);
            if bytes[at] != b'/' && !begins {
                spelled.push(bytes[at]);
                at += 1;
                continue;
            }
            let rest = &bytes[at..];
            let end = rest.iter().position(|byte| ENDS.contains(byte)).unwrap_or(rest.len());
            let path = &rest[..end];
            if bytes[at] != b'/' {
                let passing = directory.and_then(|directory| self.passing_in(directory, path));
                let (name, end) = match &passing {
                    Some(passing) => (numbers.of(passing), end),
                    None => (vec![bytes[at]], 1),
                };
                changed |= passing.is_some();
                spelled.extend(name);
                at += end;
                continue;
            }
            if self.is_passing(path) {
                changed = true;
                spelled.extend(numbers.of(path));
            } else if let Some(plain) = self.plain(path) {
                changed = true;
                spelled.extend(plain);
            } else {
                spelled.extend(path);
            }
            at += end;
        }
        if changed { Text::from(spelled) } else { word.clone() }
    }
}

impl Numbers {
    fn of(&mut self, path: &[u8]) -> Vec<u8> {
        let known = self.0.iter().position(|known| known == path);
        let place = known.unwrap_or_else(|| {
            self.0.push(path.to_vec());
            self.0.len() - 1
        });
        format!("<temporary {}>", place + 1).into_bytes()
    }
}
