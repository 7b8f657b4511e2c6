//! Bytes into a descriptor. No allocation: PID 1 of a sandbox writes so as well.

use rustix::io::Errno;
use std::os::fd::AsFd;

/// Writes until nothing is left.
///
/// # Errors
/// As write(2), but for EINTR, at which it goes on.
pub fn write_all(file: impl AsFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&file, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
