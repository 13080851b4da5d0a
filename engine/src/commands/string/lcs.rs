//! What two values have in common: LCS.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::keyspace::{Kind, Place};
use crate::types::lcs::{self, Run};

const TWO_READ: Keys = Keys::new(&[KeySpec::range(1, 1, 1, KeyAccess::READ)]);

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("LCS", Arity::AtLeast(3), TWO_READ)
        .group(Group::String)
        .syntax("key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]")
        .doc(
            "7.0.0",
            "O(N*M) where N and M are the lengths of s1 and s2, respectively",
            "Finds the longest common substring.",
        ),
    run: lcs,
}];

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        while !args.is_empty() {
            if args.take("IDX") {
                options.idx = true;
            } else if args.take("LEN") {
                options.len = true;
            } else if args.take("WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.left() > 1 && args.take("MINMATCHLEN") {
                options.min_match_len = args.integer()?;
            } else {
                return Err(Error::Syntax);
            }
        }
        if options.len && options.idx {
            return Err(Error::text("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

fn lcs(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (one, other) = (args.key()?, args.key()?);
    let places = (exec.place_to_read(&one)?, exec.place_to_read(&other)?);
    let (Some(one_len), Some(other_len)) =
        (string_len(exec, &one, places.0.as_ref()), string_len(exec, &other, places.1.as_ref()))
    else {
        return Err(Error::text("ERR The specified keys must contain string values"));
    };
    let options = Options::parse(args)?;
    check_cost(exec, one_len, other_len)?;
    let (a, b) = (bytes_of(exec, &one, places.0.as_ref()), bytes_of(exec, &other, places.1.as_ref()));
    if options.len {
        reply.count(lcs::length(&a, &b));
        return Ok(Outcome::Done);
    }
    let (len, runs) = lcs::runs(&a, &b);
    if options.idx {
        reply_matches(&options, len, &runs, reply);
    } else {
        reply.bulk_header(len);
        for run in runs.iter().rev() {
            reply.bulk_piece(&a[run.a_start..run.a_start + run.len]);
        }
    }
    Ok(Outcome::Done)
}

fn reply_matches(options: &Options, len: usize, runs: &[Run], reply: &mut dyn Reply) {
    let is_wanted = |run: &&Run| i64::try_from(run.len).is_ok_and(|len| len >= options.min_match_len);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(runs.iter().filter(is_wanted).count());
    for run in runs.iter().filter(is_wanted) {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for start in [run.a_start, run.b_start] {
            reply.array(2);
            reply.count(start);
            reply.count(start + run.len - 1);
        }
        if options.with_match_len {
            reply.count(run.len);
        }
    }
    reply.bulk(b"len");
    reply.count(len);
}

/// The length of the string at a place, 0 where there is nothing; `None` for another type.
fn string_len(exec: &mut Exec<'_, '_>, key: &Key<'_>, place: Option<&Place>) -> Option<usize> {
    let Some(place) = place else { return Some(0) };
    let entry = exec.view(key, place);
    (entry.kind() == Kind::String).then(|| entry.string().len())
}

fn bytes_of(exec: &mut Exec<'_, '_>, key: &Key<'_>, place: Option<&Place>) -> Vec<u8> {
    place.map_or(Vec::new(), |place| exec.view(key, place).string().contiguous().into_owned())
}

/// Refuses what Redis refuses: its table has four bytes for each pair of positions and must not be longer
/// than the longest string. Ours is 32 times smaller, but the bound also keeps the time in check.
fn check_cost(exec: &Exec<'_, '_>, one_len: usize, other_len: usize) -> Result<(), Error> {
    const CELL_BYTES: u128 = 4;
    let cells = (one_len as u128 + 1) * (other_len as u128 + 1);
    if cells * CELL_BYTES > u128::from(exec.caller().string_len_max) {
        return Err(Error::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn subsequence_length_and_places() {
        check(
            "> MSET one ohmytext other mynewtext
             OK
             > LCS one other
             \"mytext\"
             > LCS one other LEN
             (integer) 6
             > LCS one other IDX
             1) \"matches\"
             2) 1) 1) 1) (integer) 4
             2) (integer) 7
             2) 1) (integer) 5
             2) (integer) 8
             2) 1) 1) (integer) 2
             2) (integer) 3
             2) 1) (integer) 0
             2) (integer) 1
             3) \"len\"
             4) (integer) 6
             > LCS one other IDX MINMATCHLEN 4 WITHMATCHLEN
             1) \"matches\"
             2) 1) 1) 1) (integer) 4
             2) (integer) 7
             2) 1) (integer) 5
             2) (integer) 8
             3) (integer) 4
             3) \"len\"
             4) (integer) 6
             > LCS one nothing
             \"\"
             > LCS nothing nothing LEN
             (integer) 0
             > LCS one nothing IDX
             1) \"matches\"
             2) (empty array)
             3) \"len\"
             4) (integer) 0",
        );
    }

    #[test]
    fn a_map_where_there_are_maps() {
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> LCS a b IDX
             1# \"matches\" => (empty array)
             2# \"len\" => (integer) 0",
        );
    }

    #[test]
    fn options_that_do_not_fit() {
        check(
            "> LCS a
             (error) ERR wrong number of arguments for 'lcs' command
             > LCS a b MINMATCHLEN
             (error) ERR syntax error
             > LCS a b MINMATCHLEN x
             (error) ERR value is not an integer or out of range
             > LCS a b LEN IDX
             (error) ERR If you want both the length and indexes, please just use IDX.
             > LCS a b LEN IDX NO
             (error) ERR syntax error
             > LCS a b IDX MINMATCHLEN -5
             1) \"matches\"
             2) (empty array)
             3) \"len\"
             4) (integer) 0",
        );
    }

    #[test]
    fn strings_that_would_take_too_long_are_refused() {
        let mut session = Session::new(1);
        session.caller.string_len_max = 4 * 11 * 11;
        session.check(
            "> MSET ten 0123456789 eleven 01234567890
             OK
             > LCS ten ten LEN
             (integer) 10
             > LCS ten eleven LEN
             (error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        );
    }
}
