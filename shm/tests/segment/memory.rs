//! Growth, holes, huge pages, limits and full file systems.

use std::path::Path;
use std::process::Command;

use shm::Backing;
use shm::region::{CHUNK_LEN, FIRST_LEN};

use crate::child::{Actor, program};
use crate::{Place, heaps, open, read_text, write_text};

/// Bytes of memory behind a file.
fn backed(path: &std::path::Path) -> u64 {
    u64::try_from(rustix::fs::stat(path).expect("there").st_blocks).expect("counted") * 512
}

#[test]
fn grows_by_real_memory_and_gives_it_back() {
    let place = Place::new();
    let mut opened = open(&place.data()).expect("made");
    let mut segment = opened.shards.remove(0);
    let (path, usage) = (segment.path().to_owned(), segment.usage());
    let (base, reserved) = (segment.base(), segment.reserved_len());
    assert!(base.as_ptr().addr().is_multiple_of(CHUNK_LEN));
    assert!(reserved > 4 * CHUNK_LEN);
    let mut lengths =
        vec![2 * FIRST_LEN, 8 * FIRST_LEN, CHUNK_LEN, CHUNK_LEN + FIRST_LEN, 2 * CHUNK_LEN, 5 * CHUNK_LEN];
    for to in lengths.drain(..) {
        segment.grow(to).expect("room");
        assert_eq!((segment.len(), usage.length_bytes()), (to, to as u64));
        assert_eq!((backed(&path), usage.backed_bytes()), (to as u64, to as u64));
    }
    assert!(segment.grow(reserved + FIRST_LEN).is_err());
    assert_eq!(segment.len(), 5 * CHUNK_LEN);
    assert_eq!((segment.base(), segment.reserved_len()), (base, reserved));

    let huge = usage.huge_bytes();
    assert!(huge.is_multiple_of(CHUNK_LEN as u64) && huge <= 5 * CHUNK_LEN as u64);
    segment.punch(CHUNK_LEN, 2 * CHUNK_LEN);
    assert_eq!((backed(&path), usage.backed_bytes()), (3 * CHUNK_LEN as u64, 3 * CHUNK_LEN as u64));
    assert_eq!(usage.huge_bytes(), huge.saturating_sub(2 * CHUNK_LEN as u64));
    // Twice, and once over what was never a hole: what is there stays there.
    for _ in 0..2 {
        segment.refill(0, 4 * CHUNK_LEN).expect("room");
        assert_eq!((backed(&path), usage.huge_bytes()), (5 * CHUNK_LEN as u64, huge));
    }
    segment.punch(CHUNK_LEN + FIRST_LEN, FIRST_LEN);
    assert_eq!(backed(&path), (5 * CHUNK_LEN - FIRST_LEN) as u64);
    drop(segment);
    drop(opened);

    let opened = open(&place.data()).expect("attached");
    assert_eq!(opened.shards[0].len(), 5 * CHUNK_LEN);
    assert_eq!(opened.shards[0].usage().backed_bytes(), (5 * CHUNK_LEN - FIRST_LEN) as u64);
}

#[test]
fn huge_pages_are_obtained_where_the_kernel_gives_them() {
    let place = Place::new();
    let mut opened = open(&place.data()).expect("made");
    let mut segment = opened.shards.remove(0);
    let (path, usage) = (segment.path().to_owned(), segment.usage());
    // The last chunk of the three holds something when it becomes a huge page.
    for to in [2 * CHUNK_LEN, 2 * CHUNK_LEN + FIRST_LEN, 3 * CHUNK_LEN - FIRST_LEN, 4 * CHUNK_LEN] {
        segment.grow(to).expect("room");
    }
    let smaps = std::fs::read_to_string("/proc/self/smaps").expect("readable");
    let about = mapping_of(&smaps, path.to_str().expect("a plain path"));
    let mapped = about.lines().find_map(|line| line.strip_prefix("ShmemPmdMapped:"));
    let mapped = mapped.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0);
    assert_eq!(usage.huge_bytes(), mapped << 10, "what is counted is what the kernel maps");
    drop(segment);
    drop(opened);
    let opened = open(&place.data()).expect("attached");
    assert_eq!(opened.shards[0].usage().huge_bytes(), mapped << 10);
}

