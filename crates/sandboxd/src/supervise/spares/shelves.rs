//! Where sandboxes wait: by what becomes of their workspace, and by whether a runtime is booted.

use crate::supervise::spares::orders::Line;
use crate::supervise::spares::shelf::Shelf;
use crate::supervise::spares::Purpose;

/// How many of each purpose wait: a burst that is longer than this starts cold.
const PLAIN: usize = 4;
const KEPT: usize = 1;

pub struct Shelves {
    plain: Shelf,
    kept: Shelf,
    pub booted: Shelf,
    pub booted_kept: Shelf,
}

impl Default for Shelves {
    fn default() -> Shelves {
        Shelves {
            plain: Shelf::of_host(PLAIN),
            kept: Shelf::of_host(KEPT),
            booted: Shelf::empty(0),
            booted_kept: Shelf::empty(0),
        }
    }
}

impl Shelves {
    /// Where one for a request would wait.
    pub fn shelf(&mut self, purpose: &Purpose, is_booted: bool) -> Option<&mut Shelf> {
        match purpose {
            Purpose::Over(_) => None,
            Purpose::Plain => Some(self.of(false, is_booted)),
            Purpose::Kept => Some(self.of(true, is_booted)),
        }
    }

    fn of(&mut self, is_kept: bool, is_booted: bool) -> &mut Shelf {
        match (is_kept, is_booted) {
            (false, false) => &mut self.plain,
            (true, false) => &mut self.kept,
            (false, true) => &mut self.booted,
            (true, true) => &mut self.booted_kept,
        }
    }

    /// The one that an order's line is for.
    pub fn of_line(&mut self, line: &Line) -> &mut Shelf {
        self.of(line.is_kept, line.breed.runtime.is_some())
    }

    pub fn all(&mut self) -> [&mut Shelf; 4] {
        [&mut self.plain, &mut self.kept, &mut self.booted, &mut self.booted_kept]
    }
}
