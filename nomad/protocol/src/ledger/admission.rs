//! Which offers of other machines are taken: what is judged before the shell is asked for memory.

use super::{Ledger, is_settled};
use crate::identity::TransactionId;
use crate::messages::Step;
use crate::reasons::{PhaseName, Refusal, Side};
use crate::target::{Offered, Target};
use crate::time::Instant;
use crate::transfer::Transfer;

/// One machine may have so many domains on their way here at a time, prepared ones included.
pub const TARGETS_PER_PEER_MAX: usize = 16;

/// What is made of an offer before the shell is asked.
enum Verdict {
    Take,
    Refuse(Refusal),
    Wait,
}

impl Ledger {
    /// A machine offers a domain under a transaction that is not known here.
    pub(super) fn offered(&mut self, now: Instant, offered: Offered) {
        let (source, transaction) = (offered.source, offered.transaction);
        match self.judge(now, &offered) {
            Verdict::Take => {
                let target = Target::new(now, self.here.boot, offered, self.here.timing);
                self.transfers.insert(transaction, Transfer::Target(target));
            }
            Verdict::Refuse(why) => self.answer(source, transaction, Step::Refuse(why)),
            Verdict::Wait => {}
        }
    }

    fn judge(&mut self, now: Instant, offered: &Offered) -> Verdict {
        if let Err(why) = self.here.capabilities.judge(&offered.offer) {
            return Verdict::Refuse(why);
        }
        let fleet = &self.here.fleet;
        if offered.offer.fleet != fleet.id() || !fleet.contains(offered.source) {
            return Verdict::Refuse(Refusal::OtherFleet);
        }
        if let Some((transaction, transfer)) = self.in_the_way_mut(offered) {
            let incarnation = transfer.offer().incarnation;
            return match transfer {
                _ if transfer.doubt().is_some() => {
                    Verdict::Refuse(Refusal::InDoubt { transaction })
                }
                Transfer::Source(_) => Verdict::Refuse(Refusal::AlreadyHere { incarnation }),
                Transfer::Target(target) if target.phase() == PhaseName::Activate => {
                    Verdict::Refuse(Refusal::AlreadyHere {
                        incarnation: incarnation.next(),
                    })
                }
                // Most likely an earlier attempt that the source has given up: ask; the offer will be repeated.
                Transfer::Target(target) => {
                    target.ask(now);
                    Verdict::Wait
                }
            };
        }
        let is_target_of = |transfer: &&Transfer| {
            transfer.side() == Side::Target && transfer.peer() == offered.source
        };
        let used = self.transfers.values().filter(is_target_of).count();
        if used >= TARGETS_PER_PEER_MAX {
            return Verdict::Refuse(Refusal::Quota {
                used: used as u32,
                limit: TARGETS_PER_PEER_MAX as u32,
            });
        }
        if self.is_full() {
            return Verdict::Refuse(Refusal::RecordsFull);
        }
        Verdict::Take
    }

    /// What must be settled before an offer can be taken: a transaction that touches the domain, or one in which the
    /// same source sent another domain of that name. The second is left from before the source was restarted, and
    /// started its domains anew.
    fn in_the_way_mut(&mut self, offered: &Offered) -> Option<(TransactionId, &mut Transfer)> {
        let touches = |transfer: &Transfer| {
            let is_namesake = transfer.side() == Side::Target
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
