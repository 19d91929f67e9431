//! The command `top`: the domains and the memory of a machine; on a terminal, repeatedly.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use nomad_client::{Command, End, Event};

use crate::connection::Error;
use crate::domains;
use crate::screen::Format;
use crate::session::Session;

/// The interval between two tables.
const INTERVAL: Duration = Duration::from_secs(2);
/// Clears the screen, and goes to its first line.
const CLEAR_SCREEN: &str = "\x1b[2J\x1b[H";

/// Shows a table once. On a terminal, repeats it until the user ends the program or the machine does not reply. Returns the
/// events of the last replies.
///
/// # Errors
/// [`Error`].
pub fn show(session: &Session, out: &mut impl Write) -> Result<(End, Vec<Event>), Error> {
    let begun = Instant::now();
    loop {
        let (end, events) = query(session)?;
        if end == End::Failed {
            return Ok((end, events));
        }
        // Written at once: a table that is written line by line flickers.
        let mut table = Vec::new();
        if session.format == Format::Terminal {
            write!(table, "{CLEAR_SCREEN}{}\n\n", session.server)?;
        }
        domains::show(session.format, &mut table, &events, begun.elapsed())?;
        out.write_all(&table)?;
        out.flush()?;
        if session.format != Format::Terminal {
            return Ok((end, events));
        }
        thread::sleep(INTERVAL);
    }
}

/// The replies to `list` and to `mem`, as one.
fn query(session: &Session) -> Result<(End, Vec<Event>), Error> {
    let (end, mut events) = session.events(Command::List)?;
    if end == End::Failed {
        return Ok((end, events));
    }
    events.retain(|event| event.end().is_none());
    let (end, memory) = session.events(Command::Memory)?;
    events.extend(memory);
    Ok((end, events))
}
