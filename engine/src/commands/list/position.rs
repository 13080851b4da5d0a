//! Where elements are: LPOS.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::list::List;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("LPOS", Arity::AtLeast(3), Keys::ONE)
        .group(Group::List)
        .syntax("key element [RANK rank] [COUNT num-matches] [MAXLEN len]")
        .doc(
            "6.0.6",
            "O(N) where N is the number of elements compared.",
            "Returns the index of matching elements in a list.",
        ),
    run: lpos,
}];

const ZERO_RANK: Error = Error::text(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
     from the end of the list",
);

fn lpos(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, element) = (args.key()?, args.word()?);
    let (mut rank, mut count, mut looked_at_max) = (1_i64, None, 0);
    while args.left() > 1 {
        if args.take("RANK") {
            rank = args.integer()?;
            match rank {
                0 => return Err(ZERO_RANK),
                i64::MIN => {
                    return Err(Error::text(
                        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                    ));
                }
                _ => {}
            }
        } else if args.take("COUNT") {
            count = Some(not_negative(args, "ERR COUNT can't be negative")?);
        } else if args.take("MAXLEN") {
            looked_at_max = not_negative(args, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(Error::Syntax);
        }
    }
    args.end()?;
    let Some(list) = exec.read_collection::<List>(&key)? else {
        match count {
            Some(_) => reply.array(0),
            None => reply.null(),
        }
        return Ok(Outcome::Done);
    };
    let (heap, len) = (exec.heap(&key), list.len());
    let looked_at = if looked_at_max == 0 { len } else { looked_at_max.min(len) };
    let skipped = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let wanted = match count {
        None => 1,
        Some(0) => usize::MAX,
        Some(count) => count,
    };
    let found: Vec<usize> = if rank > 0 {
        let forth = list.iter_from(heap, 0).take(looked_at).enumerate();
        let matching = forth.filter(|(_, text)| text.equals(heap, element)).map(|(index, _)| index);
        matching.skip(skipped).take(wanted).collect()
    } else {
        let back = list.back_from(heap, len).take(looked_at).enumerate();
        let matching = back.filter(|(_, text)| text.equals(heap, element)).map(|(nth, _)| len - 1 - nth);
        matching.skip(skipped).take(wanted).collect()
    };
    match (count, found.first()) {
        (Some(_), _) => {
            reply.array(found.len());
            found.iter().for_each(|index| reply.count(*index));
        }
        (None, Some(index)) => reply.count(*index),
        (None, None) => reply.null(),
    }
    Ok(Outcome::Done)
}

fn not_negative(args: &mut Args<'_>, error: &'static str) -> Result<usize, Error> {
    let number = args.integer().map_err(|_| Error::text(error))?;
    usize::try_from(number).map_err(|_| Error::text(error))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn matches_are_counted_from_either_end() {
        check(
            r#"
            > RPUSH l a b c 1 2 3 c c
            (integer) 8
            > LPOS l a
            (integer) 0
            ! none
            > LPOS l c
            (integer) 2
            > LPOS l c RANK 2
            (integer) 6
            > LPOS l c RANK -1
            (integer) 7
            > LPOS l c RANK 4
            (nil)
            > LPOS l c COUNT 0
            1) (integer) 2
            2) (integer) 6
            3) (integer) 7
            > LPOS l c COUNT 2 RANK -2
            1) (integer) 6
            2) (integer) 2
            > LPOS l c COUNT 0 MAXLEN 7 RANK -1
            1) (integer) 7
            2) (integer) 6
            3) (integer) 2
            > LPOS l c MAXLEN 2
            (nil)
            > LPOS l x COUNT 0
            (empty array)
            > LPOS nothing x COUNT 0
            (empty array)
            > LPOS nothing x
            (nil)
            "#,
        );
    }

    #[test]
    fn options_are_looked_at_first() {
        check(
            r#"
            > LPOS nothing x RANK 0
            (error) ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
            > LPOS nothing x COUNT -1
            (error) ERR COUNT can't be negative
            > LPOS nothing x MAXLEN x
            (error) ERR MAXLEN can't be negative
            > LPOS nothing x RANK
            (error) ERR syntax error
            > LPOS nothing x NEAR 1
            (error) ERR syntax error
            > LPOS nothing x RANK x
            (error) ERR value is not an integer or out of range
            "#,
        );
    }
}
