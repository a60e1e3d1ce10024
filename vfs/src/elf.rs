//! The interpreter an ELF file names (`PT_INTERP`), found as the kernel finds it, and replaced in a
//! copy.
//!
//! The kernel reads the name by its offset in the file (`load_elf_binary` in fs/binfmt_elf.c), the
//! program and its dynamic linker by its address in memory. So a copy that has another name behind
//! its end, and a program header that points there, is loaded with another interpreter while its
//! memory shows the old one.
//!
//! A file that the kernel would refuse before it looks for an interpreter has none here: it is left
//! to the kernel, whose answer is the caller's.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use goblin::container::Ctx;
use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_X86_64, ET_DYN, ET_EXEC};
use goblin::elf::program_header::{PT_INTERP, ProgramHeader};
use goblin::elf::{Elf, Header};

/// The machines this kernel runs programs of. What it hands to binfmt_misc is not its business.
const MACHINES: [u16; 2] =
    if cfg!(target_arch = "aarch64") { [EM_AARCH64, EM_ARM] } else { [EM_X86_64, EM_386] };

/// The size of the larger file header.
const HEADER_BYTES: usize = 64;

/// The most that `load_elf_phdrs` reads.
const PROGRAM_HEADERS_BYTES_MAX: usize = 65536;

/// The longest interpreter, with its NUL (`PATH_MAX`).
const NAME_BYTES_MAX: u64 = 4096;

/// The interpreter of an ELF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// Its path, as written.
    pub(crate) path: Vec<u8>,
    /// Where the program header that names it lies.
    header: u64,
    layout: Layout,
}

/// Where in a program header the offset and the size of the segment lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Fields of four bytes.
    Small,
    /// Fields of eight bytes.
    Large,
}

/// Finds the interpreter of `file`.
pub(crate) fn interpreter(file: &File) -> io::Result<Option<Interpreter>> {
    let head = read_at(file, 0, HEADER_BYTES)?;
    let Some((header, ctx)) = accepted(&head) else { return Ok(None) };
    let (count, size) = (usize::from(header.e_phnum), ProgramHeader::size(ctx));
    let bytes = count * size;
    if usize::from(header.e_phentsize) != size || !(1..=PROGRAM_HEADERS_BYTES_MAX).contains(&bytes)
    {
        return Ok(None);
    }
    let table = read_at(file, header.e_phoff, bytes)?;
    if table.len() != bytes {
        return Ok(None);
    }
    let Ok(segments) = ProgramHeader::parse(&table, 0, count, ctx) else { return Ok(None) };
    let Some(nth) = segments.iter().position(|segment| segment.p_type == PT_INTERP) else {
        return Ok(None);
    };
    let segment = &segments[nth];
    if !(2..=NAME_BYTES_MAX).contains(&segment.p_filesz) {
        return Ok(None);
    }
    let mut path = read_at(file, segment.p_offset, segment.p_filesz as usize)?;
    if path.len() as u64 != segment.p_filesz || path.last() != Some(&0) {
        return Ok(None);
    }
    path.truncate(path.iter().position(|&b| b == 0).unwrap_or(path.len()));
    let layout = if ctx.is_big() { Layout::Large } else { Layout::Small };
    Ok(Some(Interpreter { path, header: header.e_phoff + (nth * size) as u64, layout }))
}

/// Makes `copy`, a copy of the file in which `interpreter` was found, name `path` instead.
pub(crate) fn replace(copy: &mut File, interpreter: &Interpreter, path: &[u8]) -> io::Result<()> {
    let mut name = path.to_vec();
    name.push(0);
    let end = copy.seek(SeekFrom::End(0))?;
    copy.write_all_at(&name, end)?;
    let size = name.len() as u64;
    let narrow = |wide: u64| {
        u32::try_from(wide)
            .map(u32::to_ne_bytes)
            .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))
    };
    // `p_offset` and `p_filesz` of `Elf32_Phdr` and `Elf64_Phdr` (include/uapi/linux/elf.h).
    match interpreter.layout {
        Layout::Small => {
            copy.write_all_at(&narrow(end)?, interpreter.header + 4)?;
            copy.write_all_at(&narrow(size)?, interpreter.header + 16)
        }
        Layout::Large => {
            copy.write_all_at(&end.to_ne_bytes(), interpreter.header + 8)?;
            copy.write_all_at(&size.to_ne_bytes(), interpreter.header + 32)
        }
    }
}

