//! Benchmark figures, one JSON object per line.
//!
//! The guest that measures the kernel prints lines `bench NAME VALUE UNIT` on its serial line. It runs under QEMU with a clock that
//! counts instructions, so that a figure is the same on every host. The boot time is read from the kernel's log, and the size of the
//! kernel from its ELF file. The other figures are lines of the same form, printed by programs of the test harness, which start
//! machines. Each figure is printed with the same figure of a peer if [`peers`] has it.

mod peers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::build;
use crate::elf;
use crate::error::{AtPath, Error, Result};
use crate::machine::{Clock, EXIT_SUCCESS, Machine, Panic, Serial};
use crate::process;
use crate::workspace::Workspace;

/// The guest that measures the kernel.
pub const KERNEL_GUEST: &str = "guest-bench";
/// A limit that ends only a guest that hangs.
const GUEST_LIMIT: Duration = Duration::from_secs(600);
const INSTRUCTIONS: &str = "instructions";
/// The guest's unit. Its machine counts an instruction as a tick.
const TICKS: &str = "ticks";
/// The text with which a figure begins within a line.
const MARK: &str = "bench ";
/// The text between two counts of instructions in the kernel's log: all from the loader to user mode, and those spent waiting.
const BOOTED: &str = " ticks from the loader to user mode, ";
/// The prefix of a line of the kernel's log.
const KERNEL_MARK: &str = "caravan: ";

/// The arguments of `bench`.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    kernel: bool,
    migration: bool,
    connect: bool,
    net: bool,
    json: Option<PathBuf>,
}

/// One figure.
#[derive(Debug, PartialEq)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
}

/// Measures the named subjects, prints the figures and, if requested, writes them to a file too.
pub fn bench(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let request = parse(arguments)?;
    let mut figures = Vec::new();
    if request.kernel {
        figures.extend(measure_kernel(workspace)?);
    }
    for (is_wanted, program) in [
        (request.migration, "measure"),
        (request.connect, "connect"),
        (request.net, "net"),
    ] {
        if is_wanted {
            figures.extend(measure_machines(program, workspace)?);
        }
    }
    let lines: String = figures
        .iter()
        .map(|figure| figure.to_json() + "\n")
        .collect();
    print!("{lines}");
    match request.json {
        Some(path) => fs::write(&path, lines).at(&path),
        None => Ok(()),
    }
}

fn parse(arguments: &[String]) -> Result<Request> {
    let mut request = Request {
        kernel: false,
        migration: false,
        connect: false,
        net: false,
        json: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "kernel" => request.kernel = true,
            "migration" => request.migration = true,
            "connect" => request.connect = true,
            "net" => request.net = true,
            "--json" => match rest.next() {
                Some(file) => request.json = Some(file.into()),
                None => return Err(Error::Usage("--json needs a file".to_string())),
            },
            other => {
                return Err(Error::Usage(format!("unknown subject {other:?}")));
            }
        }
    }
    if !request.kernel && !request.migration && !request.connect && !request.net {
        request.kernel = true;
    }
    Ok(request)
}

/// Measures machines from a third host with a program of the harness: `measure` moves domains, `connect` connects clients to the
/// store, `net` measures the store behind each model of network card, beside Redis on Linux.
fn measure_machines(program: &str, workspace: &Workspace) -> Result<Vec<Figure>> {
    build::everything(workspace)?;
    build::host_programs(workspace)?;
    let mut measure = Command::new(workspace.host_target().join("debug").join(program));
    let output = process::output(measure.envs(workspace.environment()))?;
    let figures = output
        .lines()
        .filter(|line| line.starts_with(MARK))
        .map(Figure::parse);
    let figures: std::result::Result<Vec<_>, _> = figures.collect();
    figures.map_err(|why| Error::Malformed(program.into(), why))
}

fn measure_kernel(workspace: &Workspace) -> Result<Vec<Figure>> {
    let names = ["kernel".to_string(), KERNEL_GUEST.to_string()];
    build::named(&names, workspace)?;
    let log = workspace.artefacts().join("bench-kernel.log");
    let mut machine = Machine::built(KERNEL_GUEST, workspace)?;
    machine.clock = Clock::Instructions;
    machine.panic = Panic::Exits;
    machine.serial = Serial::File(log.clone());
    let mut figures = figures_of(&mut machine.command(), &log)?;
    figures.push(kernel_size(&workspace.kernel_elf())?);
    Ok(figures)
}

