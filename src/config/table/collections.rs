//! Sizes at which a collection changes its form.

use super::super::setting::Setting;
use super::{BYTES, COUNT, LARGE};

const NO_SUCH_TYPE: &str = "collections have one form here, and OBJECT ENCODING does not depend on this";

pub(super) const ROWS: &[Setting] = &[
    Setting::integer("hash-max-listpack-entries", LARGE, "512")
        .alias("hash-max-ziplist-entries")
        .sets(|s, v| s.encodings.hash_max_listpack_entries = v.number())
        .doc("Up to so many fields a hash says that it is a `listpack`."),
    Setting::bytes("hash-max-listpack-value", BYTES, "64")
        .alias("hash-max-ziplist-value")
        .sets(|s, v| s.encodings.hash_max_listpack_value = v.number())
        .doc("Up to this length of its fields and values a hash says that it is a `listpack`."),
    Setting::integer("list-max-listpack-size", (i32::MIN as i128, i32::MAX as i128), "-2")
        .alias("list-max-ziplist-size")
        .idle(NO_SUCH_TYPE),
    Setting::integer("list-compress-depth", COUNT, "0").idle("lists are not compressed"),
    Setting::integer("set-max-intset-entries", LARGE, "512")
        .sets(|s, v| s.encodings.set_max_intset_entries = v.number())
        .doc("Up to so many integers a set says that it is an `intset`."),
    Setting::integer("set-max-listpack-entries", LARGE, "128").idle(NO_SUCH_TYPE),
    Setting::bytes("set-max-listpack-value", BYTES, "64").idle(NO_SUCH_TYPE),
    Setting::integer("zset-max-listpack-entries", LARGE, "128")
        .alias("zset-max-ziplist-entries")
        .sets(|s, v| s.encodings.zset_max_listpack_entries = v.number())
        .doc("Up to so many members a sorted set says that it is a `listpack`."),
    Setting::bytes("zset-max-listpack-value", BYTES, "64")
        .alias("zset-max-ziplist-value")
        .sets(|s, v| s.encodings.zset_max_listpack_value = v.number())
        .doc("Up to this length of its members a sorted set says that it is a `listpack`."),
    Setting::bytes("hll-sparse-max-bytes", BYTES, "3000")
        .sets(|s, v| s.hll_sparse_len_max = v.number())
        .doc("Longest HyperLogLog in the sparse form; a longer one becomes dense."),
    Setting::bytes("stream-node-max-bytes", BYTES, "4kb").idle(NO_SUCH_TYPE),
    Setting::integer("stream-node-max-entries", LARGE, "100")
        .sets(|s, v| s.encodings.stream_node_max_entries = v.number())
        .doc("How many entries a node of a stream has when XADD and XTRIM trim by `~`; 0: 100."),
];
