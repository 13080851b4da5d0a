//! Unions, intersections and differences: ZUNION, ZINTER, ZDIFF, ZINTERCARD.

use std::borrow::Cow;

use ahash::AHashMap;
use shm::Heap;

use super::Listing;
use super::store::Members;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number;
use crate::types::Kind;
use crate::types::collection::Collection;
use crate::types::set::Set;
use crate::types::text::Text;
use crate::types::zset::{Zset, ordered};

const COUNTED: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ)]);

const fn row(name: &'static str) -> Spec {
    Spec::read(name, Arity::AtLeast(3), COUNTED).group(Group::SortedSet).flags(Flags::MOVABLE_KEYS)
}

pub(super) const COST_OF_UNION: &str = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, \
                                        and M being the number of elements in the resulting sorted set.";
pub(super) const COST_OF_INTER: &str = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
                                        being the number of input sorted sets and M being the number of elements in \
                                        the resulting sorted set.";
pub(super) const COST_OF_DIFF: &str = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all \
                                       the sets, N is the size of the first set, and K is the size of the result set.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("ZUNION")
            .syntax(
                "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
            )
            .doc("6.2.0", COST_OF_UNION, "Returns the union of multiple sorted sets."),
        run: |exec, args, reply| list(exec, args, reply, Operation::Union, "zunion"),
    },
    DataCommand {
        spec: row("ZINTER")
            .syntax(
                "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
            )
            .doc("6.2.0", COST_OF_INTER, "Returns the intersect of multiple sorted sets."),
        run: |exec, args, reply| list(exec, args, reply, Operation::Inter, "zinter"),
    },
    DataCommand {
        spec: row("ZDIFF").syntax("numkeys key [key ...] [WITHSCORES]").doc(
            "6.2.0",
            COST_OF_DIFF,
            "Returns the difference between multiple sorted sets.",
        ),
        run: |exec, args, reply| list(exec, args, reply, Operation::Diff, "zdiff"),
    },
    DataCommand {
        spec: row("ZINTERCARD").syntax("numkeys key [key ...] [LIMIT limit]").doc(
            "7.0.0",
            "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted \
             sets.",
            "Returns the number of members of the intersect of multiple sorted sets.",
        ),
        run: zintercard,
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    Inter,
    Diff,
}

/// How scores of the same member become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn join(self, one: f64, other: f64) -> f64 {
        match self {
            // Infinities that cancel each other out are 0.
            Aggregate::Sum => not_nan(one + other),
            Aggregate::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Aggregate::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
enum Source {
    Nothing,
    Zset(Zset),
    /// Its members have the score 1.
    Set(Set),
}

/// A source with its place.
#[derive(Clone, Copy)]
struct Input<'h> {
    source: Source,
    heap: &'h Heap,
    weight: f64,
}

impl<'h> Input<'h> {
    fn len(&self) -> usize {
        match &self.source {
            Source::Nothing => 0,
            Source::Zset(zset) => zset.len(),
            Source::Set(set) => set.len(),
        }
    }

    /// The score of a member, by the weight of the input; may be NaN.
    fn score(&self, member: &[u8]) -> Option<f64> {
        let score = match &self.source {
            Source::Nothing => None,
            Source::Zset(zset) => zset.score(self.heap, member),
            Source::Set(set) => set.contains(self.heap, member, None).then_some(1.0),
        };
        score.map(|score| score * self.weight)
    }

