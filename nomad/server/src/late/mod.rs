//! Late frames: those that reach this machine for a domain that is leaving it or has left, and those that another machine
//! passes on for a domain that came from there. None of them is on the wire again by itself, and none is lost unless too
//! many wait.
//!
//! | file | noun |
//! | --- | --- |
//! | [`table`] | which frames are late for whom. Pure |
//! | [`outlet`] | the frames for one domain that leaves: held, then sent until they are heard. Pure |
//! | [`inlet`] | the frames for one domain that came, from pieces. Pure |
//! | [`task`] | the task between the tunnel and the channel |
//! | [`moves`] | what the steps of a move mean for late frames |

pub mod inlet;
pub mod moves;
pub mod outlet;
pub mod table;
pub mod task;

use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;

use table::Table;

/// What the shell keeps of late frames.
#[derive(Default)]
pub struct LateFrames {
    table: RefCell<Table>,
    /// Raised when there may be something for [`task::run`] to do.
    changed: Signal<NoopRawMutex, ()>,
}

impl LateFrames {
    /// Changes the table, and wakes the task.
    fn change<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        let result = act(&mut self.table.borrow_mut());
        self.changed.signal(());
        result
    }
}
