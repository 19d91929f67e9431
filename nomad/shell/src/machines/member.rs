//! A machine of the fleet as this machine knows it: [`FleetMember`], its [`Addresses`], and news of it.

use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_client::event::AddressOrigin;
use nomad_protocol::{BootId, Hello, Instant, LifeId, MachineId};

/// How long after a handshake was begun because of a hello the next one at the same address may be.
const PROBE_US: u64 = 500_000;
/// The most addresses at which handshakes are begun in that time.
const PROBED_MAX: usize = 8;
/// How long ago the first handshake with the present boot of a machine must have been completed before the machine is settled.
const SETTLED_US: u64 = 1_000_000;
/// How long a second machine with the same name is listed after it was last noticed.
const DOUBLE_US: u64 = 10_000_000;

/// A machine of the fleet, or a guest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FleetMember {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: MachineId,
    /// The addresses that its migration server may have.
    pub addresses: Addresses,
    /// The last hello.
    greeting: Option<Greeting>,
    /// The last hello of the life that the last handshake was with, as far as is known. Only later hellos of that life are signs of
    /// the machine: those of other lives may be recorded ones.
    living: Option<Greeting>,
    /// Whether a handshake was completed since a hello of the life in `greeting` was first received. If not, the machine's
    /// hellos are probed. A hello may be a recorded one, so nothing else follows from this.
    is_met: bool,
    /// Whether a handshake has proven that it is up, and no query has shown since that it does not reply.
    is_up: bool,
    /// When the last sign of it was received: a later hello than `living`, a handshake or a refusal.
    noticed: Option<Instant>,
    /// When the first handshake with its present boot was completed.
    met: Option<Instant>,
    /// The addresses to which handshakes were begun because of a hello, with the time of each.
    probed: BTreeMap<Ipv4Addr, Instant>,
    /// The address of another machine with this name, and when it was last known to be up.
    double: Option<(Ipv4Addr, Instant)>,
}

/// The part of a hello that distinguishes an old one from a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Greeting {
    boot: BootId,
    life: LifeId,
    count: u64,
}

impl Greeting {
    fn is_of_same_life(self, other: Greeting) -> bool {
        (self.boot, self.life) == (other.boot, other.life)
    }

    fn is_later_than(self, other: Greeting) -> bool {
        self.is_of_same_life(other) && self.count > other.count
    }
}

/// The addresses that a machine's migration server may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// From the manifest.
    pub fixed: Option<Ipv4Addr>,
    /// From the last hello.
    pub announced: Option<Ipv4Addr>,
    /// From the last handshake.
    pub proven: Option<Ipv4Addr>,
}

impl Addresses {
    /// The address to which messages are sent.
    pub fn best(&self) -> Option<Ipv4Addr> {
        self.proven.or(self.announced).or(self.fixed)
    }

    /// The addresses to which a handshake is sent, each once: the reply shows which is right. An announced address that
    /// differs from the proven one is not among them: it is probed separately.
    pub fn all(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let first = self.proven.or(self.announced);
        let fixed = self.fixed.filter(|_| self.fixed != first);
        first.into_iter().chain(fixed)
    }
}

impl FleetMember {
    /// A machine from which nothing was received yet, with the address that the manifest gives, if it gives one.
    pub fn new(name: Name, id: MachineId, fixed: Option<Ipv4Addr>) -> FleetMember {
        FleetMember {
            name,
            id,
            addresses: Addresses {
                fixed,
                ..Addresses::default()
            },
            greeting: None,
            living: None,
            is_met: false,
            is_up: false,
            noticed: None,
            met: None,
            probed: BTreeMap::new(),
            double: None,
        }
    }

