//! What was said on this machine, as root has kept it: read from the oldest line to the newest, shown as text.

use alloc::format;
use alloc::string::String;

use abi::Error;
use runtime::Message;
use runtime::capability::{Cap, Endpoint};
use runtime::protocol::journal::Line;
use runtime::protocol::root::{self, Refusal, Request};

/// Shows the lines that are kept, or those of one domain. What is said from now on is not waited for.
///
/// # Errors
/// Why root does not answer.
pub fn show(
    root: Cap<Endpoint>,
    domain: Option<&str>,
    mut hear: impl FnMut(&str),
) -> Result<(), &'static str> {
    let mut reader = Reader::default();
    while let Some(from) = reader.wanted() {
        let Some(line) = ask(root, from)? else {
            break;
        };
        if let Some(gap) = reader.read(&line) {
            hear(&gap);
        }
        if domain.is_none_or(|domain| domain == line.name.as_str()) {
            hear(&text(&line));
        }
    }
    Ok(())
}

/// The line of this number or the oldest one after it; `None` if there is none.
fn ask(root: Cap<Endpoint>, from: u64) -> Result<Option<Line>, &'static str> {
    let question = Request::Log { from }.pack();
    let answer = root.call_idempotent(&Message::of(question.as_slice()));
    let answer = answer.map_err(Error::text)?;
    match root::answer(answer.words()) {
        Ok(mut reader) => match Line::read(&mut reader) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(Refusal::Malformed.text()),
        },
        Err(Refusal::NoSuchObject) => Ok(None),
        Err(refusal) => Err(refusal.text()),
    }
}

/// A line without what a terminal might obey.
fn text(line: &Line) -> String {
    let said = String::from_utf8_lossy(line.text.as_bytes());
    let visible: String = said
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    format!("[{}] {visible}", line.name)
}

/// How far the reading is, and where it ends.
#[derive(Debug, Default)]
struct Reader {
    next: u64,
    /// Where the log ended when the first line was read.
    end: Option<u64>,
}

impl Reader {
    /// The number of the line to read next; `None` at the end.
    fn wanted(&self) -> Option<u64> {
        let is_done = self.end.is_some_and(|end| self.next >= end);
        (!is_done).then_some(self.next)
    }

    /// A line was read: what is to be said of those before it that were dropped.
    fn read(&mut self, line: &Line) -> Option<String> {
        let missed = line.number.saturating_sub(self.next);
        self.next = line.number.saturating_add(1);
        self.end.get_or_insert(line.end);
        (missed > 0).then(|| format!("({missed} lines were dropped)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::Name;
    use runtime::protocol::log::Text;

    fn line(number: u64, end: u64, text: &str) -> Line {
        Line {
            number,
            end,
            name: Name::try_new("kv").expect("a name"),
            text: Text::of(text.as_bytes()),
        }
    }

    #[test]
    fn reads_up_to_where_the_log_ended_at_first() {
        let mut reader = Reader::default();
        assert_eq!(reader.wanted(), Some(0));
        assert_eq!(reader.read(&line(0, 2, "")), None);
        assert_eq!(reader.wanted(), Some(1));
        assert_eq!(reader.read(&line(1, 9, "")), None);
        assert_eq!(reader.wanted(), None);
    }

    #[test]
    fn says_how_many_lines_it_missed() {
        let mut reader = Reader::default();
        let gap = reader.read(&line(7, 20, ""));
        assert_eq!(gap.as_deref(), Some("(7 lines were dropped)"));
        assert_eq!(reader.read(&line(8, 20, "")), None);
        let gap = reader.read(&line(12, 24, ""));
        assert_eq!(gap.as_deref(), Some("(3 lines were dropped)"));
        assert_eq!(reader.wanted(), Some(13));
    }

    #[test]
    fn a_root_that_lies_ends_the_reading() {
        let mut reader = Reader::default();
        reader.read(&line(u64::MAX, 0, ""));
        assert_eq!(reader.wanted(), None);
    }

    #[test]
    fn a_line_has_its_name_and_commands_no_terminal() {
        assert_eq!(text(&line(0, 1, "a\u{1b}[2J\u{9b}b\r\n")), "[kv] a[2Jb");
    }
}
