//! Ranks and scores of members: ZRANK, ZREVRANK, ZSCORE, ZMSCORE.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::zset::Zset;

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::read(name, arity, Keys::ONE).group(Group::SortedSet).flags(Flags::FAST)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("ZRANK", Arity::AtLeast(3)).element(2).syntax("key member [WITHSCORE]").doc(
            "2.0.0",
            "O(log(N))",
            "Returns the index of a member in a sorted set ordered by ascending scores.",
        ),
        run: |exec, args, reply| rank(exec, args, reply, "zrank", |rank, _| rank),
    },
    DataCommand {
        spec: row("ZREVRANK", Arity::AtLeast(3)).element(2).syntax("key member [WITHSCORE]").doc(
            "2.0.0",
            "O(log(N))",
            "Returns the index of a member in a sorted set ordered by descending scores.",
        ),
        run: |exec, args, reply| rank(exec, args, reply, "zrevrank", |rank, len| len - 1 - rank),
    },
    DataCommand {
        spec: row("ZSCORE", Arity::Exactly(3)).element(2).syntax("key member").doc(
            "1.2.0",
            "O(log(N))",
            "Returns the score of a member in a sorted set.",
        ),
        run: zscore,
    },
    DataCommand {
        spec: row("ZMSCORE", Arity::AtLeast(3)).element(2).syntax("key member [member ...]").doc(
            "6.2.0",
            "O(N*log(M)) where N is the number of members being requested and M that of the sorted set.",
            "Returns the score of one or more members in a sorted set.",
        ),
        run: zmscore,
    },
];

fn rank(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    name: &'static str,
    shown: fn(usize, usize) -> usize,
) -> CommandResult {
    let (key, member) = (args.key()?, args.word()?);
    if args.left() > 1 {
        return Err(Error::WrongArity(name.into()));
    }
    let with_score = args.take("WITHSCORE");
    args.end()?;
    let found = exec.read_collection::<Zset>(&key)?.and_then(|zset| {
        let heap = exec.heap(&key);
        let spot = zset.find(heap, member);
        Some((shown(spot.rank(heap)?, zset.len()), spot.score()?))
    });
    match (found, with_score) {
        (Some((rank, _)), false) => reply.count(rank),
        (Some((rank, score)), true) => {
            reply.array(2);
            reply.count(rank);
            reply.double(score);
        }
        (None, false) => reply.null(),
        (None, true) => reply.null_array(),
    }
    Ok(Outcome::Done)
}

fn zscore(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, member) = (args.key()?, args.word()?);
    let zset = exec.read_collection::<Zset>(&key)?;
    put_score(reply, zset.and_then(|zset| zset.score(exec.heap(&key), member)));
    Ok(Outcome::Done)
}

fn zmscore(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let zset = exec.read_collection::<Zset>(&key)?;
    reply.array(args.left());
    for member in args.rest() {
        put_score(reply, zset.and_then(|zset| zset.score(exec.heap(&key), member)));
    }
    Ok(Outcome::Done)
}

fn put_score(reply: &mut dyn Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn ranks_count_from_either_end() {
        check(
            "> ZADD z 1 a 2 b 2 c
             (integer) 3
             > ZRANK z b
             (integer) 1
             > ZREVRANK z b
             (integer) 1
             > ZREVRANK z a
             (integer) 2
             > ZRANK z c withscore
             1) (integer) 2
             2) \"2\"
             > ZRANK z d
             (nil)
             > ZRANK nothing a
             (nil)
             > ZREVRANK nothing a WITHSCORE
             (nil)
             > ZRANK z a WITHSCORES
             (error) ERR syntax error
             > ZRANK z a WITHSCORE more
             (error) ERR wrong number of arguments for 'zrank' command
             > SET s v
             OK
             > ZRANK s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn scores_are_doubles() {
        check(
            "> ZADD z 1.5 a -inf b
             (integer) 2
             > ZSCORE z a
             \"1.5\"
             > ZSCORE z b
             \"-inf\"
             > ZSCORE z c
             (nil)
             > ZSCORE nothing a
             (nil)
             > ZMSCORE z a c b
             1) \"1.5\"
             2) (nil)
             3) \"-inf\"
             > ZMSCORE nothing a
             1) (nil)",
        );
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> ZADD z 1.5 a
             (integer) 1
             > ZSCORE z a
             (double) 1.5
             > ZRANK z a WITHSCORE
             1) (integer) 0
             2) (double) 1.5",
        );
    }
}
