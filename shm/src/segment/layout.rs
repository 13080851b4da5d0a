//! One number for everything that is stored: programs with different numbers do not read each other's
//! segments.
//!
//! Each module that stores something describes it in a text named `STORED`, with every field and its width;
//! the number is a hash over all of them and over one text from the user of this crate. Changing a stored form
//! means changing its text. FNV-1a, because it can run at compile time and never needs to resist anyone.

/// For people: raised when a stored form changes on purpose.
pub const LAYOUT_VERSION: u32 = 1;

/// What this crate stores.
const OWN: &[&str] = &[
    super::header::STORED,
    crate::control::STORED,
    crate::heap::layout::STORED,
    crate::alloc::size_class::STORED,
    crate::undo::record::STORED,
    crate::extent::STORED,
    crate::garbage::STORED,
    crate::rbtree::STORED,
    crate::hash_index::STORED,
];

/// The number for this crate's stored forms together with its user's.
pub const fn layout_hash(of_user: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < OWN.len() {
        hash = append(hash, OWN[index]);
        index += 1;
    }
    append(hash, of_user)
}

/// The text and an end mark, so that moving a word from one text to the next changes the number.
const fn append(mut hash: u64, text: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(PRIME);
        index += 1;
    }
    (hash ^ 0xff).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_a_description_counts() {
        const NOW: u64 = layout_hash("entry: flags u8, clock u24");
        assert_eq!(NOW, layout_hash("entry: flags u8, clock u24"));
        assert_ne!(NOW, layout_hash("entry: flags u8, clock u32"));
        assert_ne!(NOW, layout_hash(""));
    }

    #[test]
    fn boundaries_between_descriptions_count() {
        assert_ne!(append(append(0, "ab"), "c"), append(append(0, "a"), "bc"));
    }
}
