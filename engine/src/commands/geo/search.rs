//! What is near: GEOSEARCH, GEOSEARCHSTORE, and GEORADIUS with its kin.

use std::borrow::Cow;
use std::ops::Bound;

use shm::Heap;

use super::query::{Query, Sorting, Style};
use super::{distance_text, position::put_point};
use crate::command::keys::{Begin, Find};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::commands::zset::store::{Members, store};
use crate::types::geo::Point;
use crate::types::text::Text;
use crate::types::zset::Zset;

const fn after_word(word: &'static str, from: i8) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword { word, from },
        find: Find::Range { last: 0, step: 1, limit: 0 },
        access: KeyAccess::OVERWRITE,
        notes: "",
    }
}

const FROM: KeySpec = KeySpec::one(1, KeyAccess::READ);
const RADIUS_KEYS: Keys = Keys::new(&[FROM, after_word("STORE", 6), after_word("STOREDIST", 6)]);
const MEMBER_KEYS: Keys = Keys::new(&[FROM, after_word("STORE", 5), after_word("STOREDIST", 5)]);
const TO_AND_FROM: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::OVERWRITE), KeySpec::one(2, KeyAccess::READ)]);

const COST_OF_RADIUS: &str = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular \
                              area delimited by center and radius and M is the number of items inside the index.";
const COST_OF_SEARCH: &str = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area \
                              around the shape provided as the filter and M is the number of items inside the shape";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("GEORADIUS", Arity::AtLeast(6), RADIUS_KEYS)
            .group(Group::Geo)
            .flags(Flags::DENYOOM.union(Flags::MOVABLE_KEYS))
            .syntax(
                "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                 [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
            )
            .doc(
                "3.2.0",
                COST_OF_RADIUS,
                "Queries a geospatial index for members within a distance from a coordinate, optionally stores \
                 the result.",
            )
            .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
        run: |exec, args, reply| search(exec, args, reply, Style::Radius { may_store: true }),
    },
    DataCommand {
        spec: Spec::read("GEORADIUS_RO", Arity::AtLeast(6), Keys::ONE)
            .group(Group::Geo)
            .syntax(
                "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                 [COUNT count [ANY]] [ASC | DESC]",
            )
            .doc(
                "3.2.10",
                COST_OF_RADIUS,
                "Returns members from a geospatial index that are within a distance from a coordinate.",
            )
            .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
        run: |exec, args, reply| search(exec, args, reply, Style::Radius { may_store: false }),
    },
    DataCommand {
        spec: Spec::write("GEORADIUSBYMEMBER", Arity::AtLeast(5), MEMBER_KEYS)
            .group(Group::Geo)
            .flags(Flags::DENYOOM.union(Flags::MOVABLE_KEYS))
            .syntax(
                "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC | DESC] [STORE key | STOREDIST key]",
            )
            .doc(
                "3.2.0",
                COST_OF_RADIUS,
                "Queries a geospatial index for members within a distance from a member, optionally stores the \
                 result.",
            )
            .deprecated(
                "6.2.0",
                "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
            ),
        run: |exec, args, reply| search(exec, args, reply, Style::RadiusByMember { may_store: true }),
    },
    DataCommand {
        spec: Spec::read("GEORADIUSBYMEMBER_RO", Arity::AtLeast(5), Keys::ONE)
            .group(Group::Geo)
            .syntax(
                "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC | DESC]",
            )
            .doc(
                "3.2.10",
                COST_OF_RADIUS,
                "Returns members from a geospatial index that are within a distance from a member.",
            )
            .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
        run: |exec, args, reply| search(exec, args, reply, Style::RadiusByMember { may_store: false }),
    },
    DataCommand {
        spec: Spec::read("GEOSEARCH", Arity::AtLeast(7), Keys::ONE)
            .group(Group::Geo)
            .syntax(
                "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | \
                 BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] \
                 [WITHHASH]",
            )
            .doc(
                "6.2.0",
                COST_OF_SEARCH,
                "Queries a geospatial index for members inside an area of a box or a circle.",
            ),
        run: |exec, args, reply| search(exec, args, reply, Style::Search),
    },
    DataCommand {
        spec: Spec::write("GEOSEARCHSTORE", Arity::AtLeast(8), TO_AND_FROM)
            .group(Group::Geo)
            .flags(Flags::DENYOOM)
            .syntax(
                "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] \
                 [COUNT count [ANY]] [STOREDIST]",
            )
            .doc(
                "6.2.0",
                COST_OF_SEARCH,
                "Queries a geospatial index for members inside an area of a box or a circle, optionally stores \
                 the result.",
            ),
        run: |exec, args, reply| search(exec, args, reply, Style::SearchStore),
    },
];

