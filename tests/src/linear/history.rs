//! Histories: the clients' operations with their replies and times. As a file, one JSON object per line.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::register::{Operation, Reply};

/// An operation as its client saw it. Times are nanoseconds of one clock for all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The client's number.
    pub client: u32,
    /// The key's number.
    pub key: u32,
    /// The operation.
    pub operation: Operation,
    /// The time just before the request was sent.
    pub invoked_ns: u64,
    /// The reply, if any. Without one it is unknown whether the operation has taken effect or will take effect.
    pub completion: Option<Completion>,
}

/// The end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The time just after the reply was read.
    pub at_ns: u64,
    /// The reply.
    pub reply: Reply,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry {
            client, operation, ..
        } = self;
        let invoked = seconds(self.invoked_ns);
        match self.completion {
            Some(Completion { at_ns, reply }) => {
                let completed = seconds(at_ns);
                write!(
                    formatter,
                    "{invoked:14.6} to {completed:14.6}  client {client}: {operation} -> {reply}"
                )
            }
            None => write!(
                formatter,
                "{invoked:14.6} on{:16}  client {client}: {operation} -> unknown",
                ""
            ),
        }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Each key's operations, in the order of their invocation.
pub fn by_key(history: &[Entry]) -> BTreeMap<u32, Vec<Entry>> {
    let mut keys: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for entry in history {
        keys.entry(entry.key).or_default().push(*entry);
    }
    for entries in keys.values_mut() {
        entries.sort_by_key(|entry| entry.invoked_ns);
    }
    keys
}

/// Writes a history.
///
/// # Errors
///
/// Errors of the writer.
pub fn write(history: &[Entry], mut to: impl Write) -> io::Result<()> {
    for entry in history {
        serde_json::to_writer(&mut to, entry)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// Reads a history.
///
/// # Errors
///
/// Errors of the reader, and lines that are not entries.
pub fn read(from: impl BufRead) -> io::Result<Vec<Entry>> {
    let entry = |line: io::Result<String>| Ok(serde_json::from_str(&line?)?);
    from.lines().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |key, invoked_ns, completion| Entry {
            client: 3,
            key,
            operation: Operation::Swap(7),
            invoked_ns,
            completion,
        };
        let completion = Completion {
            at_ns: 9,
            reply: Reply::Value(None),
        };
        vec![
            entry(1, 5, None),
            entry(0, 4, Some(completion)),
            entry(1, 2, Some(completion)),
        ]
    }

    #[test]
    fn a_history_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        write(&entries(), &mut bytes).expect("written");
        assert_eq!(read(bytes.as_slice()).expect("read"), entries());
        assert!(read(&b"{}\n"[..]).is_err());
    }

    #[test]
    fn each_key_has_its_operations_in_order() {
        let keys = by_key(&entries());
        let times = |key| keys[&key].iter().map(|entry| entry.invoked_ns).collect();
        assert_eq!((times(0), times(1)), (vec![4], vec![2, 5]));
    }
}
