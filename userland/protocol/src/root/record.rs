//! Root's records of domains and memory.

use abi::register::PageCount;

use super::{DomainId, done};
use crate::name::Name;
use crate::words::{Malformed, Reader, Words};

numbered! {
    /// The state of a domain on this machine.
    DomainState {
        /// It runs, as far as root knows.
        Running = 1: "running";
        /// It has ended or could not be started.
        Stopped = 2: "stopped";
        /// It is moving to this machine.
        Incoming = 3: "incoming";
        /// It is moving to another machine.
        Exported = 4: "exported";
        /// It is complete and frozen; the source has not yet decided whether it runs here.
        Prepared = 5: "prepared";
        /// It is at home here but absent: it is started once no other machine has it.
        Waiting = 6: "waiting";
        /// It is at home here and has left: if no other machine has it any more, an operator starts it.
        Away = 7: "away";
        /// It is stopped for good, since a younger copy runs on another machine.
        Outlived = 8: "outlived";
    }
}

/// Root's record of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainRecord {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DomainId,
    /// The number of times it was activated.
    pub incarnation: u64,
    /// Its state on this machine.
    pub state: DomainState,
    /// Whether it may move.
    pub movable: bool,
    /// The one machine that starts it; `None` if every machine does.
    pub home: Option<Name>,
    /// The size of its pool.
    pub pages: PageCount,
    /// The spent part of its pool.
    pub spent: PageCount,
}

impl DomainRecord {
    /// The answer's words.
    pub fn pack(&self) -> Words {
        done()
            .with_all(self.name.to_words())
            .with_all(self.id.to_words())
            .with_all([self.incarnation, self.state as u64, self.movable.into()])
            .with_all(Name::optional_to_words(self.home))
            .with_all([self.pages.0, self.spent.0])
    }

    /// Reads the answer after [`answer`] has read its status.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn read(reader: &mut Reader) -> Result<DomainRecord, Malformed> {
        let name = Name::read(reader)?;
        let id = DomainId::from_words(reader.array()?);
        let incarnation = reader.word()?;
        let state = reader.word()?;
        Ok(DomainRecord {
            name,
            id,
            incarnation,
            state: DomainState::from_word(state).ok_or(Malformed::Value(state))?,
            movable: reader.flag()?,
            home: Name::read_optional(reader)?,
            pages: PageCount(reader.word()?),
            spent: PageCount(reader.word()?),
        })
    }
}

/// The state of the machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRecord {
    /// The size of root's pool, which all other pools are split from.
    pub pages: PageCount,
    /// The spent part of it, other pools included.
    pub spent: PageCount,
    /// Free bytes of root's own heap.
    pub heap_free: u64,
    /// Free bytes of the switch's heap at its last call to root.
    pub switch_heap_free: u64,
}

impl MemoryRecord {
    /// The free pages.
    pub fn free(&self) -> PageCount {
        PageCount(self.pages.0.saturating_sub(self.spent.0))
    }

    /// The answer's words.
    pub fn pack(&self) -> Words {
        done().with_all([
            self.pages.0,
            self.spent.0,
            self.heap_free,
            self.switch_heap_free,
        ])
    }

    /// Reads the answer after [`answer`] has read its status.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn read(reader: &mut Reader) -> Result<MemoryRecord, Malformed> {
        Ok(MemoryRecord {
            pages: PageCount(reader.word()?),
            spent: PageCount(reader.word()?),
            heap_free: reader.word()?,
            switch_heap_free: reader.word()?,
        })
    }
}

impl core::fmt::Display for MemoryRecord {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            formatter,
            "memory {} of {} pages",
            self.spent.0, self.pages.0
        )
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::root::answer;

    fn name(text: &str) -> Name {
        Name::try_new(text).unwrap()
    }

    #[test]
    fn a_domain_record_survives_a_message() {
        let record = DomainRecord {
            name: name("kv"),
            id: DomainId([7; 16]),
            incarnation: 3,
            state: DomainState::Exported,
            movable: true,
            home: Some(name("a")),
            pages: PageCount(100),
            spent: PageCount(99),
        };
        let words = record.pack();
        let read = DomainRecord::read(&mut answer(words.as_slice()).unwrap());
        assert_eq!(read, Ok(record));
    }

    #[test]
    fn the_memory_record_survives_a_message_and_is_displayed_on_one_line() {
        let record = MemoryRecord {
            pages: PageCount(130_000),
            spent: PageCount(42),
            heap_free: 7,
            switch_heap_free: 9,
        };
        let words = record.pack();
        let read = MemoryRecord::read(&mut answer(words.as_slice()).unwrap());
        assert_eq!(read, Ok(record));
        assert_eq!(std::format!("{record}"), "memory 42 of 130000 pages");
    }
}
