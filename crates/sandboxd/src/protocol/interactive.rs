//! What is said of and to a program that is talked to while it runs
//! (docs/reference/launch-protocol.md).

use serde::Deserialize;

/// Of a `start`: its input stays open, and signals may follow.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Interactive {
    /// Its streams are one terminal of this size; absent: pipes.
    pub terminal: Option<Size>,
}

/// In letters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// The signals that can be sent, by their names (signal(7)).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum SignalName {
    Sighup,
    Sigint,
    Sigquit,
    Sigkill,
    Sigusr1,
    Sigusr2,
    Sigterm,
    Sigcont,
    Sigstop,
    Sigtstp,
    Sigwinch,
}

impl SignalName {
    pub fn number(self) -> i32 {
        match self {
            SignalName::Sighup => libc::SIGHUP,
            SignalName::Sigint => libc::SIGINT,
            SignalName::Sigquit => libc::SIGQUIT,
            SignalName::Sigkill => libc::SIGKILL,
            SignalName::Sigusr1 => libc::SIGUSR1,
            SignalName::Sigusr2 => libc::SIGUSR2,
            SignalName::Sigterm => libc::SIGTERM,
            SignalName::Sigcont => libc::SIGCONT,
            SignalName::Sigstop => libc::SIGSTOP,
            SignalName::Sigtstp => libc::SIGTSTP,
            SignalName::Sigwinch => libc::SIGWINCH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_known_by_its_name_alone() {
        let read = |text: &str| serde_json::from_str::<SignalName>(text).ok();
        assert_eq!(read("\"SIGINT\""), Some(SignalName::Sigint));
        assert_eq!(read("\"SIGUSR2\"").map(SignalName::number), Some(12));
        for text in ["\"sigint\"", "\"INT\"", "2", "\"SIGSEGV\"", "\"SIGCHLD\"", "\"\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
