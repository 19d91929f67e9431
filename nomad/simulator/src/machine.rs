//! A fake machine: fake hardware, and on it nomad's own code, `nomad_shell::Shell`.
//!
//! ```text
//!   crash_machine   hardware and nomad are lost; a new boot id
//!   crash_nomad     nomad is lost; it is resumed from its records
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use identity::{DomainId, GUEST_PREFIX, Name};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    BootId, CpuFeatures, Instant, LifeId, LocalMachine, MachineId, MachineSupport, PhaseName,
    Record, StreamHeader, Timing, TransactionId, Versions,
};
use nomad_shell::pages::Segment;
use nomad_shell::{Config, FleetMember, Machines, Root as _, Shell};

use crate::hardware::{Hardware, Parts, domain_number};
use crate::misconduct::misread_declined;

/// The first domain, and the only one in a world with one.
pub const DOMAIN: DomainId = DomainId(1);

const VERSIONS: Versions = Versions { image: 1, abi: 1 };

/// One broken rule, which the checkers must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// No rule is broken.
    None,
    /// A source that receives nothing after the commit point runs the domain again.
    SourceThawsAfterCommit,
    /// A destination with a verified copy that receives nothing runs the domain.
    DestinationRunsUncommitted,
    /// A destination with a verified copy that receives nothing declines the domain.
    DestinationDropsVerified,
    /// A destination forgets a transaction as soon as it has declined it.
    DeclinedIsForgotten,
    /// A restarted destination takes a domain that it has declined for one that it is about to activate.
    DeclinedIsActivating,
    /// The kernel retires a domain although its version has moved.
    KernelIgnoresVersion,
    /// The kernel retires a domain although its freeze has ended.
    KernelRetiresThawed,
    /// nomad's records do not outlive it.
    RecordsAreLost,
    /// Pages written since the last round are not sent with the freeze.
    FreezeForgetsPages,
    /// Pages that were discarded since the last round are sent as they were.
    FreezeForgetsDiscards,
    /// The result of an action of one transaction is reported to another one, if there is another.
    ReportsToAnother,
    /// A destination discards the copy of another transaction, if there is another.
    DiscardsAnother,
    /// A domain is activated under the incarnation that it had before.
    IncarnationStays,
    /// A restarted nomad does not erase the older of two records of a transaction.
    OlderRecordStays,
    /// When a machine starts, its root starts the domains at home there, without a query to other machines.
    HomeDoesNotQuery,
    /// A source that has committed reads a destination's Received as Activated.
    ReceivedIsActivated,
    /// A source that has committed reads a destination's Received as Declined.
    ReceivedIsDeclined,
    /// A source that has committed reads a destination's Activated as Declined.
    ActivatedIsDeclined,
    /// A source that has committed reads the Unknown of a restarted destination as the Declined of its earlier boot.
    UnknownIsDeclined,
    /// Every boot of another machine is taken for that machine's first.
    BootsLookAlike,
    /// A destination takes its copy for verified without having handed it to root.
    VerifiedIsNotKept,
    /// A source gives its copy back as soon as it is retired.
    GivesBackEarly,
    /// A destination accepts pages of another freeze before it has recorded that its verified copy is incomplete.
    OverwritesVerified,
    /// A destination admits every domain under the same number.
    AdmissionsLookAlike,
    /// A source whose domain stays does not return the frames that it has held.
    HeldFramesAreForgotten,
    /// Root does not destroy the memory of domains that have left when nomad ends.
    RemainsStay,
    /// The frames in the ring of a tunnel are lost when the switch is restarted.
    SwitchForgetsRings,
    /// A domain's clock is not set on the destination.
    ClockStartsAnew,
    /// A destination does not count the downtime that Commit states.
    DowntimeIsLost,
    /// Pages that a domain writes after its arrival are not sent when it returns.
    VisitForgetsPages,
    /// A domain that returns continues from the first copy that was ever kept of it.
    ReturnsToFirstCopy,
    /// Neither side compares where a domain has been when it comes to a machine that keeps a copy of it.
    ReturnsFromAnywhere,
    /// A home does not remember to which guest it has sent a domain.
    HomeForgetsGuest,
    /// Each machine of the fleet claims to be the home of every domain, and to have its package. So it sends domains to guests.
    AllClaimHome,
}

/// The domain of a transaction, and the other machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    /// The domain.
    pub domain: DomainId,
    /// The number of the other machine.
    pub peer: usize,
}

/// A round or freeze that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sending {
    /// The progress.
    pub segment: Segment,
    /// The header that it began with.
    pub header: StreamHeader,
}

