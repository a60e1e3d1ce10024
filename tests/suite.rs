//! All tests through the real `vrift` binary, in one test program.
//!
//! `kit` holds what they share, `zoo` builds trees; every other module is a subject. The oracle is
//! Linux itself wherever there is one: the same program on the real directory and in a mount of it.

#[path = "suite/acl.rs"]
mod acl;
#[path = "suite/apply.rs"]
mod apply;
#[path = "suite/audit_export.rs"]
mod audit_export;
#[path = "suite/audit_html.rs"]
mod audit_html;
#[path = "suite/audit_pack.rs"]
mod audit_pack;
#[path = "suite/audit_report.rs"]
mod audit_report;
#[path = "suite/broken.rs"]
mod broken;
#[path = "suite/builds.rs"]
mod builds;
#[path = "suite/changes.rs"]
mod changes;
#[path = "suite/cli.rs"]
mod cli;
#[path = "suite/commits.rs"]
mod commits;
#[path = "suite/damage.rs"]
mod damage;
#[path = "suite/exec.rs"]
mod exec;
#[path = "suite/exit_status.rs"]
mod exit_status;
#[path = "suite/guests.rs"]
mod guests;
#[path = "suite/harmless.rs"]
mod harmless;
#[path = "suite/interrupted.rs"]
mod interrupted;
#[path = "suite/kit.rs"]
mod kit;
#[path = "suite/looks_the_same.rs"]
mod looks_the_same;
#[path = "suite/manifest.rs"]
mod manifest;
#[path = "suite/mounts.rs"]
mod mounts;
#[path = "suite/nodes.rs"]
mod nodes;
#[path = "suite/noise.rs"]
mod noise;
#[path = "suite/openers.rs"]
mod openers;
#[path = "suite/overlay.rs"]
mod overlay;
#[path = "suite/patches.rs"]
mod patches;
#[path = "suite/programs.rs"]
mod programs;
#[path = "suite/project.rs"]
mod project;
#[path = "suite/reingest.rs"]
mod reingest;
#[path = "suite/round_trip.rs"]
mod round_trip;
#[path = "suite/rows.rs"]
mod rows;
#[path = "suite/sequences.rs"]
mod sequences;
#[path = "suite/store.rs"]
mod store;
#[path = "suite/store_crash.rs"]
mod store_crash;
#[path = "suite/store_disks.rs"]
mod store_disks;
#[path = "suite/trace_cc.rs"]
mod trace_cc;
#[path = "suite/trees.rs"]
mod trees;
#[path = "suite/unchanged.rs"]
mod unchanged;
#[path = "suite/usr.rs"]
mod usr;
#[path = "suite/walker.rs"]
mod walker;
#[path = "suite/zoo.rs"]
mod zoo;
