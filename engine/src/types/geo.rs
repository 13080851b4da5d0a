//! Places on the earth as scores of a sorted set: 52 bits, in which those of latitude and longitude alternate
//! (Morton 1966, "geohash"). What is near lies in few ranges of scores.
//!
//! Numbers come out as Redis's do, to the last digit: the same steps in the same order.

use std::f64::consts::PI;

/// In degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub longitude: f64,
    pub latitude: f64,
}

/// Degrees of latitude, to either side, of a square map (Mercator).
const LATITUDE_MAX: f64 = 85.05112878;
const LONGITUDE_MAX: f64 = 180.0;
/// Of the poles.
const LATITUDE_OF_POLE: f64 = 90.0;
/// Bits of each coordinate.
const STEP_MAX: u32 = 26;
const EARTH_RADIUS_M: f64 = 6_372_797.560856;
/// Half of the width of a Mercator map.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

impl Point {
    /// Whether it has a score.
    pub fn is_on_map(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The score of a point on the map.
    pub fn score(self) -> f64 {
        Cell::around(self, STEP_MAX, LATITUDE_MAX).bits() as f64
    }

    /// The middle of the places with this score.
    pub fn of_score(score: f64) -> Point {
        // As C converts on x86-64, also what is no score of a place.
        let bits = if score < 0.0 { score as i64 as u64 } else { score as u64 };
        let cell = Cell { longitude: even_bits(bits >> 1), latitude: even_bits(bits), step: STEP_MAX };
        let (west, east) = cell.longitudes();
        let (south, north) = cell.latitudes();
        Point {
            longitude: ((west + east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((south + north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// Metres along a great circle (haversine formula).
    pub fn distance_m(self, other: Point) -> f64 {
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return self.latitude_distance_m(other);
        }
        let (latitude, other) = (radians(self.latitude), radians(other.latitude));
        let u = ((other - latitude) / 2.0).sin();
        let a = u * u + latitude.cos() * other.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }

    fn latitude_distance_m(self, other: Point) -> f64 {
        EARTH_RADIUS_M * (radians(other.latitude) - radians(self.latitude)).abs()
    }

    /// The usual name of a place, eleven characters of which the last says nothing. It counts latitudes from pole to
    /// pole.
    pub fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::around(self, STEP_MAX, LATITUDE_OF_POLE).bits();
        std::array::from_fn(|nth| {
            let digit = if nth == 10 { 0 } else { bits >> (47 - 5 * nth) & 0x1F };
            ALPHABET[digit as usize]
        })
    }
}

/// A rectangle of degrees: one of 4^step equal ones that make up the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    /// From west and south.
    longitude: u32,
    latitude: u32,
    step: u32,
}

impl Cell {
    fn around(point: Point, step: u32, latitude_max: f64) -> Cell {
        let cells = (1_u64 << step) as f64;
        let part = |at: f64, max: f64| ((at + max) / (max + max) * cells) as u32;
        Cell {
            longitude: part(point.longitude, LONGITUDE_MAX),
            latitude: part(point.latitude, latitude_max),
            step,
        }
    }

    fn bits(self) -> u64 {
        spread_bits(self.latitude) | spread_bits(self.longitude) << 1
    }

    /// The scores of what lies in it: from the first on, to before the second.
    fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.bits() << shift) as f64, ((self.bits() + 1) << shift) as f64)
    }

    fn side(self, at: u32, max: f64) -> (f64, f64) {
        let (cells, whole) = ((1_u64 << self.step) as f64, max + max);
        (-max + f64::from(at) / cells * whole, -max + f64::from(at.wrapping_add(1)) / cells * whole)
    }

    /// From west to east.
    fn longitudes(self) -> (f64, f64) {
        self.side(self.longitude, LONGITUDE_MAX)
    }

    /// From south to north.
    fn latitudes(self) -> (f64, f64) {
        self.side(self.latitude, LATITUDE_MAX)
    }

    /// The cell so many steps to the east and to the north. Behind an edge of the map lies the opposite one.
    fn beside(self, east: i32, north: i32) -> Cell {
        let moved = |at: u32, by: i32| at.wrapping_add_signed(by) & ((1 << self.step) - 1);
        Cell { longitude: moved(self.longitude, east), latitude: moved(self.latitude, north), ..self }
    }
}

/// Puts a zero above each bit.
fn spread_bits(number: u32) -> u64 {
    const STEPS: [(u32, u64); 5] = [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ];
    STEPS.iter().fold(u64::from(number), |bits, (shift, mask)| (bits | bits << shift) & mask)
}

/// Leaves out every second bit, from the second on.
fn even_bits(bits: u64) -> u32 {
    const STEPS: [(u32, u64); 5] = [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ];
    let even = bits & 0x5555_5555_5555_5555;
    STEPS.iter().fold(even, |bits, (shift, mask)| (bits | bits >> shift) & mask) as u32
}

/// What is looked for around a point, in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    Circle {
        radius_m: f64,
    },
    /// Sides along the degrees.
    Box {
        width_m: f64,
        height_m: f64,
    },
}

/// An area on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub center: Point,
    pub shape: Shape,
}

