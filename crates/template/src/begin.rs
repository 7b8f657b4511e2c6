//! Where the object is entered: before the runtime's own main, and where the runtime would wait.

use crate::sys::{self, call, File, Nr};
use crate::{heap, restore, save};
use core::sync::atomic::Ordering::Relaxed;

/// What the launcher passed: the pipe that a request comes through, the image, this object, and
/// where one that started from an image says that it waits.
pub const HANDOFF: usize = 3;
pub const IMAGE: usize = 4;
pub const OBJECT: usize = 5;
pub const READY: usize = 6;
const OURS: &[u8] = b"LD_PRELOAD=";
/// Of our exits: anything but what a template that is whole ends with.
pub const BROKEN: usize = 70;
/// A file of the template's is not what it was.
pub const CHANGED: usize = 77;

/// Before the runtime's own main: either there is an image, which takes this process over, or one
/// is to be made once the runtime waits.
pub fn begin(stack: &[usize]) {
    let (Some(image), Some(_)) = (File::stat(IMAGE), File::stat(OBJECT)) else { return };
    if image.size > 0 {
        restore::restore(stack);
    }
    // High, so that the runtime's own descriptors have the numbers that they have anyway.
    let kept = call(Nr::Fcntl, [IMAGE, sys::F_DUPFD_CLOEXEC, 900, 0, 0, 0]);
    let _ = call(Nr::CloseRange, [IMAGE, READY, 0, 0, 0, 0]);
    hide(stack);
    if let (Ok(kept), Some(handoff)) = (kept, File::stat(HANDOFF)) {
        sys::HANDOFF_INODE.store(handoff.inode, Relaxed);
        sys::IMAGE_FILE.store(kept, Relaxed);
        sys::WAITS.store(1, Relaxed);
        heap::stop();
    }
}

/// Takes what had us loaded out of the environment: it is no business of the runtime's children.
fn hide(stack: &[usize]) {
    let first = stack.iter().position(|word| *word == 0).map_or(0, |end| end + 1);
    let environment = stack.get(first..).unwrap_or_default();
    let count = environment.iter().position(|word| *word == 0).unwrap_or(0);
    let strings = environment.get(..count).unwrap_or_default();
    let is_ours = |text: &usize| sys::bytes(*text, OURS.len()) == OURS;
    if let Some(at) = strings.iter().position(is_ours) {
        let place = environment.as_ptr() as usize + at * 8;
        sys::copy(place, place + 8, (count - at) * 8);
    }
}

/// All of the image is in place: from here on nothing is done but what the runtime does itself.
pub fn say_ready(to: usize) {
    let byte = [1u8];
    let _ = call(Nr::Write, [to, byte.as_ptr() as usize, 1, 0, 0, 0]);
    let _ = call(Nr::Close, [to, 0, 0, 0, 0, 0]);
}

/// The runtime reads from a descriptor, while there is no image yet: is it for its request?
pub fn about_to_read(descriptor: usize, stack: usize) {
    let handoff = sys::HANDOFF_INODE.load(Relaxed);
    if File::stat(descriptor).is_some_and(|file| file.inode == handoff) {
        sys::WAITS.store(0, Relaxed);
        let status = match save::save(sys::IMAGE_FILE.load(Relaxed), stack) {
            Ok(()) => 0,
            Err(why) => why as usize,
        };
        sys::exit(status);
    }
}