/// The settings that all machines of a world share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Common {
    /// The number of machines.
    pub machines: usize,
    /// The number of guests: the last ones of the machines.
    pub guests: usize,
    /// The timers.
    pub timing: Timing,
    /// The goals of a move.
    pub goals: Goals,
    /// How machines learn each other's addresses.
    pub discovery: Discovery,
}

/// How machines learn each other's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discovery {
    /// From the manifest alone, as in an exploration, which has no time.
    Manifest,
    /// From the manifest and from hellos.
    ManifestAndHellos,
    /// From hellos alone.
    Hellos,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// Its number.
    pub number: usize,
    /// Its address, which may change. Others expect it at [`address`] at first.
    pub address: Ipv4Addr,
    /// nomad, and below it the hardware.
    pub shell: Shell<Hardware>,
    /// nomad's transactions, each from its first record to its end. They are lost when nomad dies.
    pub moves: BTreeMap<TransactionId, Move>,
    /// Rounds and freezes that are being sent. They are lost when nomad dies.
    pub sending: BTreeMap<TransactionId, Sending>,
    common: Common,
}

/// The id of a machine of this number.
pub fn machine_id(number: usize) -> MachineId {
    MachineId([number as u8; 32])
}

/// The number of a machine of this id.
pub fn machine_number(id: MachineId) -> usize {
    usize::from(id.0[0])
}

/// The name of the machine of the fleet with this number.
pub fn machine_name(number: usize) -> Name {
    Name::try_new(&format!("m{number}")).expect("a name")
}

/// The name of the guest of this number.
pub fn guest_name(number: usize) -> Name {
    Name::try_new(&format!("{GUEST_PREFIX}{number}")).expect("a name")
}

/// The id of the machine or guest with this name.
pub fn id_of_name(name: Name) -> MachineId {
    let name = name.as_str();
    let number = name.strip_prefix(GUEST_PREFIX);
    let number = number.or_else(|| name.strip_prefix('m'));
    let number = number.and_then(|number| number.parse().ok());
    machine_id(number.expect("a machine's name"))
}

/// The name of the domain of this number.
pub fn domain_name(number: usize) -> Name {
    Name::try_new(&format!("domain-{}", number + 1)).expect("a name")
}

/// The number of the domain of this name.
pub fn number_of(name: Name) -> usize {
    let number = name.as_str().strip_prefix("domain-");
    let number: Option<usize> = number.and_then(|number| number.parse().ok());
    number.expect("a domain's name") - 1
}

/// The first address of the machine of this number.
pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, number as u8 + 1)
}

impl Common {
    /// The machines that are not guests.
    fn members(&self) -> usize {
        self.machines - self.guests
    }

    /// The name of the machine of this number.
    pub fn name(&self, number: usize) -> Name {
        if number < self.members() {
            machine_name(number)
        } else {
            guest_name(number)
        }
    }

    /// A machine as itself or another one knows it at first.
    fn known(&self, number: usize, address: Option<Ipv4Addr>) -> FleetMember {
        FleetMember::new(self.name(number), machine_id(number), address)
    }

    fn config(
        &self,
        (number, own): (usize, Ipv4Addr),
        boot: u64,
        life: u64,
        records_max: usize,
    ) -> Config {
        let members = self.members();
        let others = (0..members).filter(|other| *other != number);
        let is_fixed = self.discovery != Discovery::Hellos;
        let others = others.map(|other| self.known(other, is_fixed.then(|| address(other))));
        let mut machines = Machines::new(self.known(number, Some(own)), others.collect());
        // Without hellos, nothing else makes guests known.
        if self.discovery == Discovery::Manifest && number < members {
            for guest in members..self.machines {
                machines.add_guest(self.name(guest), machine_id(guest), address(guest));
            }
        }
        let local = LocalMachine {
            machine: machine_id(number),
            boot: BootId(boot),
            life: LifeId(life),
            fleet: machines.fleet(),
            records_max,
            support: MachineSupport {
                versions: VERSIONS,
                cpu: CpuFeatures::default(),
            },
            timing: self.timing,
        };
        Config {
            local,
            machines,
            versions: VERSIONS,
            goals: self.goals,
            has_hellos: self.discovery != Discovery::Manifest,
            has_hooks: false,
        }
    }
}

impl Machine {
    /// A machine that was just started.
    pub fn new(common: Common, hardware: Hardware, boot: u64, now: Instant) -> Self {
        let address = address(hardware.parts.number);
        Machine::at(address, common, hardware, boot, now)
    }

