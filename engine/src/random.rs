//! Random choices of a command: many numbers from the one that it is given. Of no use to cryptography.

/// A generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators": SplitMix64). Any seed will do.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any of 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ bits >> 31
    }

    /// One of `0..count`, which is not empty. No number is likelier than another by more than `count` in 2^64.
    #[inline]
    pub fn below(&mut self, count: usize) -> usize {
        (u128::from(self.bits()) * count as u128 >> u64::BITS) as usize
    }

    /// `picks` different numbers of `0..count`, or all, ascending: each choice is as likely as any other.
    /// O(picks log picks), where more than half are picked O(count).
    pub fn distinct(&mut self, count: usize, picks: usize) -> Vec<usize> {
        if picks >= count {
            return (0..count).collect();
        }
        if picks > count / 2 {
            let mut left_out = self.distinct(count, count - picks).into_iter().peekable();
            return (0..count).filter(|number| left_out.next_if_eq(number).is_none()).collect();
        }
        // The first so many different ones of a row of draws: what came before is drawn again. At most every second
        // draw is, so that the rounds become shorter fast.
        let mut drawn = Vec::with_capacity(picks);
        while drawn.len() < picks {
            let missing = picks - drawn.len();
            drawn.extend((0..missing).map(|_| self.below(count)));
            drawn.sort_unstable();
            drawn.dedup();
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_definition() {
        let mut random = Random::new(1_234_567);
        let first = [random.bits(), random.bits(), random.bits()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn every_choice_is_as_likely_as_any_other() {
        let mut random = Random::new(7);
        for picks in 0..=6 {
            let mut seen = std::collections::HashMap::<Vec<usize>, u32>::new();
            const ROUNDS: u32 = 20_000;
            for _ in 0..ROUNDS {
                let choice = random.distinct(6, picks);
                assert!(choice.len() == picks && choice.is_sorted_by(|one, next| one < next));
                *seen.entry(choice).or_default() += 1;
            }
            let choices = [1, 6, 15, 20, 15, 6, 1][picks];
            assert_eq!(seen.len(), choices);
            let expected = f64::from(ROUNDS) / choices as f64;
            for (choice, count) in seen {
                let deviation = (f64::from(count) - expected).abs();
                assert!(deviation <= 5.0 * expected.sqrt(), "{choice:?}: {count} of {expected}");
            }
        }
        assert_eq!(random.distinct(3, 9), [0, 1, 2]);
        assert!(random.distinct(0, 9).is_empty());
    }
}
