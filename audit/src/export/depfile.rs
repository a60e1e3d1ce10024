//! A rule for make(1) and ninja(1), as compilers write it with `-MD`: what was left depends on what was read.
//!
//! What the kernel makes up (`/proc`, `/sys`, `/dev`) has no times that mean anything, and is left out.

use vrift_record::{Left, Text};

use crate::model::{Model, is_made_up};
use crate::report::Summary;

/// What make takes for something else in a name, whatever stands before it.
const UNSPEAKABLE: &[u8] = b"\n;=|";

/// What ninja ends a name at, however it is written.
const NINJA_ENDS: &[u8] = b"\"&'*<>?^`";

/// A rule, and the files that cannot be named in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The rule; empty if nothing was left.
    pub text: Vec<u8>,
    /// Files whose names make cannot read.
    pub left_out: Vec<Text>,
    /// Files in the rule whose names make can read, and ninja cannot.
    pub make_only: Vec<Text>,
}

/// Where a name stands in a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Target,
    Prerequisite,
}

/// The rule of a run. Names in the run's directory are relative to it, because make compares names as they
/// are.
pub fn depfile(model: &Model) -> Rule {
    let Summary { mut inputs, outputs, .. } = Summary::of(model);
    inputs.sort_by_key(|&(path, _)| path);
    let directory = [&model.header.cwd[..], b"/"].concat();
    let (mut left_out, mut make_only) = (Vec::new(), Vec::new());
    let mut spelled = |path: &Text, place| {
        let name = match path.as_bytes().strip_prefix(&directory[..]) {
            // A tilde at the beginning is somebody's home.
            Some(inside) if !inside.is_empty() && !inside.starts_with(b"~") => inside,
            _ => path.as_bytes(),
        };
        let spelled = spelled(name, place);
        match &spelled {
            None => left_out.push(path.clone()),
            Some(_) if !is_for_ninja(name, place) => make_only.push(path.clone()),
            Some(_) => {}
        }
        spelled
    };
    let written = outputs.iter().filter(|(_, file)| file.left != Some(Left::Other));
    let targets: Vec<_> = written.filter_map(|(path, _)| spelled(path, Place::Target)).collect();
    let mut text = targets.join(&b' ');
    if !targets.is_empty() {
        text.push(b':');
        for (path, file) in inputs {
            // A file that is read and then replaced would depend on itself.
            if is_made_up(path) || file.is_output() {
                continue;
            }
            if let Some(name) = spelled(path, Place::Prerequisite) {
                text.extend(b" \\\n  ");
                text.extend(name);
            }
        }
        text.push(b'\n');
    }
    Rule { text, left_out, make_only }
}

/// A name as make reads it, if it can.
fn spelled(name: &[u8], place: Place) -> Option<Vec<u8>> {
    let is_target = place == Place::Target;
    // Blanks at the end fall together with those behind the name. What ends with a parenthesis is the end of a
    // member of an archive, or of several; what ends with an ampersand is a target of a group.
    let ends_ill = match name.last() {
        Some(b'\\' | b' ' | b'\t' | b'\x0b' | b'\x0c' | b'\r' | b')') => true,
        Some(b'&') => is_target,
        _ => false,
    };
    let starts_ill = matches!(name.first(), Some(b'\x0b' | b'\x0c' | b'\r'));
    // A tab in a target becomes a blank.
    let has_tab = is_target && name.contains(&b'\t');
    if ends_ill || starts_ill || has_tab || name.iter().any(|byte| UNSPEAKABLE.contains(byte)) {
        return None;
    }
    let mut spelled = Vec::with_capacity(name.len());
    for (at, &byte) in name.iter().enumerate() {
        match byte {
            b' ' | b'\t' | b'#' | b':' => {
                // Backslashes right before it are doubled, others stand for themselves.
                let before = name[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
                spelled.extend(std::iter::repeat_n(b'\\', before + 1));
            }
            b'%' if is_target => spelled.push(b'\\'),
            b'$' => spelled.push(b'$'),
            _ => {}
        }
        spelled.push(byte);
    }
    Some(spelled)
}

/// Whether ninja reads a name that is spelled for make.
fn is_for_ninja(name: &[u8], place: Place) -> bool {
    let ends = |byte: u8| byte.is_ascii_control() || NINJA_ENDS.contains(&byte);
    // It doubles no backslash but one before a blank, and undoes none before a percent sign.
    let doubled = name.windows(2).any(|two| two[0] == b'\\' && b"#:$".contains(&two[1]));
    let is_pattern = place == Place::Target && name.contains(&b'%');
    !(name.iter().any(|&byte| ends(byte)) || name.ends_with(b":") || doubled || is_pattern)
}
