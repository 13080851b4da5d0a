//! The payloads that the fuzzer starts from and those that it found something with, see `fuzz/`.

use std::fs;
use std::path::Path;

use engine::testing::payload;

/// The fuzzer names what it finds with digits of this number.
const DIGEST_LEN: usize = 40;

/// Those whose names begin with `bad` are refused. Others are taken, unless the fuzzer has just put them there.
#[test]
fn payloads_of_the_fuzzer_do_no_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/payload");
    let mut count = 0;
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let path = entry.expect("a file").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name}");
        let body = fs::read(&path).expect("a payload");
        let is_accepted = payload::check(&mut payload::session(), &body);
        let is_nameless = name.len() == DIGEST_LEN;
        assert!(is_nameless || is_accepted != name.starts_with("bad"), "{name}");
        count += 1;
    }
    assert!(count > 15, "{count} payloads");
}
