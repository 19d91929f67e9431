//! Callers that wait until a domain's port is quiet: [`QuietWaiters`].

use alloc::vec::Vec;

use runtime::capability::{Cap, Reply};
use runtime::message::Message;
use runtime::protocol::Words;
use runtime::slots;

use crate::badge::DomainNumber;

/// The reply rights of deferred calls.
#[derive(Debug, Default)]
pub struct QuietWaiters(Vec<(DomainNumber, Cap<Reply>)>);

impl QuietWaiters {
    /// Adds a caller that waits for this domain's port.
    pub fn add(&mut self, domain: DomainNumber, reply: Cap<Reply>) {
        self.0.push((domain, reply));
    }

    /// Answers the callers that wait for this domain's port.
    pub fn answer(&mut self, domain: DomainNumber, words: &Words) {
        self.answer_where(words, |waits_for| waits_for == domain);
    }

    /// Answers all callers.
    pub fn answer_all(&mut self, words: &Words) {
        self.answer_where(words, |_| true);
    }

    fn answer_where(&mut self, words: &Words, is_met: impl Fn(DomainNumber) -> bool) {
        for (_, reply) in self.0.extract_if(.., |(domain, _)| is_met(*domain)) {
            // On failure the caller is gone and needs no answer.
            if reply.reply(&Message::of(words.as_slice())).is_err() {
                let _ = reply.delete();
            }
            slots::give_back(reply.slot());
        }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
