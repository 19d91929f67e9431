//! The model: one key of a store, which holds a number or nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The content of a register.
pub type State = Option<i64>;

/// A client's operation on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `GET`
    Get,
    /// `SET`
    Set(i64),
    /// `SETNX`: writes if the key is absent.
    SetIfAbsent(i64),
    /// `SET .. GET`: writes, and returns the old value.
    Swap(i64),
    /// `INCR`: an absent key counts as 0.
    Increment,
    /// `DEL`
    Delete,
}

/// The store's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// `OK`
    Done,
    /// The key's value.
    Value(State),
    /// The number of affected keys, or the value after an increment.
    Number(i64),
}

impl Operation {
    /// The register's content after the operation, and the reply. Numbers stay far from the limits of 64 bits.
    pub fn apply(self, state: State) -> (State, Reply) {
        match self {
            Operation::Get => (state, Reply::Value(state)),
            Operation::Set(value) => (Some(value), Reply::Done),
            Operation::SetIfAbsent(value) => {
                let is_absent = state.is_none();
                (state.or(Some(value)), Reply::Number(is_absent.into()))
            }
            Operation::Swap(value) => (Some(value), Reply::Value(state)),
            Operation::Increment => {
                let next = state.unwrap_or(0) + 1;
                (Some(next), Reply::Number(next))
            }
            Operation::Delete => (None, Reply::Number(state.is_some().into())),
        }
    }

    /// Whether the register's content afterwards is independent of its content before.
    pub fn overwrites(self) -> bool {
        matches!(
            self,
            Operation::Set(_) | Operation::Swap(_) | Operation::Delete
        )
    }

    /// Whether an operation with this reply has changed nothing, for any content of the register.
    pub fn is_read(self, reply: Reply) -> bool {
        match self {
            Operation::Get => true,
            Operation::SetIfAbsent(_) | Operation::Delete => reply == Reply::Number(0),
            Operation::Set(_) | Operation::Swap(_) | Operation::Increment => false,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Get => formatter.write_str("GET"),
            Operation::Set(value) => write!(formatter, "SET {value}"),
            Operation::SetIfAbsent(value) => write!(formatter, "SETNX {value}"),
            Operation::Swap(value) => write!(formatter, "SET {value} GET"),
            Operation::Increment => formatter.write_str("INCR"),
            Operation::Delete => formatter.write_str("DEL"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Done => formatter.write_str("OK"),
            Reply::Value(None) => formatter.write_str("nil"),
            Reply::Value(Some(value)) | Reply::Number(value) => write!(formatter, "{value}"),
        }
    }
}
