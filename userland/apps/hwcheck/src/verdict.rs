//! The verdict: whether the machine can join a fleet, in plain words.

use alloc::format;
use alloc::string::String;

use crate::machine::Machine;
use crate::nic::{Nic, State};

/// The memory that the domains of every machine need: console, switch, driver, migration server, and a small domain that moves.
const MEMORY_MIB_MIN: u64 = 96;

/// The verdict on a machine.
pub fn verdict(machine: &Machine) -> String {
    let memory_mib = machine.facts.memory_mib;
    if memory_mib < MEMORY_MIB_MIN {
        return format!(
            "this machine cannot join a fleet: it has {memory_mib} MiB of memory for domains, and needs {MEMORY_MIB_MIN}"
        );
    }
    let nics = Nic::all(machine);
    let Some(best) = nics.iter().min_by_key(|nic| &nic.state) else {
        return "this machine cannot join a fleet: no network card is on its PCI bus".into();
    };
    let (name, driver) = (best.name(), best.driver());
    let (can, rest) = match &best.state {
        State::Up(link) => (
            "can join a fleet",
            format!("is driven by {driver}, and its link is {link}"),
        ),
        State::Unknown => ("can join a fleet", format!("is driven by {driver}")),
        State::Down => (
            "can join a fleet once a cable is plugged in",
            format!("is driven by {driver}, and its link is down"),
        ),
        State::NotTried => (
            "may join a fleet",
            format!("has the driver {driver}, which was not tried"),
        ),
        State::Failed => (
            "cannot join a fleet",
            format!("has the driver {driver}, which failed: the end of its log is above"),
        ),
        State::NoDriver => ("cannot join a fleet", "has no driver".into()),
    };
    format!("this machine {can}: network card {name} {rest}")
}
