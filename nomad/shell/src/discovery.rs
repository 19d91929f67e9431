//! How machines find each other: hellos, probes of the machines that send them, and machines with one name.
//!
//! ```text
//!   this machine                                    another one
//!   Hello, to all, at growing intervals  -->        is it news?
//!                                        <-- Probe  a handshake with the machine at the hello's address
//!   Met: the handshake is completed      <-->       Met
//! ```
//!
//! A hello only suggests where a machine is. Nothing is sent there but handshakes until one is completed.
//!
//! The channel refuses a handshake of a boot other than the known one, until the known boot has been silent for some time.
//! Such a boot *claims* the name. As long as it does, this machine probes both boots: the known boot may have nothing else to
//! send, and the claim lasts as long as the claiming boot responds.
//!
//! A machine that receives a hello of another machine with its own name *defends* the name for some seconds: it probes all
//! other machines again and again. So machines that know it see that it is alive, and machines that know the other one see
//! that there are two. The other one does the same, at different times: if the two also share an address, replies reach the
//! one that has sent last. The hello may be a recorded one of the machine's own former boot, so the machine reports nothing
//! until it has completed a handshake with the other machine.
//!
//! A machine is *settled* a second after the first handshake with its present boot, as long as no other boot claims its name.
//! In a roll call, a machine's reply that it does not have a domain counts only if the machine is settled: see
//! [`Shell::is_settled`].
//!
//! `claims` has the claims, `defence` the defence of this machine's name, `reports` the lines of the log.

mod claims;
mod defence;
mod reports;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_channel::{Encounter, RIVAL_GONE_US};
use nomad_protocol::{Hello, Instant, LifeId, MachineId};

use crate::host::Host;
use crate::output::Output;
use crate::shell::Shell;

use claims::Claims;
use defence::Defence;

/// The interval between a machine's first two hellos. It doubles up to [`INTERVAL_MAX_US`].
const INTERVAL_FIRST_US: u64 = 250_000;
/// The longest interval between two hellos.
const INTERVAL_MAX_US: u64 = 2_000_000;
/// The time for which a migration server listens before it knows all guests that can be reached: a guest refuses a restarted machine
/// for three seconds, sends a hello every two seconds, and replies to machines that it has known for a second. The rest is for losses.
pub(crate) const LISTEN_S: u64 = 10;
/// The least time between two equal lines of the log about one machine.
const REPORT_US: u64 = 60_000_000;

/// The most lines that are remembered for that time. While there are this many, no other such line is logged. There is a
/// limit because guests come and go.
const REPORTED_MAX: usize = 256;

/// The timers of discovery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Discovery {
    hello_due: Instant,
    interval_us: u64,
    /// The number of hellos sent.
    count: u64,
    claims: Claims,
    defence: Defence,
    /// The machines that refuse this one, each with the time at which its refusal no longer counts.
    refused_by: BTreeMap<MachineId, Instant>,
    /// Since when this machine has an address, and receives hellos.
    listens_since: Option<Instant>,
    /// When the log last had each line.
    reported: BTreeMap<(MachineId, Line), Instant>,
}

/// The kinds of line about a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Line {
    /// It refuses this machine.
    RefusedBy,
    /// There are two machines with its name.
    Doubled,
    /// This machine has no place for another guest.
    Full,
}

impl Discovery {
    /// The first hello of this life is due now.
    pub fn new(now: Instant, life: LifeId, has_address: bool) -> Discovery {
        Discovery {
            hello_due: now,
            interval_us: INTERVAL_FIRST_US,
            count: 0,
            claims: Claims::default(),
            defence: Defence::new(now, life),
            refused_by: BTreeMap::new(),
            listens_since: has_address.then_some(now),
            reported: BTreeMap::new(),
        }
    }

    /// The count of the hello to send now, if one is due.
    fn poll_hello(&mut self, now: Instant) -> Option<u64> {
        if now < self.hello_due {
            return None;
        }
        self.hello_due = now.after_us(self.interval_us);
        self.interval_us = INTERVAL_MAX_US.min(2 * self.interval_us);
        self.count += 1;
        Some(self.count)
    }

