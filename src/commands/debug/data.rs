//! What tests want to know of the data: DEBUG DIGEST, DIGEST-VALUE, OBJECT.

use engine::codec::dumped_len;
use engine::command::{Args, CommandResult, Error, Key, KeyHash, Outcome, Reply};
use engine::keyspace::digest::{DataSetDigest, Digest};
use engine::keyspace::entry::clock_at;
use engine::keyspace::{EntryView, Keyspace};
use engine::shard::ShardId;
use engine::types::collection::Encodings;
use shm::stored_hash::StoredHasher;

use crate::commands::context::{Context, Later};
use crate::commands::survey::{Survey, WorkerView};

// ---- DIGEST -------------------------------------------------------------------------------------

pub(super) fn digest(context: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let survey = OfAll { digest: DataSetDigest::default(), now_ms: context.now_ms };
    context.later(Later::Survey(Box::new(survey)));
    Ok(Outcome::Done)
}

struct OfAll {
    digest: DataSetDigest,
    now_ms: u64,
}

impl Survey for OfAll {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, _: ShardId, keyspace: &mut Keyspace) {
        self.digest.add(keyspace, self.now_ms);
    }

    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.status(&self.digest.finish().to_string());
    }
}

// ---- DIGEST-VALUE -------------------------------------------------------------------------------

pub(super) fn digest_values(
    context: &mut Context<'_>,
    args: &mut Args<'_>,
    _: &mut dyn Reply,
) -> CommandResult {
    let wanted = args.rest().iter().map(|key| Wanted::new(args, key)).collect::<Vec<_>>();
    let survey = OfValues {
        db: context.client.db,
        now_ms: context.now_ms,
        keys: wanted.into_iter().map(|key| (key, Digest::default())).collect(),
    };
    context.later(Later::Survey(Box::new(survey)));
    Ok(Outcome::Done)
}

/// A key on its way through the shards.
struct Wanted {
    bytes: Box<[u8]>,
    hash: KeyHash,
}

impl Wanted {
    fn new(args: &Args<'_>, key: &[u8]) -> Wanted {
        Wanted { bytes: key.into(), hash: args.key_of(key).hash }
    }

    /// The key, if it belongs to this shard.
    fn at(&self, keyspace: &Keyspace) -> Option<Key<'_>> {
        let is_here = keyspace.slots().contains(self.hash.slot());
        is_here.then_some(Key { bytes: &self.bytes, hash: self.hash })
    }
}

struct OfValues {
    db: u32,
    now_ms: u64,
    keys: Vec<(Wanted, Digest)>,
}

impl Survey for OfValues {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, _: ShardId, keyspace: &mut Keyspace) {
        for (wanted, digest) in &mut self.keys {
            if let Some(key) = wanted.at(keyspace) {
                *digest = keyspace.digest_of_value(self.db, &key, self.now_ms);
            }
        }
    }

    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.array(self.keys.len());
        self.keys.iter().for_each(|(_, digest)| reply.status(&digest.to_string()));
    }
}

// ---- OBJECT -------------------------------------------------------------------------------------

pub(super) fn object(context: &mut Context<'_>, args: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let key = Wanted::new(args, args.peek().unwrap_or_default());
    let survey = Description {
        db: context.client.db,
        now_ms: context.now_ms,
        key,
        encodings: context.settings.encodings,
        found: None,
    };
    context.later(Later::Survey(Box::new(survey)));
    Ok(Outcome::Done)
}

struct Description {
    db: u32,
    now_ms: u64,
    key: Wanted,
    encodings: Encodings,
    found: Option<String>,
}

impl Survey for Description {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, _: ShardId, keyspace: &mut Keyspace) {
        if let Some(key) = self.key.at(keyspace)
            && let Some(entry) = keyspace.peek(self.db, &key, self.now_ms)
        {
            self.found = Some(describe(&entry, self, keyspace.hasher().of_elements()));
        }
    }

    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        match self.found {
            Some(text) => reply.status(&text),
            None => reply.error(&Error::NoSuchKey),
        }
    }
}

/// In Redis's words. The address is the handle of the entry's block: it stays while the value is changed in place.
fn describe(entry: &EntryView<'_>, asked: &Description, hasher: StoredHasher) -> String {
    let now_ms = asked.now_ms;
    let idle_s = entry.idle_s(now_ms);
    format!(
        "Value at:{:#x} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle_s}",
        entry.handle.raw(),
        entry.encoding(hasher, &asked.encodings),
        dumped_len(entry.stored(), hasher, &asked.encodings),
        clock_at(now_ms.saturating_sub(idle_s * 1000)),
    )
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn digests_are_those_of_redis() {
        check(
            r#"
            > DEBUG DIGEST
            0000000000000000000000000000000000000000
            > SET k 12
            OK
            > DEBUG DIGEST-VALUE nokey k
            1) 0000000000000000000000000000000000000000
            2) 655ac46b180ad2f61a3cee25f0b1780fa2ec879a
            > DEBUG DIGEST-VALUE
            (empty array)
            > SELECT 3
            OK
            > SET k 12
            OK
            > DEBUG DIGEST
            3cec761c4c54e5c5ca5fb68d7e3c0566fd78dae1
            > EXPIRE k 1000
            (integer) 1
            > DEBUG DIGEST
            b4b039849a4a282818747a185f5e2a76761f64c2
            > DEBUG DIGEST-VALUE k
            1) 83df3a94c43338a2db2a05ddb5dbb794b842c619
            "#,
        );
    }

    #[test]
    fn values_are_described() {
        check(
            r#"
            > SET k v
            OK
            > DEBUG OBJECT k
            ~ refcount:1 encoding:embstr serializedlength:2 lru:1000 lru_seconds_idle:0
            > SET n 1000
            OK
            > DEBUG OBJECT n fast
            ~ encoding:int serializedlength:3
            > SELECT 1
            OK
            > DEBUG OBJECT k
            (error) ERR no such key
            "#,
        );
    }
}
