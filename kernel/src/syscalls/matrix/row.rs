//! A row of the table: a call, what it needs and what it does.

use abi::register::Slot;
use abi::{Arguments, Error, Number, Registers, Rights};

use super::stage::Stage;

/// A call in registers.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub number: Number,
    pub registers: Registers,
}

/// What a call does to the subject, or what refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It succeeds and changes the subject, whose version rises if it is frozen.
    Changes,
    /// It succeeds, or waits, and changes nothing of the subject.
    Keeps,
    /// It succeeds and makes the subject run, freeze or retire.
    Turns,
    /// It fails and changes nothing at all.
    Fails(Error),
    /// It fails with [`Error::Gone`], and the stale right that it was made through is taken away.
    FindsStale,
}

/// A slot of the caller's that a call looks up.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub slot: Slot,
    /// The rights that it must have.
    pub rights: Rights,
    /// Whether the call is for one kind of object.
    pub of_kind: bool,
}

/// A call, what it needs and what it does.
pub struct Row {
    /// What comes before, while the subject runs.
    pub prepare: fn(&Stage),
    /// The call, in the state that the subject is in then.
    pub call: fn(&Stage) -> Made,
    /// What it looks up.
    pub needs: Vec<Need>,
    /// Whether it then waits, in place of being complete.
    pub waits: bool,
    /// What it does when the subject is frozen.
    pub frozen: Then,
    /// What it does when the subject is retired.
    pub retired: Then,
}

/// A row without needs, whose call succeeds and changes nothing of the subject.
pub fn row(call: fn(&Stage) -> Made) -> Row {
    Row {
        prepare: |_| (),
        call,
        needs: Vec::new(),
        waits: false,
        frozen: Then::Keeps,
        retired: Then::Keeps,
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

    /// As `needs`, of a call that takes any kind of object.
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

    /// What it comes to when nothing is missing; none if it waits.
    pub fn success(&self) -> Option<Result<(), Error>> {
        (!self.waits).then_some(Ok(()))
    }

    pub fn frozen(self, frozen: Then) -> Row {
        Row { frozen, ..self }
    }

    pub fn retired(self, retired: Then) -> Row {
        Row { retired, ..self }
    }

    /// It changes the subject; of a retired one nothing is left to change.
    pub fn changes(self) -> Row {
        self.frozen(Then::Changes).gone()
    }

    /// What it uses is gone when the subject is retired.
    pub fn gone(self) -> Row {
        self.retired(Then::Fails(Error::Gone))
    }
}

/// A call in registers.
pub fn made<A: Arguments>(call: A) -> Made {
    Made {
        number: A::NUMBER,
        registers: call.encode(),
    }
}
