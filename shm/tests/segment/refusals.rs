//! Files that are not what they must be: refused with a way out, and left exactly as they are.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;
use shm::segment::{Accept, Flaw, Options, WayOut};
use shm::{DataSet, SegmentError};

use crate::child::Actor;
use crate::{Place, check_made, contents, make, open, options};

/// Opens a data set that must be refused, and checks that nothing was changed by it.
fn refused(directory: &Path) -> SegmentError {
    let before = contents(directory);
    let error = open(directory).map(drop).expect_err("refused");
    assert!(contents(directory) == before, "changed by a refusal");
    error
}

fn flaw(directory: &Path) -> (Flaw, WayOut) {
    match refused(directory) {
        SegmentError::Refused { flaw, way_out, .. } => (flaw, way_out),
        other => panic!("{other}"),
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("read");
    change(&mut bytes);
    fs::write(path, bytes).expect("written");
}

#[test]
fn any_flipped_byte_of_the_frozen_part_is_refused() {
    let place = Place::new();
    make(&place.data());
    for name in ["shard-0001", "control"] {
        let path = place.data().join(name);
        for at in 0..136 {
            change(&path, |bytes| bytes[at] ^= 1 << (at % 8));
            let (flaw, _) = flaw(&place.data());
            assert!(matches!(flaw, Flaw::Foreign | Flaw::Corrupt { .. }), "{name} byte {at}: {flaw}");
            change(&path, |bytes| bytes[at] ^= 1 << (at % 8));
        }
    }
    check_made(&place.data());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_damage_of_the_control_table_is_refused(at in 4096_usize..16384, flip in 1..=255_u8) {
        let place = Place::new();
        make(&place.data());
        change(&place.data().join("control"), |bytes| bytes[at] ^= flip);
        let (flaw, way_out) = flaw(&place.data());
        let noticed = matches!(flaw, Flaw::Corrupt { .. });
        prop_assert!(noticed, "{}", flaw);
        prop_assert_eq!(way_out, WayOut::DataSet { directory: place.data() });
    }
}

#[test]
fn a_file_cut_short_is_refused() {
    let place = Place::new();
    make(&place.data());
    for name in ["shard-0000", "control"] {
        let path = place.data().join(name);
        let whole = fs::read(&path).expect("read");
        for len in [0, 1, 100, 4095, 4096, 65536, whole.len() - 1] {
            fs::write(&path, &whole[..len.min(whole.len() - 1)]).expect("written");
            let (flaw, _) = flaw(&place.data());
            assert!(matches!(flaw, Flaw::Truncated { .. }), "{name} of {len} bytes: {flaw}");
        }
        fs::write(&path, &whole).expect("written");
    }
    check_made(&place.data());
}

#[test]
fn a_killed_owners_locks_are_left_as_they_are_by_a_refusal() {
    let place = Place::new();
    let mut actor = Actor::start("serve", &place.data());
    assert_eq!(actor.hear(), "serving");
    actor.kill();
    assert_eq!(actor.end(), Some(9));
    let path = place.data().join("shard-0001");
    let whole = fs::read(&path).expect("read");
    fs::write(&path, &whole[..100]).expect("written");
    assert!(matches!(flaw(&place.data()).0, Flaw::Truncated { .. }));
    fs::write(&path, &whole).expect("written");
    let opened = open(&place.data()).expect("attached");
    assert_eq!(
        (opened.takeover.count, opened.takeover.dead_threads),
        (2, 4),
        "as if it had never been refused"
    );
}

#[test]
fn a_missing_lock_file_is_not_made_by_a_refusal() {
    let place = Place::new();
    make(&place.data());
    fs::remove_file(place.data().join("lock")).expect("removed");
    change(&place.data().join("shard-0002"), |bytes| bytes[0] ^= 1);
    assert_eq!(flaw(&place.data()).0, Flaw::Foreign);
    change(&place.data().join("shard-0002"), |bytes| bytes[0] ^= 1);
    check_made(&place.data());
}

#[test]
fn a_damaged_heap_is_refused() {
    let place = Place::new();
    make(&place.data());
    // The heap's own first word.
    change(&place.data().join("shard-0002"), |bytes| bytes[4096] ^= 1);
    let mut opened = open(&place.data()).expect("headers are good");
    let segment = opened.shards.pop().expect("three shards");
    let lock = opened.data_set.lock_of_this_thread();
    let damaged = segment.into_heap(lock, opened.data_set.control(), Default::default());
    let text = damaged.map(drop).expect_err("refused").to_string();
    let command = format!("`hearth segments accept-loss 2 --shm-dir {}`", place.data().display());
    let change = "what it holds was not changed";
    assert!(text.contains("shard-0002 is damaged") && text.contains(&command), "{text}");
    assert!(text.contains(change) && !text.contains("nothing was changed;"), "{text}");
}

#[test]
fn a_foreign_file_is_refused() {
    let place = Place::new();
    make(&place.data());
    fs::write(place.data().join("shard-0000"), vec![0; 1 << 17]).expect("written");
    assert_eq!(flaw(&place.data()).0, Flaw::Foreign);
}

#[test]
fn a_missing_shard_is_never_served_as_empty() {
    let place = Place::new();
    make(&place.data());
    fs::remove_file(place.data().join("shard-0001")).expect("removed");
    let error = refused(&place.data());
    let way_out = WayOut::Shard { directory: place.data(), shard: 1 };
    assert!(matches!(&error, SegmentError::Missing { way_out: found, .. } if *found == way_out), "{error}");
}

#[test]
fn shards_without_their_control_segment_are_refused() {
    let place = Place::new();
    make(&place.data());
    fs::remove_file(place.data().join("control")).expect("removed");
    assert!(matches!(refused(&place.data()), SegmentError::NoControl { .. }));
}

#[test]
fn shards_in_each_others_place_are_refused() {
    let place = Place::new();
    make(&place.data());
    let (one, other) = (place.data().join("shard-0000"), place.data().join("shard-0001"));
    let aside = place.path.join("aside");
    fs::rename(&one, &aside).expect("renamed");
    fs::rename(&other, &one).expect("renamed");
    fs::rename(&aside, &other).expect("renamed");
    let wrong = Flaw::WrongShard { found: 1, found_count: 3, expected: 0, expected_count: 3 };
    assert_eq!(flaw(&place.data()).0, wrong);
}

#[test]
fn files_of_another_data_set_are_refused() {
    let (place, other) = (Place::new(), Place::new());
    make(&place.data());
    make(&other.data());
    fs::copy(other.data().join("shard-0002"), place.data().join("shard-0002")).expect("copied");
    assert!(matches!(flaw(&place.data()).0, Flaw::OtherDataSet { .. }));
    fs::copy(other.data().join("control"), place.data().join("control")).expect("copied");
    assert!(matches!(flaw(&place.data()).0, Flaw::OtherDataSet { .. }));
    fs::copy(place.data().join("control"), place.data().join("shard-0002")).expect("copied");
    fs::copy(other.data().join("shard-0000"), place.data().join("control")).expect("copied");
    assert!(matches!(flaw(&place.data()).0, Flaw::OtherKind { .. }));
}

#[test]
fn an_old_copy_of_the_control_segment_is_refused() {
    let place = Place::new();
    make(&place.data());
    let old = fs::read(place.data().join("control")).expect("read");
    check_made(&place.data());
    fs::write(place.data().join("control"), old).expect("written");
    assert_eq!(flaw(&place.data()).0, Flaw::FromTheFuture { found: 2, known: 1 });
}

#[test]
fn data_of_another_layout_is_refused_and_kept() {
    let place = Place::new();
    make(&place.data());
    let newer = Options { layout: "root 0: another form", ..options(&place.data()) };
    let before = contents(&place.data());
    let text = DataSet::open(&newer).map(drop).expect_err("refused").to_string();
    assert!(text.contains("was written with layout 1") && text.contains("the version of Hearth"), "{text}");
    assert!(contents(&place.data()) == before);
    check_made(&place.data());
}

#[test]
fn what_others_can_reach_is_not_trusted() {
    let place = Place::new();
    make(&place.data());
    let check = |reason: &str| {
        let error = open(&place.data()).map(drop).expect_err("refused");
        let SegmentError::Untrusted { reason: found, .. } = &error else { panic!("{error}") };
        assert!(found.contains(reason), "{error}");
    };
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
    mode(&place.data(), 0o755);
    check("mode 0755");
    mode(&place.data(), 0o700);
    for name in ["shard-0001", "control", "lock"] {
        let path = place.data().join(name);
        mode(&path, 0o640);
        check("mode 0640");
        mode(&path, 0o600);

        let second = place.path.join("second name");
        fs::hard_link(&path, &second).expect("linked");
        check("hard link");
        fs::remove_file(&second).expect("removed");

        fs::rename(&path, &second).expect("renamed");
        symlink(&second, &path).expect("linked");
        check("symbolic link");
        fs::remove_file(&path).expect("removed");

        fs::create_dir(&path).expect("made");
        let error = open(&place.data()).map(drop).expect_err("refused");
        assert!(matches!(error, SegmentError::Io { .. }), "{error}");
        fs::remove_dir(&path).expect("removed");

        let made = std::process::Command::new("mkfifo").arg("-m600").arg(&path).status().expect("run");
        assert!(made.success());
        check("not a plain file");
        fs::remove_file(&path).expect("removed");
        fs::rename(&second, &path).expect("renamed");
    }
    check_made(&place.data());
}

#[test]
fn a_link_or_a_file_is_no_directory() {
    let place = Place::new();
    make(&place.data());
    let link = place.path.join("link");
    symlink(place.data(), &link).expect("linked");
    assert!(matches!(open(&link), Err(SegmentError::Untrusted { .. })));
    let file = place.path.join("file");
    fs::write(&file, "").expect("written");
    assert!(matches!(open(&file), Err(SegmentError::Untrusted { .. })));
}

#[test]
fn a_disk_is_not_memory() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("segments-{}", std::process::id()));
    let refused = open(&directory).map(drop);
    let kind = rustix::fs::statfs(env!("CARGO_TARGET_TMPDIR")).expect("there").f_type;
    if kind == 0x0102_1994 {
        // Built on a tmpfs: nothing to refuse.
        refused.expect("made");
    } else {
        let text = refused.expect_err("refused").to_string();
        assert!(text.contains("--shm-dir") && text.contains("/dev/shm"), "{text}");
        DataSet::open(&Options { accept: Accept::AnyFileSystem, ..options(&directory) }).expect("made");
    }
    fs::remove_dir_all(&directory).expect("removed");
}

