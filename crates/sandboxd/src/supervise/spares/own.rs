//! What a request's sandbox is to be like, and what it has that no other of its breed has.

use crate::child::plan::Given;
use crate::confine::data::DataSets;
use crate::protocol::interactive::Size;
use crate::protocol::message::{Recipe, Words};
use crate::supervise::network::way::Way;
use crate::supervise::spares::Purpose;
use std::rc::Rc;

/// What a sandbox is to be like, but for its limits.
pub struct Kindred<'a> {
    pub recipe: &'a Rc<Recipe>,
    pub words: &'a Words,
    pub purpose: &'a Purpose,
}

/// What only this one has, and has to be there before the sandbox: its names and network, its data
/// sets, a terminal of this size; what its runtime starts from.
#[derive(Default)]
pub struct Own {
    pub way: Option<Way>,
    pub data: Option<DataSets>,
    pub terminal: Option<Size>,
    pub given: Option<Given>,
    /// A request waits for its runtime.
    pub is_awaited: bool,
}

impl Own {
    pub fn is_nothing(&self) -> bool {
        self.way.is_none() && self.data.is_none() && self.terminal.is_none()
    }
}
