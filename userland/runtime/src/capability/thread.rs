//! The operations on a Thread: preparing, starting, stopping, reading and writing it.

use abi::Error;
use abi::calls::{
    ThreadBind, ThreadFaults, ThreadPrepare, ThreadRead, ThreadSchedule, ThreadStart, ThreadStop,
    ThreadWrite,
};
use abi::register::UserAddress;
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};

use super::{Cap, Endpoint, Notification, Thread};
use crate::buffer;
use crate::system_call::invoke;

impl Cap<Thread> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The error of `ThreadStart`.
    pub fn start(self) -> Result<(), Error> {
        invoke(ThreadStart {
            thread: self.slot(),
        })
    }

    /// Stops the thread.
    ///
    /// # Errors
    /// The error of `ThreadStop`.
    pub fn stop(self) -> Result<(), Error> {
        invoke(ThreadStop {
            thread: self.slot(),
        })
    }

    /// Reads the thread's state.
    ///
    /// # Errors
    /// The error of `ThreadRead`.
    pub fn read(self) -> Result<ThreadState, Error> {
        invoke(ThreadRead {
            thread: self.slot(),
        })?;
        Ok(read_state())
    }

    /// Writes the thread's state.
    ///
    /// # Errors
    /// The error of `ThreadWrite`.
    pub fn write(self, state: &ThreadState) -> Result<(), Error> {
        buffer::write_data(&state.to_bytes());
        invoke(ThreadWrite {
            thread: self.slot(),
        })
    }

    /// Sets the thread's priority.
    ///
    /// # Errors
    /// The error of `ThreadSchedule`.
    pub fn set_priority(self, priority: u8) -> Result<(), Error> {
        invoke(ThreadSchedule {
            thread: self.slot(),
            priority,
        })
    }

    /// Sets or clears the notification that also wakes the thread from `Receive`.
    ///
    /// # Errors
    /// The error of `ThreadBind`.
    pub fn bind(self, notification: Option<Cap<Notification>>) -> Result<(), Error> {
        invoke(ThreadBind {
            thread: self.slot(),
            notification: notification.map(Cap::slot),
        })
    }

    /// Sets or clears the endpoint that receives the thread's faults.
    ///
    /// # Errors
    /// The error of `ThreadFaults`.
    pub fn set_fault_endpoint(self, endpoint: Option<Cap<Endpoint>>) -> Result<(), Error> {
        invoke(ThreadFaults {
            thread: self.slot(),
            endpoint: endpoint.map(Cap::slot),
        })
    }

    /// Prepares a stopped thread: instruction pointer, stack pointer, RDI, message buffer.
    ///
    /// # Errors
    /// The error of `ThreadPrepare`.
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

/// Reads the state that the kernel just wrote to the message buffer.
pub(super) fn read_state() -> ThreadState {
    let mut bytes = [0; THREAD_STATE_BYTES];
    buffer::read_data(&mut bytes);
    ThreadState::from_bytes(&bytes)
}
