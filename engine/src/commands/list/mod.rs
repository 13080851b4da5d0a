//! Lists.

mod change;
mod look;
mod moving;
mod pop;
mod pop_any;
mod position;
mod push;

use shm::Heap;

use crate::command::effect::Event;
use crate::command::{Args, DataCommand, Error, Exec, Key, Reply};
use crate::types::list::List;
use crate::types::text::Text;

pub(super) const FAMILY: &[&[DataCommand]] = &[
    change::COMMANDS,
    look::COMMANDS,
    moving::COMMANDS,
    pop::COMMANDS,
    pop_any::COMMANDS,
    position::COMMANDS,
    push::COMMANDS,
];

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Left,
    Right,
}

impl End {
    /// The next word as an end.
    fn take(args: &mut Args<'_>) -> Result<End, Error> {
        if args.take("LEFT") {
            Ok(End::Left)
        } else if args.take("RIGHT") {
            Ok(End::Right)
        } else {
            Err(Error::Syntax)
        }
    }

    const fn name(self) -> &'static str {
        match self {
            End::Left => "LEFT",
            End::Right => "RIGHT",
        }
    }

    /// The command that removes elements here, and the event that it causes.
    const fn pop(self) -> (&'static str, Event) {
        match self {
            End::Left => ("LPOP", Event::list("lpop")),
            End::Right => ("RPOP", Event::list("rpop")),
        }
    }

    /// The command that adds elements here, and the event that it causes.
    const fn push(self) -> (&'static str, Event) {
        match self {
            End::Left => ("LPUSH", Event::list("lpush")),
            End::Right => ("RPUSH", Event::list("rpush")),
        }
    }
}

/// The range of indexes between two that may count from the end; empty if they cross.
fn range_of(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let from_left = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_left(start).max(0), from_left(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

/// The index that one which may count from the end means, if there is an element.
fn index_of(index: i64, len: usize) -> Option<usize> {
    let from_left = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(from_left).ok().filter(|index| *index < len)
}

/// Takes up to `count` elements out at one end and writes them, as an array if `as_array`.
fn pop_into(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    list: &mut List,
    (end, count): (End, usize),
    reply: &mut dyn Reply,
    as_array: bool,
) -> Result<usize, Error> {
    use crate::types::collection::Collection;
    let len = list.len();
    let count = count.min(len);
    if as_array {
        reply.array(count);
    }
    if count == 1 {
        let heap = exec.heap_mut(key);
        let look = |heap: &Heap, text: Text<'_>| reply.string(text.view(heap));
        match end {
            End::Left => list.pop_first(heap, look)?,
            End::Right => list.pop_last(heap, look)?,
        }
        return Ok(count);
    }
    let heap = exec.heap(key);
    match end {
        End::Left => list.iter_from(heap, 0).visit(count, |text| reply.string(text.view(heap))),
        End::Right => list.back_from(heap, len).take(count).for_each(|text| reply.string(text.view(heap))),
    }
    let heap = exec.heap_mut(key);
    match end {
        End::Left => list.remove_range(heap, 0..count)?,
        End::Right => list.remove_range(heap, len - count..len)?,
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_count_from_either_end() {
        assert_eq!(index_of(0, 3), Some(0));
        assert_eq!(index_of(-1, 3), Some(2));
        assert_eq!(index_of(-3, 3), Some(0));
        assert_eq!(index_of(-4, 3), None);
        assert_eq!(index_of(3, 3), None);
        assert_eq!(index_of(i64::MIN, 3), None);
        assert_eq!(range_of(0, -1, 3), 0..3);
        assert_eq!(range_of(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(range_of(1, 1, 3), 1..2);
        assert_eq!(range_of(2, 1, 3), 0..0);
        assert_eq!(range_of(3, 9, 3), 0..0);
        assert_eq!(range_of(0, -1, 0), 0..0);
    }
}
