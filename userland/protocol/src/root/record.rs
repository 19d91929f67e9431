//! What root says of domains and memory.

use abi::register::PageCount;

use super::{DomainId, done};
use crate::name::Name;
use crate::words::{Malformed, Reader, Words};

numbered! {
    /// What a domain is doing here.
    DomainState {
        /// It runs, as far as root knows.
        Running = 1: "running";
        /// It came to an end or could not be started.
        Stopped = 2: "stopped";
        /// It is on its way here.
        Incoming = 3: "incoming";
        /// It is on its way to another machine.
        Exported = 4: "exported";
        /// It is here whole, frozen: whether it is to run here is not decided.
        Prepared = 5: "prepared";
        /// It is at home here and not here: it is started when no other machine has it.
        Waiting = 6: "waiting";
        /// It is at home here and was sent away: if no other machine has it any more, an operator starts it.
        Away = 7: "away";
        /// It stands still for good, since a younger copy of it runs on another machine.
        Outlived = 8: "outlived";
    }
}

/// What root says of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainRecord {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DomainId,
    /// How often it was activated.
    pub incarnation: u64,
    /// What it is doing.
    pub state: DomainState,
    /// Whether it may move.
    pub movable: bool,
    /// The machine that starts it, if one alone does.
    pub home: Option<Name>,
    /// The pages of its pool.
    pub pages: PageCount,
    /// How many of them are spent.
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
    /// [`Malformed`] says what is wrong with it.
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

/// What root says of the machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRecord {
    /// The pages of root's pool, which all other pools are split from.
    pub pages: PageCount,
    /// How many of them are spent, those of other pools included.
    pub spent: PageCount,
    /// Bytes of root's own heap that are free.
    pub heap_free: u64,
    /// Bytes of the switch's that were free when it spoke to root last.
    pub switch_heap_free: u64,
}

impl MemoryRecord {
    /// How many pages are left.
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
    /// [`Malformed`] says what is wrong with it.
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
    fn a_record_survives_a_message() {
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
    fn the_machines_memory_survives_a_message_and_is_a_line() {
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
