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

    /// Replies to the callers that wait for this domain's port.
    pub fn reply(&mut self, domain: DomainNumber, words: &Words) {
        self.reply_where(words, |waits_for| waits_for == domain);
    }

    /// Replies to all callers.
    pub fn reply_to_all(&mut self, words: &Words) {
        self.reply_where(words, |_| true);
    }

    fn reply_where(&mut self, words: &Words, is_quiet: impl Fn(DomainNumber) -> bool) {
        for (_, reply) in self.0.extract_if(.., |(domain, _)| is_quiet(*domain)) {
            // On failure the caller is gone and needs no reply.
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
