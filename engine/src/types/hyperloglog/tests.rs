//! The two forms agree, and no string is too strange.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Few registers and ranks, so that runs meet and are joined.
fn marks() -> impl Strategy<Value = Vec<Mark>> {
    let index = prop_oneof![3 => 100..130_usize, 1 => Just(0), 1 => Just(REGISTERS - 1), 1 => 0..REGISTERS];
    let rank = prop_oneof![6 => 1..4_u8, 2 => 30..=33_u8, 1 => 1..=RANK_MAX];
    proptest::collection::vec((index, rank).prop_map(|(index, rank)| Mark { index, rank }), 0..200)
}

fn union_of(sketch: &Sketch) -> Union {
    let mut union = Union::default();
    union.add(sketch.form(), sketch.string()).expect("sound registers");
    union
}

proptest! {
    #[test]
    fn registers_hold_the_highest_rank(marks in marks(), len_max in prop_oneof![Just(3000_usize), 18..200_usize]) {
        let mut sketch = Sketch::new(len_max);
        let mut dense = Sketch::new(0);
        dense.make_dense().expect("sound registers");
        let mut highest: BTreeMap<usize, u8> = BTreeMap::new();
        for mark in marks {
            let before = highest.get(&mark.index).copied().unwrap_or(0);
            highest.insert(mark.index, before.max(mark.rank));
            prop_assert_eq!(sketch.add(mark), Ok(mark.rank > before));
            prop_assert_eq!(dense.add(mark), Ok(mark.rank > before));
            if sketch.form() == Form::Sparse {
                prop_assert!(sketch.string().len() <= len_max.max(Sketch::new(0).string().len()));
            }
        }
        let union = union_of(&sketch);
        for (index, rank) in union.ranks().iter().enumerate() {
            prop_assert_eq!(*rank, highest.get(&index).copied().unwrap_or(0), "register {}", index);
        }
        let of_dense = union_of(&dense);
        prop_assert_eq!(union.ranks(), of_dense.ranks());
        let estimates = [&sketch, &dense].map(|sketch| estimate(sketch.form(), sketch.string()));
        prop_assert_eq!(estimates, [Ok(union.estimate()); 2]);
        sketch.make_dense().expect("sound registers");
        prop_assert_eq!(&sketch.string()[HEADER_LEN..], &dense.string()[HEADER_LEN..]);
    }

    #[test]
    fn a_union_is_added_as_its_marks_are(here in marks(), there in marks(), len_max in 18..300_usize) {
        let of = |marks: Vec<Mark>| {
            let mut sketch = Sketch::new(len_max);
            assert!(marks.into_iter().all(|mark| sketch.add(mark).is_ok()));
            sketch
        };
        let (mut one_by_one, union) = (of(here), union_of(&of(there)));
        let mut at_once = one_by_one.clone();
        prop_assert!(union.marks().all(|mark| one_by_one.add(mark).is_ok()));
        prop_assert_eq!(at_once.add_union(&union), Ok(()));
        one_by_one.outdate();
        prop_assert_eq!(at_once, one_by_one);
    }

    #[test]
    fn no_string_is_too_strange(
        runs in proptest::collection::vec(any::<u8>(), 0..300),
        marks in marks(),
        len_max in 0..400_usize,
    ) {
        let string = [Sketch::new(0).string()[..HEADER_LEN].to_vec(), runs].concat();
        let _ = estimate(Form::Sparse, &string);
        let _ = describe(&string);
        let _ = Union::default().add(Form::Sparse, &string);
        let mut sketch = Sketch::from_string(Form::Sparse, string, len_max);
        let _ = marks.into_iter().try_for_each(|mark| sketch.add(mark).map(|_| ()));
        let _ = sketch.make_dense();
    }

    #[test]
    fn dense_registers_of_any_bytes(byte: u8, mark in marks()) {
        let string = [Sketch::new(0).string()[..HEADER_LEN].to_vec(), vec![byte; dense::BYTES]].concat();
        let estimated = estimate(Form::Dense, &string);
        let mut sketch = Sketch::from_string(Form::Dense, string, 0);
        prop_assert_eq!(estimated, Ok(union_of(&sketch).estimate()));
        for mark in mark {
            let before = union_of(&sketch).ranks()[mark.index];
            prop_assert_eq!(sketch.add(mark), Ok(mark.rank > before));
            prop_assert_eq!(union_of(&sketch).ranks()[mark.index], before.max(mark.rank));
        }
    }
}

#[test]
fn forms_are_told_by_header_and_length() {
    let sparse = Sketch::new(3000);
    let header = |bytes: &[u8]| std::array::from_fn(|at| bytes[at]);
    assert_eq!(Form::of(header(sparse.string()), 18), Some(Form::Sparse));
    assert_eq!(Form::of(header(sparse.string()), 15), None);
    let mut dense = sparse.clone();
    dense.make_dense().expect("sound registers");
    assert_eq!(Form::of(header(dense.string()), DENSE_LEN), Some(Form::Dense));
    assert_eq!(Form::of(header(dense.string()), DENSE_LEN - 1), None);
    let mut other = header(sparse.string());
    other[FORM_AT] = 2;
    assert_eq!(Form::of(other, 18), None);
    other = header(sparse.string());
    other[0] = b'h';
    assert_eq!(Form::of(other, 18), None);
}

#[test]
fn estimates_of_the_extremes() {
    let of = |rank: u8| {
        let mut union = Union::default();
        union.ranks.fill(rank);
        union.estimate()
    };
    assert_eq!(of(0), 0);
    assert!(of(1) > REGISTERS as u64);
    // Registers that no elements make.
    assert_eq!(of(63), 1 << 63);
}