    /// Calls `visit` with each member and its score by the weight of the input, as long as it says so.
    fn visit(&self, mut visit: impl FnMut(f64, Cow<'h, [u8]>) -> bool) {
        let heap = self.heap;
        let mut give =
            |score: f64, text: Text<'h>| visit(not_nan(score * self.weight), text.view(heap).contiguous());
        match &self.source {
            Source::Nothing => {}
            Source::Zset(zset) => {
                let _ = zset.iter_from(heap, 0).all(|item| give(item.score, item.text));
            }
            Source::Set(set) => {
                let _ = set.iter(heap).all(|text| give(1.0, text));
            }
        }
    }
}

/// What is to be computed.
pub(super) struct Request<'a> {
    operation: Operation,
    sources: Vec<(Key<'a>, Source)>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

/// What may follow the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    List,
    Store,
    Count,
}

impl<'a> Request<'a> {
    /// Reads a request from the number of keys on, and finds what the keys hold. `name`: that of the command.
    pub fn parse(
        exec: &mut Exec<'_, '_>,
        args: &mut Args<'a>,
        operation: Operation,
        purpose: Purpose,
        name: &str,
    ) -> Result<Request<'a>, Error> {
        let numkeys = args.integer()?;
        if numkeys < 1 {
            let error = format!("ERR at least 1 input key is needed for '{name}' command");
            return Err(Error::Other(error.into()));
        }
        let numkeys = usize::try_from(numkeys).unwrap_or(usize::MAX);
        let (mut keys, mut options) = args.split(numkeys).ok_or(Error::Syntax)?;
        let mut sources = Vec::with_capacity(numkeys);
        while let Ok(key) = keys.key() {
            let source = source(exec, &key)?;
            sources.push((key, source));
        }
        let mut request = Request {
            operation,
            sources,
            weights: vec![1.0; numkeys],
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let combines = operation != Operation::Diff && purpose != Purpose::Count;
        while !options.is_empty() {
            if combines && options.left() > numkeys && options.take("WEIGHTS") {
                for weight in &mut request.weights {
                    let word = options.word()?;
                    *weight =
                        number::parse_double(word).ok_or(Error::text("ERR weight value is not a float"))?;
                }
            } else if combines && options.left() > 1 && options.take("AGGREGATE") {
                request.aggregate = match () {
                    () if options.take("SUM") => Aggregate::Sum,
                    () if options.take("MIN") => Aggregate::Min,
                    () if options.take("MAX") => Aggregate::Max,
                    () => return Err(Error::Syntax),
                };
            } else if purpose == Purpose::List && options.take("WITHSCORES") {
                request.with_scores = true;
            } else if purpose == Purpose::Count && options.left() > 1 && options.take("LIMIT") {
                let limit = number::parse_i64(options.word()?).and_then(|limit| usize::try_from(limit).ok());
                request.limit = limit.ok_or(Error::text("ERR LIMIT can't be negative"))?;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(request)
    }

    /// The inputs in the order in which they are used: unless they are subtracted, the smallest comes first.
    fn inputs<'h>(&self, exec: &'h Exec<'_, '_>) -> Vec<Input<'h>> {
        let input = |((key, source), weight): (&(Key<'a>, Source), &f64)| Input {
            source: *source,
            heap: exec.heap(key),
            weight: *weight,
        };
        let mut inputs: Vec<Input<'h>> = self.sources.iter().zip(&self.weights).map(input).collect();
        if self.operation != Operation::Diff {
            inputs.sort_by_key(Input::len);
        }
        inputs
    }

    /// The members of the result, in no order.
    pub fn members<'h>(&self, exec: &'h Exec<'_, '_>) -> Members<'h> {
        let inputs = self.inputs(exec);
        match self.operation {
            Operation::Union => union(&inputs, self.aggregate),
            Operation::Inter => {
                let mut members = Members::new();
                intersect(&inputs, self.aggregate, |score, member| {
                    members.push((score, member));
                    true
                });
                members
            }
            Operation::Diff => {
                let (first, others) = inputs.split_first().expect("there is at least one key");
                let mut members = Members::new();
                first.visit(|score, member| {
                    if !others.iter().any(|other| other.score(&member).is_some()) {
                        members.push((score, member));
                    }
                    true
                });
                members
            }
        }
    }
}

fn source(exec: &mut Exec<'_, '_>, key: &Key<'_>) -> Result<Source, Error> {
    let hasher = exec.element_hasher();
    Ok(match exec.read(key)? {
        None => Source::Nothing,
        Some(entry) if entry.kind() == Kind::Zset => Source::Zset(Zset::open(entry.record(), hasher)),
        Some(entry) if entry.kind() == Kind::Set => Source::Set(Set::open(entry.record(), hasher)),
        Some(_) => return Err(Error::WrongType),
    })
}

fn union<'h>(inputs: &[Input<'h>], aggregate: Aggregate) -> Members<'h> {
    let mut scores: AHashMap<Cow<'h, [u8]>, f64> = AHashMap::new();
    for input in inputs {
        input.visit(|score, member| {
            scores.entry(member).and_modify(|sum| *sum = aggregate.join(*sum, score)).or_insert(score);
            true
        });
    }
    scores.into_iter().map(|(member, score)| (score, member)).collect()
}