#[test]
fn the_mapping_is_kept_from_dumps_and_children() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    let smaps = std::fs::read_to_string("/proc/self/smaps").expect("readable");
    for name in ["shard-0000", "control", "lock"] {
        let path = place.data().join(name);
        let about = mapping_of(&smaps, path.to_str().expect("a plain path"));
        let flags = about.lines().find_map(|line| line.strip_prefix("VmFlags:")).expect("a flag line");
        let has = |flag| flags.split_whitespace().any(|found| found == flag);
        // Shared, not dumped, not copied on fork.
        assert!(has("sh") && has("dd") && has("dc"), "{name}: {flags}");
    }
    drop(opened);
}

/// The part of an smaps file that tells of the mapping of one file.
fn mapping_of<'a>(smaps: &'a str, path: &str) -> &'a str {
    let at = smaps.find(path).expect("mapped");
    let rest = &smaps[at..];
    &rest[..rest.find("VmFlags").map_or(rest.len(), |flags| flags + rest[flags..].find('\n').unwrap_or(0))]
}

#[test]
fn a_heap_outgrows_its_first_pages_and_is_found_again() {
    let place = Place::new();
    let mut opened = open(&place.data()).expect("made");
    let usage = opened.shards[1].usage();
    let mut all = heaps(&mut opened);
    let heap = &mut all[1];
    let blocks: Vec<_> = (0..400_u32)
        .map(|number| {
            let block = heap.allocate::<[u8]>(16_000).expect("room");
            heap.fill(block, 0, 16_000, |bytes| bytes.fill(number as u8));
            heap.commit();
            block
        })
        .collect();
    write_text(heap, "large");
    assert!(usage.length_bytes() > 6_000_000);
    drop(all);
    drop(opened);
    let mut opened = open(&place.data()).expect("attached");
    let all = heaps(&mut opened);
    assert_eq!(read_text(&all[1]), "large");
    for (number, block) in (0..400_u32).zip(blocks) {
        assert!(all[1].bytes(block, 0, 16_000).iter().all(|&byte| byte == number as u8));
    }
}

#[test]
fn a_limit_on_the_length_of_files_is_an_error_and_not_a_signal() {
    let place = Place::new();
    let mut command = Command::new("sh");
    // Blocks of 512 bytes or of 1024, as the shell has it.
    command.args(["-c", "ulimit -f 4096; exec \"$0\" \"$@\""]).arg(program());
    let mut actor = Actor::start_by(command, "limited", &place.data());
    let said = actor.hear();
    let (reserved, len) = said.split_once(' ').expect("two numbers");
    let reserved: usize = reserved.parse().expect("a number");
    assert!((2 << 20..=4 << 20).contains(&reserved), "{said}");
    assert_eq!(len, reserved.to_string());
    assert_eq!(actor.end(), None);
}

/// Plays a role on a file system of its own, seen by the child alone and gone with it. Ordinary users may do
/// this where the system lets them be root in a name space of their own. `None` if it cannot be mounted.
fn act_on(file_system: &str, mount_options: &str, role: &str) -> Option<String> {
    let place = Place::new();
    let script = format!("mount -t {file_system} -o {mount_options} none \"$0\" && exec \"$@\"");
    let unshare = |program: &Path| {
        let mut command = Command::new("unshare");
        command.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" });
        command.args(["sh", "-c", &script]).arg(&place.path).arg(program);
        command
    };
    if !unshare(Path::new("true")).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no right to mount {file_system} for this test alone");
        return None;
    }
    let mut actor = Actor::start_by(unshare(&program()), role, &place.data());
    let said = actor.hear();
    assert_eq!(actor.end(), None);
    Some(said)
}

#[test]
fn a_full_file_system_is_an_error_and_not_a_signal() {
    if let Some(said) = act_on("tmpfs", "size=14m,mode=700", "fill") {
        assert_eq!(said, "full and empty again");
    }
}

#[test]
fn hugetlbfs_carries_a_data_set_too() {
    let info = std::fs::read_to_string("/proc/meminfo").expect("readable");
    let free = info.lines().find_map(|line| line.strip_prefix("HugePages_Free:")?.trim().parse::<u32>().ok());
    if free.is_none_or(|pages| pages < 16) {
        eprintln!("skipped: under 16 huge pages set aside (vm.nr_hugepages)");
    } else if let Some(said) = act_on("hugetlbfs", "mode=700", "on huge pages") {
        assert_eq!(said, "kept and removed");
    }
}
