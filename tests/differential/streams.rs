//! Calls about streams. IDs are few and small, and never the time: that differs between two servers.

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::words::*;

fn id() -> Words {
    Union::new_weighted(vec![
        (8, texts(&["1-0", "1-1", "2-0", "2-5", "3-0", "4-1", "5-0", "6-0", "7-0"])),
        (2, texts(&["1", "3", "0", "0-0", "9", "1-*", "5-*", "18446744073709551615-1"])),
        (1, texts(&["-", "+", "$", ">", "a", "", "01-00", "1-", "-1", " 2", "1-2-3"])),
    ])
    .boxed()
}

fn end() -> Words {
    any_of(vec![texts(&["-", "+", "(1-0", "(3", "(0-0", "(-"]), id()])
}

fn group() -> Words {
    Union::new_weighted(vec![(6, texts(&["g", "h"])), (1, texts(&["none", ""]))]).boxed()
}

fn consumer() -> Words {
    texts(&["ann", "bob", "cyd"])
}

fn small() -> Words {
    Union::new_weighted(vec![(6, texts(&["0", "1", "2", "3", "5"])), (1, texts(&["-1", "x", "10000"]))])
        .boxed()
}

/// Long enough ago for everybody, or for nobody.
fn idle() -> Words {
    Union::new_weighted(vec![(4, texts(&["0"])), (1, texts(&["100000000", "-1", "x"]))]).boxed()
}

fn pairs() -> Words {
    let pair = || all(vec![texts(&["a", "b", "field"]), texts(&["", "1", "22", "value"])]);
    repeated(pair(), 1..3)
}

fn trimming() -> Words {
    // Nodes of other lengths make MINID with ~ another thing.
    let limit = || some_of(vec![all(vec![name("LIMIT"), small()])]);
    any_of(vec![
        all(vec![name("MAXLEN"), small()]),
        all(vec![name("MAXLEN"), texts(&["=", "~"]), small(), limit()]),
        all(vec![name("MINID"), id()]),
        all(vec![name("MINID"), texts(&["="]), id(), limit()]),
    ])
}

/// `command` with the words of `parts`.
fn command(command: &'static str, parts: Vec<Words>) -> Words {
    all(std::iter::once(name(command)).chain(parts).collect())
}

/// Calls about streams.
pub fn streams(spread: Spread) -> Words {
    let key = || key(spread);
    let count = || all(vec![name("COUNT"), small()]);
    let ids = || repeated(id(), 1..4);
    let options = |options: Vec<Words>| some_of(options);
    let claims = options(vec![
        name("FORCE"),
        name("JUSTID"),
        all(vec![name("RETRYCOUNT"), small()]),
        all(vec![name("IDLE"), idle()]),
        all(vec![name("TIME"), small()]),
        all(vec![name("LASTID"), id()]),
    ]);
    let read_group = |what: Words| {
        let options = some_of(vec![count(), name("NOACK")]);
        command("XREADGROUP", vec![name("GROUP"), group(), consumer(), options, name("STREAMS"), what])
    };
    let group_options = || some_of(vec![name("MKSTREAM"), all(vec![name("ENTRIESREAD"), small()])]);
    let of_group = |what, more: Vec<Words>| {
        let parts = [vec![name(what), key(), group()], more].concat();
        command("XGROUP", parts)
    };
    Union::new_weighted(vec![
        (10, command("XADD", vec![key(), id(), pairs()])),
        (3, command("XADD", vec![key(), some_of(vec![name("NOMKSTREAM"), trimming()]), id(), pairs()])),
        (1, command("XLEN", vec![key()])),
        (2, command("XRANGE", vec![key(), end(), end(), some_of(vec![count()])])),
        (2, command("XREVRANGE", vec![key(), end(), end(), some_of(vec![count()])])),
        (3, command("XDEL", vec![key(), ids()])),
        (2, command("XTRIM", vec![key(), trimming()])),
        (2, command("XREAD", vec![some_of(vec![count()]), name("STREAMS"), key(), key(), id(), id()])),
        (4, of_group("CREATE", vec![any_of(vec![texts(&["0", "$"]), id()]), group_options()])),
        (1, of_group("SETID", vec![id(), group_options()])),
        (1, of_group("DESTROY", vec![])),
        (1, of_group("CREATECONSUMER", vec![consumer()])),
        (1, of_group("DELCONSUMER", vec![consumer()])),
        (6, read_group(all(vec![key(), texts(&[">"])]))),
        (2, read_group(all(vec![key(), id()]))),
        (2, read_group(all(vec![key(), key(), texts(&[">"]), id()]))),
        (2, command("XACK", vec![key(), group(), ids()])),
        (3, command("XCLAIM", vec![key(), group(), consumer(), idle(), ids(), claims])),
        (
            2,
            command(
                "XAUTOCLAIM",
                vec![key(), group(), consumer(), idle(), end(), some_of(vec![count(), name("JUSTID")])],
            ),
        ),
        (2, command("XPENDING", vec![key(), group()])),
        (2, command("XPENDING", vec![key(), group(), end(), end(), small(), repeated(consumer(), 0..2)])),
        (1, command("XPENDING", vec![key(), group(), name("IDLE"), idle(), end(), end(), small()])),
        (2, command("XINFO", vec![name("GROUPS"), key()])),
        (1, command("XINFO", vec![name("STREAM"), key()])),
        (1, command("XINFO", vec![texts(&["STREAM", "FOO", "GROUPS"]), key(), stranger()])),
        (1, command("OBJECT", vec![name("ENCODING"), key()])),
        (1, command("DEBUG", vec![name("DIGEST-VALUE"), key()])),
        (1, command("COPY", vec![key(), key(), name("REPLACE")])),
    ])
    .boxed()
}
