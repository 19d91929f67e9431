//! A machine at one end of the link: [`End`]. It connects a shell to the channel as the migration server does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use identity::Name;
use nomad_channel::packet::is_initiation;
use nomad_channel::{Encounter, Incoming, Keys, Random, ReceiveError, Received, Sessions, Suites};
use nomad_client::{Command, Event, RequestId};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    BootId, CpuFeatures, Fleet, HELLO_GROUP, Instant, LifeId, LocalMachine, MachineSupport, Timing,
    Versions,
};
use nomad_shell::{Config, FleetMember, Machines, Output, Shell};
use nomad_simulator::hardware::{Hardware, Parts};
use nomad_simulator::machine::{DOMAIN, Mutant, hardware};
use nomad_simulator::root::Restart;

const SECRET: &str = "fleet";
const VERSIONS: Versions = Versions { image: 1, abi: 1 };
const OPERATOR: RequestId = RequestId(1);
/// The names of the fleet.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// The domain, as a machine has it when it starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// It runs there.
    Runs,
    /// It is at home there, and the machine does not know where it is.
    Waits,
    /// It is nowhere there.
    Missing,
}

/// A datagram on the link.
#[derive(Clone)]
pub struct Frame {
    pub from: Ipv4Addr,
    pub to: Ipv4Addr,
    pub bytes: Vec<u8>,
}

/// One boot of a machine.
pub struct End {
    pub address: Ipv4Addr,
    pub log: Vec<String>,
    /// The facts about other machines that it has learned.
    pub encounters: Vec<Encounter>,
    pub keys: Keys,
    shell: Shell<Hardware>,
    sessions: Sessions,
    events: Vec<Event>,
}

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

impl End {
    /// Starts a machine. Each boot has another number.
    pub fn start(now: Instant, own: &str, address: Ipv4Addr, boot: u64, domain: Domain) -> End {
        let keys = Keys::new(SECRET, name(own));
        let homes = match domain {
            Domain::Waits => BTreeMap::from([(0, Restart::Always)]),
            Domain::Runs | Domain::Missing => BTreeMap::new(),
        };
        let mut hardware = hardware(Parts {
            number: boot as usize,
            pool_pages: 100,
            homes,
            freeze_us: 1_000_000,
            copy_pages: 4,
            record_slots: 8,
            home_names: BTreeMap::new(),
            packages: BTreeSet::new(),
            is_guest: false,
            mutant: Mutant::None,
        });
        if domain == Domain::Runs {
            assert!(hardware.create(DOMAIN, 4));
        }
        let machine = keys.own_id();
        let fleet = NAMES.map(|other| keys.machine(name(other)));
        let others = NAMES.iter().filter(|other| **other != own);
        let others = others.map(|other| {
            let other = name(other);
            FleetMember::new(other, keys.machine(other), None)
        });
        let config = Config {
            local: LocalMachine {
                machine,
                boot: BootId(boot),
                life: LifeId(boot),
                fleet: Fleet::new(fleet),
                records_max: 4,
                support: MachineSupport {
                    versions: VERSIONS,
                    cpu: CpuFeatures::default(),
                },
                timing: Timing::STANDARD,
            },
            machines: Machines::new(
                FleetMember::new(name(own), machine, Some(address)),
                others.collect(),
            ),
            versions: VERSIONS,
            goals: Goals::default(),
            has_hellos: true,
            has_hooks: false,
        };
        let sessions = Sessions::new(Random::new([boot, 1, 2, 3]), Suites::ALL);
        let shell = Shell::resume(hardware, now, config, Vec::new());
        End {
            address,
            log: Vec::new(),
            encounters: Vec::new(),
            sessions: sessions.of_machine(BootId(boot), fleet.into()),
            shell: shell.unwrap_or_else(|_| panic!("no fault strikes")),
            keys,
            events: Vec::new(),
        }
    }