    /// Whether a line is to be logged now. If so, it is remembered, and not logged again for `REPORT_US`.
    fn is_report_due(&mut self, now: Instant, line: (MachineId, Line)) -> bool {
        let is_recent = |at: &Instant| now.us_since(*at) < REPORT_US;
        self.reported.retain(|_, at| is_recent(at));
        let is_due = !self.reported.contains_key(&line) && self.reported.len() < REPORTED_MAX;
        if is_due {
            self.reported.insert(line, now);
        }
        is_due
    }

    /// When to call [`Shell::discover`].
    pub fn poll_timeout(&self) -> Instant {
        let probes = self.claims.poll_timeout();
        let probes = probes.into_iter().chain(self.defence.poll_timeout());
        probes.fold(self.hello_due, Instant::min)
    }
}

/// The time from which on a machine with this discovery knows all guests that can be reached; `None` while it has no address.
/// Without hellos, it knows them from the beginning.
pub(crate) fn guests_known_from(discovery: Option<&Discovery>) -> Option<Instant> {
    match discovery {
        Some(discovery) => Some(discovery.listens_since?.after_us(1_000_000 * LISTEN_S)),
        None => Some(Instant::from_us(0)),
    }
}

/// The machines that may be up although they do not reply: another machine claims their name, or they refuse this machine
/// because another one claims its name.
pub(crate) fn claimed(discovery: Option<&Discovery>, now: Instant) -> BTreeSet<MachineId> {
    let Some(discovery) = discovery else {
        return BTreeSet::new();
    };
    let refusing = discovery.refused_by.iter();
    let refusing = refusing.filter(|(_, until)| now < **until);
    let refusing = refusing.map(|(machine, _)| *machine);
    discovery.claims.claimed(now).chain(refusing).collect()
}

impl<H: Host> Shell<H> {
    /// Sends the hello and the probes that are due.
    pub(crate) fn discover(&mut self, now: Instant) {
        let Some(discovery) = &mut self.discovery else {
            return;
        };
        let is_defence = discovery.defence.poll(now);
        if is_defence {
            discovery.hello_due = now;
        }
        let hello = discovery.poll_hello(now);
        let probes: Vec<_> = core::iter::from_fn(|| discovery.claims.poll_probe(now)).collect();
        if is_defence {
            self.probe_all();
        }
        if let Some(hello) = hello.and_then(|count| self.own_hello(count)) {
            self.emit(Output::Hello(hello));
        }
        for (machine, claimant) in probes {
            let known = self.machines.address_of(machine);
            // A machine that has restarted mostly keeps its address.
            let claimant = claimant.filter(|claimant| known != Some(*claimant));
            self.probe(machine, claimant.or(known));
        }
    }

    fn probe(&mut self, machine: MachineId, address: Option<Ipv4Addr>) {
        if let Some(address) = address {
            self.emit(Output::Probe { machine, address });
        }
    }

    /// Whether a machine's statement that it has no domain of some name counts: no other machine has its name, as far as can
    /// be known. Otherwise one machine would answer for the domains of another one with the same name.
    pub(crate) fn is_settled(&self, now: Instant, machine: MachineId) -> bool {
        let Some(discovery) = &self.discovery else {
            return true;
        };
        let is_claimed = discovery.claims.claimant(now, machine).is_some();
        !is_claimed && self.machines.is_settled(now, machine)
    }

    /// A hello of this machine; `None` while its own address is not known.
    fn own_hello(&self, count: u64) -> Option<Hello> {
        let local = self.moves.ledger.local();
        let own = self.machines.own();
        Some(Hello {
            name: own.name,
            boot: local.boot,
            life: local.life,
            count,
            address: own.addresses.best()?,
        })
    }

    /// Handles a change of this machine's own address: others are notified at once.
    pub fn set_own_address(&mut self, now: Instant, address: Ipv4Addr) {
        self.log(format!("this machine has the address {address}"));
        self.machines.set_own_address(address);
        if let Some(discovery) = &mut self.discovery {
            discovery.hello_due = now;
            discovery.interval_us = INTERVAL_FIRST_US;
            discovery.listens_since.get_or_insert(now);
        }
    }

