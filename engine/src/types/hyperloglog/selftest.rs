//! A test of the algorithms on the machine that runs them.

use super::{Form, Mark, REGISTERS, Sketch, Union, dense};

/// Elements that the estimates are tried with.
const ELEMENTS: u64 = 1_000_000;

/// Stores and reads registers, and compares estimates with the truth and the two forms with each other.
/// `random` chooses what is stored.
///
/// # Errors
/// What was found wrong.
pub fn self_test(random: u64) -> Result<(), String> {
    registers_are_kept(random)?;
    estimates_are_near(random)
}

fn registers_are_kept(mut random: u64) -> Result<(), String> {
    for _ in 0..100 {
        let mut ranks = [0; REGISTERS];
        let mut bytes = vec![0xAA; dense::BYTES];
        for (index, rank) in ranks.iter_mut().enumerate() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *rank = (random >> 58) as u8;
            let at = dense::place(index);
            let stored = dense::with_rank([bytes[at], bytes[at + 1]], index, *rank);
            bytes[at..at + 2].copy_from_slice(&stored);
        }
        for (index, rank) in ranks.iter().enumerate() {
            let at = dense::place(index);
            let found = dense::rank_in([bytes[at], bytes[at + 1]], index);
            if found != *rank {
                return Err(format!("Register {index} should be {rank} but is {found}"));
            }
        }
    }
    Ok(())
}

fn estimates_are_near(random: u64) -> Result<(), String> {
    /// Far more than the standard error of 1.04 / √16384.
    const ERROR_MAX: f64 = 0.06;
    let mut sketch = Sketch::new(3000);
    let mut union = Union::default();
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        let mark = Mark::of(&(random ^ number).to_le_bytes());
        let rank = &mut union.ranks[mark.index];
        *rank = (*rank).max(mark.rank);
        sketch.add(mark).map_err(|_| "The sparse form is corrupt".to_owned())?;
        if number == checkpoint {
            let found = super::estimate(sketch.form, &sketch.string)
                .map_err(|_| "The sparse form is corrupt".to_owned())?;
            if found != union.estimate() {
                return Err(format!("{} representations disagree", Form::name(sketch.form)));
            }
            // Few elements may meet in a register: one of a hundred is no mistake.
            let error_max = (number as f64 * ERROR_MAX).max(1.0);
            if found.abs_diff(number) as f64 > error_max {
                return Err(format!("Too big error. card:{number} estimate:{found}"));
            }
            checkpoint *= 10;
        }
    }
    Ok(())
}
