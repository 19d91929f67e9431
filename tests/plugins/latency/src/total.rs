//! The count of all instructions, on all processors. Each connection to a Unix socket gets the current count as text.
//!
//! `rep` counts once per iteration, as under `-icount`.

use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::sync::{Mutex, MutexGuard};
use std::thread;

use crate::qemu::{self, Block, Counter, PluginId};

static COUNTER: Mutex<Option<Counter>> = Mutex::new(None);

fn counter() -> MutexGuard<'static, Option<Counter>> {
    COUNTER
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Begins to count, and to serve the count at this socket.
///
/// # Errors
/// The socket cannot be bound.
pub fn count(id: PluginId, socket: &str) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    *counter() = Some(Counter::new());
    qemu::register_blocks(id, block_translated);
    thread::Builder::new()
        .name("instructions".into())
        .spawn(move || serve(&listener))?;
    Ok(())
}

fn serve(listener: &UnixListener) {
    for connection in listener.incoming().flatten() {
        let count = counter().as_ref().map_or(0, Counter::sum);
        // An error means that the reader is gone.
        let _ = writeln!(&connection, "{count}");
    }
}

extern "C" fn block_translated(_: PluginId, block: *mut Block) {
    if let Some(counter) = counter().as_ref() {
        qemu::instructions(block).for_each(|instruction| instruction.count(counter));
    }
}