/// The header of a file the kernel would try to load itself.
fn accepted(head: &[u8]) -> Option<(Header, Ctx)> {
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let header = Elf::parse_header(head).ok()?;
    let (container, order) = (header.container().ok()?, header.endianness().ok()?);
    let ours = MACHINES.contains(&header.e_machine)
        && [ET_EXEC, ET_DYN].contains(&header.e_type)
        && order.is_little() == cfg!(target_endian = "little");
    ours.then(|| (header, Ctx::new(container, order)))
}

/// Reads as much of `wanted` bytes as the file has.
pub(crate) fn read_at(file: &File, from: u64, wanted: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; wanted];
    let mut done = 0;
    while done < wanted {
        let Some(at) = from.checked_add(done as u64).filter(|&at| i64::try_from(at).is_ok()) else {
            break;
        };
        match file.read_at(&mut bytes[done..], at) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(bytes).expect("room for it");
        file
    }

    /// A file with two program headers, the second of which names `/ld.so`.
    fn program() -> Vec<u8> {
        let mut bytes = vec![0; 64 + 2 * 56];
        bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x00");
        bytes[16..18].copy_from_slice(&ET_DYN.to_le_bytes());
        bytes[18..20].copy_from_slice(&MACHINES[0].to_le_bytes());
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&2u16.to_le_bytes());
        let (second, name) = (64 + 56, bytes.len() as u64);
        bytes[second..second + 4].copy_from_slice(&PT_INTERP.to_le_bytes());
        bytes[second + 8..second + 16].copy_from_slice(&name.to_le_bytes());
        bytes[second + 32..second + 40].copy_from_slice(&7u64.to_le_bytes());
        bytes.extend(b"/ld.so\0");
        bytes
    }

    fn path_in(bytes: &[u8]) -> Option<Vec<u8>> {
        interpreter(&file(bytes)).expect("a temporary file can be read").map(|found| found.path)
    }

    #[test]
    fn the_interpreter_is_found_and_replaced() {
        let bytes = program();
        let mut copy = file(&bytes);
        let found = interpreter(&copy).expect("it can be read").expect("it names one");
        assert_eq!(found.path, b"/ld.so");
        replace(&mut copy, &found, b"/a/much/longer/name").expect("room for it");
        let again = interpreter(&copy).expect("it can be read").expect("it names one");
        assert_eq!(again, Interpreter { path: b"/a/much/longer/name".to_vec(), ..found });
        let kept = read_at(&copy, 0, bytes.len()).expect("it can be read");
        let changed: Vec<_> = (0..bytes.len()).filter(|&at| kept[at] != bytes[at]).collect();
        assert!(changed.iter().all(|at| (120 + 8..120 + 40).contains(at)), "{changed:?}");
    }

    /// Every byte in turn takes values that could lead a reader astray.
    #[test]
    fn no_damage_leads_astray() {
        let whole = program();
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = path_in(&bytes);
            }
            assert_eq!(path_in(&whole[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn a_program_of_another_machine_is_not_looked_into() {
        let mut bytes = program();
        bytes[18] = 0xf3;
        assert_eq!(path_in(&bytes), None);
    }

    #[test]
    fn our_own_program_has_the_interpreter_the_kernel_used() {
        let own = File::open("/proc/self/exe").expect("our own program");
        if let Some(found) = interpreter(&own).expect("it can be read") {
            assert!(
                std::path::Path::new(std::str::from_utf8(&found.path).expect("a name")).exists()
            );
        }
    }
}
