//! What the steps of a move mean for late frames.

use alloc::vec::Vec;

use nomad_image::Name;
use nomad_protocol::{
    Envelope, Late, MachineId, Message, Notice, PhaseName, Side, SourceAction, TransactionId,
};
use runtime::protocol::Mac;

use crate::capture::{Found, names};
use crate::restore::Incoming;
use crate::shell::{Shell, now};

impl Shell {
    /// A source takes this step.
    pub fn note_step(&self, transaction: TransactionId, action: SourceAction) {
        match action {
            // The switch is about to stop serving the domain.
            SourceAction::ExportState { .. } => self.hold_frames(transaction),
            // The target runs it.
            SourceAction::Destroy => {
                let now_us = now().as_us();
                self.late.change(|table| table.pass_on(transaction, now_us));
            }
            _ => {}
        }
    }

    /// A transaction says this, of which only its end matters here.
    pub fn note_end(&self, transaction: TransactionId, notice: Notice) {
        match notice {
            Notice::Aborted(_) => self.late.change(|table| table.revert(transaction)),
            Notice::Finished => {
                let now_us = now().as_us();
                self.late.change(|table| table.settle(transaction, now_us));
            }
            _ => {}
        }
    }

    /// The domain of this name that came under this transaction runs here.
    pub fn welcome_frames(&self, transaction: TransactionId, name: Name) {
        let incoming = self.incoming.borrow();
        let built = incoming.get(&transaction).and_then(Incoming::port_address);
        drop(incoming);
        // An earlier life of this server may have built it.
        let mac = built.or_else(|| self.port_address_of(name));
        if let (Some(peer), Some(mac)) = (self.peer_of(transaction), mac) {
            self.late
                .change(|table| table.welcome(transaction, peer, mac));
        }
    }

    /// Goes on after this server was restarted: what it held is lost, what comes from now on is not.
    pub fn resume_frames(&self) {
        let ledger = self.ledger.borrow();
        let entries = ledger.entries().filter_map(|entry| {
            let name = Name::try_new(entry.offer.name.as_str())?;
            Some((entry.transaction, entry.side, entry.phase, name))
        });
        let entries: Vec<_> = entries.collect();
        drop(ledger);
        for (transaction, side, phase, name) in entries {
            match (side, phase) {
                (Side::Source, _) => self.hold_frames(transaction),
                (Side::Target, PhaseName::Activate) => {
                    self.welcome_frames(transaction, name);
                }
                (Side::Target, _) => {}
            }
        }
    }

    /// Another machine says something about late frames.
    pub fn hear_late(&self, from: MachineId, transaction: TransactionId, late: Late) {
        let now_us = now().as_us();
        let answer = self
            .late
            .change(|table| table.hear(now_us, from, transaction, late));
        if let Some(answer) = answer {
            self.say_late(from, transaction, answer);
        }
    }

    /// Says something about late frames; it is in the outbox then.
    pub(super) fn say_late(&self, to: MachineId, transaction: TransactionId, late: Late) {
        let envelope = Envelope {
            boot: self.ledger.borrow().here().boot,
            message: Message::Late(transaction, late),
        };
        self.send(to, &envelope.encode());
    }

    fn port_address_of(&self, name: Name) -> Option<Mac> {
        let found = Found::find(self.machine.root, name).ok()?;
        names::port_address(&found.names)
    }

    fn hold_frames(&self, transaction: TransactionId) {
        let mac = {
            let mut outgoing = self.outgoing.borrow_mut();
            outgoing
                .get_mut(&transaction)
                .and_then(|domain| domain.port_address())
        };
        if let (Some(peer), Some(mac)) = (self.peer_of(transaction), mac) {
            let stream = self.fork_random().number() as u32;
            self.late
                .change(|table| table.hold(transaction, peer, mac, stream));
        }
    }
}
