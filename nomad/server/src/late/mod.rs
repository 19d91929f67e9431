//! Late frames: frames that reach this machine for a domain that is leaving or has left, and frames that another
//! machine forwards for a domain that came from there. [`nomad_shell::late`] decides where each of them goes.
//!
//! | file | content |
//! | --- | --- |
//! | [`task`] | the task between the tunnel and the channel |
//! | [`moves`] | the effect of a move's steps on late frames |

pub mod moves;
pub mod task;

use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;

use nomad_shell::late::FRAME_BYTES_MAX;
use nomad_shell::late::table::Table;

const _: () = assert!(FRAME_BYTES_MAX == runtime::port::FRAME_BYTES_MAX);

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
