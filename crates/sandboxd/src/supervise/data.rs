//! The data sets that a request names: opened anew for each sandbox, as packs' trees are.

use crate::confine::data::DataSets;
use crate::protocol::message::DataSet;
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::context::Context;
use rustix::io::Errno;
use std::io;

/// `None` where none is asked for.
///
/// # Errors
/// `data` and why: `ENOENT` where there is no such set (any more), or as `Packs::open` says.
pub fn open(asked: &[DataSet], context: &mut Context) -> Result<Option<DataSets>, SetupFailure> {
    if asked.is_empty() {
        return Ok(None);
    }
    let name = context.next_name();
    make(asked, &name, context).map(Some).map_err(Step::Data.failed())
}

fn make(asked: &[DataSet], name: &str, context: &Context) -> io::Result<DataSets> {
    let packs = context.template.roots().packs().ok_or(Errno::NOENT)?;
    let opened: io::Result<Vec<_>> =
        asked.iter().map(|set| Ok((set.name.as_str(), packs.open_data(&set.digest)?))).collect();
    DataSets::mount(context.template.data_path(name), &opened?)
}
