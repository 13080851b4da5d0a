//! Typed offsets: how one block names another inside a segment.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;

/// The place of a block in its segment, in units of the segment's granule; never zero. Stored as a
/// little-endian `u32` in which 0 means "none". `T` only marks what the block holds.
pub struct Handle<T: ?Sized> {
    raw: NonZeroU32,
    kind: PhantomData<fn() -> *const T>,
}

impl<T: ?Sized> Handle<T> {
    /// Bytes that a stored handle takes.
    pub const LEN: usize = 4;

    /// The handle stored as `raw`; `None` for 0.
    #[inline]
    pub fn from_raw(raw: u32) -> Option<Self> {
        NonZeroU32::new(raw).map(|raw| Handle { raw, kind: PhantomData })
    }

    /// The stored form.
    #[inline]
    pub fn raw(self) -> u32 {
        self.raw.get()
    }

    /// The stored form of an optional handle: 0 for `None`.
    #[inline]
    pub fn raw_or_zero(this: Option<Self>) -> u32 {
        this.map_or(0, Handle::raw)
    }

    /// The same block seen as holding another kind of thing.
    #[inline]
    pub fn cast<U: ?Sized>(self) -> Handle<U> {
        Handle { raw: self.raw, kind: PhantomData }
    }
}

impl<T: ?Sized> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for Handle<T> {}
impl<T: ?Sized> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}
impl<T: ?Sized> Eq for Handle<T> {}
impl<T: ?Sized> PartialOrd for Handle<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T: ?Sized> Ord for Handle<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.raw.cmp(&other.raw)
    }
}
impl<T: ?Sized> Hash for Handle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}
impl<T: ?Sized> fmt::Debug for Handle<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "#{:x}", self.raw)
    }
}
