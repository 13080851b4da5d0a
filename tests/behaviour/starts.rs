//! Starts on data that somebody else serves, or that must be refused.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::TestServer;

#[test]
fn a_start_on_live_data_says_at_once_what_it_waits_for() {
    let mut first = TestServer::hearth(&["--threads", "1"]);
    first.client().run("SET k v");
    let mut second = TestServer::on_segments_of(&first, &["--threads", "1"]);
    second.spawn();
    let directory = first.shm_dir().display();
    // The second has not ended when this is found in its log: it still waits.
    second.wait_for_log(&format!("{directory} is owned by process {}: waiting up to 10 s", first.pid()));
    first.kill();
    second.wait_until_it_answers();
    assert_eq!(second.client().run("GET k").text(), "v");
}

/// A way to damage the file of a shard; `other` is the same shard of another data set.
type Damage = fn(shard: &Path, other: &Path);

const DAMAGES: &[(&str, Damage, &str)] = &[
    ("cut short", |shard, _| edit(shard, |bytes| bytes.truncate(70_000)), "it was cut short"),
    ("empty", |shard, _| edit(shard, Vec::clear), "it was cut short"),
    ("not ours", |shard, _| edit(shard, |bytes| bytes[0] ^= 1), "is not a file of Hearth's"),
    ("a corrupt header", |shard, _| edit(shard, |bytes| bytes[100] ^= 1), "is corrupt"),
    ("of another data set", |shard, other| assert!(fs::copy(other, shard).is_ok()), "belongs to data set"),
    (
        "behind a link",
        |shard, _| {
            let aside = shard.with_extension("aside");
            fs::rename(shard, &aside).expect("renamed");
            symlink(&aside, shard).expect("linked");
        },
        "symbolic link",
    ),
    ("missing", |shard, _| fs::remove_file(shard).expect("removed"), "is missing"),
    ("of another layout", |shard, _| edit(shard, |bytes| relayout(bytes)), "was written with layout"),
    (
        "of another layout as a whole",
        |shard, _| edit(&shard.with_file_name("control"), |bytes| relayout(bytes)),
        "was written with layout",
    ),
];

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("read");
    change(&mut bytes);
    fs::write(path, bytes).expect("written");
}

/// Gives a header another layout hash and the checksum that goes with it.
fn relayout(bytes: &mut [u8]) {
    bytes[16] ^= 1;
    // CRC-64/XZ, bit by bit.
    let shift = |crc: u64| (crc >> 1) ^ if crc & 1 == 1 { 0xc96c_5795_d787_0f42 } else { 0 };
    let step = |crc: u64, byte: &u8| (0..8).fold(crc ^ u64::from(*byte), |crc, _| shift(crc));
    let crc = !bytes[..128].iter().fold(u64::MAX, step);
    bytes[128..136].copy_from_slice(&crc.to_le_bytes());
}

/// Every file of the directory, links not followed, with its contents.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut files: Vec<(PathBuf, Vec<u8>)> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let bytes = match fs::read_link(&path) {
                Ok(target) => target.into_os_string().into_encoded_bytes(),
                Err(_) => fs::read(&path).expect("readable"),
            };
            (path, bytes)
        })
        .collect();
    files.sort();
    files
}

/// Damages the data that `server` has left, starts it and finds it refused without a trace, and mends the data.
fn refuse_all(server: &mut TestServer, other: &TestServer) {
    let directory = server.shm_dir().to_owned();
    for &(name, damage, reason) in DAMAGES {
        let sound = contents(&directory);
        damage(&directory.join("shard-0003"), &other.shm_dir().join("shard-0003"));
        let damaged = contents(&directory);
        assert!(damaged != sound, "{name}: nothing was damaged");
        let said = server.log().len();
        server.spawn();
        assert!(!server.wait().success(), "{name}: served");
        let log = server.log().split_off(said);
        assert!(log.contains(reason), "{name}: {log}");
        for ((path, before), (_, after)) in damaged.iter().zip(contents(&directory)) {
            let first = before.iter().zip(&after).position(|(before, after)| before != after);
            assert!(*before == after, "{name}: {} changed from byte {first:?}", path.display());
        }
        assert!(contents(&directory) == damaged, "{name}: files came or went");
        for (path, _) in &damaged {
            fs::remove_file(path).expect("removed");
        }
        for (path, bytes) in &sound {
            fs::write(path, bytes).expect("written");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(path, mode).expect("changed");
        }
    }
}

#[test]
fn a_refused_start_changes_no_byte() {
    let mut server = TestServer::hearth(&["--threads", "2", "--shards", "8"]);
    let mut other = TestServer::hearth(&["--threads", "2", "--shards", "8"]);
    other.kill();
    server.client().run("MSET a 1 b 2 c 3 d 4");
    // Left by the dead: their locks too must stay as they are.
    server.kill();
    refuse_all(&mut server, &other);
    server.start();
    assert_eq!(server.client().run("DBSIZE").integer(), 4);
    // Left in order.
    assert!(server.client().send(&["SHUTDOWN"]).is_ok());
    assert!(server.wait().success());
    refuse_all(&mut server, &other);
    server.start();
    assert_eq!(server.client().run("DBSIZE").integer(), 4);
}

#[test]
fn only_the_loss_of_a_damaged_shard_is_accepted() {
    let mut server = TestServer::hearth(&["--threads", "1", "--shards", "8"]);
    server.client().run("MSET a 1 b 2 c 3 d 4");
    server.kill();
    let before = contents(server.shm_dir());
    let (status, said) = server.segments(&["accept-loss", "3"]);
    assert!(!status.success() && said.contains("is sound"), "{said}");
    assert!(contents(server.shm_dir()) == before, "a sound shard was touched");
    // Behind a sound header, and with it.
    edit(&server.shm_dir().join("shard-0003"), |bytes| bytes[65_536..].fill(0xff));
    edit(&server.shm_dir().join("shard-0004"), |bytes| bytes.truncate(70_000));
    for shard in ["3", "4"] {
        let (status, said) = server.segments(&["accept-loss", shard]);
        assert!(status.success() && said.contains("begins empty"), "{said}");
    }
    server.start();
    server.client().run("DBSIZE").integer();
}

#[test]
fn data_that_is_not_attached_is_removed_and_the_log_says_so() {
    let mut server = TestServer::hearth(&["--threads", "1"]);
    server.client().run("SET k v");
    server.kill();
    let mut again = TestServer::on_segments_of(&server, &["--threads", "1", "--warm-restart", "no"]);
    again.start();
    assert_eq!(again.client().run("DBSIZE").integer(), 0);
    assert!(again.log().contains("of data that an earlier run had kept"), "{}", again.log());
}

#[test]
fn a_directory_that_others_reach_is_refused_with_advice_that_fits() {
    let mut server = TestServer::hearth(&["--threads", "1"]);
    server.kill();
    let open_to_all = || {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(server.shm_dir(), mode).expect("changed");
    };
    open_to_all();
    let mut refused = TestServer::on_segments_of(&server, &[]);
    refused.spawn();
    assert!(!refused.wait().success());
    assert!(refused.log().contains("make it yours alone again (chmod 700)"), "{}", refused.log());
    for (path, _) in contents(server.shm_dir()) {
        fs::remove_file(path).expect("removed");
    }
    refused.spawn();
    assert!(!refused.wait().success());
    assert!(refused.log().contains("name a directory of the server's own"), "{}", refused.log());
}
