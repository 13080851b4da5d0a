//! What the operator's tools see and do.

use std::time::Duration;

use shm::owner::Owner;
use shm::segment::{Flaw, accept_loss, data_directory_id, describe, inspect, list, siblings, wipe};
use shm::{DataSet, SegmentError};

use crate::child::Actor;
use crate::{LAYOUT, LONG, Place, check_made, data_contents, heaps, make, open, options, read_text};

#[test]
fn data_sets_of_the_same_data_directory_are_found() {
    let (place, other) = (Place::new(), Place::new());
    let (id, other_id) =
        (data_directory_id(&place.path).expect("made"), data_directory_id(&other.path).expect("made"));
    let directory = |id: &str, port: u16| place.path.join(format!("hearth-{id}-{port}"));
    for path in [directory(&id, 6379), directory(&id, 7000), directory(&other_id, 6379)] {
        make(&path);
    }
    std::fs::create_dir(place.path.join("hearth-is-not-a-port")).expect("made");
    std::fs::create_dir(place.path.join("others")).expect("made");
    let served = open(&directory(&id, 7000)).expect("attached");

    let found = list(&place.path).expect("listed");
    assert_eq!(found.len(), 3);
    let found = siblings(&directory(&id, 6379)).expect("listed");
    assert_eq!(found.len(), 1);
    let one = &found[0];
    assert_eq!((&one.path, &one.id_and_port), (&directory(&id, 7000), &Some((id.clone(), 7000))));
    assert_eq!(one.owner, Some(Owner { pid: Some(std::process::id()) }));
    assert_eq!((one.shard_files, one.set_aside_files), (3, 0));
    assert!(one.bytes >= 3 * 128 * 1024);
    let header = one.control.as_ref().expect("there").as_ref().expect("good");
    assert_eq!(header.data_set, served.data_set.control().header().data_set);
    assert_eq!(siblings(&place.path).expect("no id in the name"), []);
}

#[test]
fn any_version_can_be_described() {
    let place = Place::new();
    let mut newer = options(&place.data());
    newer.layout = "a form that this program does not know";
    drop(DataSet::open(&newer).expect("made"));
    let found = describe(&place.data()).expect("described");
    assert_eq!((found.owner, found.shard_files), (None, 3));
    assert_eq!(found.control.expect("there").expect("good").shard_count, 3);
    std::fs::write(place.data().join("control"), "no control segment at all").expect("written");
    assert_eq!(describe(&place.data()).expect("described").control, Some(Err(Flaw::Foreign)));
}

#[test]
fn checking_recovers_a_copy_and_leaves_the_files_alone() {
    let place = Place::new();
    let mut actor = Actor::start("serve", &place.data());
    assert_eq!(actor.hear(), "serving");
    actor.kill();
    drop(actor);
    let before = data_contents(&place.data());
    let inspection = inspect(&place.data(), LAYOUT, LONG).expect("free");
    for (shard, segment) in inspection.shards.into_iter().enumerate() {
        let (mut heap, report) = segment
            .expect("good")
            .into_heap(&inspection.lock, &inspection.control, Default::default())
            .expect("sound");
        assert!(report.recovery.expect("recovered").records_undone > 0);
        assert_eq!(read_text(&heap), format!("shard {shard}"));
        // Neither recovery nor anything else reaches the file.
        heap.set_root(5, 99).expect("room");
        heap.commit();
    }
    assert!(data_contents(&place.data()) == before);
    drop(inspection.lock);
    check_made(&place.data());
}

#[test]
fn checking_reports_each_bad_shard() {
    let place = Place::new();
    make(&place.data());
    std::fs::remove_file(place.data().join("shard-0000")).expect("removed");
    std::fs::write(place.data().join("shard-0001"), "bad").expect("written");
    let inspection = inspect(&place.data(), LAYOUT, LONG).expect("free");
    let results: Vec<_> = inspection.shards.iter().map(|shard| shard.as_ref().err()).collect();
    assert!(matches!(results[0], Some(SegmentError::Missing { .. })));
    assert!(matches!(results[1], Some(SegmentError::Refused { .. })));
    assert!(results[2].is_none());
}

#[test]
fn accepting_a_loss_costs_one_shard_and_keeps_the_file() {
    let place = Place::new();
    make(&place.data());
    let bad = place.data().join("shard-0001");
    let mut bytes = std::fs::read(&bad).expect("read");
    bytes[50] ^= 1;
    std::fs::write(&bad, &bytes).expect("written");
    let error = accept_loss(&place.data(), 3, LAYOUT, LONG).expect_err("no such shard");
    assert!(error.to_string().contains("there is no shard 3"), "{error}");
    let aside = accept_loss(&place.data(), 1, LAYOUT, LONG).expect("done").expect("there was a file");
    assert_eq!(std::fs::read(aside).expect("kept"), bytes);
    assert_eq!(describe(&place.data()).expect("described").set_aside_files, 1);
    let mut opened = open(&place.data()).expect("attached");
    let texts: Vec<_> = heaps(&mut opened).iter().map(read_text).collect();
    assert_eq!(texts, ["shard 0", "", "shard 2"]);
    opened.data_set.stop(true).expect("stopped");

    std::fs::remove_file(place.data().join("shard-0002")).expect("removed");
    assert_eq!(accept_loss(&place.data(), 2, LAYOUT, LONG).expect("done"), None);
    let mut opened = open(&place.data()).expect("attached");
    assert_eq!(heaps(&mut opened).iter().map(read_text).collect::<Vec<_>>(), ["shard 0", "", ""]);
}

#[test]
fn wiping_frees_the_memory_of_the_dead_and_spares_the_living() {
    let place = Place::new();
    let mut actor = Actor::start("serve", &place.data());
    assert_eq!(actor.hear(), "serving");
    let error = wipe(&place.data(), Duration::ZERO).expect_err("in use");
    assert!(matches!(error, SegmentError::Owned { pid: Some(pid), .. } if pid == actor.pid()), "{error}");
    assert_eq!(describe(&place.data()).expect("described").shard_files, 3);
    actor.kill();
    let wiped = wipe(&place.data(), LONG).expect("free");
    assert!(wiped.bytes >= 3 * 128 * 1024 && wiped.directory_removed, "{wiped:?}");
    assert!(!place.data().exists());
}

#[test]
fn wiping_touches_nothing_but_what_is_ours() {
    let place = Place::new();
    make(&place.data());
    std::fs::write(place.data().join("notes"), "keep me").expect("written");
    std::fs::write(place.data().join("control"), "broken").expect("written");
    std::fs::remove_file(place.data().join("shard-0002")).expect("removed");
    let wiped = wipe(&place.data(), LONG).expect("free");
    assert!(wiped.bytes > 0 && !wiped.directory_removed);
    let left = data_contents(&place.data());
    assert_eq!(left, [(place.data().join("notes"), b"keep me".to_vec())]);
    let error = wipe(&place.data(), LONG).expect_err("nothing of ours");
    assert!(matches!(error, SegmentError::NoDataSet { .. }), "{error}");
    let error = wipe(&place.path.join("nowhere"), LONG).expect_err("nothing there");
    assert!(matches!(error, SegmentError::Io { .. }), "{error}");
}
