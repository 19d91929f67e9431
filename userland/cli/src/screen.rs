//! The destination of events: [`Screen`].

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use nomad_client::Event;

use crate::connection::Step;
use crate::progress::Progress;
use crate::report::Report;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line, for a program.
    Json,
    /// One line of text per event, for a file.
    Lines,
    /// For a person at a terminal: the progress of a move is one line that is updated in place.
    Terminal,
}

/// Returns to the beginning of the line and clears it.
const CLEAR_LINE: &str = "\r\x1b[K";
/// Cuts text at the end of the terminal's line from now on: [`CLEAR_LINE`] would clear only the last row of a text of several rows.
const CUT: &str = "\x1b[?7l";
/// Continues text in the next row from now on.
const WRAP: &str = "\x1b[?7h";

impl Format {
    /// The format of the standard output.
    pub fn of_stdout(json: bool) -> Format {
        match (json, io::stdout().is_terminal()) {
            (true, _) => Format::Json,
            (false, true) => Format::Terminal,
            (false, false) => Format::Lines,
        }
    }
}

/// Shows the reply to one command.
pub struct Screen<W> {
    format: Format,
    out: W,
    begun: Instant,
    progress: Progress,
    status: Status,
}

/// Whether the status line is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Hidden,
    Shown,
}

impl<W: Write> Screen<W> {
    /// A screen for a command that is given now.
    pub fn new(format: Format, out: W) -> Screen<W> {
        Screen {
            format,
            out,
            begun: Instant::now(),
            progress: Progress::default(),
            status: Status::Hidden,
        }
    }

    /// Shows a step of the request.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn show(&mut self, step: Step) -> io::Result<()> {
        match (step, self.format) {
            (Step::Event(event), Format::Json) => {
                let report = Report::new(self.begun.elapsed(), event);
                writeln!(self.out, "{}", report.to_json())
            }
            (Step::Event(event), Format::Lines) => writeln!(self.out, "{event}"),
            (Step::Event(event), Format::Terminal) => self.show_to_person(&event),
            (Step::Waiting, Format::Terminal) if self.status == Status::Shown => self.show_status(),
            (Step::Waiting, _) => Ok(()),
        }
    }

    /// Ends the output, and leaves the whole status line on the screen.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.status == Status::Shown {
            self.status = Status::Hidden;
            let text = self.progress.text(self.begun.elapsed());
            writeln!(self.out, "{CLEAR_LINE}{text}")?;
        }
        self.out.flush()
    }

    fn show_to_person(&mut self, event: &Event) -> io::Result<()> {
        if self.progress.handle(event) {
            return self.show_status();
        }
        if event.end().is_some() {
            self.finish()?;
        }
        match self.status {
            Status::Hidden => writeln!(self.out, "{event}"),
            Status::Shown => {
                writeln!(self.out, "{CLEAR_LINE}{event}")?;
                self.show_status()
            }
        }
    }

    fn show_status(&mut self) -> io::Result<()> {
        self.status = Status::Shown;
        let text = self.progress.text(self.begun.elapsed());
        write!(self.out, "{CLEAR_LINE}{CUT}{text}{WRAP}")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::planner::{Progress, Throttle};
    use nomad_protocol::{Notice, PhaseName};

    use super::*;

    const ROUND: Progress = Progress {
        rounds: 1,
        pages_sent: 10,
        pages_remaining: 0,
        bytes_per_second: None,
        dirty_pages_per_second: None,
        downtime_estimate_us: None,
        wire_bytes: 0,
        elapsed_us: 0,
        throttle: Throttle::NONE,
    };

    const NOTICES: [Notice; 5] = [
        Notice::Phase(PhaseName::Rounds),
        Notice::Progress(ROUND),
        Notice::Committed,
        Notice::Phase(PhaseName::Release),
        Notice::Finished,
    ];

    fn shown(format: Format) -> String {
        let mut out = Vec::new();
        let mut screen = Screen::new(format, &mut out);
        for notice in NOTICES {
            screen.show(Step::Waiting).expect("room");
            screen.show(Step::Event(Event::Move(notice))).expect("room");
        }
        screen.finish().expect("room");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_file_gets_a_line_per_event() {
        let text = shown(Format::Lines);
        let lines: Vec<&str> = text.lines().collect();
        let round = "round 1 sent 10 pages, 0 dirty, 0.0 MB on the wire";
        assert_eq!(
            lines,
            ["phase Rounds", round, "committed", "phase Release", "done"]
        );
    }

    #[test]
    fn a_program_gets_an_object_per_event() {
        let text = shown(Format::Json);
        let reports = text.lines().map(serde_json::from_str::<Report>);
        let events = reports.map(|report| report.expect("a report").event);
        assert_eq!(events.collect::<Vec<_>>(), NOTICES.map(Event::Move));
    }

    #[test]
    fn a_person_sees_progress_in_one_line_that_stays_at_the_end() {
        let text = shown(Format::Terminal);
        // The text that remains on the screen: in each line, the text after the last clearing.
        let left = text.lines().map(|line| line.rsplit(CLEAR_LINE).next());
        let left: Vec<&str> = left.flatten().collect();
        assert_eq!(left[0], "committed");
        assert!(left[1].contains("Release") && left[1].contains("10 pages"));
        assert_eq!(left[2..], ["done"]);
    }

    /// The rows of a terminal with this many columns after this output.
    fn rows(output: &str, columns: usize) -> Vec<String> {
        let mut rows = vec![String::new()];
        let (mut column, mut wraps) = (0, true);
        let mut rest = output;
        while let Some(next) = rest.chars().next() {
            let codes = [
                ("\x1b[?7l", Some(false)),
                ("\x1b[?7h", Some(true)),
                ("\x1b[K", None),
            ];
            if let Some((code, mode)) = codes.iter().find(|(code, _)| rest.starts_with(code)) {
                match mode {
                    Some(mode) => wraps = *mode,
                    None => rows.last_mut().expect("a row").truncate(column),
                }
                rest = &rest[code.len()..];
                continue;
            }
            rest = &rest[next.len_utf8()..];
            let is_full = column == columns;
            match next {
                '\r' => column = 0,
                _ if next == '\n' || (is_full && wraps) => {
                    column = usize::from(next != '\n');
                    rows.push(next.to_string().trim_end().to_owned());
                }
                _ => {
                    column -= usize::from(is_full);
                    let row = rows.last_mut().expect("a row");
                    row.truncate(column);
                    row.push(next);
                    column += 1;
                }
            }
        }
        rows
    }

    #[test]
    fn a_status_that_is_longer_than_the_terminals_line_stays_in_one_row() {
        let mut out = Vec::new();
        let mut screen = Screen::new(Format::Terminal, &mut out);
        for notice in NOTICES.into_iter().take(2) {
            screen.show(Step::Event(Event::Move(notice))).expect("room");
        }
        for _ in 0..20 {
            screen.show(Step::Waiting).expect("room");
        }
        let text = String::from_utf8(out.clone()).expect("text");
        assert_eq!(rows(&text, 40).len(), 1, "{text}");
        let mut screen = Screen::new(Format::Terminal, &mut out);
        for notice in NOTICES {
            screen.show(Step::Event(Event::Move(notice))).expect("room");
        }
        let text = String::from_utf8(out).expect("text");
        let rows = rows(&text, 40);
        assert!(rows.iter().any(|row| row.ends_with("done")), "{rows:?}");
        assert!(rows.concat().contains("on the wire"), "{rows:?}");
    }
}
