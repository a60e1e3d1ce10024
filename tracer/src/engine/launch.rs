//! Executing something else than the tracee named: what the kernel reads for it from the tracee's
//! memory, and what is put right once the program is there.

use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::syscall::{Flags, Kind};
use vrift_arch::{Arch, Arg, abi};
use vrift_vfs::{Exe, Launch, Made};

use super::scratch::{SLOT_BYTES, Slot};
use super::task::Pending;
use super::{Engine, Guest};
use crate::call::{Abi, Call};
use crate::decode::{arg_of_kind, path_arg};
use crate::memory::{GuestAddr, Memory};
use crate::procfs;

/// `AT_EXECFN` (include/uapi/linux/auxvec.h).
const AT_EXECFN: u64 = 31;

/// The longest path with its NUL (`PATH_MAX`).
const PATH_BYTES_MAX: usize = 4096;

/// The longest argument with its NUL (`MAX_ARG_STRLEN`).
const WORD_BYTES_MAX: usize = 32 * 4096;

/// More pointers than the kernel takes: their room alone is limited to three quarters of 8 MiB
/// (`bprm_stack_limits` in fs/exec.c).
const WORDS_MAX: usize = 6 * 1024 * 1024 / 8;

/// What the kernel reads from memory for an execution.
#[derive(Debug)]
pub(super) struct Script {
    /// The path of the file, made at least as long as the name the program was given.
    path: Vec<u8>,
    words: Vec<Vec<u8>>,
    /// The tracee's own arguments that follow, as pointers, with the null at the end.
    rest: Vec<u64>,
    sites: Sites,
}

/// Where an executing call has what is replaced.
#[derive(Debug, Clone, Copy)]
struct Sites {
    abi: Abi,
    /// The bytes of a pointer.
    word: usize,
    path: Option<Arg>,
    argv: Option<Arg>,
    flags: Option<Arg>,
}

/// What is put right when the program has been executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Launched {
    /// What `/proc/<pid>/exe` is to show.
    exe: Option<Exe>,
    /// The name the kernel was given.
    path: Vec<u8>,
    /// The name the program was given.
    filename: Vec<u8>,
}

impl Script {
    /// Reads what is kept of the tracee's arguments. *Errors:* what the kernel would answer.
    pub(super) fn read<A: Arch>(
        call: &Call,
        launch: &Launch,
        memory: &dyn Memory,
    ) -> Result<Script, Errno> {
        let path = padded(launch.path.as_os_str().as_bytes(), launch.filename.len());
        if path.len() >= PATH_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let sites = Sites {
            abi: call.abi,
            word: A::WORD,
            path: path_arg::<A>(call, 0),
            argv: arg_of_kind::<A>(call, Kind::Argv),
            flags: arg_of_kind::<A>(call, Kind::Flags(Flags::At)),
        };
        let mut script = Script { path, words: launch.words.clone(), rest: Vec::new(), sites };
        if !launch.words.is_empty() {
            let argv = sites.argv.map_or(0, |arg| call.arg(arg));
            let own = pointers(GuestAddr(argv), A::WORD, memory)?;
            if let Some(&first) = own.first().filter(|&&first| first != 0) {
                // It is dropped, but the kernel copies it first.
                memory.read_cstr(GuestAddr(first), WORD_BYTES_MAX).map_err(too_long)?;
            }
            script.rest = own.get(1..).unwrap_or(&[0]).to_vec();
            if script.rest.is_empty() {
                script.rest.push(0);
            }
        }
        Ok(script)
    }

    fn strings(&self) -> usize {
        let words = self.words.iter().map(|word| word.len() + 1).sum::<usize>();
        (self.path.len() + 1 + words).next_multiple_of(8)
    }

    /// How many slots it takes.
    pub(super) fn slots(&self) -> usize {
        let pointers = self.words.len() + self.rest.len();
        (self.strings() + pointers * self.sites.word).div_ceil(SLOT_BYTES as usize)
    }

