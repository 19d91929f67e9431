//! Shells that are connected by the real channel, with real datagrams, on a link that loses some of them. Two machines may have one
//! name, and even one address. No domain may run twice: [`Link::pass`] checks that all the time.

mod end;
mod wire;

use std::net::Ipv4Addr;

use nomad_channel::Encounter;
use nomad_simulator::network::NetworkConditions;

use end::{Domain, End, Frame};
use wire::{Link, Middle, POOR};

const SECOND_US: u64 = 1_000_000;
const SEEDS: u64 = 2;

fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

/// Starts a machine at this address; returns its number. Each one is another boot.
fn start(link: &mut Link, name: &str, address: u8, domain: Domain) -> usize {
    let boot = 1 + link.ends.len() as u64;
    let end = End::start(link.now, name, at(address), boot, domain);
    link.add(end)
}

/// Turns a machine off, and starts it again.
fn restart(link: &mut Link, end: usize, name: &str, domain: Domain) -> usize {
    let [.., last] = link.ends[end].address.octets();
    link.off.push(end);
    start(link, name, last, domain)
}

/// Lets some seconds pass, drawn at random.
fn pass_some(link: &mut Link, seconds_max: u64) {
    let us = link.random.below(seconds_max * SECOND_US);
    link.pass(us);
}

/// Links with their seeds, and a second address: two machines with one name have two addresses, or share one.
fn links(conditions: NetworkConditions) -> impl Iterator<Item = (Link, u8)> {
    let shapes = [(Middle::Hub, 9), (Middle::Hub, 1), (Middle::Switch, 1)];
    (0..SEEDS).flat_map(move |seed| {
        shapes.map(|(middle, second)| (Link::new(seed, middle, conditions), second))
    })
}

#[test]
fn machines_find_each_other_and_a_home_starts_its_domain_within_seconds() {
    for seed in 0..SEEDS {
        let mut link = Link::new(seed, Middle::Hub, POOR);
        let a = start(&mut link, "a", 1, Domain::Waits);
        pass_some(&mut link, 5);
        start(&mut link, "b", 2, Domain::Missing);
        pass_some(&mut link, 5);
        start(&mut link, "c", 3, Domain::Missing);
        link.pass(8 * SECOND_US);
        assert!(link.ends[a].runs(), "{seed}");
        let now = link.now;
        for (other, last) in [("b", 2), ("c", 3)] {
            assert_eq!(link.ends[a].listed(now, other), (Some(at(last)), None));
        }
    }
}

#[test]
fn a_restarted_machine_is_back_within_seconds_at_its_address_or_another_one() {
    for seed in 0..SEEDS {
        for moved in [None, Some(at(7))] {
            let mut link = Link::new(seed, Middle::Hub, NetworkConditions::FAIR);
            let a = start(&mut link, "a", 1, Domain::Missing);
            let b = start(&mut link, "b", 2, Domain::Missing);
            start(&mut link, "c", 3, Domain::Missing);
            link.pass(10 * SECOND_US);
            pass_some(&mut link, 3);
            let b = restart(&mut link, b, "b", Domain::Waits);
            let now = link.now;
            let address = moved.inspect(|address| link.ends[b].renumber(now, *address));
            link.pass(3 * SECOND_US - 1);
            assert!(!link.ends[b].runs(), "it may be another machine");
            link.pass(4 * SECOND_US);
            assert!(link.ends[b].runs(), "{seed} {moved:?}");
            let now = link.now;
            let listed = link.ends[a].listed(now, "b");
            assert_eq!(listed, (address.or(Some(at(2))), None), "{seed}");
        }
    }
}

