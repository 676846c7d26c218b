//! Calls of the kernel that no plugin needs, refused by seccomp.
//!
//! | What | Why | Answer |
//! |---|---|---|
//! | other processes: `ptrace`, their memory and descriptors, signals, limits | they are not the plugin's | `EPERM` |
//! | new unix sockets | the daemon trusts its own user on its socket | `EPERM` |
//! | another session or process group | what is killed is the group, with all that the plugin started | `EPERM` |
//! | `io_uring` | it makes calls that are not seen here | `EPERM` |
//! | mounts, namespaces, modules, keys, clocks, `bpf`, `perf` | they change the machine | `EPERM` |
//! | new processes, where none are allowed | a fork bomb | `EAGAIN` |
//! | `clone3` | its flags can not be seen; the C library then takes `clone` | `ENOSYS` |

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// The calls, and for each the conditions under which it is refused; none for always.
type Calls = BTreeMap<libc::c_long, Vec<SeccompRule>>;

/// Always refused.
const NEVER: &[libc::c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// Refuses those calls to this thread and all that it starts. With `alone` it can start no process.
pub(super) fn refuse(alone: bool) -> Result<(), Error> {
    apply(forbidden()?, libc::EPERM)?;
    if alone {
        apply(new_processes()?, libc::EAGAIN)?;
        apply(Calls::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
    }
    Ok(())
}

fn apply(calls: Calls, errno: i32) -> Result<(), Error> {
    let refused = SeccompAction::Errno(errno.unsigned_abs());
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, refused, arch)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}

fn forbidden() -> Result<Calls, Error> {
    let mut calls: Calls = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    // Only to ourselves, as `abort` and `raise` do.
    let own = u64::from(std::process::id());
    for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo] {
        calls.insert(call, vec![rule(&[(0, Is::Ne, own)])?]);
    }
    calls.insert(libc::SYS_prlimit64, vec![rule(&[(0, Is::Ne, own), (0, Is::Ne, 0)])?]);
    calls.insert(libc::SYS_socket, vec![rule(&[(0, Is::Eq, libc::AF_UNIX.unsigned_abs().into())])?]);
    Ok(calls)
}

fn new_processes() -> Result<Calls, Error> {
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    let mut calls = Calls::from([(libc::SYS_clone, vec![rule(&[(0, Is::MaskedEq(thread), 0)])?])]);
    #[cfg(target_arch = "x86_64")]
    calls.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
    Ok(calls)
}

/// Holds where all of these arguments are so.
fn rule(arguments: &[(u8, Is, u64)]) -> Result<SeccompRule, Error> {
    let condition =
        |(at, is, value): &(u8, Is, u64)| SeccompCondition::new(*at, Length::Dword, is.clone(), *value);
    let conditions = arguments.iter().map(condition).collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}