    /// The bytes for memory at `at`: the path, the words, and the pointers to the arguments.
    pub(super) fn laid_out(&self, at: GuestAddr) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut pointers = Vec::new();
        for text in std::iter::once(&self.path).chain(&self.words) {
            pointers.push(at.offset(bytes.len() as u64).0);
            bytes.extend(text);
            bytes.push(0);
        }
        bytes.resize(self.strings(), 0);
        let words = pointers.into_iter().skip(1).chain(self.rest.iter().copied());
        // Both architectures are little-endian: the first bytes are the smaller word.
        words.for_each(|word| bytes.extend(&word.to_ne_bytes()[..self.sites.word]));
        bytes
    }

    /// Points the call at it.
    pub(super) fn aim<A: Arch, G: Guest<A>>(
        &self,
        slots: &[Slot],
        pending: &mut Pending,
        guest: &G,
    ) -> Result<(), Errno> {
        let Sites { abi, path, argv, flags, .. } = self.sites;
        let call = pending.call.clone();
        let mut set = |arg: Option<Arg>, value: u64| {
            let Some(arg) = arg else { return Ok(()) };
            pending.undo.args.push((abi, arg, call.arg(arg)));
            guest.set_arg(abi, arg, value)
        };
        let Some(at) = slots.first().map(|slot| slot.addr()) else { return Ok(()) };
        set(path, at.0)?;
        if !self.words.is_empty() {
            set(argv, at.offset(self.strings() as u64).0)?;
        }
        let kept = u64::from(!(abi::AT_EMPTY_PATH | abi::AT_SYMLINK_NOFOLLOW));
        set(flags, flags.map_or(0, |arg| call.arg(arg)) & kept)
    }
}

impl<A: Arch> Engine<A> {
    /// Writes what the kernel is to read; `None` if a region must be mapped first.
    pub(super) fn place_script<G: Guest<A>>(
        &mut self,
        script: &Script,
        abi: Abi,
        guest: &G,
    ) -> Result<Option<Vec<Slot>>, Errno> {
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut scratch = task.scratch.borrow_mut();
        let Some(slots) = scratch.take_run(script.slots(), abi) else { return Ok(None) };
        let Some(first) = slots.first() else { return Ok(None) };
        let planted = match first.is_ours(guest) {
            Ok(true) => guest.plant(first.addr(), &script.laid_out(first.addr())),
            Ok(false) => Err(Errno::EFAULT),
            Err(errno) => Err(errno),
        };
        match planted {
            Ok(()) => Ok(Some(slots)),
            Err(Errno::ESRCH) => {
                scratch.release(&slots);
                Err(Errno::ESRCH)
            }
            // The tracee has unmapped what we had mapped.
            Err(_) => {
                scratch.reset();
                Ok(None)
            }
        }
    }
}

impl Launched {
    pub(super) fn new(launch: Launch, script: &Script) -> Launched {
        let exe = match launch.made {
            Made::Copy => Some(launch.program),
            Made::Itself => None,
        };
        Launched { exe, path: script.path.clone(), filename: launch.filename }
    }

    /// What the process runs, if `/proc` would show something else.
    pub(super) fn exe(&self) -> Option<&Exe> {
        self.exe.as_ref()
    }

    /// Lets the new program find the name it was given. *Errors:* only that it is dying.
    pub(super) fn put_right<A: Arch, G: Guest<A>>(&self, guest: &G) -> Result<(), Errno> {
        let Some(at) = entry(&procfs::auxv(guest.tid()), AT_EXECFN).map(GuestAddr) else {
            return Ok(());
        };
        // Whoever stands between the file and the program (binfmt_misc) may have named another.
        if guest.read_cstr(at, PATH_BYTES_MAX) != Ok(self.path.clone()) {
            return Ok(());
        }
        let mut name = self.filename.clone();
        name.resize(self.path.len(), 0);
        match guest.plant(at, &name) {
            Err(Errno::ESRCH) => Err(Errno::ESRCH),
            _ => Ok(()),
        }
    }
}

/// Whether the kernel could copy the arguments and the environment of an execution. *Errors:* why
/// not.
pub(super) fn check_arguments<A: Arch>(
    call: &Call,
    memory: &dyn Memory,
    tid: Pid,
) -> Result<(), Errno> {
    let mut room = room_for_arguments(procfs::stack_limit(tid));
    let mut strings = Vec::new();
    for kind in [Kind::Argv, Kind::Envp] {
        let at = arg_of_kind::<A>(call, kind).map_or(0, |arg| call.arg(arg));
        strings.extend(pointers(GuestAddr(at), A::WORD, memory)?.into_iter().filter(|&at| at != 0));
    }
    for at in strings {
        let string = memory.read_cstr(GuestAddr(at), WORD_BYTES_MAX).map_err(too_long)?;
        room = room.checked_sub(string.len() + 1 + A::WORD).ok_or(Errno::E2BIG)?;
    }
    Ok(())
}

