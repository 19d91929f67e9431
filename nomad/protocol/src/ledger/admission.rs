//! Admission: judges the offers of other machines before the shell is asked for memory.

use super::{Ledger, is_settled};
use crate::destination::{Destination, IncomingOffer};
use crate::ids::TransactionId;
use crate::messages::Step;
use crate::reasons::{PhaseName, Refusal, Side};
use crate::time::Instant;
use crate::transfer::Transfer;

/// The most domains that one machine may have on their way here at a time, prepared ones included.
pub const INCOMING_PER_PEER_MAX: usize = 16;

/// The ledger's verdict on an offer, before the shell is asked.
enum Verdict {
    Accept,
    Refuse(Refusal),
    Wait,
}

impl Ledger {
    /// Handles an offer under a transaction that is not known here.
    pub(super) fn handle_offer(&mut self, now: Instant, offered: IncomingOffer) {
        let (source, transaction) = (offered.source, offered.transaction);
        match self.judge(now, &offered) {
            Verdict::Accept => {
                let destination =
                    Destination::new(now, self.local.boot, offered, self.local.timing);
                self.transfers
                    .insert(transaction, Transfer::Destination(destination));
            }
            Verdict::Refuse(why) => self.answer(source, transaction, Step::Refuse(why)),
            Verdict::Wait => {}
        }
    }

    fn judge(&mut self, now: Instant, offered: &IncomingOffer) -> Verdict {
        if let Err(why) = self.local.support.judge(&offered.offer) {
            return Verdict::Refuse(why);
        }
        let fleet = &self.local.fleet;
        if offered.offer.fleet != fleet.id() || !fleet.contains(offered.source) {
            return Verdict::Refuse(Refusal::OtherFleet);
        }
        if let Some((transaction, transfer)) = self.conflicting_mut(offered) {
            let incarnation = transfer.offer().incarnation;
            return match transfer {
                _ if transfer.doubt().is_some() => {
                    Verdict::Refuse(Refusal::InDoubt { transaction })
                }
                Transfer::Source(_) => Verdict::Refuse(Refusal::AlreadyHere { incarnation }),
                Transfer::Destination(destination)
                    if destination.phase() == PhaseName::Activate =>
                {
                    Verdict::Refuse(Refusal::AlreadyHere {
                        incarnation: incarnation.next(),
                    })
                }
                // Most likely an earlier attempt that the source has abandoned: probe. The offer will be repeated.
                Transfer::Destination(destination) => {
                    destination.probe(now);
                    Verdict::Wait
                }
            };
        }
        let is_incoming_from = |transfer: &&Transfer| {
            transfer.side() == Side::Destination && transfer.peer() == offered.source
        };
        let used = self.transfers.values().filter(is_incoming_from).count();
        if used >= INCOMING_PER_PEER_MAX {
            return Verdict::Refuse(Refusal::Quota {
                used: used as u32,
                limit: INCOMING_PER_PEER_MAX as u32,
            });
        }
        if self.is_full() {
            return Verdict::Refuse(Refusal::RecordsFull);
        }
        Verdict::Accept
    }

    /// A transaction that must be settled before the offer can be accepted: one of the same domain, or one in which the
    /// same source sent another domain of that name. The latter is left from before the source was restarted and started
    /// its domains anew.
    fn conflicting_mut(
        &mut self,
        offered: &IncomingOffer,
    ) -> Option<(TransactionId, &mut Transfer)> {
        let touches = |transfer: &Transfer| {
            let is_namesake = transfer.side() == Side::Destination
                && transfer.peer() == offered.source
                && transfer.offer().name == offered.offer.name;
            is_namesake || transfer.offer().domain == offered.offer.domain
        };
        let mut transfers = self.transfers.iter_mut();
        let (transaction, transfer) =
            transfers.find(|(_, transfer)| touches(transfer) && !is_settled(transfer))?;
        Some((*transaction, transfer))
    }
}
