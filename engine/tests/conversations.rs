//! The behaviour tests that need nothing but data commands, held in process: on one shard and on several.

use std::path::Path;

use engine::testing::check;

fn hold(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/behaviour").join(folder);
    let files = std::fs::read_dir(&folder).expect("a folder of conversations");
    let mut held = 0;
    for file in files {
        let path = file.expect("a readable folder").path();
        eprintln!("{}", path.display());
        check(&std::fs::read_to_string(&path).expect("a readable file"));
        held += 1;
    }
    assert!(held > 0, "there are conversations to hold");
}

#[test]
fn on_strings() {
    hold("strings");
}

#[test]
fn on_bitmaps() {
    hold("bitmaps");
}

#[test]
fn on_hyperloglogs() {
    hold("hyperloglog");
}

#[test]
fn on_streams() {
    hold("streams");
}
