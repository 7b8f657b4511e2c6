use rustix::io;
use rustix::process::{
    getpid, getppid, parent_process_death_signal, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, Pid, PidfdFlags, Signal,
};

/// The launcher's own parent-death signal: it is lost whenever the effective uid changes
/// (PR_SET_PDEATHSIG(2const)).
pub struct DeathSignal {
    signal: Signal,
    /// `None` where it is outside our PID namespace.
    parent: Option<Pid>,
}

impl DeathSignal {
    pub fn of_ours() -> Option<Self> {
        let signal = parent_process_death_signal().unwrap_or(None)?;
        Some(Self { signal, parent: getppid() })
    }

    /// Asks for it again. A parent that died while it was lost sent none: then we send ourselves
    /// the one that we missed.
    pub fn keep(&self) -> io::Result<()> {
        set_parent_process_death_signal(Some(self.signal))?;
        if getppid() != self.parent {
            pidfd_send_signal(pidfd_open(getpid(), PidfdFlags::empty())?, self.signal)?;
        }
        Ok(())
    }
}
