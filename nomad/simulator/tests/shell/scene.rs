//! A machine in conversation with its operators and the other machines.

use std::collections::BTreeMap;

use nomad_client::{Event as Reported, RequestId};
use nomad_protocol::{
    AdmissionId, BootId, Envelope, Instant, LifeId, MachineId, Message, Presence, Refusal, Step,
};
use nomad_shell::{Job, Output};
use nomad_simulator::machine::Machine;

use super::{machine, now};

pub const OPERATOR: RequestId = RequestId(1);
pub const OTHER: RequestId = RequestId(2);
pub const THIRD: usize = 2;

/// How the other machines reply to an offer.
pub type OfferReply = fn(MachineId) -> Option<Step>;

/// A conversation of the machine with its operators and the other machines.
pub struct Scene {
    pub machine: Machine,
    pub now: Instant,
    pub reply: OfferReply,
    /// The machines that were offered a domain, each once per offer's transaction.
    pub offered: Vec<MachineId>,
    /// Whether other machines reply to queries: they have no domain.
    pub has_replies: bool,
    /// The jobs for the sender of pages.
    pub jobs: Vec<Job>,
}

impl Scene {
    pub fn new(machine: Machine, reply: OfferReply) -> Scene {
        Scene {
            machine,
            now: now(),
            reply,
            offered: Vec::new(),
            has_replies: false,
            jobs: Vec::new(),
        }
    }

    /// A machine that runs the domain.
    pub fn running(reply: OfferReply) -> Scene {
        Scene::new(machine(true, BTreeMap::new()), reply)
    }

    /// Sends a command, and returns the events for its operator.
    pub fn command(&mut self, from: RequestId, text: &str) -> Vec<Reported> {
        let command = text.parse().expect("a command");
        self.machine.shell.handle_command(self.now, from, command);
        self.events_for(from)
    }

    /// The events for an operator, without time passing.
    pub fn events_for(&mut self, operator: RequestId) -> Vec<Reported> {
        let events = self.events();
        let own = events.into_iter().filter(|(to, _)| *to == operator);
        own.map(|(_, event)| event).collect()
    }

    /// Handles everything that is due at once.
    pub fn events(&mut self) -> Vec<(RequestId, Reported)> {
        let mut events = Vec::new();
        while let Some(output) = self.machine.shell.poll(self.now) {
            match output {
                Output::Event(to, event) => events.push((to, event)),
                Output::Send { to, bytes } => self.handle_message(to, &bytes),
                Output::Job(job) => self.jobs.push(job),
                _ => {}
            }
        }
        events
    }

    fn handle_message(&mut self, to: MachineId, bytes: &[u8]) {
        let sent = Envelope::decode(bytes).expect("its own messages decode");
        let reply = match sent.message {
            Message::Transaction(transaction, Step::Offer(_)) => {
                if self.offered.last() != Some(&to) {
                    self.offered.push(to);
                }
                (self.reply)(to).map(|step| Message::Transaction(transaction, step))
            }
            Message::Query(name, turn, _) if self.has_replies => {
                let (life, activated) = (LifeId(7), 0);
                let presence = Presence::Absent { life, activated };
                Some(Message::QueryReply(name, turn, presence))
            }
            _ => None,
        };
        if let Some(message) = reply {
            let boot = BootId(7);
            let bytes = Envelope { boot, message }.encode();
            self.machine.shell.handle_datagram(self.now, to, &bytes);
        }
    }

    /// Lets time pass, and returns the events for the operator.
    pub fn pass(&mut self, seconds: u64) -> Vec<Reported> {
        let mut events = Vec::new();
        for _ in 0..10 * seconds {
            self.now = self.now.after_us(100_000);
            self.machine.shell.handle_timeout(self.now);
            events.extend(self.events_for(OPERATOR));
        }
        events
    }
}

pub fn refuses(_: MachineId) -> Option<Step> {
    Some(Step::Refuse(Refusal::RecordsFull))
}

pub fn admits(_: MachineId) -> Option<Step> {
    Some(Step::Admit {
        admission: AdmissionId(3),
        kept: None,
    })
}

pub fn is_silent(_: MachineId) -> Option<Step> {
    None
}

pub fn texts(events: &[Reported]) -> Vec<String> {
    events.iter().map(Reported::to_string).collect()
}