fn figures_of(qemu: &mut Command, log: &Path) -> Result<Vec<Figure>> {
    let ended = process::run_within(qemu, GUEST_LIMIT);
    let text = String::from_utf8_lossy(&fs::read(log).at(log)?).into_owned();
    let malformed = |why: String| Error::Malformed(log.to_path_buf(), why);
    match ended {
        Ok(Some(EXIT_SUCCESS)) => {}
        Ok(code) => {
            return Err(malformed(format!(
                "the guest ended with {code:?} after\n{text}"
            )));
        }
        Err(error) => return Err(malformed(format!("{error}; the guest printed\n{text}"))),
    }
    let mut figures = text
        .lines()
        .filter_map(|line| line.find(MARK).map(|start| Figure::parse(&line[start..])))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(malformed)?;
    if figures.is_empty() {
        return Err(malformed("no figure in it".to_string()));
    }
    for figure in figures.iter_mut().filter(|figure| figure.unit == TICKS) {
        figure.unit = INSTRUCTIONS.to_string();
    }
    let booted = text.lines().find_map(boot_figure);
    figures.push(booted.ok_or_else(|| malformed("no boot time in it".into()))?);
    Ok(figures)
}

/// The kernel's boot time without its waits for other clocks, if this is the line that reports it.
fn boot_figure(line: &str) -> Option<Figure> {
    let (total, rest) = line.strip_prefix(KERNEL_MARK)?.split_once(BOOTED)?;
    let total: u64 = total.parse().ok()?;
    let waited: u64 = rest.split(' ').next()?.parse().ok()?;
    Some(Figure {
        name: "boot.kernel_to_user_without_waits".to_string(),
        value: total.checked_sub(waited)? as f64,
        unit: INSTRUCTIONS.to_string(),
    })
}

fn kernel_size(kernel: &Path) -> Result<Figure> {
    Ok(Figure {
        name: "size.kernel_text_bytes".to_string(),
        value: elf::section_bytes(kernel, ".text")? as f64,
        unit: "bytes".to_string(),
    })
}

impl Figure {
    fn parse(line: &str) -> std::result::Result<Figure, String> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ["bench", name, value, unit] = fields[..] else {
            return Err(format!("expected `bench NAME VALUE UNIT`, found {line:?}"));
        };
        let value = value
            .parse()
            .map_err(|_| format!("{value:?} is not a number in {line:?}"))?;
        Ok(Figure {
            name: name.to_string(),
            value,
            unit: unit.to_string(),
        })
    }

    fn to_json(&self) -> String {
        let mut object = json!({"name": self.name, "value": number(self.value), "unit": self.unit});
        if let Some((peer, value)) = peers::of(&self.name) {
            object["peer"] = json!({"name": peer, "value": number(value)});
        }
        object.to_string()
    }
}

/// A JSON number. Most figures are counts, and become integers.
fn number(value: f64) -> serde_json::Value {
    match value {
        whole if whole.fract() == 0.0 && whole.abs() < 9e15 => json!(whole as i64),
        other => json!(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Request> {
        let arguments: Vec<String> = text.split_whitespace().map(str::to_string).collect();
        parse(&arguments)
    }

    #[test]
    fn measures_the_kernel_by_default() {
        assert!(request("").unwrap().kernel);
        assert!(!request("migration").unwrap().kernel);
        assert!(!request("connect").unwrap().kernel);
        assert!(!request("net").unwrap().kernel);
    }

    #[test]
    fn takes_a_file_for_the_figures() {
        assert_eq!(
            request("kernel --json out").unwrap().json,
            Some("out".into())
        );
        assert!(request("kernel --json").is_err());
    }

    fn object(figure: &Figure) -> serde_json::Value {
        serde_json::from_str(&figure.to_json()).unwrap()
    }

    #[test]
    fn a_line_becomes_one_object() {
        let figure = Figure::parse("bench domain.freeze.1_mib 431 instructions").unwrap();
        assert_eq!(
            object(&figure),
            json!({"name": "domain.freeze.1_mib", "value": 431, "unit": "instructions"})
        );
    }

    #[test]
    fn a_figure_is_printed_with_its_peers() {
        let figure = Figure::parse("bench syscall.null 100 instructions").unwrap();
        assert_eq!(
            object(&figure)["peer"],
            json!({"name": "seL4", "value": 85})
        );
    }

    #[test]
    fn the_boot_time_excludes_waits() {
        let line =
            "caravan: 900 ticks from the loader to user mode, 700 of them waiting for clocks";
        assert_eq!(boot_figure(line).unwrap().value, 200.0);
        assert_eq!(boot_figure("caravan: root starts at 0x400000"), None);
    }

    #[test]
    fn a_malformed_figure_is_an_error() {
        for line in [
            "bench x 1",
            "bench x one instructions",
            "bench x 1 instructions more",
        ] {
            assert!(Figure::parse(line).is_err(), "{line}");
        }
    }
}
