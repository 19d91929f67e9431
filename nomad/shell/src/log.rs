//! The lines of the machine's log, as events of a reply.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nomad_client::Event;
use nomad_client::command::LogRange;
use nomad_client::event::LogLine;
use service_protocol::journal::Line;

use crate::host::Host;
use crate::operator::Reply;
use crate::shell::Shell;

/// The maximum number of lines in a reply: with their overhead they fit a reply's buffer.
const LINES_MAX: usize = 64;

impl<H: Host> Shell<H> {
    /// Lists a part of the log.
    pub(crate) fn log_lines(&mut self, range: LogRange) -> Reply {
        let mut lines = Vec::new();
        let (mut from, mut end) = (range.from, None);
        while lines.len() < LINES_MAX && end.is_none_or(|end| from < end) {
            let line = self.host.log_line(from);
            let Some(line) = line.map_err(|error| error.to_string())? else {
                break;
            };
            from = line.number.saturating_add(1);
            end.get_or_insert(line.end);
            if range.domain.is_none_or(|domain| domain == line.name) {
                lines.push(Event::Log(log_line(&line)));
            }
        }
        Ok(lines)
    }
}

fn log_line(line: &Line) -> LogLine {
    LogLine {
        number: line.number,
        dropped: line.dropped,
        domain: line.name,
        text: String::from_utf8_lossy(line.text.as_bytes()).into_owned(),
    }
}
