//! The operator's commands that begin and end a drain, and the refusals of a machine that drains.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use nomad_client::command::Destination;
use nomad_client::event::{DrainStage, DrainStatus};
use nomad_client::{Event, RequestId};
use nomad_protocol::{Instant, MachineId, Refusal};

use super::{Drain, Move};
use crate::host::Host;
use crate::operator::{Reply, ended};
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Begins a drain, whose last event ends the reply. If a drain is in progress already, the operator follows that drain.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        to: Option<Destination>,
        from: RequestId,
    ) -> Reply {
        self.check_not_restarting()?;
        let to = to.map(|to| self.drain_destination(to)).transpose()?;
        match &mut self.drain {
            Some(drain) if drain.stage == DrainStage::Moving => {
                if drain.to != to {
                    let status = drain.status(&self.machines);
                    return Err(format!("{status}; `undrain` ends that"));
                }
                if let Some(displaced) = drain.follow(from) {
                    let reason = "too many operators follow the drain, which goes on: `drain` follows it again";
                    self.reply(displaced, Err(reason.into()));
                }
            }
            // A drain that is over begins again with the domains that have stayed.
            _ => {
                self.drain = Some(Drain::new(to, from));
                self.dismiss_starters("the machine is draining");
                self.log(format!("{} is draining", self.machines.own().name));
            }
        }
        // The events of the first step follow these.
        self.reply(from, Ok(self.drain_events()));
        self.advance_drain(now);
        Ok(Vec::new())
    }

    /// The one machine to drain to.
    fn drain_destination(&self, to: Destination) -> Result<MachineId, String> {
        let own = self.machines.own();
        let is_own = match to {
            Destination::Named(name) => name == own.name,
            Destination::At(address) => own.addresses.best() == Some(address),
        };
        if is_own {
            return Err(format!("{to} is the machine that is to be drained"));
        }
        let (address, id) = self.machines.find(to)?;
        id.ok_or_else(|| format!("no machine of the fleet has the address {address}"))
    }

    /// Ends a drain. A move that has passed its commit point continues.
    pub(crate) fn undrain(&mut self, now: Instant) -> Reply {
        self.check_not_restarting()?;
        let own = self.machines.own().name;
        let drain = self.drain.take();
        let drain = drain.ok_or_else(|| format!("{own} is not draining"))?;
        let mut events = vec![Event::Undrained(own)];
        if let Some((transaction, Move { name, .. })) = drain
            .current
            .and_then(|current| Some((current, *drain.moves.get(&current)?)))
        {
            let cancelled = self.moves.ledger.cancel(now, transaction).ok();
            events.extend(cancelled.map(|cancelled| Event::Cancelled(name, cancelled)));
        }
        for follower in drain.followers {
            self.reply(follower, Err("an operator has ended the drain".into()));
        }
        self.log(format!("{own} admits domains again"));
        self.admit_again(now);
        Ok(ended(events))
    }

    /// Begins all roll calls again: the replies that arrived while this machine started no domains may be out of date.
    pub(crate) fn admit_again(&mut self, now: Instant) {
        self.roll_calls.forget();
        self.update_roll_calls(now);
    }

    /// The status of this machine's drain, if there is one.
    pub fn drain_status(&self) -> Option<DrainStatus> {
        let drain = self.drain.as_ref()?;
        Some(drain.status(&self.machines))
    }

    /// The status of the drain, and the domains that stay; nothing if there is none.
    pub(crate) fn drain_events(&self) -> Vec<Event> {
        let Some(drain) = &self.drain else {
            return Vec::new();
        };
        let status = Event::Draining(drain.status(&self.machines));
        let stays = drain.stays().map(|(domain, reason)| Event::Stays {
            domain,
            reason: reason.clone(),
        });
        core::iter::once(status).chain(stays).collect()
    }

    /// The refusal of every offer to this machine, while it drains or is about to restart.
    pub(crate) fn admission_refusal(&self) -> Option<Refusal> {
        let machine = self.machines.own().name;
        let is_closed = self.drain.is_some() || self.restart_due.is_some();
        is_closed.then_some(Refusal::Draining { machine })
    }

    /// Checks that this machine may start domains.
    ///
    /// # Errors
    /// It drains or is about to restart.
    pub(crate) fn check_starts_domains(&self) -> Result<(), String> {
        self.check_not_restarting()?;
        match &self.drain {
            None => Ok(()),
            Some(_) => Err(format!(
                "{} is draining: it starts no domain until `undrain` or a restart",
                self.machines.own().name
            )),
        }
    }
}
