//! A row of the table: a call, its requirements and its effect.

use abi::register::Slot;
use abi::{Arguments, Error, Number, Registers, Rights};

use super::stage::Stage;

/// An encoded call.
#[derive(Clone, Copy, Debug)]
pub struct EncodedCall {
    pub number: Number,
    pub registers: Registers,
}

/// The effect of a call on the subject, or its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It succeeds and changes the subject, whose version rises if it is frozen.
    Changes,
    /// It succeeds, or waits, and leaves the subject unchanged.
    Keeps,
    /// It succeeds and changes the subject's state to running, frozen or retired.
    Transitions,
    /// It retires the subject if it is not retired yet, succeeds and changes it.
    ChangesRetired,
    /// It fails and changes nothing at all.
    Fails(Error),
    /// It fails with [`Error::Gone`], and the stale reply right that it used is removed.
    RemovesStale,
}

/// A slot of the caller that a call looks up.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub slot: Slot,
    /// The rights that its capability must have.
    pub rights: Rights,
    /// Whether the call is for one kind of object.
    pub of_kind: bool,
}

/// A row of the table.
pub struct Row {
    /// The preparation, made while the subject runs.
    pub prepare: fn(&Stage),
    /// Encodes the call, for the state that the subject is in at that time.
    pub call: fn(&Stage) -> EncodedCall,
    /// The slots that the call looks up.
    pub needs: Vec<Need>,
    /// Whether the call waits instead of completing.
    pub waits: bool,
    /// Its effect on a frozen subject.
    pub frozen: Effect,
    /// Its effect on a retired subject.
    pub retired: Effect,
}

/// A row without requirements, whose call succeeds and leaves the subject unchanged.
pub fn row(call: fn(&Stage) -> EncodedCall) -> Row {
    Row {
        prepare: |_| (),
        call,
        needs: Vec::new(),
        waits: false,
        frozen: Effect::Keeps,
        retired: Effect::Keeps,
    }
}

impl Row {
    pub fn after(self, prepare: fn(&Stage)) -> Row {
        Row { prepare, ..self }
    }

    pub fn needs(mut self, slot: Slot, rights: impl Into<Rights>) -> Row {
        self.needs.push(Need {
            slot,
            rights: rights.into(),
            of_kind: true,
        });
        self
    }

    /// Like `needs`, for a call that takes any kind of object.
    pub fn needs_any(mut self, slot: Slot, rights: impl Into<Rights>) -> Row {
        self.needs.push(Need {
            slot,
            rights: rights.into(),
            of_kind: false,
        });
        self
    }

    pub fn waits(self) -> Row {
        Row {
            waits: true,
            ..self
        }
    }

    /// Its result when nothing is missing; `None` if it waits.
    pub fn success(&self) -> Option<Result<(), Error>> {
        (!self.waits).then_some(Ok(()))
    }

    pub fn frozen(self, frozen: Effect) -> Row {
        Row { frozen, ..self }
    }

    pub fn retired(self, retired: Effect) -> Row {
        Row { retired, ..self }
    }

    /// It changes the subject, and fails if the subject is retired.
    pub fn changes(self) -> Row {
        self.frozen(Effect::Changes).gone()
    }

    /// It fails if the subject is retired.
    pub fn gone(self) -> Row {
        self.retired(Effect::Fails(Error::Gone))
    }
}

/// Encodes a call.
pub fn encode<A: Arguments>(call: A) -> EncodedCall {
    EncodedCall {
        number: A::NUMBER,
        registers: call.encode(),
    }
}
