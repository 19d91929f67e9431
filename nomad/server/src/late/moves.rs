//! The effect of a move's steps on late frames, which reach a machine for a domain that is leaving or has left.

use identity::Name;
use nomad_protocol::{Envelope, Late, MachineId, Message, TransactionId};
use nomad_shell::Frames;

use crate::capture::{Found, names};
use crate::now::now;
use crate::restore::Incoming;
use crate::server::Server;

impl Server {
    /// Applies the shell's decision about the frames for a transaction's domain.
    pub fn apply_frames(&self, transaction: TransactionId, frames: Frames) {
        let now_us = now().as_us();
        match frames {
            Frames::Hold => self.hold_frames(transaction),
            Frames::Forward => self.late.change(|table| table.forward(transaction, now_us)),
            Frames::Revert => self.late.change(|table| table.revert(transaction)),
            Frames::End => self.late.change(|table| table.end(transaction, now_us)),
            Frames::Accept(name) => self.accept_frames(transaction, name),
        }
    }

    /// Handles another machine's message about late frames.
    pub fn handle_late(&self, from: MachineId, transaction: TransactionId, late: Late) {
        let now_us = now().as_us();
        let reply = self
            .late
            .change(|table| table.handle_late(now_us, from, transaction, late));
        if let Some(reply) = reply {
            self.send_late(from, transaction, reply);
        }
    }

    /// Puts a message about late frames into the outbox.
    pub(super) fn send_late(&self, to: MachineId, transaction: TransactionId, late: Late) {
        let envelope = Envelope {
            boot: self.shell.borrow().moves.ledger.local().boot,
            message: Message::Late(transaction, late),
        };
        self.send(to, &envelope.encode());
    }

    /// Accepts frames for the domain of this name, which arrived in this transaction and runs here.
    fn accept_frames(&self, transaction: TransactionId, name: Name) {
        let mut shell = self.shell.borrow_mut();
        let incoming = shell.moves.incoming(transaction);
        let built = incoming.and_then(|incoming| Incoming::port_address(incoming));
        // If this server was restarted after it had built the domain, the address comes from root.
        let mac = built.or_else(|| {
            let found = Found::find(shell.host.machine.root, name).ok()?;
            names::port_address(&found.names)
        });
        if let Some(of) = mac.and_then(|mac| shell.moves.port_move(transaction, mac)) {
            self.late.change(|table| table.accept(of));
        }
    }

    fn hold_frames(&self, transaction: TransactionId) {
        let moves = &mut self.shell.borrow_mut().moves;
        let outgoing = moves.outgoing(transaction);
        let mac = outgoing.and_then(|domain| domain.port_address());
        if let Some(of) = mac.and_then(|mac| moves.port_move(transaction, mac)) {
            let stream = self.network.fork_random().number() as u32;
            self.late.change(|table| table.hold(of, stream));
        }
    }
}