impl Area {
    /// How far from the center a point within it is, in metres.
    pub fn distance_within_m(&self, point: Point) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius_m } => Some(self.center.distance_m(point)).filter(|far| *far <= radius_m),
            Shape::Box { width_m, height_m } => {
                // The cheaper one first.
                if point.latitude_distance_m(self.center) > height_m / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.center.longitude, ..point };
                if point.distance_m(beside) > width_m / 2.0 {
                    return None;
                }
                Some(self.center.distance_m(point))
            }
        }
    }

    /// West, south, east, north.
    fn bounds(&self) -> [f64; 4] {
        let Point { longitude, latitude } = self.center;
        let (width_m, height_m) = match self.shape {
            Shape::Circle { radius_m } => (radius_m, radius_m),
            Shape::Box { width_m, height_m } => (width_m / 2.0, height_m / 2.0),
        };
        let north = degrees(height_m / EARTH_RADIUS_M);
        let east_at = |latitude: f64| degrees(width_m / EARTH_RADIUS_M / radians(latitude).cos());
        // Where the degrees are shorter.
        let east = if latitude < 0.0 { east_at(latitude - north) } else { east_at(latitude + north) };
        [longitude - east, latitude - north, longitude + east, latitude + north]
    }

    /// Ranges of scores that cover it, from the first on to before the second: those of a cell that is about as large
    /// and of its neighbours, in a fixed order.
    pub fn scores(&self) -> impl Iterator<Item = (f64, f64)> {
        let [west, south, east, north] = self.bounds();
        let mut step = self.step();
        let mut cell = Cell::around(self.center, step, LATITUDE_MAX);
        let reaches = |cell: Cell| {
            cell.beside(0, 1).latitudes().1 >= north
                && cell.beside(0, -1).latitudes().0 <= south
                && cell.beside(1, 0).longitudes().1 >= east
                && cell.beside(-1, 0).longitudes().0 <= west
        };
        if step > 1 && !reaches(cell) {
            step -= 1;
            cell = Cell::around(self.center, step, LATITUDE_MAX);
        }
        const AROUND: [(i32, i32); 9] =
            [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let is_needed = move |(to_east, to_north): &(i32, i32)| {
            let (latitudes, longitudes) = (cell.latitudes(), cell.longitudes());
            step < 2
                || !(*to_north < 0 && latitudes.0 < south
                    || *to_north > 0 && latitudes.1 > north
                    || *to_east < 0 && longitudes.0 < west
                    || *to_east > 0 && longitudes.1 > east)
        };
        let mut last = None;
        AROUND.into_iter().filter(is_needed).filter_map(move |(to_east, to_north)| {
            let cell = cell.beside(to_east, to_north);
            // On a map of few cells neighbours are the same.
            (last != Some(cell)).then(|| {
                last = Some(cell);
                cell.scores()
            })
        })
    }

    /// Of how many bits a coordinate of a cell has that is about as large.
    fn step(&self) -> u32 {
        let mut range_m = match self.shape {
            Shape::Circle { radius_m } => radius_m,
            Shape::Box { width_m, height_m } => {
                ((width_m / 2.0) * (width_m / 2.0) + (height_m / 2.0) * (height_m / 2.0)).sqrt()
            }
        };
        if range_m == 0.0 {
            return STEP_MAX;
        }
        let mut step = -1;
        while range_m < MERCATOR_MAX_M {
            range_m *= 2.0;
            step += 1;
        }
        // Cells are narrower towards the poles.
        step -= match self.center.latitude.abs() {
            latitude if latitude > 80.0 => 2,
            latitude if latitude > 66.0 => 1,
            _ => 0,
        };
        step.clamp(1, STEP_MAX as i32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_lead_back_to_places() {
        let palermo = Point { longitude: 13.361389, latitude: 38.115556 };
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        let back = Point::of_score(palermo.score());
        assert!((back.longitude - palermo.longitude).abs() < 1e-5);
        assert_eq!(&back.geohash(), b"sqc8b49rny0");
        for number in [0, 1, 0xDEAD_BEEF, u32::MAX] {
            assert_eq!(even_bits(spread_bits(number)), number);
            assert_eq!(even_bits(spread_bits(number) << 1), 0);
        }
    }

    /// What a search finds by ranges of scores is what looking at every point finds.
    #[test]
    fn ranges_cover_their_areas() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1_u64 << 53) as f64
        };
        for nth in 0..300 {
            let center = Point { longitude: next() * 300.0 - 150.0, latitude: next() * 140.0 - 70.0 };
            let size_m = 10_f64.powf(1.0 + next() * 5.0);
            let shape = match nth % 2 {
                0 => Shape::Circle { radius_m: size_m },
                _ => Shape::Box { width_m: size_m, height_m: size_m * next() },
            };
            let area = Area { center, shape };
            let ranges: Vec<(f64, f64)> = area.scores().collect();
            for _ in 0..100 {
                let near = size_m / 60_000.0;
                let point = Point {
                    longitude: (center.longitude + (next() - 0.5) * near).clamp(-180.0, 180.0),
                    latitude: (center.latitude + (next() - 0.5) * near).clamp(-85.0, 85.0),
                };
                let score = point.score();
                if area.distance_within_m(Point::of_score(score)).is_some() {
                    let hits = ranges.iter().filter(|(from, to)| (*from..*to).contains(&score)).count();
                    assert_eq!(hits, 1, "{area:?} {point:?}");
                }
            }
        }
    }
}
