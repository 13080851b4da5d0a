//! `mutants.txt` names the mutants there are.

use std::collections::BTreeSet;
use std::path::Path;

fn mutants_in(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).expect("the crate's sources") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            mutants_in(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).expect("text");
            let names = text.split("hearth_mutant = \"").skip(1);
            found.extend(names.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
}

#[test]
fn every_mutant_is_listed_and_every_listed_one_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("mutants.txt")).expect("the list");
    let listed: BTreeSet<String> = (list.lines())
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    let mut found = BTreeSet::new();
    mutants_in(&root.join("src"), &mut found);
    assert_eq!(found, listed);
}
