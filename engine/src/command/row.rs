//! A command with its handler.

use super::args::Args;
use super::error::Error;
use super::exec::Exec;
use super::outcome::CommandResult;
use super::reply::Reply;
use super::spec::Spec;

/// A handler: reads its arguments, works on the shards of its keys, writes one reply.
pub type Handler = fn(&mut Exec<'_, '_>, &mut Args<'_>, &mut dyn Reply) -> CommandResult;

/// A command on keys: its row and its handler.
#[derive(Clone, Copy)]
pub struct DataCommand {
    pub spec: Spec,
    pub run: Handler,
}

/// Reads the arguments of a command on tour and plans its way.
pub type Departure = fn(&mut Args<'_>, Tour<'_>) -> Result<Box<dyn Visitor>, Error>;

/// A command that looks at shards one after the other, each for itself: DBSIZE, SCAN, KEYS, RANDOMKEY.
#[derive(Clone, Copy)]
pub struct VisitCommand {
    pub spec: Spec,
    pub start: Departure,
}

/// What a visitor may know before it starts.
#[derive(Clone, Copy)]
pub struct Tour<'t> {
    /// The first slot of each shard, ascending; shard `i` has the slots up to the next one's first.
    pub first_slots: &'t [u16],
    /// A random number.
    pub random: u64,
}

/// Where a visitor goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To this shard; also the same one again, after others have had their turn.
    Shard(usize),
    /// It has seen enough: [`Visitor::finish`] writes the reply.
    Finished,
}

/// A command on tour. It is sent to each shard's owner in turn, so it owns what it carries.
pub trait Visitor: Send {
    /// The first shard to visit.
    fn first(&self) -> Next;

    /// Works on shard `shard`, the only one in `exec`, for a bounded time.
    ///
    /// # Errors
    /// The error becomes the reply and the tour ends.
    fn visit(&mut self, shard: usize, exec: &mut Exec<'_, '_>) -> Result<Next, Error>;

    /// Writes the reply.
    fn finish(self: Box<Self>, reply: &mut dyn Reply);
}
