//! Adding places: GEOADD.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::commands::zset::add::{Options, add_scored};

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("GEOADD", Arity::AtLeast(5), Keys::ONE_UPDATE)
        .group(Group::Geo)
        .flags(Flags::DENYOOM)
        .syntax("key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]")
        .doc(
            "3.2.0",
            "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
            "Adds one or more members to a geospatial index. The key is created if it doesn't exist.",
        ),
    run: geoadd,
}];

fn geoadd(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut options = Options::default();
    loop {
        match () {
            () if args.take("NX") => options.nx = true,
            () if args.take("XX") => options.xx = true,
            () if args.take("CH") => options.ch = true,
            () => break,
        }
    }
    if args.is_empty() || !args.left().is_multiple_of(3) || options.nx && options.xx {
        return Err(Error::Syntax);
    }
    let mut members = Vec::with_capacity(args.left() / 3);
    while !args.is_empty() {
        let score = super::point(args)?.score();
        members.push((score, args.word()?));
    }
    let result = add_scored(exec, &key, &members, options)?;
    reply.count(result.added + if options.ch { result.updated } else { 0 });
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn places_are_scores() {
        check(
            "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
             (integer) 2
             ! zadd ZADD Sicily 3479099956230698 Palermo 3479447370796909 Catania
             > ZSCORE Sicily Palermo
             \"3479099956230698\"
             > GEOADD Sicily NX CH 13.583333 37.316667 Palermo 13.583333 37.316667 Agrigento
             (integer) 1
             > GEOADD Sicily XX CH 13.583333 37.316667 Palermo 1 1 Nowhere
             (integer) 1
             > GEOADD Sicily NX XX 1 1 x
             (error) ERR syntax error
             > GEOADD Sicily 1 1
             (error) ERR wrong number of arguments for 'geoadd' command
             > GEOADD Sicily 1 1 x 2
             (error) ERR syntax error
             > GEOADD Sicily CH NX CH
             (error) ERR syntax error
             > GEOADD Sicily 1 x a
             (error) ERR value is not a valid float
             > GEOADD Sicily 1 1 a 200 86 b
             (error) ERR invalid longitude,latitude pair 200.000000,86.000000
             > ZCARD Sicily
             (integer) 3",
        );
    }
}
