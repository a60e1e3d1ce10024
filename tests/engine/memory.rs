//! Pointers, stacks and address spaces that leave a tracer little room.

use crate::bench::same;

#[test]
fn c_032_c_033_hostile_pointers_in_every_call_with_a_path() {
    same("hostile", &["pointers"]);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn c_029_stack_pointers_that_point_nowhere() {
    same("limits", &["stacks"]);
}

#[test]
fn c_030_a_stack_of_one_page() {
    same("limits", &["tiny"]);
}

#[test]
fn c_045_fork_while_calls_of_other_threads_are_rewritten() {
    same("limits", &["forks"]);
}

#[test]
fn c_045_two_hundred_threads() {
    same("limits", &["threads"]);
}

#[test]
fn c_045_the_program_unmaps_what_it_does_not_know() {
    same("limits", &["unmapped"]);
}

#[test]
fn c_045_the_program_protects_what_it_does_not_know() {
    same("limits", &["protected"]);
}

#[test]
fn c_045_the_program_maps_memory_of_its_own_over_what_it_does_not_know() {
    same("limits", &["replaced"]);
}

#[test]
fn c_046_all_memory_is_locked() {
    same("limits", &["locked"]);
}

#[test]
fn c_046_no_memory_may_be_mapped_any_more() {
    same("limits", &["address_space"]);
}

#[test]
fn c_046_few_descriptors() {
    same("limits", &["descriptors"]);
}
