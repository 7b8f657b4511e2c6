//! Host uids and CPUs for sandboxes: a uid is never shared by two that live, and one that can't be
//! proven gone keeps its own for good.

use crate::lab::{holds, Protection};
use crate::standing::Ids;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub struct Slots {
    shared: Rc<RefCell<Shared>>,
}

struct Shared {
    /// The one uid of all, where they don't have one each.
    common: Option<u32>,
    count: u32,
    /// Oldest first, so that a uid rests as long as possible before it serves again.
    free: VecDeque<u32>,
    /// Live sandboxes of each CPU.
    cpus: Vec<u32>,
    quarantined: usize,
}

pub struct Slot {
    shared: Rc<RefCell<Shared>>,
    pub host_id: u32,
    number: u32,
    /// The CPU that it is counted on, once it has a program.
    cpu: Cell<Option<usize>>,
    withheld: Cell<bool>,
    lent: Cell<bool>,
}

/// The use of a layer's uid by one run. While it lasts, other runs of the layer get their own.
pub struct Lease {
    slot: Rc<Slot>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.slot.lent.set(false);
    }
}

impl Slots {
    pub fn new(ids: Ids, slots: u32, cores: usize) -> Slots {
        let (first, count, common) = match ids {
            Ids::Range { first, count } if holds(Protection::OwnUid) => (first, count, None),
            Ids::Range { first, count } => (first, count, Some(first)),
            // Root of the launcher's own namespace, and the one who started it outside.
            Ids::Shared => (0, slots, Some(0)),
        };
        let free = (0..count).map(|index| first + index).collect();
        let cpus = vec![0; cores.max(1)];
        let shared = Shared { common, count, free, cpus, quarantined: 0 };
        Slots { shared: Rc::new(RefCell::new(shared)) }
    }

    /// A uid; `None` when all are in use.
    pub fn take(&self) -> Option<Rc<Slot>> {
        let mut shared = self.shared.borrow_mut();
        let number = shared.free.pop_front()?;
        let host_id = shared.common.unwrap_or(number);
        Some(Rc::new(Slot {
            shared: Rc::clone(&self.shared),
            host_id,
            number,
            cpu: Cell::new(None),
            withheld: Cell::new(false),
            lent: Cell::new(false),
        }))
    }

    pub fn free(&self) -> usize {
        self.shared.borrow().free.len()
    }

    /// Uids there are, free or not.
    pub fn count(&self) -> u32 {
        self.shared.borrow().count
    }

    /// Whether each slot has a uid that no other has.
    pub fn are_own(&self) -> bool {
        self.shared.borrow().common.is_none()
    }

    pub fn quarantined(&self) -> usize {
        self.shared.borrow().quarantined
    }
}

impl Shared {
    fn count(&mut self, cpu: usize, change: i64) {
        if let Some(count) = self.cpus.get_mut(cpu) {
            *count = count.saturating_add_signed(change as i32);
        }
    }
}

/// Lends a layer's uid to a run, if no other run has it.
pub fn lend(slot: &Rc<Slot>) -> Option<Lease> {
    let is_free = !slot.withheld.get() && !slot.lent.replace(true);
    is_free.then(|| Lease { slot: Rc::clone(slot) })
}

impl Slot {
    /// The CPUs that have the fewest other sandboxes: the program takes the one it is on, if it is
    /// among them, since moving to another would cost it a wait. Counted on the first until it is
    /// known.
    pub fn best_cpus(&self) -> Vec<usize> {
        self.count_on(None);
        let counts = self.shared.borrow().cpus.clone();
        let least = counts.iter().min().copied().unwrap_or(0);
        let best = counts.iter().enumerate().filter(|(_, count)| **count == least);
        let best: Vec<usize> = best.map(|(cpu, _)| cpu).collect();
        self.count_on(best.first().copied());
        best
    }

    /// Where the program really is.
    pub fn runs_on(&self, cpu: usize) {
        self.count_on(Some(cpu));
    }

    /// Its program is dead: the CPU is another's from now on, however long the teardown takes.
    pub fn frees_cpu(&self) {
        self.count_on(None);
    }

    fn count_on(&self, cpu: Option<usize>) {
        let mut shared = self.shared.borrow_mut();
        if let Some(old) = self.cpu.replace(cpu) {
            shared.count(old, -1);
        }
        if let Some(new) = cpu {
            shared.count(new, 1);
        }
    }

    /// Keeps the uid out of use, for the rest of the launcher's life unless it is given back.
    pub fn withhold(&self) {
        if !self.withheld.replace(true) {
            self.shared.borrow_mut().quarantined += 1;
        }
    }

    /// Its sandbox is proven gone after all: the uid is free once nobody holds it.
    pub fn give_back(&self) {
        if self.withheld.replace(false) {
            self.shared.borrow_mut().quarantined -= 1;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.count_on(None);
        let mut shared = self.shared.borrow_mut();
        if !self.withheld.get() {
            shared.free.push_back(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_uid_is_given_twice_while_it_is_held() {
        let slots = Slots::new(Ids::Range { first: 100, count: 2 }, 2, 2);
        let (first, second) = (slots.take(), slots.take());
        let ids: Vec<u32> = [&first, &second].into_iter().flatten().map(|s| s.host_id).collect();
        assert_eq!(ids, [100, 101]);
        assert!(slots.take().is_none());
        drop(first);
        assert_eq!(slots.take().map(|slot| slot.host_id), Some(100));
    }

    #[test]
    fn the_cpu_of_a_dead_program_is_free_before_its_uid_is() {
        let slots = Slots::new(Ids::Range { first: 100, count: 3 }, 3, 2);
        let (noise, dying, next) = (slots.take(), slots.take(), slots.take());
        assert!(noise.is_some_and(|slot| {
            slot.runs_on(0);
            let Some(dying) = &dying else { return false };
            dying.runs_on(1);
            dying.frees_cpu();
            next.is_some_and(|next| next.best_cpus() == [1])
        }));
    }

    #[test]
    fn slots_of_one_uid_are_still_counted() {
        let slots = Slots::new(Ids::Shared, 2, 2);
        let (first, second) = (slots.take(), slots.take());
        let ids: Vec<u32> = [&first, &second].into_iter().flatten().map(|s| s.host_id).collect();
        assert_eq!(ids, [0, 0]);
        assert!(slots.take().is_none());
        drop((first, second));
        assert!(slots.take().is_some());
    }

    #[test]
    fn a_withheld_uid_never_comes_back() {
        let slots = Slots::new(Ids::Range { first: 100, count: 1 }, 1, 1);
        if let Some(slot) = slots.take() {
            slot.withhold();
            assert_eq!(slots.quarantined(), 1, "while its sandbox still refuses to go");
            slot.withhold();
        }
        assert!(slots.take().is_none());
        assert_eq!(slots.quarantined(), 1);
    }

    #[test]
    fn a_uid_comes_back_whose_sandbox_was_only_slow_to_go() {
        let slots = Slots::new(Ids::Range { first: 100, count: 1 }, 1, 1);
        if let Some(slot) = slots.take() {
            slot.withhold();
            slot.give_back();
            slot.give_back();
            assert!(slots.take().is_none(), "it is held still");
        }
        assert_eq!(slots.quarantined(), 0);
        assert_eq!(slots.take().map(|slot| slot.host_id), Some(100));
    }
}
