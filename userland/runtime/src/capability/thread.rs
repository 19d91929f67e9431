//! What a Thread can do: be prepared, started, stopped, read and written.

use abi::Error;
use abi::calls::{
    ThreadBind, ThreadFaults, ThreadPrepare, ThreadRead, ThreadSchedule, ThreadStart, ThreadStop,
    ThreadWrite,
};
use abi::register::{Slot, UserAddress};
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};

use super::{Cap, Endpoint, Notification, Thread};
use crate::buffer;
use crate::system_call::invoke;

impl Cap<Thread> {
    /// Starts it.
    ///
    /// # Errors
    /// What `ThreadStart` says.
    pub fn start(self) -> Result<(), Error> {
        invoke(ThreadStart {
            thread: self.slot(),
        })
    }

    /// Stops it.
    ///
    /// # Errors
    /// What `ThreadStop` says.
    pub fn stop(self) -> Result<(), Error> {
        invoke(ThreadStop {
            thread: self.slot(),
        })
    }

    /// Reads its state.
    ///
    /// # Errors
    /// What `ThreadRead` says.
    pub fn read(self) -> Result<ThreadState, Error> {
        invoke(ThreadRead {
            thread: self.slot(),
        })?;
        Ok(read_state())
    }

    /// Writes its state.
    ///
    /// # Errors
    /// What `ThreadWrite` says.
    pub fn write(self, state: &ThreadState) -> Result<(), Error> {
        buffer::write_data(&state.to_bytes());
        invoke(ThreadWrite {
            thread: self.slot(),
        })
    }

    /// Sets its priority.
    ///
    /// # Errors
    /// What `ThreadSchedule` says.
    pub fn set_priority(self, priority: u8) -> Result<(), Error> {
        invoke(ThreadSchedule {
            thread: self.slot(),
            priority,
        })
    }

    /// Sets or clears the notification that also ends its `Receive`.
    ///
    /// # Errors
    /// What `ThreadBind` says.
    pub fn bind(self, notification: Option<Cap<Notification>>) -> Result<(), Error> {
        invoke(ThreadBind {
            thread: self.slot(),
            notification: notification.map_or(Slot::NONE, Cap::slot),
        })
    }

    /// Sets or clears the endpoint that hears of its faults.
    ///
    /// # Errors
    /// What `ThreadFaults` says.
    pub fn set_fault_endpoint(self, endpoint: Option<Cap<Endpoint>>) -> Result<(), Error> {
        invoke(ThreadFaults {
            thread: self.slot(),
            endpoint: endpoint.map_or(Slot::NONE, Cap::slot),
        })
    }

    /// Prepares a stopped thread: instruction, stack, what RDI holds, message buffer.
    ///
    /// # Errors
    /// What `ThreadPrepare` says.
    pub fn prepare(
        self,
        instruction: UserAddress,
        stack: UserAddress,
        argument: u64,
        message_buffer: UserAddress,
    ) -> Result<(), Error> {
        invoke(ThreadPrepare {
            thread: self.slot(),
            instruction,
            stack,
            argument,
            message_buffer,
        })
    }
}

/// The state that the kernel just put into the message buffer.
pub(super) fn read_state() -> ThreadState {
    let mut bytes = [0; THREAD_STATE_BYTES];
    buffer::read_data(&mut bytes);
    ThreadState::from_bytes(&bytes)
}
