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

/// A distance as Redis shows it: what it comes to in ten-thousandths is rounded, which is not quite rounding its text.
fn distance_text(distance: f64) -> String {
    const UNIT: u64 = 10_000;
    let rounded = (distance * UNIT as f64).round_ties_even() as u64;
    format!("{}.{:04}", rounded / UNIT, rounded % UNIT)
}

/// A coordinate as Redis shows it: with up to 17 digits after the point.
fn coordinate_text(degrees: f64) -> String {
    let text = format!("{degrees:.17}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_redis_shows_them() {
        for (distance, text) in [
            (0.0, "0.0000"),
            (0.00005, "0.0000"),
            (166_274.151_57, "166274.1516"),
            (11_260_926.116_65, "11260926.1166"),
            (13_403_119.677_85, "13403119.6778"),
        ] {
            assert_eq!(distance_text(distance), text);
        }
        for (degrees, text) in
            [(-0.0, "0"), (1.5, "1.5"), (100.0, "100"), (13.361_389_338_970_184, "13.36138933897018433")]
        {
            assert_eq!(coordinate_text(degrees), text);
        }
    }
}
