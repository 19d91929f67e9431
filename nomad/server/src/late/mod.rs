//! Late frames: frames that reach this machine for a domain that is leaving or has left, and frames that another
//! machine forwards for a domain that came from there. No late frame is put back on the wire, and none is lost unless
//! too many wait or this server is restarted.
//!
//! | file | content |
//! | --- | --- |
//! | [`table`] | the destinations of late frames; pure |
//! | [`outlet`] | the frames for one leaving domain: held, then sent until they are acknowledged. Pure |
//! | [`inlet`] | the frames for one domain that arrived, assembled from pieces. Pure |
//! | [`task`] | the task between the tunnel and the channel |
//! | [`moves`] | the effect of a move's steps on late frames |

pub mod inlet;
pub mod moves;
pub mod outlet;
pub mod table;
pub mod task;

use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;

use table::Table;

/// The late frames of this machine.
#[derive(Default)]
pub struct LateFrames {
    table: RefCell<Table>,
    /// Raised when there may be work for [`task::run`].
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
