//! A task's credentials, as `/proc/<tid>/status` tells them.

use nix::unistd::Pid;
use vrift_vfs::{Creds, Ids};

use crate::engine::Sight;
use crate::procfs;

/// Capabilities by their names in include/uapi/linux/capability.h.
const CHOWN: u64 = 1 << 0;
const DAC_OVERRIDE: u64 = 1 << 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const FOWNER: u64 = 1 << 3;
const FSETID: u64 = 1 << 4;
const SYS_ADMIN: u64 = 1 << 21;
const MKNOD: u64 = 1 << 27;

/// `CAP_SYS_PTRACE`
const SYS_PTRACE: u64 = 1 << 19;

/// Whom this process may look into (`__ptrace_may_access` in kernel/ptrace.c).
pub(crate) fn sight() -> Sight {
    let status = procfs::status(nix::unistd::gettid());
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let caps = effective.and_then(|caps| u64::from_str_radix(caps.trim(), 16).ok()).unwrap_or(0);
    if caps & SYS_PTRACE != 0 { Sight::OfAll } else { Sight::OfDumpable }
}

/// The credentials of a task for both kinds of check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TaskCreds {
    file_system: Creds,
    real: Creds,
}

impl TaskCreds {
    /// Reads them; a task that is gone has none that grant anything.
    pub(crate) fn of(tid: Pid) -> TaskCreds {
        TaskCreds::parse(&procfs::status(tid))
    }

    /// Those for one kind of check.
    pub(crate) fn get(&self, ids: Ids) -> &Creds {
        match ids {
            Ids::FileSystem => &self.file_system,
            Ids::Real => &self.real,
        }
    }

    fn parse(status: &str) -> TaskCreds {
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("")
        };
        let numbers = |name: &str| -> Vec<u32> {
            field(name).split_whitespace().filter_map(|n| n.parse().ok()).collect()
        };
        let caps = |name: &str| u64::from_str_radix(field(name).trim(), 16).unwrap_or(0);
        // "Uid:" and "Gid:" list the real, effective, saved and file-system id.
        let (uids, gids) = (numbers("Uid"), numbers("Gid"));
        let id = |ids: &[u32], at: usize| ids.get(at).copied().unwrap_or(u32::MAX);
        let creds = |at: usize, caps: u64| Creds {
            uid: id(&uids, at),
            gid: id(&gids, at),
            groups: numbers("Groups"),
            dac_override: caps & DAC_OVERRIDE != 0,
            dac_read_search: caps & DAC_READ_SEARCH != 0,
            chown: caps & CHOWN != 0,
            owner: caps & FOWNER != 0,
            fsetid: caps & FSETID != 0,
            mknod: caps & MKNOD != 0,
            admin: caps & SYS_ADMIN != 0,
        };
        // With the real ids, access(2) grants capabilities to root only (`access_override_creds`
        // in fs/open.c).
        let real_caps = if id(&uids, 0) == 0 { caps("CapPrm") } else { 0 };
        TaskCreds { file_system: creds(3, caps("CapEff")), real: creds(0, real_caps) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_field_by_field() {
        let status = "Name:\tx\nUid:\t1\t0\t0\t7\nGid:\t2\t3\t4\t5\nGroups:\t8 9 \n\
                      CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000004\n";
        let creds = TaskCreds::parse(status);
        let file_system = creds.get(Ids::FileSystem);
        assert_eq!((file_system.uid, file_system.gid), (7, 5));
        assert_eq!(file_system.groups, [8, 9]);
        assert!(!file_system.dac_override && file_system.dac_read_search);
        let real = creds.get(Ids::Real);
        assert_eq!((real.uid, real.gid, real.dac_override), (1, 2, false));
    }

    #[test]
    fn a_task_that_is_gone_is_granted_nothing() {
        assert_eq!(TaskCreds::parse("").get(Ids::FileSystem).uid, u32::MAX);
    }
}
