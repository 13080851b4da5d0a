//! Strings.

mod get;

use crate::command::DataCommand;

pub(super) const FAMILY: &[&[DataCommand]] = &[get::COMMANDS];
