//! The memory that an idle machine uses, as its system reports it.
//!
//! In use is the machine's memory, including the part that firmware and kernel have taken, without what is free. In Caravan, free are
//! the pages of root's pool, those that a domain has not spent of its own pool, and those that root's heap has not grown by. In Linux,
//! it is what the kernel estimates to be available without swapping.

use harness::fleet::LIMIT;

use crate::figures::Figures;
use crate::site::{MEMORY_MIB, Site};
use crate::system::System;

const MEMORY_KIB: u64 = MEMORY_MIB as u64 * 1024;
const PAGE_KIB: u64 = 4;

/// Prints the figures of this machine.
pub fn print(figures: &mut Figures, site: &mut Site, system: System<'_>) {
    let free = match system {
        System::Caravan => {
            site.machine.type_line("mem");
            let (spent, unspent) = read(site, "all ", pools_kib);
            figures.print("memory.spent", spent, "KiB");
            unspent + read(site, "memory ", free_kib)
        }
        System::Linux(_) => {
            site.machine.type_line("busybox cat /proc/meminfo");
            read(site, "MemAvailable:", available_kib)
        }
    };
    figures.print("memory.used", MEMORY_KIB - free, "KiB");
}

/// The value in the first line that contains `text` and has one. Other lines may have the text, too.
fn read<T>(site: &mut Site, text: &str, value_in: fn(&str) -> Option<T>) -> T {
    loop {
        let line = site.machine.expect(text, LIMIT);
        if let Some(value) = value_in(&line) {
            return value;
        }
    }
}

/// The spent and the free part of the domains' pools, from the last line of the table of `mem`: name, pools and use in MiB, free KiB.
fn pools_kib(line: &str) -> Option<(u64, u64)> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let [.., "all", pool_mib, _, free_kib] = cells[..] else {
        return None;
    };
    let free_kib = free_kib.parse().ok()?;
    let pool_kib = 1024 * pool_mib.parse::<u64>().ok()?;
    Some((pool_kib.checked_sub(free_kib)?, free_kib))
}

/// The free part of root's pool, from the line `memory SPENT of ALL pages, MORE of the SPENT for the growth of root's heap`.
fn free_kib(line: &str) -> Option<u64> {
    let (spent, rest) = line.trim().strip_prefix("memory ")?.split_once(" of ")?;
    let (all, rest) = rest.split_once(" pages")?;
    let more = match rest
        .strip_prefix(", ")
        .and_then(|rest| rest.split_once(" of the "))
    {
        Some((more, _)) => more.parse().ok()?,
        None => 0_u64,
    };
    let free = all.parse::<u64>().ok()?.checked_sub(spent.parse().ok()?)?;
    Some(PAGE_KIB * (free + more))
}

/// The available memory, from a line of Linux.
fn available_kib(line: &str) -> Option<u64> {
    let value = line.trim().strip_prefix("MemAvailable:")?;
    value.strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_use_is_that_of_the_pools_without_the_free_part() {
        let line = "all                      184       91     95000";
        assert_eq!(pools_kib(line), Some((184 * 1024 - 95_000, 95_000)));
        assert_eq!(pools_kib("all 184 91"), None);
        assert_eq!(pools_kib("memory 5 of 7 pages"), None);
    }

    #[test]
    fn free_pages_are_those_that_neither_root_nor_its_heap_has_spent() {
        assert_eq!(free_kib("memory 5 of 7 pages"), Some(8));
        let heap = "memory 5 of 7 pages, 3 of the 5 for the growth of root's heap, 9 others are being freed";
        assert_eq!(free_kib(heap), Some(20));
        assert_eq!(free_kib("[kv] memory 5 of 7 pages"), None);
        assert_eq!(free_kib("memory 5"), None);
    }

    #[test]
    fn available_memory_is_that_of_linux() {
        let line = "MemAvailable:     423704 kB";
        assert_eq!(available_kib(line), Some(423_704));
        assert_eq!(available_kib("MemFree: 5 kB"), None);
    }
}
