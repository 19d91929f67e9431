//! The figures in wall time, from a machine that runs in real time, and its memory.

use harness::fleet::LIMIT;

use crate::nic::Nic;
use crate::print;
use crate::site::Site;

/// The size of a value in bulk transfers.
const BULK_BYTES: u32 = 256 << 10;
/// The number of echo requests one after the other, and that of echo requests of which several are in flight.
const ROUND_TRIPS: usize = 1_000;
const FRAMES: usize = 20_000;
const WINDOW: usize = 32;

/// A load on the store: the figure's name, and the generator's arguments.
struct Load(&'static str, &'static str);

const LOADS: [Load; 6] = [
    Load("set.1", "-n 5000 -c 1 -t set"),
    Load("get.1", "-n 5000 -c 1 -t get"),
    Load("set.50", "-n 20000 -c 50 -t set"),
    Load("get.50", "-n 20000 -c 50 -t get"),
    Load("set.50.pipeline_16", "-n 50000 -c 50 -P 16 -t set"),
    Load("get.50.pipeline_16", "-n 50000 -c 50 -P 16 -t get"),
];

/// Transfers of large values to the store and from it.
const BULK: [Load; 2] = [Load("bulk_in", "-t set"), Load("bulk_out", "-t get")];

/// Prints the figures of a card.
pub fn measure(nic: Nic) {
    let mut site = Site::start(nic, |options| options);
    site.await_pong();
    let boot_ms = site.started.elapsed().as_secs_f64() * 1e3;
    print(nic, "boot", format!("{boot_ms:.0}"), "ms");
    site.settle();
    print_memory(nic, &mut site);
    print_echoes(nic, &mut site);
    for Load(name, arguments) in LOADS {
        let row = site.load(arguments);
        print(
            nic,
            &format!("rate.{name}"),
            row.requests_per_s.round(),
            "requests/s",
        );
        if name == "set.1" {
            print(nic, "round_trip.set", row.median_ms, "ms");
        }
    }
    for Load(name, test) in BULK {
        let row = site.load(&format!("-n 200 -c 1 -d {BULK_BYTES} {test}"));
        let mb_per_s = row.requests_per_s * f64::from(BULK_BYTES) / 1e6;
        print(nic, name, format!("{mb_per_s:.2}"), "MB/s");
    }
}

fn print_echoes(nic: Nic, site: &mut Site) {
    site.pinger.resolve(LIMIT);
    let echoes = site.pinger.ping(ROUND_TRIPS, 1);
    let median_ms = echoes.round_trips[ROUND_TRIPS / 2].as_secs_f64() * 1e3;
    print(nic, "round_trip.echo", format!("{median_ms:.3}"), "ms");
    let echoes = site.pinger.ping(FRAMES, WINDOW);
    let per_s = FRAMES as f64 / echoes.elapsed.as_secs_f64();
    print(nic, "echoes", per_s.round(), "frames/s");
}

/// Prints the memory that the domains have spent of their pools, which the operator's `mem` reports.
fn print_memory(nic: Nic, site: &mut Site) {
    site.machine.type_line("mem");
    // Lines of the log have the word, too.
    let spent = loop {
        let line = site.machine.expect("all ", LIMIT);
        if let Some(kib) = spent_kib(&line) {
            break kib;
        }
    };
    print(nic, "memory.spent", spent, "KiB");
}

/// The domains' memory in use, from the last line of the table of `mem`: name, pools and use in MiB, free KiB.
fn spent_kib(line: &str) -> Option<u64> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let [.., "all", pool_mib, _, free_kib] = cells[..] else {
        return None;
    };
    let pool_kib = 1024 * pool_mib.parse::<u64>().ok()?;
    pool_kib.checked_sub(free_kib.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_use_is_that_of_the_pools_without_the_free_part() {
        let line = "all                      184       91     95000";
        assert_eq!(spent_kib(line), Some(184 * 1024 - 95_000));
        assert_eq!(spent_kib("all 184 91"), None);
        assert_eq!(spent_kib("memory 5 of 7 pages"), None);
    }
}
