//! What all trees of collections have in common: their elements may own blocks beside the tree's own.

use shm::extent::Extent;
use shm::garbage::GarbageItem;
use shm::rbtree::{Form, Node, Packing, Root, Tree};
use shm::{Corrupt, Handle, Heap, OutOfMemory};

use super::text::free_extent;

/// Kinds of garbage, as they are stored.
pub mod garbage {
    /// An extent list.
    pub const EXTENT: u8 = 1;
    /// An index with its entries.
    pub const INDEX: u8 = 2;
    /// A tree of deadlines.
    pub const DEADLINES: u8 = 3;
    /// Trees of collections, by what they hold.
    pub const LIST: u8 = 4;
    pub const SET: u8 = 5;
    pub const STREAM: u8 = 10;
    pub const STREAM_GROUPS: u8 = 11;
    pub const STREAM_PENDING: u8 = 12;
    pub const STREAM_CONSUMERS: u8 = 13;
    pub const STREAM_OWNED: u8 = 14;
    pub const ZSET_SCORES: u8 = 6;
    pub const ZSET_HASHES: u8 = 7;
    pub const HASH: u8 = 8;
    /// The deadlines of a hash's fields.
    pub const HASH_DUE: u8 = 9;
}

/// How many extent lists an element can own.
pub const OWNED_MAX: usize = 2;
/// The extent lists of an element.
pub type Owned = [Option<Extent>; OWNED_MAX];

/// The packing of a collection's tree.
pub trait Elements: Packing {
    /// What a dropped tree is on the garbage list.
    const GARBAGE: u8;

    /// The extent lists that an element owns.
    fn owned(item: Self::Item<'_>) -> Owned {
        let _ = item;
        [None; OWNED_MAX]
    }

    /// The element with other extent lists, in the same places.
    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        let _ = owned;
        item
    }
}

/// Frees an element that is out of its tree.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
#[inline]
pub fn free_owned(heap: &mut Heap, owned: Owned) -> Result<(), OutOfMemory> {
    owned.into_iter().flatten().try_for_each(|extent| free_extent(heap, extent))
}

/// Drops a tree that nobody refers to any more: a small one is freed, a large one detached, in O(1), and freed by
/// and by.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub fn drop_tree<P: Elements>(heap: &mut Heap, mut tree: Tree<P>) -> Result<(), OutOfMemory> {
    match tree.root().form() {
        Form::Empty => Ok(()),
        Form::Plain => tree.reclaim(heap, 1, |heap, item| free_owned(heap, P::owned(item))),
        Form::Tree => heap.discard(garbage_item::<P>(tree.root())),
    }
}

fn garbage_item<P: Elements>(root: Root) -> GarbageItem {
    GarbageItem { kind: P::GARBAGE, root: 0, state: [root.encode(), 0] }
}

/// The dropped tree that `item` names.
pub fn dropped<P: Elements>(item: GarbageItem, packing: P) -> Tree<P> {
    Tree::new(Root::decode(item.state[0]), packing)
}

/// Frees some blocks of a dropped tree. Returns what is left to be freed.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub fn reclaim<P: Elements>(
    heap: &mut Heap,
    mut tree: Tree<P>,
    blocks: usize,
) -> Result<Option<GarbageItem>, OutOfMemory> {
    tree.reclaim(heap, blocks, |heap, item| free_owned(heap, P::owned(item)))?;
    Ok((!tree.is_empty()).then(|| garbage_item::<P>(tree.root())))
}

/// Calls `visit` for each block that a tree or its elements own, before its inside is looked at, and checks them.
/// `detached`: the tree is being freed.
///
/// # Errors
/// The first thing that is wrong, or what `visit` says.
pub fn verify<P: Elements>(
    heap: &Heap,
    tree: &Tree<P>,
    detached: bool,
    visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let mut node = |node: Handle<Node>| visit(node.cast());
    if detached {
        tree.verify_detached(heap, &mut node)?;
    } else {
        tree.verify(heap, &mut node)?;
    }
    verify_owned(heap, tree, visit)
}

/// [`verify`] for a plain block that may have room to grow.
///
/// # Errors
/// The first thing that is wrong, or what `visit` says.
pub fn verify_stack<P: Elements>(
    heap: &Heap,
    stack: &Tree<P>,
    visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    stack.verify_stack(heap, &mut |node| visit(node.cast()))?;
    verify_owned(heap, stack, visit)
}

fn verify_owned<P: Elements>(
    heap: &Heap,
    tree: &Tree<P>,
    visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    for item in tree.iter(heap) {
        for extent in P::owned(item).into_iter().flatten() {
            extent.verify(heap, visit)?;
        }
    }
    Ok(())
}

/// Looks at `nodes` blocks from the one that holds the element of rank `from`, with what their elements own, and moves
/// those blocks of which `moves` says so. Returns the rank to go on with, if there is more.
///
/// # Errors
/// [`OutOfMemory`].
pub fn relocate<P: Elements>(
    heap: &mut Heap,
    tree: &mut Tree<P>,
    from: usize,
    nodes: usize,
    moves: &dyn Fn(&Heap, Handle<()>) -> bool,
) -> Result<Option<usize>, OutOfMemory> {
    if from >= tree.len() {
        // It has shrunk since the step before.
        return Ok(None);
    }
    let next = tree.relocate(heap, from, nodes, |heap, node| moves(heap, node.cast()))?;
    let until = next.unwrap_or(tree.len());
    let mut owners = Vec::new();
    for (nth, item) in tree.iter_from(heap, tree.seek(heap, from)).take(until - from).enumerate() {
        let owned = P::owned(item);
        if owned.iter().any(Option::is_some) {
            owners.push((from + nth, owned));
        }
    }
    for (rank, before) in owners {
        let mut owned = before;
        for extent in owned.iter_mut().flatten() {
            let mut chunk = Some(0);
            while let Some(at) = chunk {
                chunk = extent.relocate(heap, at, usize::MAX, moves)?;
            }
        }
        if owned != before {
            put_owned(heap, tree, rank, owned)?;
        }
    }
    Ok(next)
}

/// Stores the new places of an element's extent lists.
fn put_owned<P: Elements>(
    heap: &mut Heap,
    tree: &mut Tree<P>,
    rank: usize,
    owned: Owned,
) -> Result<(), OutOfMemory> {
    let mut position = tree.seek(heap, rank);
    // Out of the heap, which is about to change.
    let mut bytes = Vec::new();
    let packing = tree.packing();
    let item = tree.item(heap, &position);
    bytes.resize(packing.encoded_len(item), 0);
    let base = tree.base(heap, &position);
    packing.encode(P::with_owned(item, owned), base, &mut bytes);
    let item = packing.decode(&bytes, base);
    tree.replace_here(heap, &mut position, item)
}
