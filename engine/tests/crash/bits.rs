//! Commands on bits of strings, and HyperLogLogs.

use crate::common::{of_len, word};
use crate::coverage;
use crate::world::World;

coverage::scenarios![single_bits, fields, operations, sketches,];

/// Lengths around every change of form, as for strings.
const LENGTHS: [usize; 5] = [1, 100, 700, 16_250, 90_000];

/// A world with a string of this length under `k`, and a deadline on it.
fn with_string(len: usize) -> World {
    let mut world = World::after("SET other value");
    world.request(&[word("SET"), word("k"), of_len(len, b'a'), word("PX"), word(5_000)]);
    world
}

fn single_bits() {
    World::after("").cut_off("SETBIT k 7 1");
    World::after("").cut_off("SETBIT k 900000 1");
    World::after("SET k 1").cut_off("SETBIT k 7 1");
    for len in LENGTHS {
        for bit in [0, 8 * len - 1, 8 * len, 8 * len + 300, 8 * len + 400_000] {
            let byte = of_len(len, b'a').get(bit / 8).copied();
            for value in [0, 1] {
                // Only a change stores something.
                if byte.is_none_or(|byte| byte >> (7 - bit % 8) & 1 != value) {
                    with_string(len).cut_off(&format!("SETBIT k {bit} {value}"));
                }
            }
        }
    }
}

fn fields() {
    for len in LENGTHS {
        for offset in [0, (8 * len).saturating_sub(9), 8 * len - 3, 8 * len + 3] {
            with_string(len).cut_off(&format!("BITFIELD k SET u60 {offset} 123456789012345"));
            with_string(len).cut_off(&format!("BITFIELD k INCRBY u5 {offset} 1"));
        }
    }
}

fn operations() {
    for (one, other) in [(1, 1), (100, 700), (16_250, 3), (90_000, 16_250), (700, 0)] {
        for request in
            ["BITOP XOR k k other", "BITOP AND new k other", "BITOP OR other k", "BITOP NOT k other"]
        {
            let mut world = with_string(one);
            world.request(&[word("SET"), word("other"), of_len(other, 3)]);
            world.cut_off(request);
        }
    }
    with_string(90_000).cut_off("BITOP OR k nothing");
    with_string(5).cut_off("BITOP NOT k nothing");
    let mut late = World::after("SET due x PX 10\nSET k y").wait(10);
    late.cut_off("BITOP OR due due k");
    late.cut_off("BITOP XOR k due");
}

fn sketches() {
    let small = "PFADD k a b c\nPEXPIRE k 5000\nPFADD other b x";
    let dense = format!("{small}\nPFDEBUG TODENSE k");
    let many: String = (0..300).map(|number| format!(" {number}")).collect();
    World::after("").cut_off("PFADD k");
    World::after("").cut_off(&format!("PFADD k{many}"));
    World::after("").cut_off("PFMERGE k nothing");
    for before in [small, &dense] {
        let requests = [
            "PFADD k d",
            "PFADD k x y z",
            "PFCOUNT k",
            "PFMERGE k other",
            "PFMERGE new k other",
            "PFMERGE other k",
            "PFDEBUG TODENSE other",
        ];
        for request in requests {
            World::after(before).cut_off(request);
        }
        World::after(before).cut_off(&format!("PFADD k{many}"));
        World::after(&format!("{before}\nPFCOUNT k")).cut_off("PFADD k d");
    }
    // Long enough to become dense on the way.
    let more: String = (0..3_000).map(|number| format!(" {number}")).collect();
    World::after(small).cut_off(&format!("PFADD k{more}"));
}
