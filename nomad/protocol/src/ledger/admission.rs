//! Admission: judges the offers of other machines before the shell is asked for memory.

use super::Ledger;
use crate::context::Facts;
use crate::ids::{BootId, TransactionId};
use crate::messages::Step;
use crate::reasons::{PhaseName, Refusal, Side};
use crate::time::Instant;
use crate::transaction::Transaction;

/// The most domains that one other machine of the fleet, or all guests together, may be moving here at the same time. A
/// declined domain counts until the source has replied to Declined.
pub const INCOMING_PER_PEER_MAX: usize = 16;

/// One in this many records is reserved for moves from this machine, whatever other machines offer.
const OWN_SHARE: usize = 8;

/// The ledger's verdict on an offer, before the shell is asked.
enum Verdict {
    Accept,
    Refuse(Refusal),
    Wait,
}

impl Ledger {
    /// Handles an offer, sent in `source_boot`, under a transaction that is not known here.
    pub(super) fn handle_offer(&mut self, now: Instant, offered: Facts, source_boot: BootId) {
        let (source, id) = (offered.peer, offered.transaction);
        match self.judge(now, &offered) {
            Verdict::Accept => {
                let timing = self.local.timing;
                let incoming = Transaction::incoming(now, timing, offered, source_boot);
                self.transactions.insert(id, incoming);
            }
            Verdict::Refuse(why) => self.reply(source, id, Step::Refuse(why)),
            Verdict::Wait => {}
        }
    }

    fn judge(&mut self, now: Instant, offered: &Facts) -> Verdict {
        if let Err(why) = self.local.support.judge(&offered.offer) {
            return Verdict::Refuse(why);
        }
        let (fleet, own) = (&self.local.fleet, self.local.machine);
        if offered.offer.fleet != fleet.id() {
            return Verdict::Refuse(Refusal::OtherFleet);
        }
        if let Err(rule) = offered.offer.check_guests(fleet, offered.peer, own) {
            return Verdict::Refuse(Refusal::Guest(rule));
        }
        if let Some((id, other)) = self.conflicting_mut(offered) {
            let incarnation = other.offer().incarnation;
            return match (other.side(), other.phase()) {
                _ if other.doubt().is_some() => {
                    Verdict::Refuse(Refusal::InDoubt { transaction: id })
                }
                (Side::Source, _) => Verdict::Refuse(Refusal::AlreadyHere {
                    incarnation: Some(incarnation),
                }),
                (Side::Destination, PhaseName::Activate) => Verdict::Refuse(Refusal::AlreadyHere {
                    incarnation: Some(incarnation.next()),
                }),
                // This is most likely an earlier attempt that the source has abandoned. Its outcome is queried, and
                // meanwhile the source repeats the offer.
                (Side::Destination, _) => {
                    other.probe(now);
                    Verdict::Wait
                }
            };
        }
        // Whoever can act as one guest may be able to act as many, so all guests share one bound.
        let is_of_guest = |peer| !self.local.fleet.contains(peer);
        let counts = |other: &&Transaction| match is_of_guest(offered.peer) {
            true => other.side() == Side::Destination && is_of_guest(other.peer()),
            false => other.is_incoming_from(offered.peer),
        };
        let used = self.transactions.values().filter(counts).count();
        if used >= INCOMING_PER_PEER_MAX {
            return Verdict::Refuse(Refusal::Quota {
                used: used as u32,
                limit: INCOMING_PER_PEER_MAX as u32,
            });
        }
        let records_max = self.local.records_max;
        if self.transactions.len() >= records_max - records_max / OWN_SHARE {
            return Verdict::Refuse(Refusal::RecordsFull);
        }
        Verdict::Accept
    }

    /// A transaction that must be settled before the offer can be accepted: one of the same domain, or one in which the
    /// same source sent another domain of that name. The source sent that other domain before it was restarted and
    /// started its domains afresh.
    fn conflicting_mut(&mut self, offered: &Facts) -> Option<(TransactionId, &mut Transaction)> {
        let touches = |other: &Transaction| {
            let is_namesake =
                other.is_incoming_from(offered.peer) && other.offer().name == offered.offer.name;
            is_namesake || other.offer().domain == offered.offer.domain
        };
        let mut transactions = self.transactions.iter_mut();
        let (id, other) = transactions.find(|(_, other)| touches(other) && !other.is_settled())?;
        Some((*id, other))
    }
}
