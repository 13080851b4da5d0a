//! Values from dumps.

use shm::Handle;

use super::Exec;
use crate::codec::Value;
use crate::command::{Error, Key};
use crate::keyspace::{Entry, Lifetime, Place};

impl Exec<'_, '_> {
    /// Stores a value from a dump under a key of the selected database, over whatever is at `place`. Returns the entry.
    /// Records no effect.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn put_restored(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        value: &Value<'_>,
        life: Lifetime,
    ) -> Result<Handle<Entry>, Error> {
        let (caller, now_ms) = (self.caller, self.now_ms);
        Ok(self.keyspace(key).put_restored(caller.db, key, place, value, life, &caller.encodings, now_ms)?)
    }
}
