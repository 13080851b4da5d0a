//! The header of a segment: whatever the bytes, decoding ends with an answer, and what it accepts is what
//! encoding writes.
#![no_main]

use crc::{CRC_64_XZ, Crc};
use libfuzzer_sys::fuzz_target;
use shm::segment::{BootId, Kind, decode_header};

const CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // No fuzzer guesses a checksum: once more with the right one.
    let mut page = bytes.to_vec();
    page.resize(4096, 0);
    page[..8].copy_from_slice(b"HEARTHSG");
    let checksum = CHECKSUM.checksum(&page[..128]);
    page[128..136].copy_from_slice(&checksum.to_le_bytes());
    check(&page);
});

fn check(bytes: &[u8]) {
    let Ok(header) = decode_header(bytes) else { return };
    assert_eq!(header.encode()[..136], bytes[..136]);
    let mut again = header.encode().to_vec();
    again.resize(4096, 0);
    assert_eq!(decode_header(&again).as_ref(), Ok(&header));
    let _ = header.check_kind(Kind::Shard);
    let _ = header.check_program(header.layout_hash, BootId([0; 16]));
    assert_eq!(header.check_place(&header, header.shard, header.slots.clone()), Ok(()));
}
