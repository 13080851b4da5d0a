//! HyperLogLogs: the number of different elements, nearly.

mod add;
mod count;
mod debug;
mod merge;

use crate::command::{DataCommand, Error, Exec, Key};
use crate::keyspace::Place;
use crate::types::hyperloglog::{Corrupt, Form};

pub(super) const FAMILY: &[&[DataCommand]] =
    &[add::COMMANDS, count::COMMANDS, debug::COMMANDS, merge::COMMANDS];

/// The form of the HyperLogLog that the string at a place is.
fn form_of(exec: &mut Exec<'_, '_>, key: &Key<'_>, place: &Place) -> Result<Form, Error> {
    let value = exec.view(key, place).string();
    Form::of(value.read(0), value.len())
        .ok_or(Error::text("WRONGTYPE Key is not a valid HyperLogLog string value."))
}

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Error {
        Error::text("INVALIDOBJ Corrupted HLL object detected")
    }
}