    fn at(address: Ipv4Addr, common: Common, hardware: Hardware, boot: u64, now: Instant) -> Self {
        let number = hardware.parts.number;
        let records_max = hardware.record_store.transactions_max();
        let config = common.config((number, address), boot, boot, records_max);
        Machine {
            number,
            address,
            shell: resume(hardware, now, &config, &[]),
            moves: BTreeMap::new(),
            sending: BTreeMap::new(),
            common,
        }
    }

    /// The first boot of the machine of this number.
    pub fn first_boot(number: usize) -> u64 {
        number as u64
    }

    /// The machine below nomad.
    pub fn hardware(&self) -> &Hardware {
        &self.shell.host
    }

    /// The machine below nomad, mutable.
    pub fn hardware_mut(&mut self) -> &mut Hardware {
        &mut self.shell.host
    }

    /// Restarts the machine after a loss of power.
    pub fn crash_machine(self, now: Instant) -> Self {
        // The number is in the low byte: no two machines ever have the same boot id.
        let boot = self.shell.moves.ledger.local().boot.0 + 0x100;
        let mut hardware = self.shell.host.restarted(BootId(boot));
        if hardware.parts.mutant == Mutant::HomeDoesNotQuery {
            for number in hardware.parts.homes.clone().into_keys() {
                let _ = hardware.start(domain_name(number));
            }
        }
        Machine::at(self.address, self.common, hardware, boot, now)
    }

    /// The transactions in this phase, and their domains.
    pub fn in_phase(&self, phase: PhaseName) -> Vec<(TransactionId, DomainId)> {
        let entries = self.shell.moves.ledger.entries();
        let entries = entries.filter(|entry| entry.phase == phase);
        let entries = entries.map(|entry| (entry.transaction, entry.offer.domain));
        entries.collect()
    }

    /// Restarts nomad alone, after it died. Returns its records, too.
    pub fn crash_nomad(self, now: Instant) -> (Self, Vec<Record>) {
        let local = self.shell.moves.ledger.local();
        let (boot, life) = (local.boot.0, local.life.0 + (1 << 32));
        let mut hardware = self.shell.host;
        if hardware.has_died() {
            hardware.dead_for_us = None;
        }
        if hardware.parts.mutant != Mutant::RemainsStay {
            hardware.destroy_remains();
        }
        if hardware.parts.mutant == Mutant::RecordsAreLost {
            hardware.record_store.clear();
        }
        let leaves_older = hardware.parts.mutant == Mutant::OlderRecordStays;
        let stored = hardware.record_store.load(leaves_older);
        let mut records = stored.clone();
        if hardware.parts.mutant == Mutant::DeclinedIsActivating {
            records.iter_mut().for_each(misread_declined);
        }
        let moves = records.iter().map(Move::from_record).collect();
        let records_max = hardware.record_store.transactions_max();
        let config = self
            .common
            .config((self.number, self.address), boot, life, records_max);
        hardware.now = now;
        let machine = Machine {
            shell: resume(hardware, now, &config, &records),
            moves,
            sending: BTreeMap::new(),
            ..self
        };
        (machine, stored)
    }

    /// The move of a transaction of this machine.
    pub fn subject(&self, transaction: TransactionId) -> Option<Move> {
        self.moves.get(&transaction).copied()
    }

    /// Gives it another address.
    pub fn renumber(&mut self, now: Instant, address: Ipv4Addr) {
        self.address = address;
        self.shell.set_own_address(now, address);
    }

    /// The size of its pool in pages.
    pub fn pool_pages(&self) -> u64 {
        self.hardware().parts.pool_pages
    }
}

/// Starts nomad, and starts it again if it ends at once because a call of root fails.
fn resume(
    mut hardware: Hardware,
    now: Instant,
    config: &Config,
    records: &[Record],
) -> Shell<Hardware> {
    loop {
        match Shell::resume(hardware, now, config.clone(), records.to_vec()) {
            Ok(shell) => return shell,
            Err((ended, _)) => hardware = ended,
        }
    }
}

/// A machine's hardware at the beginning of a world.
pub fn hardware(parts: Parts) -> Hardware {
    let number = parts.number;
    let draw = match parts.record_slots {
        0 => 0,
        _ => number as u128 + 0x100,
    };
    let mut hardware = Hardware::new(parts, BootId(Machine::first_boot(number)));
    hardware.draw = draw;
    hardware
}

impl Move {
    /// The transaction of a record, and its move.
    pub fn from_record(record: &Record) -> (TransactionId, Move) {
        let subject = Move {
            domain: record.offer.domain,
            peer: machine_number(record.peer),
        };
        (record.transaction, subject)
    }

    /// The number of the domain.
    pub fn number(self) -> usize {
        domain_number(self.domain)
    }
}
