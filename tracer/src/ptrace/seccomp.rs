//! Installing a seccomp program on the calling thread.
#![expect(unsafe_code, reason = "seccomp(2) has no safe wrapper")]

use nix::errno::Errno;
use vrift_arch::seccomp::Insn;

/// A program in the kernel's own layout, made before the fork.
pub(super) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    pub(super) fn new(program: &[Insn]) -> Filter {
        let convert = |i: &Insn| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
        Filter(program.iter().map(convert).collect())
    }

    /// Installs the program. Without the right to do so (`CAP_SYS_ADMIN`) the thread first gives up
    /// gaining privileges by exec, which makes set-user-id programs run unprivileged.
    ///
    /// Allocates nothing: it may run between fork and exec.
    pub(super) fn install(&self) -> Result<(), Errno> {
        match self.set() {
            Err(Errno::EACCES) => {
                // SAFETY: this prctl takes numbers only.
                Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
                self.set()
            }
            other => other,
        }
    }

    fn set(&self) -> Result<(), Errno> {
        let program = libc::sock_fprog {
            len: self.0.len() as libc::c_ushort,
            filter: self.0.as_ptr().cast_mut(),
        };
        // SAFETY: `program` describes the vector, which outlives the call; the kernel copies it and
        // writes nothing.
        let result = unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
        };
        Errno::result(result).map(drop)
    }
}
