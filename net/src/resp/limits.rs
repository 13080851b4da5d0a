//! What a request may cost before it is refused.

/// The longest line: an inline request, or the line that announces a count or a length. In bytes before its
/// end.
pub(super) const LINE_LEN_MAX: usize = 64 * 1024;

/// What a client that has not logged in may announce.
const STRANGER_WORD_COUNT_MAX: usize = 10;
const STRANGER_BULK_LEN_MAX: usize = 16 * 1024;

/// Bounds on one request. `Default` has the values of a fresh Redis, for a client that may talk freely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest single word in bytes (`proto-max-bulk-len`).
    pub bulk_len_max: usize,
    /// Most words in one request.
    pub word_count_max: usize,
    /// Longest request in bytes, all its words and their framing together (`client-query-buffer-limit`). A
    /// request is contiguous in memory and its words are 32-bit ranges, so 4 GiB is the end whatever stands
    /// here.
    pub request_len_max: usize,
    /// The client has still to log in: at most 10 words of at most 16 KiB, so that strangers cannot fill
    /// memory.
    pub stranger: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bulk_len_max: 512 << 20,
            word_count_max: i32::MAX as usize,
            request_len_max: 1 << 30,
            stranger: false,
        }
    }
}

impl Limits {
    /// The same limits for a client that has (not) yet to log in.
    #[must_use]
    pub fn for_stranger(mut self, stranger: bool) -> Self {
        self.stranger = stranger;
        self
    }

    /// The most words that need no second look.
    #[inline]
    pub(super) fn word_count(&self) -> usize {
        if self.stranger { self.word_count_max.min(STRANGER_WORD_COUNT_MAX) } else { self.word_count_max }
    }

    /// The longest word that needs no second look.
    #[inline]
    pub(super) fn bulk_len(&self) -> usize {
        if self.stranger { self.bulk_len_max.min(STRANGER_BULK_LEN_MAX) } else { self.bulk_len_max }
    }

    /// The longest request whose words are still addressable.
    #[inline]
    pub(super) fn request_len(&self) -> usize {
        self.request_len_max.min(u32::MAX as usize)
    }
}
