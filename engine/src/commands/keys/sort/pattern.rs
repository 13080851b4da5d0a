//! Values that belong to an element: `weight_*`, `object_*->field`, `#`.

use crate::command::{Args, Error, Exec, Key, until_nul};
use crate::types::Kind;
use crate::types::string::StringView;

/// What BY and GET name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pattern<'p> {
    /// `#`: the element itself.
    Element,
    /// The same for all elements, which names nothing.
    Nothing,
    /// A key with the element inside, or a field of the hash there.
    Key { before: &'p [u8], after: &'p [u8], field: Option<&'p [u8]> },
}

impl<'p> Pattern<'p> {
    pub(super) fn new(pattern: &'p [u8]) -> Pattern<'p> {
        // Redis looks for marks up to the first NUL.
        let text = until_nul(pattern);
        if text == b"#" {
            return Pattern::Element;
        }
        let Some(star) = text.iter().position(|byte| *byte == b'*') else { return Pattern::Nothing };
        let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = text[star + 1..].windows(2).position(|two| two == b"->");
        // An arrow that points at nothing belongs to the name.
        match arrow.filter(|at| behind.get(at + 2).is_some_and(|byte| *byte != 0)) {
            Some(at) => Pattern::Key { before, after: &behind[..at], field: Some(&behind[at + 2..]) },
            None => Pattern::Key { before, after: behind, field: None },
        }
    }

    /// Hands the value for an element to `take`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when an expired key could not be deleted.
    pub(super) fn with_value<R>(
        self,
        exec: &mut Exec<'_, '_>,
        args: &Args<'_>,
        element: &[u8],
        take: impl FnOnce(Option<StringView<'_>>) -> R,
    ) -> Result<R, Error> {
        let (before, after, field) = match self {
            Pattern::Element => return Ok(take(Some(StringView::Inline(element)))),
            Pattern::Nothing => return Ok(take(None)),
            Pattern::Key { before, after, field } => (before, after, field),
        };
        let name = [before, element, after].concat();
        let key = args.key_of(&name);
        match field {
            None => {
                let entry = exec.read(&key)?.filter(|entry| entry.kind() == Kind::String);
                Ok(take(entry.map(|entry| entry.string())))
            }
            Some(field) => Ok(take(field_of(exec, &key, field)?)),
        }
    }
}

/// The value of a field of the hash at a key.
fn field_of<'x>(
    exec: &'x mut Exec<'_, '_>,
    key: &Key<'_>,
    _field: &[u8],
) -> Result<Option<StringView<'x>>, Error> {
    // There are no hashes: a key that is there holds something else.
    exec.read(key)?;
    Ok(None)
}
