//! The one entry into the kernel, for every cause: system call, exception, timer, interrupt.

use crate::arch::{Cause, Resume};
use crate::kernel::Kernel;
use crate::{ipc, paging, syscalls, timer};

impl Kernel {
    /// Handles one entry and returns what runs next.
    pub fn enter(&self, cause: Cause) -> Resume {
        match cause {
            Cause::SystemCall => syscalls::handle(self),
            Cause::Exception {
                vector,
                error,
                address,
            } => paging::handle_exception(self, vector, error, address),
            Cause::Timer => timer::handle(self),
            Cause::Interrupt { vector } => ipc::deliver_interrupt(self, vector),
            Cause::Spurious => {}
        }
        self.scheduler.resume()
    }
}
