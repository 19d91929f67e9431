//! Where lines go: [`Screen`].

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use crate::asking::Happening;
use crate::line::{Line, Meaning};
use crate::progress::Progress;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A program: a JSON object a line.
    Json,
    /// A file, or a program that takes lines as they are.
    Lines,
    /// A person at a terminal: how far a move has come is one line, which changes.
    Terminal,
}

/// Back to the line's begin, and nothing on it.
const CLEAR_LINE: &str = "\r\x1b[K";

impl Reader {
    /// Who reads the standard output.
    pub fn of_stdout(json: bool) -> Reader {
        match (json, io::stdout().is_terminal()) {
            (true, _) => Reader::Json,
            (false, true) => Reader::Terminal,
            (false, false) => Reader::Lines,
        }
    }
}

/// What is shown of one command.
pub struct Screen<W> {
    reader: Reader,
    out: W,
    asked: Instant,
    progress: Progress,
    status: Status,
}

/// Whether the line that changes is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Hidden,
    Shown,
}

impl<W: Write> Screen<W> {
    /// A screen for a command that is asked now.
    pub fn new(reader: Reader, out: W) -> Screen<W> {
        Screen {
            reader,
            out,
            asked: Instant::now(),
            progress: Progress::default(),
            status: Status::Hidden,
        }
    }

    /// Shows what happens.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn show(&mut self, happening: Happening<'_>) -> io::Result<()> {
        match (happening, self.reader) {
            (Happening::Line(text), Reader::Json) => {
                let object = Line::of(text).to_json(self.asked.elapsed());
                writeln!(self.out, "{object}")
            }
            (Happening::Line(text), Reader::Lines) => writeln!(self.out, "{text}"),
            (Happening::Line(text), Reader::Terminal) => self.show_to_person(&Line::of(text)),
            (Happening::Waiting, Reader::Terminal) if self.status == Status::Shown => {
                self.show_status()
            }
            (Happening::Waiting, _) => Ok(()),
        }
    }

    /// What was shown stays.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.status == Status::Shown {
            self.status = Status::Hidden;
            writeln!(self.out)?;
        }
        self.out.flush()
    }

    fn show_to_person(&mut self, line: &Line<'_>) -> io::Result<()> {
        if self.progress.hear(line) {
            return self.show_status();
        }
        if let Meaning::End(_) = line.meaning {
            self.finish()?;
        }
        match self.status {
            Status::Hidden => writeln!(self.out, "{}", line.text),
            Status::Shown => {
                writeln!(self.out, "{CLEAR_LINE}{}", line.text)?;
                self.show_status()
            }
        }
    }

    fn show_status(&mut self) -> io::Result<()> {
        self.status = Status::Shown;
        let text = self.progress.text(self.asked.elapsed());
        write!(self.out, "{CLEAR_LINE}{text}")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVE: [&str; 6] = [
        "moving kv to 10.77.0.2, transaction 7",
        "phase Rounds",
        "round 1 sent 10 remaining 0 rate 0",
        "committed",
        "phase Release",
        "done",
    ];

    fn shown(reader: Reader) -> String {
        let mut out = Vec::new();
        let mut screen = Screen::new(reader, &mut out);
        for line in MOVE {
            screen.show(Happening::Waiting).expect("room");
            screen.show(Happening::Line(line)).expect("room");
        }
        screen.finish().expect("room");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_file_gets_the_lines_as_they_are() {
        assert_eq!(shown(Reader::Lines), MOVE.join("\n") + "\n");
    }

    #[test]
    fn a_program_gets_an_object_a_line() {
        let text = shown(Reader::Json);
        let objects = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let objects: Vec<_> = objects.map(|object| object.expect("JSON")).collect();
        assert_eq!(objects.len(), MOVE.len());
        assert_eq!(objects[1]["event"], "phase");
    }

    #[test]
    fn a_person_sees_progress_in_one_line_that_stays_at_the_end() {
        let text = shown(Reader::Terminal);
        // What is left on the screen: of each line what follows the last clearing.
        let left = text.lines().map(|line| line.rsplit(CLEAR_LINE).next());
        let left: Vec<&str> = left.flatten().collect();
        assert_eq!(left[0], MOVE[0]);
        assert_eq!(left[1], "committed");
        assert!(left[2].contains("Release") && left[2].contains("10 pages"));
        assert_eq!(left[3..], ["done"]);
    }
}
