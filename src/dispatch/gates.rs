//! What must hold before a command runs: one ordered list of small rules, in Redis's order. (That the
//! command exists and has a fitting number of words is checked before them.)
//!
//! A rule is asked twice in advance, so that nothing is asked per command while nothing stands in the way:
//! which rows it can concern, when the table is built, and whether it stands in this client's way at all,
//! once per batch. Only where both say yes does it decide about a request.

use engine::command::{Flags, InMulti, Spec};

use super::refusal::Refusal;
use super::table::Row;
use crate::client::Client;

/// What rules may look at.
pub struct Standing<'s> {
    pub client: &'s Client,
    /// There is a password.
    pub asks_password: bool,
    /// The memory limit is reached.
    pub memory_full: bool,
    /// The data is still being loaded.
    pub loading: bool,
}

/// Why a command does not run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    Refused(Refusal),
    /// It waits for EXEC.
    Queued,
}

struct Gate {
    /// Whether the rule can concern a command at all.
    concerns: fn(&Spec) -> bool,
    /// Whether the rule may refuse this client anything now.
    is_armed: fn(&Standing<'_>) -> bool,
    /// What a concerned command is told when the rule is armed.
    verdict: fn(&Row, &Standing<'_>) -> Stop,
}

/// In the order in which a request meets them.
const GATES: &[Gate] = &[
    Gate {
        concerns: |spec| !spec.flags.contains(Flags::NO_AUTH),
        is_armed: |standing| standing.asks_password && !standing.client.authenticated,
        verdict: |_, _| Stop::Refused(Refusal::NotLoggedIn),
    },
    Gate {
        concerns: |spec| spec.flags.contains(Flags::NO_MULTI),
        is_armed: |standing| standing.client.multi.is_some(),
        verdict: |_, _| Stop::Refused(Refusal::InMulti),
    },
    Gate {
        concerns: |spec| spec.flags.contains(Flags::DENYOOM),
        is_armed: |standing| standing.memory_full,
        verdict: |_, _| Stop::Refused(Refusal::OutOfMemory),
    },
    // A queue takes memory, whatever is in it.
    Gate {
        concerns: |spec| spec.in_multi == InMulti::Queued,
        is_armed: |standing| standing.memory_full && standing.client.multi.is_some(),
        verdict: |_, _| Stop::Refused(Refusal::OutOfMemory),
    },
    Gate {
        concerns: |spec| !spec.flags.contains(Flags::LOADING),
        is_armed: |standing| standing.loading,
        verdict: |_, _| Stop::Refused(Refusal::Loading),
    },
    Gate {
        concerns: |spec| spec.in_multi == InMulti::Queued,
        is_armed: |standing| standing.client.multi.is_some(),
        verdict: |_, _| Stop::Queued,
    },
];

/// A set of gates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GateSet(u32);

impl GateSet {
    fn of(mut member: impl FnMut(&Gate) -> bool) -> GateSet {
        let bits = GATES.iter().enumerate().filter(|(_, gate)| member(gate));
        GateSet(bits.fold(0, |set, (nth, _)| set | 1 << nth))
    }

    /// The gates that concern a command.
    pub(super) fn concerning(spec: &Spec) -> GateSet {
        GateSet::of(|gate| (gate.concerns)(spec))
    }

    #[inline]
    fn meets(self, other: GateSet) -> bool {
        self.0 & other.0 != 0
    }
}

/// The gates that may refuse this client anything now.
#[inline]
pub fn armed_gates(standing: &Standing<'_>) -> GateSet {
    GateSet::of(|gate| (gate.is_armed)(standing))
}

/// Whether a command may pass.
///
/// # Errors
/// The verdict of the first gate that stops it.
#[inline]
pub fn pass<'s>(row: &Row, armed: GateSet, standing: impl FnOnce() -> Standing<'s>) -> Result<(), Stop> {
    if !row.gates.meets(armed) { Ok(()) } else { pass_one_by_one(row, armed, &standing()) }
}

#[cold]
fn pass_one_by_one(row: &Row, armed: GateSet, standing: &Standing<'_>) -> Result<(), Stop> {
    let met = row.gates.0 & armed.0;
    let first = GATES.iter().enumerate().find(|(nth, _)| met >> nth & 1 != 0);
    first.map_or(Ok(()), |(_, gate)| Err((gate.verdict)(row, standing)))
}
