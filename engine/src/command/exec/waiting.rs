//! Waiting for keys: how handlers of blocking commands ask for it, and what they may look at when they run again.

use super::{Exec, Rewritten};
use crate::command::outcome::{Outcome, Patience, Wait};
use crate::command::{CommandResult, Error, Key, Reply};
use crate::types::collection::Collection;

impl Exec<'_, '_> {
    /// Waits, where the caller may; else answers at once what it would hear when the time is over.
    ///
    /// # Errors
    /// None; the type suits a handler's last line.
    pub fn wait(&mut self, wait: Wait, reply: &mut dyn Reply) -> CommandResult {
        if self.caller.patience == Patience::None {
            wait.nothing.write(reply);
            return Ok(Outcome::Done);
        }
        Ok(Outcome::WaitFor(wait))
    }

    /// Has the word at this place say something else when the handler runs again: what it means now.
    pub fn rewrite(&mut self, word: usize, bytes: &[u8]) {
        self.rewritten.push((word, bytes.into()));
    }

    /// Takes the words that say something else from now on.
    pub fn take_rewritten(&mut self) -> Vec<Rewritten> {
        std::mem::take(&mut self.rewritten)
    }

    /// Whether the handler runs again because a key has changed.
    #[inline]
    pub fn is_retry(&self) -> bool {
        matches!(self.caller.patience, Patience::Woken { .. })
    }

    /// Whether the key at this word of the request is to be looked at: when the handler runs again only the one that
    /// has changed, whose shard is sure to be held.
    #[inline]
    pub fn awaits(&self, word: usize) -> bool {
        match self.caller.patience {
            Patience::Woken { by_key } => word == by_key,
            _ => true,
        }
    }

    /// Whether a key holds a value of this type. Notes no access.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when an expired key could not be deleted.
    pub fn holds<T: Collection>(&mut self, key: &Key<'_>) -> Result<bool, Error> {
        let place = self.place(key)?;
        Ok(place.is_some_and(|place| self.view(key, &place).kind() == T::KIND))
    }
}
