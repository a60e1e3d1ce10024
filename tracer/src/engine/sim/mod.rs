//! A seeded simulation: a fake kernel drives the engine through orders of events that a real one
//! shows rarely. [`random`] numbers decide who runs next, what programs do, and who is killed when;
//! a failure prints the seed and what happened last.
//!
//! ```text
//! VRIFT_SEED=17 cargo test -p vrift-tracer all_seeds      # one seed again
//! VRIFT_SEEDS=1000000 cargo test -p vrift-tracer all_seeds    # a long run
//! ```
//!
//! Besides, [`scenarios`] plays orders by hand that once were wrong, named after the rows of the
//! kernel checklist.
//!
//! Deliberately absent: mounts (they need a store on disk; `tests/suite` serves real ones), cores,
//! other ABIs, and what decoders print.

mod calls;
mod guest;
mod kernel;
mod program;
mod random;
mod record;
mod scenarios;
mod signals;
mod task;
mod world;

use std::env;

use program::play;

/// How many seeds an ordinary run plays.
const SEEDS: u64 = 2_000;

#[test]
fn c_014_every_stop_is_resumed_once_in_all_seeds() {
    let number = |name: &str| -> Option<u64> {
        env::var(name).ok().map(|text| text.parse().expect("a seed is a number"))
    };
    match number("VRIFT_SEED") {
        Some(seed) => play(seed),
        None => (0..number("VRIFT_SEEDS").unwrap_or(SEEDS)).for_each(play),
    }
}