#[test]
fn a_lock_file_that_is_not_one_is_refused() {
    let place = Place::new();
    make(&place.data());
    let lock = place.data().join("lock");
    let good = fs::read(&lock).expect("read");
    let check = |bytes: &[u8], expected: fn(&Flaw) -> bool| {
        fs::write(&lock, bytes).expect("written");
        let (flaw, way_out) = flaw(&place.data());
        assert!(expected(&flaw), "{flaw}");
        assert_eq!(way_out, WayOut::Locks { path: lock.clone() });
        assert_eq!(fs::read(&lock).expect("read"), bytes);
    };
    check(&vec![1; good.len()], |flaw| matches!(flaw, Flaw::Foreign));
    check(&good[..100], |flaw| matches!(flaw, Flaw::Truncated { .. }));
    let mut other_form = good.clone();
    other_form[32] ^= 1;
    check(&other_form, |flaw| matches!(flaw, Flaw::OtherLocks { .. }));
    fs::write(&lock, &good).expect("written");
    check_made(&place.data());
}

#[test]
fn locks_from_before_the_machine_started_are_made_anew() {
    let place = Place::new();
    make(&place.data());
    let lock = place.data().join("lock");
    let good = fs::read(&lock).expect("read");
    let mut old = good.clone();
    old[16..32].fill(0x11);
    // A mutex that a thread of the machine's earlier life held when the power failed.
    old[64..128].fill(0x22);
    fs::write(&lock, old).expect("written");
    let opened = open(&place.data()).expect("attached");
    assert_eq!((opened.takeover.count, opened.takeover.dead_threads), (1, 0));
    assert_eq!(fs::read(&lock).expect("read")[16..32], good[16..32]);
}
