use super::score;
use crate::testing::{Session, check};

#[test]
fn numbers_and_texts() {
    check(
        "> SADD s 10 9 -1 2.5
         (integer) 4
         > SORT s
         1) \"-1\"
         2) \"2.5\"
         3) \"9\"
         4) \"10\"
         ! none
         > SORT s DESC
         1) \"10\"
         2) \"9\"
         3) \"2.5\"
         4) \"-1\"
         > SORT s ALPHA
         1) \"-1\"
         2) \"10\"
         3) \"2.5\"
         4) \"9\"
         > SORT_RO s desc alpha asc
         1) \"-1\"
         2) \"10\"
         3) \"2.5\"
         4) \"9\"
         > SORT s LIMIT 1 2
         1) \"2.5\"
         2) \"9\"
         > SORT s LIMIT -5 1
         1) \"-1\"
         > SORT s LIMIT 2 -7
         1) \"9\"
         2) \"10\"
         > SORT s LIMIT 4 1
         (empty array)
         > SORT s LIMIT 0 0
         (empty array)
         > SORT nothing
         (empty array)
         > SADD s x
         (integer) 1
         > SORT s
         (error) ERR One or more scores can't be converted into double
         > SORT s BY nosort LIMIT 0 0
         (empty array)",
    );
}

#[test]
fn values_of_other_keys() {
    check(
        "> SADD s 1 2 3
         (integer) 3
         > MSET w1 30 w2 20 w3 10 {x}o1 one o3 three
         OK
         > SORT s BY w*
         1) \"3\"
         2) \"2\"
         3) \"1\"
         > SORT s BY w* GET # GET {x}o* GET o* GET nowhere
         1) \"3\"
         2) (nil)
         3) \"three\"
         4) (nil)
         5) \"2\"
         6) (nil)
         7) (nil)
         8) (nil)
         9) \"1\"
         10) \"one\"
         11) (nil)
         12) (nil)
         > SORT_RO s GET w*
         1) \"30\"
         2) \"20\"
         3) \"10\"
         > SORT s BY o* ALPHA DESC
         1) \"3\"
         2) \"1\"
         3) \"2\"
         > DEL w2
         (integer) 1
         # what has no weight weighs nothing
         > SORT s BY w*
         1) \"2\"
         2) \"3\"
         3) \"1\"
         > SORT s BY w* LIMIT 0 1
         1) \"2\"
         > SET w2 x
         OK
         > SORT s BY w*
         (error) ERR One or more scores can't be converted into double
         # a value of another type is none
         > SORT s GET s*
         1) (nil)
         2) (nil)
         3) (nil)
         > SORT s BY w*->field GET w*->field
         1) (nil)
         2) (nil)
         3) (nil)
         > SET w2-> arrow
         OK
         > SORT s GET w*->
         1) (nil)
         2) \"arrow\"
         3) (nil)",
    );
}

#[test]
fn results_are_stored_as_lists() {
    check(
        "> SADD s 3 1 2
         (integer) 3
         > SORT s STORE to
         (integer) 3
         ! sortstore RPUSH to 1 2 3
         > TYPE to
         list
         > SORT to DESC
         1) \"3\"
         2) \"2\"
         3) \"1\"
         > SET o1 one EX 100
         OK
         > SORT s GET o* GET # STORE o1
         (integer) 6
         ! - DEL o1
         ! sortstore RPUSH o1 one 1 \"\" 2 \"\" 3
         > TTL o1
         (integer) -1
         > SORT o1 BY nosort
         1) \"one\"
         2) \"1\"
         3) \"\"
         4) \"2\"
         5) \"\"
         6) \"3\"
         > SORT o1 BY nosort DESC LIMIT 1 3
         1) \"\"
         2) \"2\"
         3) \"\"
         > SORT o1 BY nosort LIMIT 4 10
         1) \"\"
         2) \"3\"
         # a set has no order of its own to be stored
         > SORT s BY nosort STORE s
         (integer) 3
         ! - DEL s
         ! sortstore RPUSH s 1 2 3
         > SORT nothing STORE to
         (integer) 0
         ! del DEL to
         > SORT nothing STORE to
         (integer) 0
         ! none
         > SORT s STORE to STORE other
         (integer) 3
         > EXISTS to other
         (integer) 1",
    );
}

#[test]
fn refusals() {
    check(
        "> SORT s BY
         (error) ERR syntax error
         > SORT s LIMIT 1
         (error) ERR syntax error
         > SORT s LIMIT a 1
         (error) ERR value is not an integer or out of range
         > SORT s LIMIT 1 b
         (error) ERR value is not an integer or out of range
         > SORT s STORE
         (error) ERR syntax error
         > SORT_RO s STORE to
         (error) ERR syntax error
         > SORT s UP
         (error) ERR syntax error
         > SORT
         (error) ERR wrong number of arguments for 'sort' command
         > SET k v
         OK
         > SORT k
         (error) WRONGTYPE Operation against a key holding the wrong kind of value
         > SORT k STORE k
         (error) WRONGTYPE Operation against a key holding the wrong kind of value
         > SORT k UP
         (error) ERR syntax error
         > SADD s x
         (integer) 1
         > SORT s STORE k
         (error) ERR One or more scores can't be converted into double
         > GET k
         \"v\"",
    );
}

#[test]
fn scores_are_read_as_c_reads_them() {
    for (word, value) in [
        ("", 0.0),
        (" \t\n1.5", 1.5),
        ("1\0x", 1.0),
        ("0x10", 16.0),
        ("-inf", f64::NEG_INFINITY),
        ("0e400", 0.0),
        ("-0x0", 0.0),
        ("1e308", 1e308),
    ] {
        assert_eq!(score(word.as_bytes()), Some(value), "{word:?}");
    }
    for word in [" ", "1 ", "x", "nan", "1e400", "-1e400", "1e-400", "4e-320", "0x", "1x", "--1"] {
        assert_eq!(score(word.as_bytes()), None, "{word:?}");
    }
}

#[test]
fn a_part_is_the_part_of_the_whole() {
    let mut session = Session::new(1);
    for number in 0..300_u32 {
        let weight = number.wrapping_mul(2_654_435_761) % 50;
        session.run(&format!("SADD s {number}"));
        session.run(&format!("SET weight:{number} {weight}"));
    }
    for order in [
        "",
        " DESC",
        " ALPHA",
        " BY weight:*",
        " BY weight:* DESC",
        " BY weight:* ALPHA",
        " BY nowhere:* ALPHA",
    ] {
        let items = |reply: String| -> Vec<String> {
            reply.split('"').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let whole = items(session.run(&format!("SORT s{order}")));
        assert_eq!(whole.len(), 300);
        for (start, count) in [(0, 1), (0, 10), (37, 50), (299, 5)] {
            let part = items(session.run(&format!("SORT s{order} LIMIT {start} {count}")));
            assert_eq!(part, whole[start..(start + count).min(300)], "{order}");
        }
    }
}
