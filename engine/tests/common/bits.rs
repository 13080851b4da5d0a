//! What the model knows of bitmaps and HyperLogLogs: bit by bit, and register by register.

use engine::types::hyperloglog::{Form, Mark, Sketch, Union, estimate, kept_estimate};

use super::Bytes;
use super::model::{Model, integer, number, ok};

/// The longest sparse HyperLogLog of a session.
const SPARSE_LEN_MAX: usize = 3000;

fn bit(bytes: &[u8], at: usize) -> bool {
    bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
}

fn set_bit(bytes: &mut Bytes, at: usize, is_set: bool) {
    bytes.resize(bytes.len().max(at / 8 + 1), 0);
    let mask = 0x80 >> (at % 8);
    bytes[at / 8] = if is_set { bytes[at / 8] | mask } else { bytes[at / 8] & !mask };
}

fn form_of(string: &[u8]) -> Form {
    Form::of(std::array::from_fn(|at| string[at]), string.len()).expect("a HyperLogLog")
}

impl Model {
    pub(super) fn setbit(&mut self, args: &[Bytes]) -> String {
        let at = number(&args[1]) as usize;
        let bytes = self.value_mut(&args[0]);
        let old = bit(bytes, at);
        set_bit(bytes, at, args[2] == b"1");
        integer(i64::from(old))
    }

    /// Steps `SET uN offset value` and `INCRBY uN offset value` that wrap; a single one.
    pub(super) fn bitfield(&mut self, args: &[Bytes]) -> String {
        let bits = number(&args[2][1..].to_vec()) as usize;
        let (offset, operand) = (number(&args[3]) as usize, number(&args[4]));
        let bytes = self.value_mut(&args[0]);
        let old = (offset..offset + bits).fold(0_i64, |value, at| value << 1 | i64::from(bit(bytes, at)));
        let new =
            (if args[1] == b"SET" { operand } else { old.wrapping_add(operand) }) & (i64::MAX >> (63 - bits));
        for nth in 0..bits {
            set_bit(bytes, offset + nth, new >> (bits - 1 - nth) & 1 == 1);
        }
        format!("1) {}", integer(if args[1] == b"SET" { old } else { new }))
    }

    pub(super) fn bitop(&mut self, args: &[Bytes]) -> String {
        let sources: Vec<Bytes> =
            args[2..].iter().map(|key| self.get(key).cloned().unwrap_or_default()).collect();
        let len = sources.iter().map(Vec::len).max().unwrap_or(0);
        let combined = |at: usize| {
            let bytes = sources.iter().map(|source| source.get(at).copied().unwrap_or(0));
            match args[0].as_slice() {
                b"AND" => bytes.fold(0xFF, |one, other| one & other),
                b"OR" => bytes.fold(0, |one, other| one | other),
                b"XOR" => bytes.fold(0, |one, other| one ^ other),
                b"NOT" => !bytes.fold(0, |one, other| one | other),
                other => panic!("the model does not know BITOP {other:?}"),
            }
        };
        match len {
            0 => drop(self.remove(&args[1])),
            _ => self.set(&args[1], &(0..len).map(combined).collect(), None),
        }
        integer(len as i64)
    }

    fn sketch(&self, key: &Bytes) -> Option<Sketch> {
        let string = self.get(key)?;
        Some(Sketch::from_string(form_of(string), string.clone(), SPARSE_LEN_MAX))
    }

    fn keep(&mut self, key: &Bytes, sketch: &Sketch) {
        self.set(key, &sketch.string().to_vec(), self.deadline(key));
    }

    pub(super) fn pfadd(&mut self, args: &[Bytes]) -> String {
        let known = self.sketch(&args[0]);
        let mut is_changed = known.is_none();
        let mut sketch = known.unwrap_or_else(|| Sketch::new(SPARSE_LEN_MAX));
        for element in &args[1..] {
            is_changed |= sketch.add(Mark::of(element)).expect("sound registers");
        }
        self.keep(&args[0], &sketch);
        integer(i64::from(is_changed))
    }

    pub(super) fn pfcount(&mut self, key: &Bytes) -> String {
        let Some(string) = self.get(key).cloned() else { return integer(0) };
        let form = form_of(&string);
        let kept = kept_estimate(std::array::from_fn(|at| string[at]));
        let count = kept.unwrap_or_else(|| estimate(form, &string).expect("sound registers"));
        let new = [&string[..8], &count.to_le_bytes(), &string[16..]].concat();
        self.set(key, &new, self.deadline(key));
        integer(count as i64)
    }

    pub(super) fn pfmerge(&mut self, args: &[Bytes]) -> String {
        let (mut union, mut is_any_dense) = (Union::default(), false);
        for key in args {
            let Some(string) = self.get(key) else { continue };
            union.add(form_of(string), string).expect("sound registers");
            is_any_dense |= form_of(string) == Form::Dense;
        }
        let mut sketch = self.sketch(&args[0]).unwrap_or_else(|| Sketch::new(SPARSE_LEN_MAX));
        if is_any_dense {
            sketch.make_dense().expect("sound registers");
        }
        sketch.add_union(&union).expect("sound registers");
        self.keep(&args[0], &sketch);
        ok()
    }

    pub(super) fn make_dense(&mut self, key: &Bytes) -> String {
        let mut sketch = self.sketch(key).expect("a HyperLogLog");
        let is_changed = sketch.form() == Form::Sparse;
        sketch.make_dense().expect("sound registers");
        self.keep(key, &sketch);
        integer(i64::from(is_changed))
    }
}
