//! No capability in any set, and no way back to one (capabilities(7)).

use crate::lab::{holds, Protection};
use rustix::thread::{
    capabilities, clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets,
};
use std::io;

/// Capability numbers go to 63 in the kernel's ABI; the first unknown one ends the loop.
const CAPABILITIES_MAX: u32 = 64;

/// Empties all five sets and locks the secure bits, so that uid 0 means nothing either.
pub fn drop_all() -> io::Result<()> {
    if !holds(Protection::Capabilities) {
        return keep_over_exec();
    }
    clear_ambient_capability_set()?;
    for number in 0..CAPABILITIES_MAX {
        let one = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )?;
    if holds(Protection::NoNewPrivileges) {
        keep_none()
    } else {
        // The attack lab's build: without it the filter wants CAP_SYS_ADMIN until the execve.
        Ok(())
    }
}

/// The attack lab's build: a uid that is not 0 keeps capabilities over execve in the ambient set.
fn keep_over_exec() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    for number in 0..CAPABILITIES_MAX {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if sets.permitted.contains(one) {
            configure_capability_in_ambient_set(one, true)?;
        }
    }
    Ok(())
}

/// Empties the effective, permitted and inheritable sets only: for our own PID 1.
pub fn keep_none() -> io::Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    Ok(set_capabilities(None, sets)?)
}
