//! A deque: a tree between two stacks.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use shm::Heap;
use shm::rbtree::{Root, Tree};

use super::model::{blocks, cases};
use super::packings::{Listed, Owned};

const STACK_COUNT: usize = 5;
const STACK_LEN: usize = 96;

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    First,
    Last,
}

#[derive(Debug, Clone)]
enum Op {
    Push(End, Vec<u8>, usize),
    Pop(End, usize),
    /// Makes a node of a stack, however short.
    Spill(End),
    /// Gives a part of a stack to the other, which is empty.
    Share(End, usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let bytes = || (prop_oneof![4 => 0usize..6, 1 => 6usize..47], any::<u8>()).prop_map(|(n, b)| vec![b; n]);
    let end = || prop_oneof![Just(End::First), Just(End::Last)];
    let op = prop_oneof![
        20 => (end(), bytes(), 0..STACK_LEN).prop_map(|(end, bytes, room)| Op::Push(end, bytes, room)),
        18 => (end(), 8..STACK_LEN).prop_map(|(end, room)| Op::Pop(end, room)),
        2 => end().prop_map(Op::Spill),
        1 => (end(), 1..STACK_COUNT).prop_map(|(end, count)| Op::Share(end, count)),
    ];
    // Runs in one direction make trees that are deep, and empty them again.
    let run = (end(), bytes(), any::<bool>(), 1..60usize).prop_map(|(end, bytes, push, times)| {
        vec![if push { Op::Push(end, bytes, STACK_LEN) } else { Op::Pop(end, STACK_LEN) }; times]
    });
    vec(prop_oneof![6 => op.prop_map(|op| vec![op]), 1 => run], 1..120).prop_map(|runs| runs.concat())
}

struct Deque {
    heap: Heap,
    head: Tree<Listed>,
    tree: Tree<Listed>,
    tail: Tree<Listed>,
    model: VecDeque<Vec<u8>>,
}

impl Deque {
    fn new() -> Deque {
        let empty = || Tree::new(Root::EMPTY, Listed::new());
        let heap = Heap::in_memory(1 << 20);
        Deque { heap, head: empty(), tree: empty(), tail: empty(), model: VecDeque::new() }
    }

    fn stack(&mut self, end: End) -> &mut Tree<Listed> {
        if end == End::First { &mut self.head } else { &mut self.tail }
    }

    fn spill(&mut self, end: End) {
        let stack = std::mem::replace(self.stack(end), Tree::new(Root::EMPTY, Listed::new()));
        match end {
            End::First => self.tree.attach_first_reversed(&mut self.heap, stack).unwrap(),
            End::Last => self.tree.attach_last(&mut self.heap, stack).unwrap(),
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Push(end, bytes, room) => {
                let stack = *self.stack(end);
                if stack.len() >= STACK_COUNT || stack.stack_len() + bytes.len() + 1 > STACK_LEN {
                    self.spill(end);
                }
                let mut stack = *self.stack(end);
                stack.push(&mut self.heap, &bytes, room).unwrap();
                *self.stack(end) = stack;
                match end {
                    End::First => self.model.push_front(bytes),
                    End::Last => self.model.push_back(bytes),
                }
            }
            Op::Pop(end, room) => {
                if self.stack(end).is_empty() {
                    let node = match end {
                        End::First => self.tree.detach_first_reversed(&mut self.heap).unwrap(),
                        End::Last => self.tree.detach_last(&mut self.heap).unwrap(),
                    };
                    *self.stack(end) = node;
                }
                let mut stack = *self.stack(end);
                if stack.is_empty() {
                    return;
                }
                let (item, offset) = stack.top(&self.heap);
                let gone = match end {
                    End::First => self.model.pop_front(),
                    End::Last => self.model.pop_back(),
                };
                assert_eq!(Some(Listed::value(item)), gone);
                stack.pop(&mut self.heap, offset, room).unwrap();
                *self.stack(end) = stack;
            }
            Op::Spill(end) => self.spill(end),
            Op::Share(end, count) => {
                let other = if end == End::First { End::Last } else { End::First };
                let mut stack = *self.stack(end);
                if self.tree.is_empty() && self.stack(other).is_empty() && !stack.is_empty() {
                    *self.stack(other) = stack.take_reversed(&mut self.heap, count.min(stack.len())).unwrap();
                    *self.stack(end) = stack;
                }
            }
        }
    }

    fn check(&mut self) {
        self.heap.commit();
        let mut all = blocks(&self.heap, &self.tree);
        let before = all.len();
        for stack in [&self.head, &self.tail] {
            stack
                .verify_stack(&self.heap, &mut |block| {
                    all.insert(block.cast());
                    Ok(())
                })
                .unwrap();
        }
        let stacks = usize::from(!self.head.is_empty()) + usize::from(!self.tail.is_empty());
        assert_eq!(all.len(), before + stacks, "no block is shared");
        self.heap.verify(all).unwrap();
        let values =
            self.head.back(&self.heap).chain(self.tree.iter(&self.heap).chain(self.tail.iter(&self.heap)));
        assert!(values.map(Listed::value).eq(self.model.iter().cloned()));
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_tree_between_two_stacks_is_a_deque(ops in ops()) {
        let mut deque = Deque::new();
        for op in ops {
            deque.run(op);
            deque.check();
        }
        // All of it comes out again.
        while !deque.model.is_empty() {
            let end = if deque.model.len().is_multiple_of(3) { End::First } else { End::Last };
            if deque.stack(end).is_empty() && deque.tree.is_empty() {
                let other = if end == End::First { End::Last } else { End::First };
                let count = deque.stack(other).len();
                deque.run(Op::Share(other, count));
            }
            deque.run(Op::Pop(end, STACK_LEN));
            deque.check();
        }
    }
}