    /// Whether the domain runs here.
    pub fn runs(&self) -> bool {
        self.shell.host.runs(0)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.shell.poll_timeout()
    }

    /// Fires the timers that are due; returns the frames that follow.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Frame> {
        self.shell.handle_timeout(now);
        self.poll(now)
    }

    /// Handles a frame; returns the frames that follow.
    pub fn handle_frame(&mut self, now: Instant, frame: &Frame) -> Vec<Frame> {
        let received = self
            .sessions
            .handle_datagram(&self.keys, now.as_us(), &frame.bytes);
        let replies = match received {
            Ok(received) => self.handle_received(now, frame.from, received),
            Err(error) => {
                if error == ReceiveError::OwnName {
                    self.shell.handle_own_name(now, frame.from);
                }
                Vec::new()
            }
        };
        let replies = replies.into_iter();
        let replies = replies.map(|bytes| self.frame(frame.from, bytes));
        let mut frames: Vec<_> = replies.collect();
        frames.extend(self.poll(now));
        frames
    }

    fn handle_received(
        &mut self,
        now: Instant,
        from: Ipv4Addr,
        received: Received,
    ) -> Vec<Vec<u8>> {
        for encounter in received.encounters {
            self.encounters.push(encounter);
            self.shell.handle_encounter(now, from, encounter);
        }
        match received.incoming {
            Some(Incoming::Machine(machine, message)) => {
                self.shell.handle_datagram(now, machine, &message);
            }
            Some(Incoming::Hello(hello)) => self.shell.handle_hello(now, from, &hello),
            Some(other) => panic!("no operator is here: {other:?}"),
            None => {}
        }
        received.replies
    }

    fn poll(&mut self, now: Instant) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(output) = self.shell.poll(now) {
            match output {
                Output::Send { to, bytes } => {
                    let machines = self.shell.machines();
                    let handshake = machines.addresses_of(to);
                    let message = Vec::from_iter(machines.address_of(to));
                    if handshake.is_empty() {
                        continue;
                    }
                    let sent = self.sessions.send(&self.keys, now.as_us(), to, &bytes);
                    for bytes in sent {
                        let is_handshake = is_initiation(&bytes);
                        let addresses = if is_handshake { &handshake } else { &message };
                        let to_all = addresses.iter().map(|at| self.frame(*at, bytes.clone()));
                        frames.extend(to_all);
                    }
                }
                Output::Probe { machine, address } => {
                    let sent = self.sessions.probe(&self.keys, now.as_us(), machine);
                    frames.extend(sent.map(|bytes| self.frame(address, bytes)));
                }
                Output::Hello(hello) => {
                    frames.push(self.frame(HELLO_GROUP, Sessions::hello(&self.keys, &hello)));
                }
                Output::Log(line) => self.log.push(line),
                Output::Event(_, event) => self.events.push(event),
                other => panic!("no domain moves: {other:?}"),
            }
        }
        frames
    }

    fn frame(&self, to: Ipv4Addr, bytes: Vec<u8>) -> Frame {
        let from = self.address;
        Frame { from, to, bytes }
    }

    /// Gives the machine another address.
    pub fn renumber(&mut self, now: Instant, address: Ipv4Addr) {
        self.address = address;
        self.shell.set_own_address(now, address);
    }

    /// The address at which this machine lists one with this name, and that of another one with the same name.
    pub fn listed(&mut self, now: Instant, other: &str) -> (Option<Ipv4Addr>, Option<Ipv4Addr>) {
        self.shell.handle_command(now, OPERATOR, Command::Machines);
        assert!(self.poll(now).is_empty());
        let events = std::mem::take(&mut self.events).into_iter();
        let mut found = events.filter_map(|event| match event {
            Event::Machine {
                name: listed,
                address,
                double,
                ..
            } if listed == name(other) => Some((address, double)),
            _ => None,
        });
        found.next().expect("a machine of the fleet")
    }
}
