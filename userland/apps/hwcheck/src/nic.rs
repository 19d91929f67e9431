//! A network card, its driver and its link: [`Nic`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use runtime::protocol::Name;
use runtime::protocol::inventory::FunctionRecord;
use runtime::protocol::root::DomainState;

use crate::machine::Machine;
use crate::{class, function};

/// The beginning of the line in which a driver reports its card's link.
const LINK: &str = "the link is ";
/// And of that link's state if it carries frames.
const UP: &str = "up";

/// The number of a driver's last lines that are quoted.
const QUOTED_MAX: usize = 4;

/// A network card. The better kinds come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A driver runs, and reports this link, which is up.
    Up(String),
    /// A driver runs that does not report links.
    Unknown,
    /// A driver runs, and its link is down.
    Down,
    /// Its driver was not started, since the manifest has an entry for no more cards.
    NotTried,
    /// Its driver could not be started, or has ended.
    Failed,
    /// It has no driver.
    NoDriver,
}

/// A network card.
pub struct Nic<'a> {
    /// Its function.
    pub function: &'a FunctionRecord,
    pub state: State,
}

impl Nic<'_> {
    /// All network cards of a machine.
    pub fn all(machine: &Machine) -> Vec<Nic<'_>> {
        let functions = machine.functions.iter();
        let nics = functions.filter(|function| is_nic(function));
        let nic = |function| Nic {
            function,
            state: state(machine, function),
        };
        nics.map(nic).collect()
    }

    /// Its address and identity.
    pub fn name(&self) -> String {
        let identity = function::identity(self.function);
        format!("{} ({identity})", function::address(self.function))
    }

    /// The name of its driver.
    pub fn driver(&self) -> &str {
        self.function.driver.as_ref().map_or("none", Name::as_str)
    }

    /// The last lines of its driver.
    pub fn quote(&self, machine: &Machine) -> Option<String> {
        let (domain, state) = self.function.domain?;
        let lines: Vec<&str> = machine.lines_of(domain).collect();
        let last = &lines[lines.len().saturating_sub(QUOTED_MAX)..];
        Some(format!("{domain} ({state}): {}", last.join("; ")))
    }
}

/// Whether a function is a network card: by its class, or since a driver knows it.
pub fn is_nic(function: &FunctionRecord) -> bool {
    function.class.0 == class::NETWORK || function.driver.is_some()
}

fn state(machine: &Machine, function: &FunctionRecord) -> State {
    if function.driver.is_none() {
        return State::NoDriver;
    }
    match function.domain {
        None => State::NotTried,
        Some((domain, DomainState::Running)) => {
            let links = machine
                .lines_of(domain)
                .filter_map(|it| it.strip_prefix(LINK));
            match links.last() {
                None => State::Unknown,
                Some(link) if link.starts_with(UP) => State::Up(link.into()),
                Some(_) => State::Down,
            }
        }
        Some(_) => State::Failed,
    }
}
