//! The effect of a move's steps on late frames, which reach a machine for a domain that is leaving or has left.

use alloc::vec::Vec;

use identity::Name;
use nomad_protocol::{Envelope, Late, MachineId, Message, PhaseName, Side, TransactionId};
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

    /// Continues after a restart of this server. The frames that were held before are lost. Those that arrive from now on are not, unless
    /// their domain has left already; but the other machine of a domain that arrived here gets no further frames through if it had
    /// begun to forward some.
    pub fn resume_frames(&self) {
        let shell = self.shell.borrow();
        let entries = shell.moves.ledger.entries();
        let entries =
            entries.map(|entry| (entry.transaction, entry.side, entry.phase, entry.offer.name));
        let entries: Vec<_> = entries.collect();
        drop(shell);
        for (transaction, side, phase, name) in entries {
            match (side, phase) {
                (Side::Source, _) => self.hold_frames(transaction),
                (Side::Destination, PhaseName::Activate) => {
                    self.accept_frames(transaction, name);
                }
                (Side::Destination, _) => {}
            }
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
