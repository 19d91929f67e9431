//! The figures in instructions, from a machine that counts them.
//!
//! A plugin of QEMU counts what is executed, and `-icount` lets the machine's clock advance by one nanosecond per instruction.
//! While the processor is halted, the clock follows the host's, so timers expire meanwhile. An idle machine's instructions per
//! second of its own clock are measured first. For the time that a load takes on that clock they are subtracted.

use std::thread::sleep;
use std::time::Duration;

use harness::Artefacts;

use crate::figures::Figures;
use crate::nic::Nic;
use crate::site::Site;
use crate::system::System;

/// The plugin that counts.
const PLUGIN: &str = "liblatency_plugin.so";
/// Its processor. Without these features Linux copies eight bytes per iteration of a `rep` instruction, as Caravan does, instead of one.
/// Each iteration counts.
const CPU: &str = "max,-erms,-fsrm";
/// How long the idle machine is observed.
const IDLE: Duration = Duration::from_secs(10);
/// The number of echo requests, and of those in flight.
const PINGS: usize = 500;
const WINDOW: usize = 1;

/// A load on the store: the figure's name, the number of requests, and the generator's arguments besides that number.
struct Load(&'static str, u32, &'static str);

const LOADS: [Load; 7] = [
    Load("set.1", 2_000, "-c 1 -t set"),
    Load("get.1", 2_000, "-c 1 -t get"),
    Load("set_64_kib.1", 200, "-c 1 -t set -d 65536"),
    Load("get_64_kib.1", 200, "-c 1 -t get -d 65536"),
    Load("set.50", 10_000, "-c 50 -t set"),
    Load("get.50", 10_000, "-c 50 -t get"),
    Load("set.50.pipeline_16", 20_000, "-c 50 -P 16 -t set"),
];

/// A machine's progress: its instructions and its own time.
#[derive(Clone, Copy, Debug)]
struct Progress {
    instructions: f64,
    seconds: f64,
}

/// Prints the figures of a card under a system.
pub fn measure(nic: Nic, system: System<'_>, figures: &mut Figures) {
    let plugin = Artefacts::file(PLUGIN);
    let mut site = Site::start(nic, system, |options| {
        options.cpu(CPU).counting_with(plugin)
    });
    site.await_pong();
    let booted = site.machine.instructions();
    figures.print("instructions.boot", booted, "instructions");
    site.settle();
    let idle = spent(&mut site, |_| sleep(IDLE)).per_second();
    figures.print("instructions.idle", idle.round(), "instructions/s");
    for Load(name, requests, arguments) in LOADS {
        let arguments = format!("-n {requests} {arguments}");
        let spent = spent(&mut site, |site| drop(site.load(&arguments)));
        print_each(figures, name, spent.beyond(idle) / f64::from(requests));
    }
    site.pinger.resolve(harness::fleet::LIMIT);
    let spent = spent(&mut site, |site| drop(site.pinger.ping(PINGS, WINDOW)));
    print_each(figures, "echo", spent.beyond(idle) / PINGS as f64);
}

fn print_each(figures: &mut Figures, name: &str, instructions: f64) {
    let name = format!("instructions.{name}");
    figures.print(&name, instructions.round(), "instructions");
}

/// The instructions and the time that the machine has spent while `action` ran.
fn spent(site: &mut Site, action: impl FnOnce(&mut Site)) -> Progress {
    let before = progress(site);
    action(site);
    let after = progress(site);
    Progress {
        instructions: after.instructions - before.instructions,
        seconds: after.seconds - before.seconds,
    }
}

fn progress(site: &mut Site) -> Progress {
    Progress {
        seconds: site.machine.time().as_secs_f64(),
        instructions: site.machine.instructions() as f64,
    }
}

impl Progress {
    fn per_second(self) -> f64 {
        self.instructions / self.seconds
    }

    /// The instructions beyond those of an idle machine in the same time.
    fn beyond(self, idle_per_second: f64) -> f64 {
        self.instructions - idle_per_second * self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_machine_spends_nothing_on_requests() {
        let progress = Progress {
            instructions: 12e6,
            seconds: 3.0,
        };
        assert_eq!(progress.per_second(), 4e6);
        assert_eq!(progress.beyond(4e6), 0.0);
        assert_eq!(progress.beyond(1e6), 9e6);
    }
}