/// Machine `a` runs its domain. A second machine `a` starts, and then the only machine that knows the first one is restarted.
#[test]
fn a_second_home_never_starts_the_domain_that_the_first_one_runs() {
    for (mut link, second) in links(POOR) {
        start(&mut link, "a", 1, Domain::Runs);
        let mut b = start(&mut link, "b", 2, Domain::Missing);
        let c = start(&mut link, "c", 3, Domain::Missing);
        pass_some(&mut link, 10);
        let double = start(&mut link, "a", second, Domain::Waits);
        for _ in 0..4 {
            pass_some(&mut link, 10);
            b = restart(&mut link, b, "b", Domain::Missing);
        }
        restart(&mut link, c, "c", Domain::Missing);
        link.pass(30 * SECOND_US);
        assert!(!link.ends[double].runs());
        let lines = link.ends[b].log.join("\n");
        assert!(lines.contains("two machines are called a"), "{lines}");
    }
}

/// Machine `b` has a domain at home on `a`. A second machine `b` starts, and then the home is restarted.
#[test]
fn a_restarted_home_does_not_start_a_domain_that_one_of_two_machines_with_one_name_runs() {
    for (mut link, second) in links(POOR) {
        let second = if second == 1 { 2 } else { second };
        let mut a = start(&mut link, "a", 1, Domain::Missing);
        start(&mut link, "b", 2, Domain::Runs);
        start(&mut link, "c", 3, Domain::Missing);
        pass_some(&mut link, 10);
        start(&mut link, "b", second, Domain::Missing);
        for _ in 0..4 {
            pass_some(&mut link, 10);
            a = restart(&mut link, a, "a", Domain::Waits);
        }
        link.pass(30 * SECOND_US);
        assert!(!link.ends[a].runs());
    }
}

/// The machine that a third one knows has nothing to send.
#[test]
fn a_machine_that_is_alive_keeps_its_name() {
    for (mut link, second) in links(NetworkConditions::FAIR) {
        start(&mut link, "a", 1, Domain::Missing);
        start(&mut link, "a", second, Domain::Missing);
        pass_some(&mut link, 3);
        start(&mut link, "b", 2, Domain::Missing);
        start(&mut link, "c", 3, Domain::Missing);
        link.pass(60 * SECOND_US);
        for end in &link.ends {
            let is_takeover = |it: &&Encounter| matches!(it, Encounter::Restarted(_));
            let takeovers = end.encounters.iter().filter(is_takeover).count();
            assert_eq!(takeovers, 0, "{:?}", end.log);
        }
    }
}

/// Someone sends the hellos of the machine's former boot again, from where they came.
#[test]
fn a_recorded_hello_of_its_own_former_boot_makes_a_machine_report_nothing() {
    for address in [2, 7] {
        let mut link = Link::new(1, Middle::Hub, NetworkConditions::FAIR);
        start(&mut link, "a", 1, Domain::Missing);
        let b = start(&mut link, "b", 2, Domain::Missing);
        link.pass(10 * SECOND_US);
        let is_own = |frame: &&Frame| frame.from == at(2);
        let recorded = link.hellos.iter().rfind(is_own).cloned();
        let b = restart(&mut link, b, "b", Domain::Missing);
        let now = link.now;
        if address != 2 {
            link.ends[b].renumber(now, at(address));
        }
        for _ in 0..100 {
            link.inject(None, recorded.clone().expect("a hello"));
            link.pass(SECOND_US / 10);
        }
        let lines = link.ends[b].log.join("\n");
        assert!(!lines.contains("is called"), "{lines}");
        let now = link.now;
        assert_eq!(link.ends[b].listed(now, "b"), (Some(at(address)), None));
        assert_eq!(link.ends[0].listed(now, "b"), (Some(at(address)), None));
    }
}

#[test]
fn two_machines_with_one_name_report_each_other_though_no_third_one_is_up() {
    let mut link = Link::new(1, Middle::Hub, NetworkConditions::FAIR);
    start(&mut link, "a", 1, Domain::Missing);
    start(&mut link, "a", 9, Domain::Missing);
    link.pass(10 * SECOND_US);
    for (end, other) in [(0, 9), (1, 1)] {
        let now = link.now;
        assert_eq!(link.ends[end].listed(now, "a").1, Some(at(other)));
        let expected = format!("the machine at {} is called a", at(other));
        assert!(
            link.ends[end]
                .log
                .iter()
                .any(|line| line.contains(&expected))
        );
    }
}
