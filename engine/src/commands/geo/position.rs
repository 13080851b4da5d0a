//! Where members are: GEOPOS, GEOHASH, GEODIST.

use super::{coordinate_text, distance_text, unit_m};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::geo::Point;
use crate::types::zset::Zset;

const fn row(name: &'static str, words: u8) -> Spec {
    Spec::read(name, Arity::AtLeast(words), Keys::ONE).group(Group::Geo)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("GEOPOS", 2).syntax("key [member [member ...]]").doc(
            "3.2.0",
            "O(1) for each member requested.",
            "Returns the longitude and latitude of members from a geospatial index.",
        ),
        run: |exec, args, reply| {
            each(exec, args, reply, |reply, point| match point {
                Some(point) => put_point(reply, point),
                None => reply.null_array(),
            })
        },
    },
    DataCommand {
        spec: row("GEOHASH", 2).syntax("key [member [member ...]]").doc(
            "3.2.0",
            "O(1) for each member requested.",
            "Returns members from a geospatial index as geohash strings.",
        ),
        run: |exec, args, reply| {
            each(exec, args, reply, |reply, point| match point {
                Some(point) => reply.bulk(&point.geohash()),
                None => reply.null(),
            })
        },
    },
    DataCommand {
        spec: row("GEODIST", 4).syntax("key member1 member2 [M | KM | FT | MI]").doc(
            "3.2.0",
            "O(1)",
            "Returns the distance between two members of a geospatial index.",
        ),
        run: geodist,
    },
];

/// Longitude and latitude.
pub(super) fn put_point(reply: &mut dyn Reply, point: Point) {
    reply.array(2);
    reply.double_text(&coordinate_text(point.longitude));
    reply.double_text(&coordinate_text(point.latitude));
}

/// Answers for each member with what is made of its place.
fn each(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    answer: impl Fn(&mut dyn Reply, Option<Point>),
) -> CommandResult {
    let key = args.key()?;
    let zset = exec.read_collection::<Zset>(&key)?;
    reply.array(args.left());
    for member in args.rest() {
        let score = zset.and_then(|zset| zset.score(exec.heap(&key), member));
        answer(reply, score.map(Point::of_score));
    }
    Ok(Outcome::Done)
}

fn geodist(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, members) = (args.key()?, [args.word()?, args.word()?]);
    let unit_m = match args.left() {
        0 => 1.0,
        1 => unit_m(args)?,
        _ => return Err(Error::Syntax),
    };
    let zset = exec.read_collection::<Zset>(&key)?;
    let point = |member| {
        let score = zset.and_then(|zset| zset.score(exec.heap(&key), member));
        score.map(Point::of_score)
    };
    match point(members[0]).zip(point(members[1])) {
        Some((one, other)) => reply.bulk(distance_text(one.distance_m(other) / unit_m).as_bytes()),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    const SICILY: &str = "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
                          (integer) 2
                          ";

    #[test]
    fn places_are_shown() {
        check(&format!(
            "{SICILY}> GEOPOS Sicily Palermo nowhere Catania
             1) 1) \"13.36138933897018433\"
                2) \"38.11555639549629859\"
             2) (nil)
             3) 1) \"15.08726745843887329\"
                2) \"37.50266842333162032\"
             > GEOPOS nothing x
             1) (nil)
             > GEOPOS Sicily
             (empty array)
             > GEOHASH Sicily Palermo nowhere Catania
             1) \"sqc8b49rny0\"
             2) (nil)
             3) \"sqdtr74hyu0\"
             > SET s v
             OK
             > GEOPOS s x
             (error) WRONGTYPE Operation against a key holding the wrong kind of value"
        ));
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(&format!(
            "{SICILY}> GEOPOS Sicily Palermo
             1) 1) (double) 13.36138933897018433
                2) (double) 38.11555639549629859"
        ));
    }

    #[test]
    fn distances_have_units() {
        check(&format!(
            "{SICILY}> GEODIST Sicily Palermo Catania
             \"166274.1516\"
             > GEODIST Sicily Palermo Catania km
             \"166.2742\"
             > GEODIST Sicily Palermo Catania MI
             \"103.3182\"
             > GEODIST Sicily Palermo Catania ft
             \"545518.8700\"
             > GEODIST Sicily Palermo Palermo
             \"0.0000\"
             > GEODIST Sicily Palermo nowhere
             (nil)
             > GEODIST nothing a b
             (nil)
             > GEODIST Sicily Palermo Catania yd
             (error) ERR unsupported unit provided. please use M, KM, FT, MI
             > GEODIST Sicily Palermo Catania m km
             (error) ERR syntax error"
        ));
    }
}
