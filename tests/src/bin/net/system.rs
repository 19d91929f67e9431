//! The system that a machine runs: [`System`].

use harness::Artefacts;
use harness::machine::{Boot, Options};

use crate::linux::Linux;
use crate::nic::Nic;

/// The machine's archive: that of a fleet of one.
const ARCHIVE: &str = "alone-a";

/// A system with a store. Both have the same address, and clients see no other difference.
#[derive(Clone, Copy, Debug)]
pub enum System<'a> {
    /// Caravan, with kv.
    Caravan,
    /// Linux, with Redis.
    Linux(&'a Linux),
}

impl System<'_> {
    /// The text before its figures' names.
    pub fn prefix(self) -> &'static str {
        match self {
            System::Caravan => "",
            System::Linux(_) => "linux.",
        }
    }

    /// A machine that starts it, without a card.
    pub fn options(self, nic: Nic) -> Options {
        match self {
            System::Caravan => {
                let kernel = Artefacts::kernel();
                let archive = Some(Artefacts::archive_named(ARCHIVE));
                Options::new("a", Boot::Kernel { kernel, archive })
            }
            System::Linux(linux) => Options::new("linux", linux.boot(nic))
                .argument("-append")
                .argument(Linux::command_line()),
        }
    }
}
