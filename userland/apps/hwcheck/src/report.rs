//! The lines of the report. The most important ones are the last, so that they are on a screen that has scrolled.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use runtime::protocol::inventory::{FunctionRecord, Region};

use crate::machine::{Facts, Machine};
use crate::nic::{self, Nic};
use crate::processor::Processor;
use crate::verdict::verdict;
use crate::{class, function};

/// The lines around the report.
const BEGIN: &str = "----- hardware report: begin -----";
const END: &str = "----- hardware report: end -----";

/// The beginnings of warnings and errors in the log.
const PROBLEMS: [&str; 2] = ["WARN: ", "ERROR: "];
/// The end of the line about a driver for which there is no card: the manifest has more drivers than most machines have cards.
const NO_DEVICE: &str = "the machine has no such device";

/// The lines of the report on a machine.
pub fn lines(machine: &Machine) -> Vec<String> {
    let mut lines = Vec::from([BEGIN.into()]);
    add_machine(&mut lines, &machine.facts, &machine.processor);
    let functions = machine.functions.iter();
    let others: Vec<_> = functions.filter(|it| !nic::is_nic(it)).collect();
    lines.push(format!("{} devices that need no driver:", others.len()));
    lines.extend(others.into_iter().map(describe));
    add_nics(&mut lines, machine);
    add_problems(&mut lines, machine);
    lines.push(format!("verdict: {}", verdict(machine)));
    lines.push(END.into());
    lines
}

fn add_machine(lines: &mut Vec<String>, facts: &Facts, processor: &Processor) {
    let known = |text: &str| String::from(if text.is_empty() { "unknown" } else { text });
    let Facts { maker, product, .. } = facts;
    let model = known(format!("{maker} {product}").trim());
    lines.push(format!("machine: {model}, UUID {}", known(&facts.uuid)));
    let (family, model, stepping) = processor.signature;
    let (vendor, brand) = (&processor.vendor, &processor.brand);
    lines.push(format!(
        "processor: {vendor} family {family} model {model} stepping {stepping}, {brand}"
    ));
    lines.push(format!("the kernel uses: {}", facts.features));
    lines.push(format!("and does without: {}", facts.unused));
    let features = processor.features.iter();
    let features =
        features.map(|(name, has)| format!("{name} {}", if *has { "yes" } else { "no" }));
    let features: Vec<String> = features.collect();
    lines.push(format!("further features: {}", features.join(", ")));
    lines.push(format!("platform: {}", known(&facts.platform)));
    lines.push(format!("memory: {} MiB for domains", facts.memory_mib));
    let screen = match facts.screen.as_str() {
        "" => "no framebuffer".into(),
        geometry => format!("a framebuffer ({geometry})"),
    };
    let keyboard = if facts.has_keyboard { "a" } else { "no" };
    let serial = if facts.has_serial { "a" } else { "no" };
    lines.push(format!(
        "console: {screen}, {keyboard} PS/2 keyboard, {serial} serial port"
    ));
}

fn add_nics(lines: &mut Vec<String>, machine: &Machine) {
    let nics = Nic::all(machine);
    lines.push(format!("{} network card(s):", nics.len()));
    for nic in nics {
        let driver = match &nic.function.driver {
            Some(driver) => format!("driver {driver}"),
            None => "no driver".into(),
        };
        lines.push(format!("{}; {driver}", describe(nic.function)));
        lines.extend(nic.quote(machine).map(|quote| format!("    {quote}")));
    }
}

/// The warnings and errors in the log.
fn add_problems(lines: &mut Vec<String>, machine: &Machine) {
    let is_problem = |text: &str| {
        let mut problems = PROBLEMS.iter();
        problems.any(|problem| text.starts_with(problem)) && !text.ends_with(NO_DEVICE)
    };
    let problems = machine.log.iter().filter(|line| is_problem(&line.text));
    lines.extend(problems.map(|line| format!("from the log: [{}] {}", line.domain, line.text)));
}

/// A function in one line.
fn describe(function: &FunctionRecord) -> String {
    let (address, identity) = (function::address(function), function::identity(function));
    let kind = class::name(function.class);
    let mut text = format!("  {address} {identity} {kind}; {}", function.messages);
    for region in function.regions {
        match region {
            Region::None => {}
            Region::Memory(start) => text += &format!("; memory {start:x}"),
            Region::Ports(start) => text += &format!("; ports {start:x}"),
        }
    }
    text
}

#[cfg(test)]
mod tests;
