//! The arrival of a domain that has been here before, and the preparation for its return to where it came from.

use alloc::vec::Vec;

use nomad_shell::returns::Visited;

use super::Incoming;
use crate::capture::captured::Log;
use crate::kept::Kept;
use crate::restore::RestoreError;
use crate::restore::error::During;

impl Incoming {
    /// Gives it the copy that was kept here when it left.
    pub fn give_kept(&mut self, kept: Kept) {
        self.kept = Some(kept);
    }

    /// Has the Memory at this position take over the pages of the kept one that was at position `continued`.
    pub(super) fn continue_memory(
        &mut self,
        position: u32,
        continued: u32,
    ) -> Result<(), RestoreError> {
        let (Some(kept), Some(arriving)) = (&mut self.kept, self.memories.get_mut(&position))
        else {
            return Err(RestoreError::Unexpected(
                "a Memory of a copy that is not kept",
            ));
        };
        let moved = arriving.continue_from(kept, continued);
        moved.during("continuing Memory", continued.into())
    }

    /// Destroys what is left of the copy that was kept.
    pub(super) fn destroy_kept(&mut self) {
        if let Some(kept) = self.kept.take() {
            kept.destroy();
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
