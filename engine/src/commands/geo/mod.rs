//! Places, which are scores of sorted sets.

mod add;
mod position;
mod query;
mod search;

use crate::command::{Args, DataCommand, Error};
use crate::number;
use crate::types::geo::Point;

pub(super) const FAMILY: &[&[DataCommand]] = &[add::COMMANDS, position::COMMANDS, search::COMMANDS];

/// The next two words as a place.
fn point(args: &mut Args<'_>) -> Result<Point, Error> {
    let mut coordinate = || number::parse_double(args.word()?).ok_or(Error::NotFloat);
    let point = Point { longitude: coordinate()?, latitude: coordinate()? };
    if point.is_on_map() {
        return Ok(point);
    }
    let text = format!("ERR invalid longitude,latitude pair {:.6},{:.6}", point.longitude, point.latitude);
    Err(Error::Other(text.into()))
}

/// The next word as a unit: its length in metres.
fn unit_m(args: &mut Args<'_>) -> Result<f64, Error> {
    const UNITS: [(&str, f64); 4] = [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)];
    let known = UNITS.iter().find(|(name, _)| args.take(name));
    known
        .map(|(_, length_m)| *length_m)
        .ok_or(Error::text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// A distance as Redis shows it.
fn distance_text(distance: f64) -> String {
    format!("{distance:.4}")
}

/// A coordinate as Redis shows it: with up to 17 digits after the point.
fn coordinate_text(degrees: f64) -> String {
    let text = format!("{degrees:.17}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}