    /// Handles a hello of this machine; returns whether the machine at its address is to be probed.
    pub(super) fn handle_hello(&mut self, now: Instant, hello: &Hello) -> bool {
        let greeting = Greeting {
            boot: hello.boot,
            life: hello.life,
            count: hello.count,
        };
        match self.greeting {
            Some(last) if greeting.is_of_same_life(last) => {
                if !greeting.is_later_than(last) {
                    return false;
                }
            }
            _ => self.is_met = false,
        }
        self.greeting = Some(greeting);
        if self.living.is_some_and(|last| greeting.is_later_than(last)) {
            self.living = Some(greeting);
            self.noticed = Some(now);
        }
        self.addresses.announced = Some(hello.address);
        let is_known = self.is_met && self.addresses.proven == Some(hello.address);
        !is_known && self.may_probe(now, hello.address)
    }

    /// Whether a handshake may be begun at this address because of a hello. If so, the next one there may begin only after
    /// `PROBE_US`. Replayed hellos do not delay the handshake for the machine's own hello: they name another address, or the
    /// handshake that they cause serves the machine's own hello too.
    pub(super) fn may_probe(&mut self, now: Instant, address: Ipv4Addr) -> bool {
        self.probed.retain(|_, at| now.us_since(*at) < PROBE_US);
        let may_probe = self.probed.len() < PROBED_MAX && !self.probed.contains_key(&address);
        if may_probe {
            self.probed.insert(address, now);
        }
        may_probe
    }

    /// Records that a handshake with this boot of the machine was completed at this address. A handshake does not name the life, so
    /// it counts for that of the last hello, if that hello is of the same boot.
    pub(super) fn prove(&mut self, now: Instant, boot: BootId, address: Ipv4Addr) {
        let living = self.living.filter(|living| living.boot == boot);
        let is_news = |last: &Greeting| living.is_none_or(|living| !last.is_of_same_life(living));
        let last = self.greeting.filter(|last| last.boot == boot);
        self.living = last.filter(is_news).or(living);
        self.addresses.proven = Some(address);
        (self.is_met, self.is_up) = (true, true);
        self.noticed = Some(now);
        self.met.get_or_insert(now);
    }

    /// Whether a handshake has proven that it is up, and no query has shown since that it does not reply. Neither a hello nor
    /// another machine at its address changes that.
    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    /// Records that it has responded to a handshake, although with a refusal.
    pub(super) fn mark_up(&mut self, now: Instant) {
        self.is_up = true;
        self.noticed = Some(now);
    }

    /// Whether a sign of it was received within this time.
    pub(super) fn was_noticed(&self, now: Instant, within_us: u64) -> bool {
        let noticed = self.noticed;
        noticed.is_some_and(|noticed| now.us_since(noticed) < within_us)
    }

    /// Records that it does not reply. Its next hello leads to a handshake.
    pub(super) fn mark_silent(&mut self) {
        (self.is_met, self.is_up) = (false, false);
    }

    /// Records that another boot is this machine from now on.
    pub(super) fn restart(&mut self) {
        self.met = None;
    }

    /// Whether this machine has been known long enough that another boot with its name would have been noticed.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        self.met.is_some_and(|met| now.us_since(met) >= SETTLED_US)
    }

    /// Records another machine with this name.
    pub(super) fn record_double(&mut self, now: Instant, address: Ipv4Addr) {
        self.double = Some((address, now));
    }

    /// The address of another machine with this name, if there was one a moment ago.
    pub fn double(&self, now: Instant) -> Option<Ipv4Addr> {
        let (address, noticed) = self.double?;
        (now.us_since(noticed) < DOUBLE_US).then_some(address)
    }

    /// The origin of [`Addresses::best`], for a machine other than this one.
    pub(super) fn origin(&self) -> AddressOrigin {
        let Addresses {
            fixed,
            announced,
            proven,
        } = self.addresses;
        match (proven, announced, fixed) {
            (Some(_), _, _) => AddressOrigin::Handshake,
            (None, Some(_), _) => AddressOrigin::Hello,
            (None, None, Some(_)) => AddressOrigin::Manifest,
            (None, None, None) => AddressOrigin::Unknown,
        }
    }
}
