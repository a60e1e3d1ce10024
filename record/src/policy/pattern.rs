//! What patterns mean: where paths start, where symlinks lead, and which patterns can match nothing.
//!
//! A rule that can never match protects nobody, so it is an error.

use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use super::rules::glob;
use super::{Places, PolicyError};
use crate::event::Escape;

fn futile(pattern: &str, why: impl Into<String>) -> PolicyError {
    PolicyError::Futile { pattern: pattern.to_owned(), why: why.into() }
}

/// The absolute patterns that a pattern of paths stands for: as it is written, and with what the symlinks in
/// it lead to, because that is how files are told of.
pub(super) fn paths(pattern: &str, places: &Places) -> Result<Vec<String>, PolicyError> {
    let (place, rest) = started(pattern, places)?;
    if rest.split('/').any(|name| name == "..") {
        return Err(futile(pattern, "'..' stands behind a name; write the path that it leads to"));
    }
    let Some(place) = place else { return Ok(vec![rest.to_owned()]) };
    // Up to the first name that may be several.
    let mut plain = place.clone();
    let mut names = rest.split('/').filter(|name| !matches!(*name, "" | ".")).peekable();
    while let Some(name) = names.next_if(|name| !name.contains(SPECIAL)) {
        plain.push(name);
    }
    let names = names.collect::<Vec<_>>().join("/");
    let mut meant = Vec::new();
    for plain in [Some(led_to(&plain, places)), Some(plain)].into_iter().flatten() {
        let Some(text) = plain.to_str() else {
            return Err(futile(pattern, format!("{} is not UTF-8", plain.display())));
        };
        let text = format!("{}/{names}", globset::escape(text).trim_end_matches('/'));
        if !meant.contains(&text) {
            meant.push(text);
        }
    }
    Ok(meant)
}

/// Where a pattern starts, and the rest; `None` is anywhere.
fn started<'a>(
    pattern: &'a str,
    places: &Places,
) -> Result<(Option<PathBuf>, &'a str), PolicyError> {
    if pattern.is_empty() {
        return Err(futile(pattern, "it is empty; '.' is the directory of the run"));
    }
    if let Some(rest) = pattern.strip_prefix("~/") {
        let home = places.home.clone();
        let home = home.ok_or_else(|| PolicyError::Homeless { pattern: pattern.to_owned() })?;
        return Ok((Some(home), rest));
    }
    if pattern.starts_with('/') {
        return Ok((Some(PathBuf::from("/")), pattern));
    }
    if pattern.starts_with("**") {
        return Ok((None, pattern));
    }
    let mut place = places.cwd.clone();
    let mut rest = pattern;
    loop {
        let (name, behind) = rest.split_once('/').unwrap_or((rest, ""));
        match name {
            "." => {}
            ".." => {
                place.pop();
            }
            _ => return Ok((Some(place), rest)),
        }
        rest = behind;
        if rest.is_empty() {
            return Ok((Some(place), rest));
        }
    }
}

/// Where a path leads, as far as anything is there.
fn led_to(plain: &Path, places: &Places) -> PathBuf {
    for above in plain.ancestors() {
        if let (Some(led), Ok(rest)) = ((places.leads_to)(above), plain.strip_prefix(above)) {
            let names = rest.components().filter(|name| matches!(name, Component::Normal(_)));
            return names.fold(led, |path, name| path.join(name));
        }
    }
    plain.to_owned()
}

/// What means something in a pattern.
const SPECIAL: [char; 5] = ['*', '?', '[', '{', '\\'];

/// A pattern of endpoints, spelled as they are told: one address in any spelling is that address. In one that
/// starts as an address of IPv6, the bracket is no class of characters.
pub(super) fn endpoint(pattern: &str) -> Result<String, PolicyError> {
    let why = "an endpoint is ADDRESS:PORT or family:NUMBER, with '*' for any; calls have no names of hosts";
    if let Ok(one) = pattern.parse::<SocketAddr>() {
        return Ok(globset::escape(&match one.ip() {
            IpAddr::V4(ip) => format!("{ip}:{}", one.port()),
            IpAddr::V6(ip) => format!("[{ip}]:{}", one.port()),
        }));
    }
    let inside = pattern.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (text, rest) = match inside {
        Some((address, rest)) if address.contains([':', '*']) => {
            (pattern.replacen('[', "[[]", 1), [address, rest].concat())
        }
        _ => (pattern.to_owned(), pattern.to_owned()),
    };
    let is_family = |number: &str| number.parse::<u16>().is_ok();
    let is_plain = !rest.contains(SPECIAL);
    let can_be = |c: char| c.is_ascii_hexdigit() || ".:,-!]}".contains(c) || SPECIAL.contains(&c);
    match is_plain {
        true if pattern.strip_prefix("family:").is_some_and(is_family) => Ok(text),
        false if pattern.replace("family", "").chars().all(can_be) => Ok(text.to_ascii_lowercase()),
        _ => Err(futile(pattern, why)),
    }
}

/// A pattern of escapes.
pub(super) fn escape(pattern: &str) -> Result<String, PolicyError> {
    let name = pattern.split(':').next().unwrap_or(pattern);
    // Part of an alternative is no pattern, and is not looked at.
    if let Ok(glob) = glob(name) {
        let matcher = glob.compile_matcher();
        if !Escape::ALL.iter().any(|kind| matcher.is_match(kind.word())) {
            let words = Escape::ALL.map(Escape::word).join(", ");
            return Err(futile(pattern, format!("there is no such escape; there are {words}")));
        }
    }
    Ok(pattern.to_owned())
}
