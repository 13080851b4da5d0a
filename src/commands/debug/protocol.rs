//! DEBUG PROTOCOL: an example of each type of reply.

use engine::command::{Args, CommandResult, Error, Outcome, Reply};

use crate::commands::context::Context;

const UNKNOWN: Error = Error::text(
    "ERR Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
const ONLY_RESP3: Error = Error::text("ERR RESP2 is not supported by this command");

/// Redis's example, not a constant of nature.
const DOUBLE: f64 = 3141.0 / 1000.0;

pub(super) fn example(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    match &*args.word()?.to_ascii_lowercase() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(DOUBLE),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !reply.is_resp3() => return Err(ONLY_RESP3),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => return Err(UNKNOWN),
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Protocol;
    use crate::session::Wire;
    use std::cell::Cell;

    #[test]
    fn examples_are_on_the_wire_as_redis_sends_them() {
        for (kind, resp2, resp3) in [
            ("string", "$11|Hello World|", "$11|Hello World|"),
            ("integer", ":12345|", ":12345|"),
            ("double", "$5|3.141|", ",3.141|"),
            (
                "bignum",
                "$37|1234567999999999999999999999999999999|",
                "(1234567999999999999999999999999999999|",
            ),
            ("null", "$-1|", "_|"),
            ("array", "*3|:0|:1|:2|", "*3|:0|:1|:2|"),
            ("set", "*3|:0|:1|:2|", "~3|:0|:1|:2|"),
            ("map", "*6|:0|:0|:1|:1|:2|:0|", "%3|:0|#f|:1|#t|:2|#f|"),
            (
                "attrib",
                "$39|Some real reply following the attribute|",
                "!1|$14|key-popularity|*2|$7|key:123|:90|$39|Some real reply following the attribute|",
            ),
            (
                "push",
                "-ERR RESP2 is not supported by this command|",
                ">2|$16|server-cpu-usage|:42|$40|Some real reply following the push reply|",
            ),
            ("verbatim", "$25|This is a verbatim\nstring|", "=29|txt:This is a verbatim\nstring|"),
            ("true", ":1|", "#t|"),
            ("false", ":0|", "#f|"),
        ] {
            for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
                assert_eq!(on_the_wire(kind, protocol), expected, "{kind} {protocol:?}");
            }
        }
    }

    /// Line ends as bars, and the bar of attributes as an exclamation mark.
    fn on_the_wire(kind: &str, protocol: Protocol) -> String {
        let mut rig = crate::commands::tests::Rig::new(&[]);
        let (mut out, protocol) = (Vec::new(), Cell::new(protocol));
        let mut wire = Wire::new(&mut out, &protocol);
        rig.with_context(&[kind.as_bytes()], |context, args| {
            if let Err(error) = example(context, args, &mut wire) {
                wire.error(&error);
            }
        });
        String::from_utf8(out).unwrap().replace('|', "!").replace("\r\n", "|")
    }
}
