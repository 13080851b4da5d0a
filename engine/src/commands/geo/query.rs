//! What a search is about, as the commands say it.

use super::{point, unit_m};
use crate::command::{Args, Error, Key};
use crate::number;
use crate::types::geo::{Area, Point, Shape};

/// What the name of a command says already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// GEORADIUS: place and radius stand first, options after them.
    Radius { may_store: bool },
    /// GEORADIUSBYMEMBER.
    RadiusByMember { may_store: bool },
    /// GEOSEARCH: everything is an option.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

/// In which order what is found is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorting {
    Nearest,
    Farthest,
}

/// A search.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    /// Known if the key is there.
    pub area: Option<Area>,
    /// Of distances.
    pub unit_m: f64,
    pub with_distance: bool,
    pub with_hash: bool,
    pub with_place: bool,
    pub sorting: Option<Sorting>,
    /// 0: all.
    pub count: usize,
    /// It may end when it has found so many.
    pub is_any: bool,
    /// Where the result goes.
    pub store: Option<&'a [u8]>,
    /// Distances become scores.
    pub stores_distances: bool,
}

impl<'a> Query<'a> {
    /// Reads everything behind the keys. `find` tells the place of a member; `None` if there is no key to look in,
    /// which is an answer rather than an error.
    pub fn parse(
        args: &mut Args<'a>,
        style: Style,
        store: Option<Key<'a>>,
        find: &dyn Fn(&[u8]) -> Option<Point>,
        key_exists: bool,
    ) -> Result<Query<'a>, Error> {
        let mut query = Query { unit_m: 1.0, store: store.map(|key| key.bytes), ..Query::default() };
        let of_member = |member: &[u8]| match key_exists {
            true => find(member).map(Some).ok_or(Error::text("ERR could not decode requested zset member")),
            false => Ok(None),
        };
        // Said, and what was said.
        let (mut from_member, mut from_place, mut by_radius, mut by_box) = (false, false, false, false);
        let (mut center, mut shape) = (None, None);
        match style {
            Style::Radius { .. } => {
                center = Some(point(args)?);
                shape = Some(query.circle(args)?);
            }
            Style::RadiusByMember { .. } if !key_exists => {
                for _ in 0..3 {
                    args.word()?;
                }
            }
            Style::RadiusByMember { .. } => {
                center = of_member(args.word()?)?;
                shape = Some(query.circle(args)?);
            }
            Style::Search | Style::SearchStore => {}
        }
        let is_search = matches!(style, Style::Search | Style::SearchStore);
        let may_store =
            matches!(style, Style::Radius { may_store: true } | Style::RadiusByMember { may_store: true });
        while !args.is_empty() {
            let left = args.left() - 1;
            if args.take("WITHDIST") {
                query.with_distance = true;
            } else if args.take("WITHHASH") {
                query.with_hash = true;
            } else if args.take("WITHCOORD") {
                query.with_place = true;
            } else if args.take("ANY") {
                query.is_any = true;
            } else if args.take("ASC") {
                query.sorting = Some(Sorting::Nearest);
            } else if args.take("DESC") {
                query.sorting = Some(Sorting::Farthest);
            } else if left >= 1 && args.take("COUNT") {
                let count = usize::try_from(args.integer()?).ok().filter(|count| *count > 0);
                query.count = count.ok_or(Error::text("ERR COUNT must be > 0"))?;
            } else if may_store && left >= 1 && query.store.is_none() && args.take("STORE") {
                query.store = Some(args.word()?);
            } else if may_store && left >= 1 && query.store.is_none() && args.take("STOREDIST") {
                query.store = Some(args.word()?);
                query.stores_distances = true;
            } else if is_search && left >= 1 && !from_place && args.take("FROMMEMBER") {
                center = of_member(args.word()?)?;
                from_member = true;
            } else if is_search && left >= 2 && !from_member && args.take("FROMLONLAT") {
                center = Some(point(args)?);
                from_place = true;
            } else if is_search && left >= 2 && !by_box && args.take("BYRADIUS") {
                shape = Some(query.circle(args)?);
                by_radius = true;
            } else if is_search && left >= 3 && !by_radius && args.take("BYBOX") {
                shape = Some(query.rectangle(args)?);
                by_box = true;
            } else if style == Style::SearchStore && args.take("STOREDIST") {
                query.stores_distances = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        if query.store.is_some() && (query.with_distance || query.with_hash || query.with_place) {
            let who = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            let text = format!("ERR {who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
            return Err(Error::Other(text.into()));
        }
        if is_search {
            let name = args.words()[0];
            let exactly_one = |what| {
                Error::repeating(&format!("ERR exactly one of {what} can be specified for "), name, "")
            };
            if !from_member && !from_place {
                return Err(exactly_one("FROMMEMBER or FROMLONLAT"));
            } else if !by_radius && !by_box {
                return Err(exactly_one("BYRADIUS and BYBOX"));
            }
        }
        if query.is_any && query.count == 0 {
            return Err(Error::text("ERR the ANY argument requires COUNT argument"));
        }
        if query.count != 0 && !query.is_any {
            query.sorting.get_or_insert(Sorting::Nearest);
        }
        query.area = center.zip(shape).map(|(center, shape)| Area { center, shape });
        Ok(query)
    }

    fn circle(&mut self, args: &mut Args<'a>) -> Result<Shape, Error> {
        let radius = length(args, "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(Error::text("ERR radius cannot be negative"));
        }
        self.unit_m = unit_m(args)?;
        Ok(Shape::Circle { radius_m: radius * self.unit_m })
    }

    fn rectangle(&mut self, args: &mut Args<'a>) -> Result<Shape, Error> {
        let width = length(args, "ERR need numeric width")?;
        let height = length(args, "ERR need numeric height")?;
        if height < 0.0 || width < 0.0 {
            return Err(Error::text("ERR height or width cannot be negative"));
        }
        self.unit_m = unit_m(args)?;
        Ok(Shape::Box { width_m: width * self.unit_m, height_m: height * self.unit_m })
    }
}

fn length(args: &mut Args<'_>, refusal: &'static str) -> Result<f64, Error> {
    number::parse_double(args.word()?).ok_or(Error::text(refusal))
}
