//! The arrival of a domain that has been here before, and the preparation for its return to where it came from.

use alloc::vec::Vec;

use nomad_shell::returns::Visited;

use super::Incoming;
use crate::capture::captured::Log;
use crate::kept::Kept;
use crate::restore::RestoreError;
use crate::restore::arriving::Arriving;
use crate::restore::error::During;

const TOO_LARGE: RestoreError =
    RestoreError::Unexpected("a kept copy with more pages than the offer's domain");
const NOT_KEPT: RestoreError =
    RestoreError::Unexpected("a Memory that continues none of this size");

impl Incoming {
    /// Moves the pages of a copy that was kept when the domain left into Memories of the arriving domain. The image may
    /// continue these Memories.
    ///
    /// # Errors
    /// The call that failed. Then there are no such Memories.
    pub fn give_kept(&mut self, kept: &Kept) -> Result<(), RestoreError> {
        // The lists of its pages are within the heap that was reserved for the offer.
        let pages: u64 = kept.sizes().map(|(_, pages)| pages).sum();
        if pages > self.extent.limits().pages_max {
            return Err(TOO_LARGE);
        }
        let mut sizes = kept.sizes();
        let moved = sizes.try_for_each(|(position, pages)| self.take_kept(kept, position, pages));
        if moved.is_err() {
            self.destroy_kept();
        }
        moved
    }

    fn take_kept(&mut self, kept: &Kept, position: u32, pages: u64) -> Result<(), RestoreError> {
        let arriving = Arriving::new(self.machine.own, self.pool, pages);
        let mut arriving = arriving.during("making Memory", position.into())?;
        let moved = arriving.continue_from(kept, position);
        // If moving the pages has failed, this Memory is destroyed with the others.
        self.kept.insert(position, arriving);
        moved.during("continuing Memory", position.into())
    }

    /// Removes and returns the Memory with the kept pages of this position, if it has this size.
    pub(super) fn continue_memory(
        &mut self,
        position: u32,
        pages: u64,
    ) -> Result<Arriving, RestoreError> {
        match self.kept.remove(&position) {
            Some(arriving) if arriving.page_count() == pages => Ok(arriving),
            other => {
                other.into_iter().for_each(Arriving::destroy);
                Err(NOT_KEPT)
            }
        }
    }

    /// Destroys the Memories with kept pages that the image has not continued.
    pub(super) fn destroy_kept(&mut self) {
        while let Some((_, arriving)) = self.kept.pop_first() {
            arriving.destroy();
        }
    }

    /// Logs which pages of its Memories are written after this round, as soon as it is built. The source waits for this while the
    /// domain still runs there. A failure is only logged: a domain without a log sends all of its pages when it returns.
    pub(super) fn log_writes(&mut self) {
        let Some(domain) = self.built.as_ref().map(|built| built.domain) else {
            return;
        };
        for (position, memory) in &mut self.memories {
            if let Err(error) = memory.log_writes(&self.machine, domain) {
                log::warn!("logging Memory {position} of {}: {error}", self.name);
            }
        }
    }

    /// The logs of the pages that are written after its last round, if there are any. A second call returns none.
    pub fn take_logs(&mut self) -> Option<Vec<Visited<Log>>> {
        let memories = self.memories.iter_mut();
        let logs = memories.filter_map(|(position, memory)| memory.take_log(*position));
        Some(logs.collect()).filter(|logs: &Vec<_>| !logs.is_empty())
    }
}

#[cfg(test)]
mod tests;
