//! Both directions between numbers and syscalls in constant time, built by the compiler.
//!
//! The sorted table of an architecture is the source; the two arrays here are derived from it.

use crate::Syscall;

/// The number of calls, for arrays indexed by [`Syscall`].
pub(crate) const CALLS: usize = Syscall::ALL.len();

/// The syscall of each number below `N`, which must be the last number of `table` plus one.
pub(crate) const fn by_number<const N: usize>(table: &[(u32, Syscall)]) -> [Option<Syscall>; N] {
    let mut calls = [None; N];
    let mut i = 0;
    while i < table.len() {
        assert!(i == 0 || table[i - 1].0 < table[i].0, "the table ascends");
        calls[table[i].0 as usize] = Some(table[i].1);
        i += 1;
    }
    calls
}

/// The number of each syscall that `table` has.
pub(crate) const fn by_call(table: &[(u32, Syscall)]) -> [Option<u32>; CALLS] {
    let mut numbers = [None; CALLS];
    let mut i = 0;
    while i < table.len() {
        assert!(numbers[table[i].1 as usize].is_none(), "a call has one number");
        numbers[table[i].1 as usize] = Some(table[i].0);
        i += 1;
    }
    numbers
}

/// How many entries [`by_number`] needs for `table`.
pub(crate) const fn end(table: &[(u32, Syscall)]) -> usize {
    table[table.len() - 1].0 as usize + 1
}