    /// Handles a hello that came from this address. The channel has checked its tag.
    pub fn handle_hello(&mut self, now: Instant, from: Ipv4Addr, hello: &Hello) {
        if hello.address != from {
            return;
        }
        if hello.name == self.machines.own().name {
            // This machine may receive its own hellos.
            if hello.boot != self.moves.ledger.local().boot {
                self.defend_name(now);
                if self.machines.may_probe_double(now, from) {
                    self.probe(self.machines.own().id, Some(from));
                }
            }
            return;
        }
        let host = &self.host;
        let news = self
            .machines
            .handle_hello(now, hello, |name| host.machine_id(name));
        let Ok(news) = news else {
            return self.report_full(now, hello.name, from);
        };
        if let Some(machine) = news {
            let discovery = self.discovery.as_ref();
            if discovery.is_none_or(|it| it.claims.claimant(now, machine).is_none()) {
                self.probe(machine, Some(from));
            }
        }
    }

    /// Handles a fact about a machine that a datagram from this address has proven.
    pub fn handle_encounter(&mut self, now: Instant, from: Ipv4Addr, encounter: Encounter) {
        match encounter {
            Encounter::Introduced(machine, name) => {
                if self.machines.introduce(name, machine).is_err() {
                    self.report_full(now, name, from);
                }
            }
            Encounter::Met(machine, boot) => {
                if let Some(discovery) = &mut self.discovery {
                    discovery.refused_by.remove(&machine);
                }
                self.machines.prove(now, (machine, boot), from);
                if self.machines.guest_name(machine).is_some() {
                    self.call_rolls(now);
                }
            }
            Encounter::Refused(machine) => {
                if let Some(discovery) = &mut self.discovery {
                    let machines = &self.machines;
                    discovery
                        .claims
                        .retain(|known| machines.get(known).is_some());
                    if machines.get(machine).is_some() {
                        discovery.claims.record(now, machine, from);
                    }
                }
                self.roll_calls.forget_replies(machine);
            }
            Encounter::Doubled(machine) => self.report_double(now, machine),
            Encounter::Restarted(machine) => {
                if let Some(discovery) = &mut self.discovery {
                    discovery.claims.forget(machine);
                }
                self.machines.restart(machine);
            }
            Encounter::RefusedBy(machine) => {
                self.record_refusal(now, machine);
                let own = self.machines.own().name;
                let by = self.machines.get(machine);
                let by = by.map_or_else(|| format!("{from}"), |by| format!("{}", by.name));
                self.log_about(now, (machine, Line::RefusedBy), || {
                    format!(
                        "{by} refuses this machine until an earlier one called {own} has been silent for some seconds"
                    )
                });
            }
        }
    }

    /// Records that a machine refuses this one. If it is a guest, it may have a domain at home here.
    fn record_refusal(&mut self, now: Instant, by: MachineId) {
        if let Some(discovery) = &mut self.discovery
            && self.machines.get(by).is_some()
        {
            let until = now.after_us(RIVAL_GONE_US);
            discovery.refused_by.retain(|_, until| now < *until);
            discovery.refused_by.insert(by, until);
            self.machines.mark_up(now, by);
            self.call_rolls(now);
        }
    }

    /// Has this machine's name defended for some seconds.
    fn defend_name(&mut self, now: Instant) {
        if let Some(discovery) = &mut self.discovery {
            discovery.defence.begin(now);
        }
    }

    /// Shows all other machines that this one is alive.
    fn probe_all(&mut self) {
        let others = self.machines.others();
        let others = others.map(|other| (other.id, other.addresses.best()));
        for (other, address) in others.collect::<Vec<_>>() {
            self.probe(other, address);
        }
    }

    /// Handles the handshake of another machine with this machine's name, at this address.
    pub fn handle_own_name(&mut self, now: Instant, from: Ipv4Addr) {
        let (own, id) = (self.machines.own().name, self.machines.own().id);
        self.defend_name(now);
        self.machines.record_double(now, id, from);
        self.log_about(now, (id, Line::Doubled), || {
            format!("the machine at {from} is called {own}, as this one is: give one of them another name")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_are_remembered_have_a_bound_for_some_time() {
        let now = Instant::from_us(0);
        let mut discovery = Discovery::new(now, LifeId(1), true);
        let line = |number: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_le_bytes());
            (MachineId(id), Line::Doubled)
        };
        for number in 0..2 * REPORTED_MAX {
            let is_due = discovery.is_report_due(now, line(number));
            assert_eq!(is_due, number < REPORTED_MAX);
        }
        assert_eq!(discovery.reported.len(), REPORTED_MAX);
        let later = now.after_us(REPORT_US);
        assert!(discovery.is_report_due(later, line(REPORTED_MAX)));
    }
}
