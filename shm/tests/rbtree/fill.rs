//! That nodes do not stay nearly empty where neighbours could take their elements.

use shm::rbtree::{Builder, Form, Tree};

use super::model::Pair;
use super::packings::Listed;

/// A list in nodes of 96 bytes of elements, filled with elements that take these bytes each.
fn list(lens: &[usize]) -> Pair<Listed> {
    let mut pair = Pair::<Listed>::new(1 << 20);
    let mut builder = Builder::new(Listed);
    for (number, len) in lens.iter().enumerate() {
        let bytes = vec![number as u8; len - 1];
        builder.push(&mut pair.heap, &bytes).unwrap();
        pair.model.push(bytes);
    }
    pair.tree = Tree::new(builder.finish(&mut pair.heap).unwrap(), Listed);
    pair.heap.commit();
    assert_eq!(pair.tree.root().form(), Form::Tree);
    pair
}

impl Pair<Listed> {
    /// Makes an element so long; returns how many blocks there are then.
    fn set_len(&mut self, rank: usize, len: usize) -> usize {
        let bytes = vec![rank as u8; len - 1];
        self.tree.replace_at(&mut self.heap, rank, &bytes).unwrap();
        self.model[rank] = bytes;
        self.heap.commit();
        self.check().len()
    }

    fn remove(&mut self, rank: usize) -> usize {
        self.tree.remove_at(&mut self.heap, rank).unwrap();
        self.model.remove(rank);
        self.heap.commit();
        self.check().len()
    }
}

#[test]
fn neighbours_of_a_node_that_goes_are_merged_if_both_are_sparse() {
    let mut pair = list(&[48, 48, 48, 48, 48, 48]);
    for rank in [0, 1, 4, 5] {
        assert_eq!(pair.set_len(rank, 10), 3);
    }
    assert_eq!(pair.remove(2), 3);
    assert_eq!(pair.remove(2), 1);
}

#[test]
fn a_node_that_is_still_sparse_after_a_merge_is_merged_again() {
    let mut pair = list(&[48, 48, 48, 46, 2, 48, 48]);
    for rank in [0, 1] {
        assert_eq!(pair.set_len(rank, 3), 3);
    }
    for rank in [5, 6] {
        assert_eq!(pair.set_len(rank, 5), 3);
    }
    assert_eq!(pair.remove(3), 3);
    assert_eq!(pair.remove(2), 1);
}

#[test]
fn a_list_that_is_drained_from_either_end_keeps_no_nodes() {
    for from_end in [false, true] {
        let mut pair = list(&[20; 80]);
        while !pair.model.is_empty() {
            let len = pair.model.len();
            let nodes = pair.remove(if from_end { len - 1 } else { 0 });
            assert!(nodes <= (len - 1).div_ceil(4) + 1, "{nodes} nodes for {} elements", len - 1);
        }
    }
}
