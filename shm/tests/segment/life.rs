//! Made, stopped, attached, discarded, removed.

use shm::heap::HeapOptions;
use shm::segment::{Existing, Options, Origin, data_directory_id, default_directory};
use shm::{DataSet, SegmentError};

use crate::{Place, check_made, contents, data_contents, heaps, make, open, options, read_text, write_text};

#[test]
fn data_is_found_again_after_a_stop() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    assert_eq!(opened.origin, Origin::Created);
    assert_eq!(opened.data_set.control().life(), 1);
    let (data_set, key) = (opened.data_set.control().header().data_set, opened.shards[0].hash_key());
    drop(opened.shards);
    opened.data_set.stop(true).expect("stopped");

    let mut opened = open(&place.data()).expect("attached");
    let control = opened.data_set.control().clone();
    assert!(matches!(opened.origin, Origin::Attached { stopped_at_unix_ms: Some(1_600_000_000_000..) }));
    assert_eq!((control.life(), control.header().data_set), (2, data_set));
    assert_eq!((control.settings(), control.hash_key()), ("databases 16\n", key));
    assert_eq!(opened.takeover.dead_threads, 0);
    let slots: Vec<_> = opened.shards.iter().map(|segment| (segment.shard(), segment.slots())).collect();
    assert_eq!(slots, [(0, 0..5461), (1, 5461..10922), (2, 10922..16384)]);
    for (slot, shard) in [(0, 0), (5460, 0), (5461, 1), (16383, 2)] {
        assert_eq!(control.shard_of(slot), Some(shard), "slot {slot}");
    }
    assert_eq!(control.shard_of(16384), None);
    for heap in &mut heaps(&mut opened) {
        write_text(heap, "found again");
    }
    let stopped = opened.data_set.stop(true).expect("stopped");
    assert_eq!(stopped.path, place.data());
    assert!(stopped.bytes >= 3 * 128 * 1024, "{} bytes", stopped.bytes);

    let mut opened = open(&place.data()).expect("attached");
    assert!(heaps(&mut opened).iter().all(|heap| read_text(heap) == "found again"));
}

#[test]
fn a_data_set_dropped_without_a_stop_is_as_after_a_crash() {
    let place = Place::new();
    make(&place.data());
    drop(open(&place.data()).expect("attached"));
    let opened = open(&place.data()).expect("attached");
    assert_eq!(opened.origin, Origin::Attached { stopped_at_unix_ms: None });
    assert_eq!(opened.data_set.control().life(), 3);
}

#[test]
fn an_idle_shard_is_small() {
    let place = Place::new();
    let mut opened = open(&place.data()).expect("made");
    let usage: Vec<_> = opened.shards.iter().map(|segment| segment.usage()).collect();
    let heaps = heaps(&mut opened);
    for usage in usage {
        assert_eq!(
            (usage.length_bytes(), usage.backed_bytes(), usage.huge_bytes()),
            (128 << 10, 128 << 10, 0)
        );
    }
    drop(heaps);
    assert!(opened.data_set.stop(true).expect("stopped").bytes < (3 * 128 + 100) << 10);
}

#[test]
fn an_existing_data_set_keeps_what_it_was_made_with() {
    let place = Place::new();
    make(&place.data());
    let mut other = options(&place.data());
    other.new.shard_count = 5;
    other.new.settings = "databases 99\n".to_owned();
    other.new.granule_shift = 5;
    let opened = DataSet::open(&other).expect("attached");
    assert_eq!(opened.shards.len(), 3);
    assert_eq!(opened.data_set.control().settings(), "databases 16\n");
    assert_eq!(opened.shards[0].header().granule_shift, 3);
}

#[test]
fn discarding_begins_anew_whatever_was_there() {
    let place = Place::new();
    make(&place.data());
    std::fs::write(place.data().join("shard-0001"), "broken").expect("written");
    std::fs::remove_file(place.data().join("control")).expect("removed");
    let discard = Options { existing: Existing::Discard, ..options(&place.data()) };
    let mut opened = DataSet::open(&discard).expect("made");
    assert_eq!(opened.origin, Origin::Created);
    assert!(heaps(&mut opened).iter().all(|heap| read_text(heap).is_empty()));
}

#[test]
fn stopping_without_keeping_leaves_nothing() {
    let place = Place::new();
    make(&place.data());
    let opened = open(&place.data()).expect("attached");
    let stopped = opened.data_set.stop(false).expect("stopped");
    assert!(stopped.bytes >= 3 * 128 * 1024, "{} bytes", stopped.bytes);
    assert!(!place.data().exists());
}

