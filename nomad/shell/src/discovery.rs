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
//! A handshake of another boot than the one known is refused by the channel, until the known one has been silent for some
//! time. Meanwhile this side probes the known one, because it may have nothing to say.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_channel::{Encounter, RIVAL_GONE_US};
use nomad_protocol::{Hello, Instant, MachineId};

use crate::host::Host;
use crate::output::Output;
use crate::shell::Shell;

/// The interval between a machine's first two hellos. It doubles up to [`INTERVAL_MAX_US`].
const INTERVAL_FIRST_US: u64 = 250_000;
/// The longest interval between two hellos.
const INTERVAL_MAX_US: u64 = 2_000_000;
/// The interval between two probes of a machine whose name another boot claims.
const PROBE_US: u64 = 500_000;
/// How often the log names a machine that has another one's name.
const REPORT_US: u64 = 60_000_000;

/// The timers of discovery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Discovery {
    hello_due: Instant,
    interval_us: u64,
    /// The number of hellos sent.
    count: u64,
    /// The machines whose names other boots claim.
    claimed: BTreeMap<MachineId, Claim>,
    /// When the log last named a machine.
    reported: BTreeMap<MachineId, Instant>,
}

/// The probes of a machine whose name another boot claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Claim {
    /// When the next one is due.
    due: Instant,
    /// When the other boot counts as gone.
    until: Instant,
}

impl Discovery {
    /// The first hello is due now.
    pub fn new(now: Instant) -> Discovery {
        Discovery {
            hello_due: now,
            interval_us: INTERVAL_FIRST_US,
            count: 0,
            claimed: BTreeMap::new(),
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

    /// A machine to probe now.
    fn poll_probe(&mut self, now: Instant) -> Option<MachineId> {
        self.claimed.retain(|_, claim| now < claim.until);
        let mut claimed = self.claimed.iter_mut();
        let (machine, claim) = claimed.find(|(_, claim)| claim.due <= now)?;
        claim.due = now.after_us(PROBE_US);
        Some(*machine)
    }

    /// Has a machine probed as long as another boot claims its name.
    fn watch(&mut self, now: Instant, machine: MachineId) {
        let until = now.after_us(RIVAL_GONE_US);
        let claim = self.claimed.entry(machine);
        claim.or_insert(Claim { due: now, until }).until = until;
    }

    /// Whether the log is to name this machine, which it does now and then.
    fn is_report_due(&mut self, now: Instant, machine: MachineId) -> bool {
        let is_recent = |at: &Instant| now.us_since(*at) < REPORT_US;
        self.reported.retain(|_, at| is_recent(at));
        let is_due = !self.reported.contains_key(&machine);
        if is_due {
            self.reported.insert(machine, now);
        }
        is_due
    }

    /// When to call [`Shell::discover`].
    pub fn poll_timeout(&self) -> Instant {
        let probes = self
            .claimed
            .values()
            .map(|claim| claim.due.min(claim.until));
        probes
            .chain([self.hello_due])
            .min()
            .unwrap_or(self.hello_due)
    }
}

impl<H: Host> Shell<H> {
    /// Sends the hello and the probes that are due.
    pub(crate) fn discover(&mut self, now: Instant) {
        let Some(discovery) = &mut self.discovery else {
            return;
        };
        let hello = discovery.poll_hello(now);
        let probes: Vec<_> = core::iter::from_fn(|| discovery.poll_probe(now)).collect();
        if let Some(hello) = hello.and_then(|count| self.own_hello(count)) {
            self.emit(Output::Hello(hello));
        }
        for machine in probes {
            let address = self.machines.address_of(machine);
            self.emit(Output::Probe { machine, address });
        }
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

    /// Handles a change of this machine's own address: others are told at once.
    pub fn set_own_address(&mut self, now: Instant, address: Ipv4Addr) {
        self.log(format!("this machine has the address {address}"));
        self.machines.set_own_address(address);
        if let Some(discovery) = &mut self.discovery {
            discovery.hello_due = now;
            discovery.interval_us = INTERVAL_FIRST_US;
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
                self.handle_own_name(now, from);
            }
        } else if let Some(machine) = self.machines.handle_hello(now, hello) {
            let is_claimed = |it: &Discovery| it.claimed.contains_key(&machine);
            if !self.discovery.as_ref().is_some_and(is_claimed) {
                let address = Some(from);
                self.emit(Output::Probe { machine, address });
            }
        }
    }

    /// Handles a fact about a machine that a datagram from this address has proven.
    pub fn handle_encounter(&mut self, now: Instant, from: Ipv4Addr, encounter: Encounter) {
        match encounter {
            Encounter::Met(machine) => self.machines.prove(machine, from),
            Encounter::Refused(machine) => {
                if let Some(discovery) = &mut self.discovery {
                    discovery.watch(now, machine);
                }
                self.machines.record_claim(machine, from);
            }
            Encounter::Doubled(machine) => self.report_double(now, machine),
            Encounter::Restarted(machine) => {
                if let Some(discovery) = &mut self.discovery {
                    discovery.claimed.remove(&machine);
                }
            }
            Encounter::RefusedBy(machine) => {
                let own = self.machines.own().name;
                let by = self.machines.get(machine);
                let by = by.map_or_else(|| format!("{from}"), |by| format!("{}", by.name));
                self.log_about(now, machine, || {
                    format!(
                        "{by} refuses this machine until an earlier one called {own} has been silent for some seconds"
                    )
                });
            }
        }
    }

    /// Handles the sign of another machine with this machine's name, at this address.
    pub fn handle_own_name(&mut self, now: Instant, from: Ipv4Addr) {
        let (own, id) = (self.machines.own().name, self.machines.own().id);
        self.machines.record_own_double(now, from);
        self.log_about(now, id, || {
            format!("the machine at {from} is called {own}, as this one is: give one of them another name")
        });
    }

    /// Reports that another machine has the name of this one of the fleet, and that both are up.
    fn report_double(&mut self, now: Instant, machine: MachineId) {
        let Some(claimant) = self.machines.confirm_double(now, machine) else {
            return;
        };
        let Some(first) = self.machines.get(machine).cloned() else {
            return;
        };
        let name = first.name;
        let at = first.addresses.best().unwrap_or(Ipv4Addr::UNSPECIFIED);
        self.log_about(now, machine, || {
            format!(
                "two machines are called {name}: the one at {at} was there first, the one at {claimant} is refused"
            )
        });
    }

    /// Logs a line about a machine, unless there was one a moment ago.
    fn log_about(&mut self, now: Instant, machine: MachineId, line: impl FnOnce() -> String) {
        let discovery = self.discovery.as_mut();
        if discovery.is_some_and(|it| it.is_report_due(now, machine)) {
            self.log(line());
        }
    }
}