/// Calls `visit` with what all inputs have, as long as it says so.
fn intersect<'h>(
    inputs: &[Input<'h>],
    aggregate: Aggregate,
    mut visit: impl FnMut(f64, Cow<'h, [u8]>) -> bool,
) {
    let Some((first, others)) = inputs.split_first() else { return };
    first.visit(|score, member| {
        let joint =
            others.iter().try_fold(score, |joint, other| Some(aggregate.join(joint, other.score(&member)?)));
        joint.is_none_or(|score| visit(score, member))
    });
}

fn list(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    operation: Operation,
    name: &str,
) -> CommandResult {
    let request = Request::parse(exec, args, operation, Purpose::List, name)?;
    let mut members = request.members(exec);
    members.sort_unstable_by(|(score, member), (other_score, other)| {
        ordered(*score).cmp(&ordered(*other_score)).then_with(|| member.cmp(other))
    });
    let listing = Listing::with_scores(request.with_scores);
    listing.open(reply, members.len());
    members.iter().for_each(|(score, member)| listing.bytes(reply, *score, member));
    Ok(Outcome::Done)
}

fn zintercard(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let request = Request::parse(exec, args, Operation::Inter, Purpose::Count, "zintercard")?;
    let mut count = 0;
    intersect(&request.inputs(exec), request.aggregate, |_, _| {
        count += 1;
        count != request.limit
    });
    reply.count(count);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    const TWO: &str = "> ZADD a 1 x 2 y 3 z
                       (integer) 3
                       > ZADD b 10 y 20 z 30 w
                       (integer) 3
                       ";

    fn check_two(conversation: &str) {
        check(&format!("{TWO}{conversation}"));
    }

    #[test]
    fn unions() {
        check_two(
            "> ZUNION 2 a b WITHSCORES
             1) \"x\"
             2) \"1\"
             3) \"y\"
             4) \"12\"
             5) \"z\"
             6) \"23\"
             7) \"w\"
             8) \"30\"
             > ZUNION 3 a b nothing WEIGHTS 10 1 5 AGGREGATE MIN WITHSCORES
             1) \"x\"
             2) \"10\"
             3) \"y\"
             4) \"10\"
             5) \"z\"
             6) \"20\"
             7) \"w\"
             8) \"30\"
             > ZUNION 2 a a AGGREGATE MAX
             1) \"x\"
             2) \"y\"
             3) \"z\"
             > ZADD inf +inf x
             (integer) 1
             > ZUNION 2 inf inf WEIGHTS 1 -1 WITHSCORES
             1) \"x\"
             2) \"0\"
             > ZUNION 1 inf WEIGHTS 0 WITHSCORES
             1) \"x\"
             2) \"0\"
             > ZADD one 1 x
             (integer) 1
             > ZINTER 2 one inf WEIGHTS 1 0 WITHSCORES
             1) \"x\"
             2) \"0\"
             > ZINTER 2 one inf WEIGHTS 1 0 AGGREGATE MIN WITHSCORES
             1) \"x\"
             2) \"1\"
             > ZUNION 2 one inf WEIGHTS 1 0 WITHSCORES
             1) \"x\"
             2) \"1\"
             > ZUNION 1 nothing
             (empty array)",
        );
    }

    #[test]
    fn intersections_and_differences() {
        check_two(
            "> ZINTER 2 a b WITHSCORES
             1) \"y\"
             2) \"12\"
             3) \"z\"
             4) \"23\"
             > ZINTER 2 a nothing
             (empty array)
             > ZINTERCARD 2 a b
             (integer) 2
             > ZINTERCARD 2 a b LIMIT 1
             (integer) 1
             > ZINTERCARD 2 a b LIMIT 0
             (integer) 2
             > ZDIFF 2 a b WITHSCORES
             1) \"x\"
             2) \"1\"
             > ZDIFF 2 a a
             (empty array)
             > ZDIFF 2 a nothing
             1) \"x\"
             2) \"y\"
             3) \"z\"",
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        check_two(
            "> SET s v
             OK
             > ZUNION 2 a s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > ZUNION 0 a
             (error) ERR at least 1 input key is needed for 'zunion' command
             > ZINTERCARD 0 a
             (error) ERR at least 1 input key is needed for 'zintercard' command
             > ZUNION x a
             (error) ERR value is not an integer or out of range
             > ZUNION 3 a b
             (error) ERR syntax error
             > ZUNION 2 a b WEIGHTS 1
             (error) ERR syntax error
             > ZUNION 2 a b WEIGHTS 1 x
             (error) ERR weight value is not a float
             > ZUNION 2 a b AGGREGATE AVG
             (error) ERR syntax error
             > ZDIFF 2 a b WEIGHTS 1 1
             (error) ERR syntax error
             > ZINTERCARD 2 a b WITHSCORES
             (error) ERR syntax error
             > ZINTERCARD 2 a b LIMIT -1
             (error) ERR LIMIT can't be negative
             > ZINTERCARD 2 a b LIMIT x
             (error) ERR LIMIT can't be negative",
        );
    }

    #[test]
    fn scores_stand_in_pairs_in_resp3() {
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> ZADD a 1 x
             (integer) 1
             > ZUNION 1 a WITHSCORES
             1) 1) \"x\"
                2) (double) 1",
        );
    }
}
