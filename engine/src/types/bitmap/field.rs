//! Integers of any width at any bit of a string.

/// What happens to a number that is too large or too small for its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Its low bits are kept.
    Wrap,
    /// It becomes the nearest one that fits.
    Saturate,
    /// It is not stored.
    Fail,
}

/// The type of an integer field: big-endian, signed (two's complement) or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    is_signed: bool,
    bits: u32,
}

impl Field {
    /// How many bytes a field may touch: 64 bits that begin at the last bit of a byte.
    pub const SPAN_MAX: usize = 9;

    /// A type of 1 to 64 bits, or to 63 when it is not signed; `None` of another width.
    pub fn new(is_signed: bool, bits: i64) -> Option<Field> {
        let bits = u32::try_from(bits).ok()?;
        let bits_max = if is_signed { 64 } else { 63 };
        (1..=bits_max).contains(&bits).then_some(Field { is_signed, bits })
    }

    pub fn is_signed(self) -> bool {
        self.is_signed
    }

    /// Its width.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// How many bytes it touches when it begins at bit `bit` of the first of them.
    pub fn span(self, bit: u32) -> usize {
        (bit + self.bits).div_ceil(8) as usize
    }

    /// The number that begins at bit `bit` (below 8) of these bytes.
    pub fn read(self, bytes: [u8; Field::SPAN_MAX], bit: u32) -> i64 {
        let low = (wide(bytes) >> self.shift(bit)) as u64;
        self.number_of(low)
    }

    /// Stores a number that fits.
    pub fn write(self, bytes: &mut [u8; Field::SPAN_MAX], bit: u32, value: i64) {
        let (shift, mask) = (self.shift(bit), u128::from(self.mask()));
        let kept = wide(*bytes) & !(mask << shift);
        let stored = kept | (u128::from(value.cast_unsigned()) & mask) << shift;
        bytes.copy_from_slice(&stored.to_be_bytes()[16 - Field::SPAN_MAX..]);
    }

    /// The number that is stored for `value`; `None` when it does not fit and must fail.
    pub fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let greatest = i128::from(self.greatest());
        let least = if self.is_signed { -greatest - 1 } else { 0 };
        match overflow {
            // At most 64 bits signed and 63 not: within 64 bits signed.
            _ if (least..=greatest).contains(&value) => Some(value as i64),
            Overflow::Wrap => Some(self.number_of(value as u64)),
            Overflow::Saturate => Some(value.clamp(least, greatest) as i64),
            Overflow::Fail => None,
        }
    }

    /// The greatest number that fits.
    pub fn greatest(self) -> i64 {
        (self.mask() >> u32::from(self.is_signed)).cast_signed()
    }

    /// Whether a number does not fit and is farther below the greatest one than 64 bits with a sign say.
    pub fn is_far_below(self, value: i64) -> bool {
        self.bits < 64 && self.greatest().checked_sub(value).is_none()
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// How far its last bit is from the end of the bytes.
    fn shift(self, bit: u32) -> u32 {
        8 * Field::SPAN_MAX as u32 - bit - self.bits
    }

    /// The number of these low bits; those above them do not count.
    fn number_of(self, low: u64) -> i64 {
        let unused = 64 - self.bits;
        match self.is_signed {
            true => (low << unused).cast_signed() >> unused,
            false => (low & self.mask()).cast_signed(),
        }
    }
}

fn wide(bytes: [u8; Field::SPAN_MAX]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(is_signed: bool, bits: i64) -> Field {
        Field::new(is_signed, bits).expect("a width that exists")
    }

    #[test]
    fn widths() {
        for (is_signed, bits, is_some) in
            [(true, 64, true), (true, 65, false), (false, 63, true), (false, 64, false), (true, 0, false)]
        {
            assert_eq!(Field::new(is_signed, bits).is_some(), is_some, "{is_signed} {bits}");
        }
        assert_eq!(Field::new(false, -1), None);
        assert_eq!(Field::new(true, i64::MAX), None);
        assert_eq!(field(true, 64).span(7), Field::SPAN_MAX);
        assert_eq!(field(false, 1).span(7), 1);
        assert_eq!(field(false, 2).span(7), 2);
    }

    #[test]
    fn numbers_that_do_not_fit() {
        let check = |field: Field, value: i128, expected: [Option<i64>; 3]| {
            let found = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail].map(|how| field.fit(value, how));
            assert_eq!(found, expected, "{field:?} {value}");
        };
        check(field(false, 8), 255, [Some(255); 3]);
        check(field(false, 8), 256, [Some(0), Some(255), None]);
        check(field(false, 8), -1, [Some(255), Some(0), None]);
        check(field(true, 8), 128, [Some(-128), Some(127), None]);
        check(field(true, 8), -129, [Some(127), Some(-128), None]);
        check(field(true, 1), 1, [Some(-1), Some(0), None]);
        check(field(true, 64), i128::from(i64::MAX) + 1, [Some(i64::MIN), Some(i64::MAX), None]);
        check(field(false, 63), i128::from(u64::MAX), [Some(i64::MAX), Some(i64::MAX), None]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else_changes(
            is_signed: bool,
            bits in 1..=63_i64,
            bit in 0..8_u32,
            value: i64,
            before: [u8; Field::SPAN_MAX],
        ) {
            let field = field(is_signed, bits + i64::from(is_signed));
            let value = field.fit(value.into(), Overflow::Wrap).expect("wraps");
            let mut after = before;
            field.write(&mut after, bit, value);
            prop_assert_eq!(field.read(after, bit), value);
            for at in (0..8 * Field::SPAN_MAX as u32).filter(|at| !(bit..bit + field.bits()).contains(at)) {
                let of = |bytes: &[u8]| bytes[at as usize / 8] >> (7 - at % 8) & 1;
                prop_assert_eq!(of(&after), of(&before));
            }
        }
    }
}