/// How much the arguments, the environment and the pointers to both may take
/// (`bprm_stack_limits` in fs/exec.c).
fn room_for_arguments(stack: u64) -> usize {
    const LEAST: u64 = 32 * 4096;
    const MOST: u64 = 8 * 1024 * 1024 / 4 * 3;
    (stack / 4).clamp(LEAST, MOST) as usize
}

fn too_long(errno: Errno) -> Errno {
    if errno == Errno::ENAMETOOLONG { Errno::E2BIG } else { errno }
}

/// The same path in at least `len` bytes.
fn padded(path: &[u8], len: usize) -> Vec<u8> {
    let slashes = len.saturating_sub(path.len());
    let mut padded = vec![b'/'; slashes];
    padded.extend(path);
    padded
}

/// Reads pointers of `size` bytes, up to and with the null.
pub(crate) fn pointers(at: GuestAddr, size: usize, memory: &dyn Memory) -> Result<Vec<u64>, Errno> {
    const STEP: usize = 512;
    let mut found = Vec::new();
    if at.is_null() {
        return Ok(found);
    }
    while found.len() <= WORDS_MAX {
        // Up to the end of a page: the array may end right before memory that is not there.
        let from = at.offset((found.len() * size) as u64);
        let room = (SLOT_BYTES - from.0 % SLOT_BYTES) as usize / size;
        let mut bytes = vec![0; room.clamp(1, STEP) * size];
        memory.read_exact(from, &mut bytes)?;
        for pointer in bytes.chunks_exact(size) {
            let mut word = [0; 8];
            word[..size].copy_from_slice(pointer);
            found.push(u64::from_ne_bytes(word));
            if pointer.iter().all(|&byte| byte == 0) {
                return Ok(found);
            }
        }
    }
    Err(Errno::E2BIG)
}

/// The value of an entry of the auxiliary vector, whose words are of the program's size.
fn entry(auxv: &[u8], wanted: u64) -> Option<u64> {
    let large = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
    let small = |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).map(u64::from).ok();
    // Half of what a 64-bit reader takes for a type is a value in a vector of 32 bits.
    let wide = auxv.chunks_exact(16).filter_map(|pair| large(&pair[..8])).all(|kind| kind < 0x1000);
    if wide { find(auxv, 8, wanted, large) } else { find(auxv, 4, wanted, small) }
}

fn find(auxv: &[u8], size: usize, wanted: u64, word: impl Fn(&[u8]) -> Option<u64>) -> Option<u64> {
    let mut pairs = auxv.chunks_exact(2 * size);
    word(&pairs.find(|pair| word(&pair[..size]) == Some(wanted))?[size..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_path_names_the_same_file() {
        assert_eq!(padded(b"/a", 4), b"///a");
        assert_eq!(padded(b"/abc", 2), b"/abc");
    }

    #[test]
    fn arguments_follow_the_words_and_end_in_null() {
        let sites = Sites { abi: Abi::Native, word: 8, path: None, argv: None, flags: None };
        let (path, words) = (b"/x".to_vec(), vec![b"sh".to_vec()]);
        let script = Script { path, words, rest: vec![0x77, 0], sites };
        let bytes = script.laid_out(GuestAddr(0x1000));
        assert_eq!(&bytes[..6], b"/x\0sh\0");
        let words: Vec<_> = bytes[8..]
            .chunks_exact(8)
            .map(|word| u64::from_ne_bytes(word.try_into().expect("eight bytes")))
            .collect();
        assert_eq!(words, [0x1003, 0x77, 0]);
        assert_eq!(script.slots(), 1);
    }

    #[test]
    fn the_auxiliary_vector_is_read_in_either_size() {
        let wide: Vec<u8> = [33u64, 0x7fff_0000_0000, AT_EXECFN, 0x7fff_1234_5678, 0, 0]
            .into_iter()
            .flat_map(u64::to_ne_bytes)
            .collect();
        assert_eq!(entry(&wide, AT_EXECFN), Some(0x7fff_1234_5678));
        let narrow: Vec<u8> = [32u32, 0xf7f0_0000, AT_EXECFN as u32, 0xffff_dff0, 0, 0]
            .into_iter()
            .flat_map(u32::to_ne_bytes)
            .collect();
        assert_eq!(entry(&narrow, AT_EXECFN), Some(0xffff_dff0));
        assert_eq!(entry(&wide, 999), None);
    }
}
