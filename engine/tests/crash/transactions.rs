//! EXEC on one shard.

use crate::coverage;
use crate::world::World;

coverage::scenarios![many_calls_are_one, a_key_written_again_and_again,];

fn many_calls_are_one() {
    let mut world = World::after("SET a 1\nSET b short PX 50\nSET c old\nSET n x");
    world.cut_off("MULTI ; INCRBY a 5 ; INCRBY n 1 ; SET b 2 ; GET a ; EXEC");
    world.cut_off("MULTI ; RENAME a d ; COPY d a ; APPEND a 0 ; PEXPIRE d 100 NX ; EXEC");
    world.cut_off("MULTI ; DEL a b c n ; SET a 1 ; SELECT 1 ; SET a 1 ; FLUSHDB ; SET b 1 ; SELECT 0 ; EXEC");
    let long = "y".repeat(40_000);
    world.cut_off(&format!("MULTI ; SET c {long} ; APPEND c {long} ; DEL c ; SET c z ; FLUSHALL ; EXEC"));
    let mut later = world.wait(50);
    later.cut_off("MULTI ; GET b ; SET b 1 ; EXEC");
}

fn a_key_written_again_and_again() {
    let mut world = World::after("SET k 0");
    let calls: Vec<String> = (1..40).map(|nth| format!("SET k {}", "v".repeat(nth * 13 % 300))).collect();
    world.cut_off(&format!("MULTI ; {} ; EXEC", calls.join(" ; ")));
    let calls: Vec<String> =
        (1..60).map(|nth| format!("SET key:{nth} {nth} ; DEL key:{}", nth / 2)).collect();
    world.cut_off(&format!("MULTI ; {} ; EXEC", calls.join(" ; ")));
}
