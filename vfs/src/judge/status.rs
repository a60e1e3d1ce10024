//! `/proc/<pid>/status`: which cores a task may use, where the kernel's answer is not the one its
//! programs are to see.
//!
//! The other lines are the kernel's.

/// The text in which a task may use `cores`, which ascend.
pub(super) fn with_cores(text: &[u8], cores: &[usize]) -> Vec<u8> {
    let mut seen = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        if let Some(mask) = line.strip_prefix(b"Cpus_allowed:\t") {
            seen.extend_from_slice(b"Cpus_allowed:\t");
            seen.extend(masked(mask, cores));
        } else if line.starts_with(b"Cpus_allowed_list:\t") {
            seen.extend_from_slice(format!("Cpus_allowed_list:\t{}\n", ranges(cores)).as_bytes());
        } else {
            seen.extend_from_slice(line);
        }
    }
    seen
}

/// A mask of as many digits as `mask` has (`%*pb` in lib/vsprintf.c: hexadecimal, a comma after each
/// eight from the right), with the bits of `cores`.
fn masked(mask: &[u8], cores: &[usize]) -> Vec<u8> {
    let digits = mask.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let mut left = digits;
    let digit = |&byte: &u8| {
        if !byte.is_ascii_hexdigit() {
            return byte;
        }
        left -= 1;
        let bits = cores.iter().filter(|&&core| core / 4 == left).map(|core| 1 << (core % 4));
        char::from_digit(bits.sum(), 16).map_or(byte, |digit| digit as u8)
    };
    mask.iter().map(digit).collect()
}

/// `0-2,5` (`%*pbl`).
fn ranges(cores: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &core in cores {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == core => *last = core,
            _ => runs.push((core, core)),
        }
    }
    let run = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_about_cores_change() {
        let text = b"Name:\tCpus_allowed\nCpus_allowed:\t00,00000001\nCpus_allowed_list:\t0\nMems_allowed:\t1\n";
        let seen = with_cores(text, &[0, 1, 2, 5, 33, 39]);
        let wanted: &[u8] = b"Name:\tCpus_allowed\nCpus_allowed:\t82,00000027\n\
            Cpus_allowed_list:\t0-2,5,33,39\nMems_allowed:\t1\n";
        assert_eq!(String::from_utf8_lossy(&seen), String::from_utf8_lossy(wanted));
    }
}