#[test]
fn a_making_that_was_cut_off_is_begun_anew() {
    let place = Place::new();
    make(&place.data());
    // State word of the control segment: 0 until all shards are there.
    let control = place.data().join("control");
    let mut bytes = std::fs::read(&control).expect("read");
    bytes[208] = 0;
    std::fs::write(&control, bytes).expect("written");
    std::fs::remove_file(place.data().join("shard-0002")).expect("removed");
    std::fs::write(place.data().join(".shard-0002.0123456789abcdef.new"), "half").expect("written");
    let opened = open(&place.data()).expect("made");
    assert_eq!(opened.origin, Origin::Created);
    let names: Vec<_> = contents(&place.data()).into_iter().map(|(path, _)| path).collect();
    let names: Vec<_> = names.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(names, ["control", "lock", "shard-0000", "shard-0001", "shard-0002"]);
}

#[test]
fn a_removal_that_was_cut_off_is_ended() {
    let place = Place::new();
    make(&place.data());
    std::fs::rename(place.data().join("control"), place.data().join(".control.removed.new"))
        .expect("renamed");
    std::fs::remove_file(place.data().join("shard-0000")).expect("removed");
    assert_eq!(open(&place.data()).expect("made").origin, Origin::Created);
    assert!(!place.data().join(".control.removed.new").exists());
}

#[test]
fn a_heap_whose_making_was_cut_off_is_made_again() {
    let place = Place::new();
    // Made, but no heap in any segment: as if killed before the workers came to it.
    drop(open(&place.data()).expect("made"));
    let mut opened = open(&place.data()).expect("attached");
    let segment = opened.shards.remove(0);
    assert!(!segment.is_formatted());
    let lock = opened.data_set.lock_of_this_thread();
    let (_, report) =
        segment.into_heap(lock, opened.data_set.control(), HeapOptions::default()).expect("made");
    assert_eq!((report.shard, report.recovery, report.length_bytes), (0, None, 128 << 10));
    drop(opened);

    let mut opened = open(&place.data()).expect("attached");
    assert!(opened.shards[0].is_formatted() && !opened.shards[1].is_formatted());
    heaps(&mut opened);
}

#[test]
fn a_directory_is_named_after_the_data_directory_and_the_port() {
    let place = Place::new();
    let id = data_directory_id(&place.path).expect("made");
    assert_eq!(data_directory_id(&place.path).expect("read"), id);
    assert_eq!(std::fs::read_to_string(place.path.join("hearth.id")).expect("read"), format!("{id}\n"));
    assert_eq!(std::fs::read_dir(&place.path).expect("listed").count(), 1);
    let directory = default_directory(&place.path, 6379).expect("known");
    assert_eq!(directory.to_str(), Some(format!("/dev/shm/hearth-{id}-6379").as_str()));
    assert_ne!(data_directory_id(&Place::new().path).expect("made"), id);
}

#[test]
fn many_at_once_agree_on_the_id() {
    let place = Place::new();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| data_directory_id(&place.path).expect("made or read"));
        let threads: Vec<_> = (0..8).map(|_| ask()).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn an_id_file_that_is_not_one_is_refused() {
    let place = Place::new();
    let file = place.path.join("hearth.id");
    for bad in ["", "\n", "../../../etc\n", "0123456789ABCDEF\n", "0123456789abcde\n", "0123456789abcdef0\n"]
    {
        std::fs::write(&file, bad).expect("written");
        let refused = data_directory_id(&place.path);
        assert!(matches!(refused, Err(SegmentError::BadId { .. })), "{bad:?}: {refused:?}");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), bad);
    }
    std::fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink("/nowhere/hearth.id", &file).expect("linked");
    assert!(matches!(data_directory_id(&place.path), Err(SegmentError::Io { .. })));
}

#[test]
fn a_directory_removed_under_the_server_is_noticed() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    assert!(!opened.data_set.directory().is_deleted());
    std::fs::rename(place.data(), place.path.join("moved")).expect("renamed");
    assert!(opened.data_set.directory().is_deleted());
    std::fs::create_dir(place.data()).expect("another in its place");
    assert!(opened.data_set.directory().is_deleted());
}

#[test]
fn room_is_reported() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    let report = &opened.directory;
    assert_eq!((&report.path, report.file_system.to_string().as_str()), (&place.data(), "tmpfs"));
    if let Some(total) = report.total_bytes {
        assert!(report.free_bytes <= Some(total));
        assert!(report.is_smaller_than(total + 1) && !report.is_smaller_than(total));
    }
}

#[test]
fn attaching_does_not_change_what_is_stored() {
    let place = Place::new();
    make(&place.data());
    let before = data_contents(&place.data());
    check_made(&place.data());
    for ((path, old), (_, new)) in before.iter().zip(data_contents(&place.data())) {
        // Past the words of the header that tell of lives and stops.
        assert!(old[256..] == new[256..] && old[..192] == new[..192], "{}", path.display());
    }
}
