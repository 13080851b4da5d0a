//! The seeds of the fuzz target for headers, each checked by its name.

use std::path::Path;

use shm::segment::decode_header;

#[test]
fn every_seed_is_what_its_name_says() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/segment_header");
    let mut seen = [0, 0];
    for seed in std::fs::read_dir(seeds).expect("seeds").map(|seed| seed.expect("a seed").path()) {
        let bytes = std::fs::read(&seed).expect("read");
        let name = seed.file_name().and_then(|name| name.to_str()).expect("a plain name");
        match (decode_header(&bytes), name.split_once('-').map(|(kind, _)| kind)) {
            (Ok(header), Some("good")) => {
                assert_eq!(header.encode()[..136], bytes[..136], "{name}");
                seen[0] += 1;
            }
            (Err(_), Some("bad")) => seen[1] += 1,
            // What a fuzzer adds has names of its own.
            (_, None) => {}
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
    assert_eq!(seen, [3, 10]);
}
