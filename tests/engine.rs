//! The stop engine under programs that make its life hard, through the real `vrift` binary.
//!
//! `bench` runs a guest of `fixtures/guests/engine` natively, under `vrift trace`, in a mount, and
//! in a mount under trace, and wants the same each time; every other module is a subject. Tests are
//! named after the rows of the kernel checklist that they hold.
//!
//! Deliberately absent: what a mount shows (`suite`), and how calls are spelled.

#[path = "engine/beginnings.rs"]
mod beginnings;
#[path = "engine/bench.rs"]
mod bench;
#[path = "engine/bypasses.rs"]
mod bypasses;
#[path = "engine/cores.rs"]
mod cores;
#[path = "engine/counts.rs"]
mod counts;
#[path = "engine/economy.rs"]
mod economy;
#[path = "engine/ends.rs"]
mod ends;
#[path = "engine/filters.rs"]
mod filters;
#[path = "engine/growth.rs"]
mod growth;
#[cfg(target_arch = "x86_64")]
#[path = "engine/guard.rs"]
mod guard;
#[path = "engine/inherited.rs"]
mod inherited;
#[path = "suite/kit.rs"]
#[expect(dead_code, reason = "the kit serves another test program, which uses all of it")]
mod kit;
#[cfg(target_arch = "x86_64")]
#[path = "engine/lane.rs"]
mod lane;
#[cfg(target_arch = "x86_64")]
#[path = "engine/links.rs"]
mod links;
#[path = "engine/memory.rs"]
mod memory;
#[path = "engine/narrow.rs"]
mod narrow;
#[path = "engine/output.rs"]
mod output;
#[path = "engine/races.rs"]
mod races;
#[cfg(target_arch = "x86_64")]
#[path = "engine/registers.rs"]
mod registers;
#[path = "engine/requests.rs"]
mod requests;
#[path = "engine/rights.rs"]
mod rights;
#[path = "engine/spawning.rs"]
mod spawning;
#[path = "engine/stops.rs"]
mod stops;
#[cfg(target_arch = "x86_64")]
#[path = "engine/tape.rs"]
mod tape;
#[path = "engine/terminal.rs"]
mod terminal;
