//! COMMAND LIST.

use engine::command::{Args, Arity, Categories, CommandResult, Error, Outcome, Reply, Spec};
use engine::glob;

use super::{row, shown};
use crate::commands::context::Context;
use crate::commands::row::ServerCommand;

pub(super) const COMMANDS: &[ServerCommand] = &[ServerCommand {
    spec: row("COMMAND|LIST", Arity::AtLeast(2))
        .syntax("[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]")
        .doc("7.0.0", "O(N), N being the number of commands.", "Lists the names of commands.")
        .tips(&["nondeterministic_output_order"]),
    run: list,
}];

fn list(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let filter = Filter::parse(args)?;
    let specs = context
        .catalogue
        .iter()
        .flat_map(|listing| std::iter::once(listing.spec).chain(listing.subcommands.iter().copied()));
    let names: Vec<String> = specs.filter(|spec| filter.admits(spec)).map(|spec| shown(spec.name)).collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(Outcome::Done)
}

enum Filter<'a> {
    All,
    /// Of a module, or of a category that does not exist.
    Nothing,
    Category(Categories),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Filter<'a>, Error> {
        if args.is_empty() {
            return Ok(Filter::All);
        }
        if args.left() != 3 || !args.take("FILTERBY") {
            return Err(Error::Syntax);
        }
        if args.take("MODULE") {
            Ok(Filter::Nothing)
        } else if args.take("ACLCAT") {
            let name = args.word()?;
            let mut known = Categories::NAMED.iter();
            let found = known.find(|(_, known)| name.eq_ignore_ascii_case(known.as_bytes()));
            Ok(found.map_or(Filter::Nothing, |(category, _)| Filter::Category(*category)))
        } else if args.take("PATTERN") {
            Ok(Filter::Pattern(args.word()?))
        } else {
            Err(Error::Syntax)
        }
    }

    fn admits(&self, spec: &Spec) -> bool {
        match self {
            Filter::All => true,
            Filter::Nothing => false,
            Filter::Category(category) => spec.all_categories().contains(*category),
            Filter::Pattern(pattern) => glob::matches_ignore_case(pattern, spec.name.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};

    #[test]
    fn names_are_filtered() {
        check(
            r#"
            > COMMAND LIST FILTERBY PATTERN getr*
            1) "getrange"
            > COMMAND LIST FILTERBY PATTERN COMMAND|GETKEYS*
            1) "command|getkeys"
            2) "command|getkeysandflags"
            > COMMAND LIST FILTERBY MODULE x
            (empty array)
            > COMMAND LIST FILTERBY ACLCAT nocat
            (empty array)
            > COMMAND LIST FILTERBY ACLCAT
            (error) ERR syntax error
            > COMMAND LIST FILTERBY FOO x
            (error) ERR syntax error
            > COMMAND LIST FOO
            (error) ERR syntax error
            "#,
        );
        let mut rig = Rig::new(&[]);
        let fast = rig.run("COMMAND LIST FILTERBY ACLCAT fast");
        assert!(fast.contains("\"get\"") && !fast.contains("\"set\""), "{fast}");
        let all = rig.run("COMMAND LIST");
        assert!(all.contains("\"set\"") && all.contains("\"client|list\""));
    }
}
