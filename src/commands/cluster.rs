//! What clients of a cluster ask of a server that is alone: all refused, as Redis does.

use engine::command::{Args, Arity, Categories, CommandResult, Error, Flags, Group, Reply, Spec};

use super::context::Context;
use super::row::ServerCommand;

pub(super) const COMMANDS: &[ServerCommand] = &[
    plain("READONLY", "Allows reads from this connection on a replica of a cluster."),
    plain("READWRITE", "Takes READONLY back."),
    ServerCommand {
        spec: Spec::plain("ASKING", Arity::Exactly(1))
            .group(Group::Cluster)
            .categories(Categories::CONNECTION)
            .flags(Flags::FAST)
            .doc("3.0.0", "O(1)", "Says that the next command follows an ASK redirection."),
        run: refuse,
    },
    cluster("CLUSTER|INFO", Arity::Exactly(2), "3.0.0", "", "Returns the state of the cluster.", VARYING),
    cluster(
        "CLUSTER|NODES",
        Arity::Exactly(2),
        "3.0.0",
        "",
        "Returns the nodes and who serves what.",
        VARYING,
    ),
    cluster(
        "CLUSTER|SLOTS",
        Arity::Exactly(2),
        "3.0.0",
        "",
        "Returns which nodes serve which slots.",
        VARYING,
    ),
    cluster("CLUSTER|SHARDS", Arity::Exactly(2), "7.0.0", "", "Returns slots and nodes, grouped.", VARYING),
    cluster(
        "CLUSTER|LINKS",
        Arity::Exactly(2),
        "7.0.0",
        "",
        "Returns the connections between nodes.",
        VARYING,
    ),
    cluster("CLUSTER|MYID", Arity::Exactly(2), "3.0.0", "", "Returns the node's name.", &[]),
    cluster("CLUSTER|KEYSLOT", Arity::Exactly(3), "3.0.0", "key", "Returns the slot of a key.", &[]),
    cluster(
        "CLUSTER|COUNTKEYSINSLOT",
        Arity::Exactly(3),
        "3.0.0",
        "slot",
        "Returns how many keys are in a slot.",
        &[],
    ),
    cluster(
        "CLUSTER|GETKEYSINSLOT",
        Arity::Exactly(4),
        "3.0.0",
        "slot count",
        "Returns keys in a slot.",
        VARYING,
    ),
    ServerCommand {
        spec: Spec::plain("CLUSTER|HELP", Arity::Exactly(2))
            .group(Group::Cluster)
            .flags(Flags::LOADING.union(Flags::STALE))
            .doc("5.0.0", "O(1)", "Tells about the subcommands."),
        run: refuse,
    },
];

const VARYING: &[&str] = &["nondeterministic_output"];

const fn plain(name: &'static str, summary: &'static str) -> ServerCommand {
    ServerCommand {
        spec: Spec::plain(name, Arity::Exactly(1))
            .group(Group::Cluster)
            .categories(Categories::CONNECTION)
            .flags(Flags::FAST.union(Flags::LOADING).union(Flags::STALE))
            .doc("3.0.0", "O(1)", summary),
        run: refuse,
    }
}

const fn cluster(
    name: &'static str,
    arity: Arity,
    since: &'static str,
    syntax: &'static str,
    summary: &'static str,
    tips: &'static [&'static str],
) -> ServerCommand {
    let spec = Spec::plain(name, arity).group(Group::Cluster).flags(Flags::STALE);
    ServerCommand { spec: spec.syntax(syntax).doc(since, "O(1)", summary).tips(tips), run: refuse }
}

const ALONE: Error = Error::text("ERR This instance has cluster support disabled");

fn refuse(_: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    Err(ALONE)
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn a_server_that_is_alone_says_so() {
        check(
            r#"
            > READONLY
            (error) ERR This instance has cluster support disabled
            > ASKING
            (error) ERR This instance has cluster support disabled
            > CLUSTER KEYSLOT foo
            (error) ERR This instance has cluster support disabled
            > CLUSTER HELP
            (error) ERR This instance has cluster support disabled
            > CLUSTER KEYSLOT
            (error) ERR wrong number of arguments for 'cluster|keyslot' command
            > CLUSTER FOO
            (error) ERR unknown subcommand 'FOO'. Try CLUSTER HELP.
            > CLUSTER
            (error) ERR wrong number of arguments for 'cluster' command
            "#,
        );
    }
}
