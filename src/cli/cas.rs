//! The command line of `vrift cas`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CasCommand {
    /// Count blobs and bytes
    Stat {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Hash every blob again; name what is damaged, and the manifests that need it
    Verify {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show what no registered manifest and no running mount reaches, and delete it with --delete
    Gc(GcArgs),
    /// Let manifests count for gc: after they were moved, copied here, or forgotten
    Register {
        /// The manifests
        #[arg(value_name = "MANIFEST", required = true)]
        manifests: Vec<PathBuf>,
    },
    /// Set the immutable flag of all blobs (needs root)
    Protect,
    /// Clear the immutable flag of all blobs (needs root)
    Unprotect,
}

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Delete instead of only showing
    #[arg(long)]
    pub(crate) delete: bool,
    /// Keep what became garbage within this time: a number with s, m, h, d or w
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = duration)]
    pub(crate) grace: Duration,
    /// Do not count this registered manifest any more; with --delete, for ever
    #[arg(long, value_name = "MANIFEST")]
    pub(crate) forget: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a number with s, m, h, d or w, such as 14d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "" if digits == "0" => 1,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, seconds) in [("0", 0), ("0d", 0), ("90s", 90), ("2h", 7_200), ("1w", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "1", "-1d", "1.5d", "1 d", "1y", "99999999999999999999s", "1dd"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration(&format!("{}w", u64::MAX)).is_err());
    }
}