/// A member within the area.
#[derive(Debug, Clone, Copy)]
struct Found<'h> {
    text: Text<'h>,
    score: f64,
    point: Point,
    distance_m: f64,
}

fn search(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    style: Style,
) -> CommandResult {
    let to = (style == Style::SearchStore).then(|| args.key()).transpose()?;
    let key = args.key()?;
    let zset = exec.read_collection::<Zset>(&key)?;
    let heap = exec.heap(&key);
    let find = |member: &[u8]| zset.and_then(|zset| zset.score(heap, member)).map(Point::of_score);
    let query = Query::parse(args, style, to, &find, zset.is_some())?;
    let found = zset.map_or(Vec::new(), |zset| members(&zset, heap, &query));
    let Some(to) = query.store else {
        reply.array(found.len());
        found.iter().for_each(|found| put(reply, heap, &query, found));
        return Ok(Outcome::Done);
    };
    let scored = |found: &Found<'_>| {
        let score = if query.stores_distances { found.distance_m / query.unit_m } else { found.score };
        // Copied: the heap that they lie in may be the one that is about to change.
        (score, Cow::Owned(found.text.view(heap).contiguous().into_owned()))
    };
    let members: Members<'static> = found.iter().map(scored).collect();
    let event = if style == Style::SearchStore { "geosearchstore" } else { "georadiusstore" };
    reply.count(store(exec, &args.key_of(to), members, event)?);
    Ok(Outcome::Done)
}

/// What is found, in the order in which it is listed.
fn members<'h>(zset: &Zset, heap: &'h Heap, query: &Query<'_>) -> Vec<Found<'h>> {
    let Some(area) = query.area else { return Vec::new() };
    let enough = if query.is_any { query.count } else { usize::MAX };
    let mut found = Vec::new();
    for (from, to) in area.scores() {
        let ranks = zset.ranks_by_score(heap, Bound::Included(from), Bound::Excluded(to));
        let within = zset.iter_from(heap, ranks.start).take(ranks.len()).filter_map(|item| {
            let point = Point::of_score(item.score);
            let distance_m = area.distance_within_m(point)?;
            Some(Found { text: item.text, score: item.score, point, distance_m })
        });
        found.extend(within.take(enough - found.len()));
    }
    match query.sorting {
        Some(Sorting::Nearest) => found.sort_by(|one, other| one.distance_m.total_cmp(&other.distance_m)),
        Some(Sorting::Farthest) => found.sort_by(|one, other| other.distance_m.total_cmp(&one.distance_m)),
        None => {}
    }
    if query.count > 0 {
        found.truncate(query.count);
    }
    found
}

fn put(reply: &mut dyn Reply, heap: &Heap, query: &Query<'_>, found: &Found<'_>) {
    let remarks = [query.with_distance, query.with_hash, query.with_place].iter().filter(|is| **is).count();
    if remarks > 0 {
        reply.array(1 + remarks);
    }
    reply.string(found.text.view(heap));
    if query.with_distance {
        reply.bulk(distance_text(found.distance_m / query.unit_m).as_bytes());
    }
    if query.with_hash {
        reply.integer(found.score as i64);
    }
    if query.with_place {
        put_point(reply, found.point);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    fn check_sicily(conversation: &str) {
        check(&format!(
            "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 \
             17.241510 38.788135 edge2
             (integer) 4
             {conversation}"
        ));
    }

    #[test]
    fn circles_and_boxes() {
        check_sicily(
            "> GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC
             1) \"Catania\"
             2) \"Palermo\"
             > GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD WITHDIST WITHHASH
             1) 1) \"Catania\"
                2) \"56.4413\"
                3) (integer) 3479447370796909
                4) 1) \"15.08726745843887329\"
                   2) \"37.50266842333162032\"
             2) 1) \"Palermo\"
                2) \"190.4424\"
                3) (integer) 3479099956230698
                4) 1) \"13.36138933897018433\"
                   2) \"38.11555639549629859\"
             3) 1) \"edge2\"
                2) \"279.7403\"
                3) (integer) 3481342659049484
                4) 1) \"17.24151045083999634\"
                   2) \"38.78813451624225195\"
             4) 1) \"edge1\"
                2) \"279.7405\"
                3) (integer) 3479273021651468
                4) 1) \"12.7584877610206604\"
                   2) \"38.78813451624225195\"
             > GEOSEARCH Sicily FROMMEMBER Catania BYRADIUS 200 km COUNT 1
             1) \"Catania\"
             > GEORADIUS Sicily 15 37 200 km STORE to STOREDIST other
             (error) ERR syntax error",
        );
    }
}
