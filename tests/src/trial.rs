//! Moves that are interrupted: [`Trial`], a small counter that lives on machine A, a client that asks it all along, and
//! what a test does to the two machines between.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::fleet::LIMIT;
use crate::listed::Listed;
use crate::prober::Options;
use crate::third_party::{Client, Probe};
use crate::{Fleet, Station};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";

/// How often the machines are asked how they are.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The domain that moves.
const DOMAIN: &str = "counter";

/// The machines, and what is known of the counter.
#[derive(Debug)]
pub struct Trial {
    /// The machines.
    pub fleet: Fleet,
    probe: Option<Probe>,
}

impl Trial {
    /// Starts the machines. The counter has been to B and back, so that no table grows later.
    ///
    /// # Panics
    ///
    /// If something does not come up.
    pub fn start() -> Trial {
        let mut fleet = Fleet::start_hooked();
        fleet.await_log(Station::A, "[counter] counter: ready");
        let trial = Trial { fleet, probe: None };
        trial.move_once(Station::A);
        trial.move_once(Station::B);
        trial
    }

    /// A client asks the counter from now on, and has been answered. The one before is given up.
    ///
    /// # Panics
    ///
    /// If the client is not answered.
    pub fn probe(&mut self) {
        let mut options = Options::new(COUNTER.parse().expect("an address"));
        options.heap.mib = 2;
        options.heap.working_mib = 1;
        options.udp_interval = Duration::from_millis(5);
        options.tcp_interval = Duration::from_millis(10);
        self.probe = Some(self.fleet.party.probe(&options));
    }

    /// Begins to move the counter from A, and waits until this machine's migration server stands still at a line that begins
    /// so.
    ///
    /// # Panics
    ///
    /// If it does not come so far.
    pub fn hold_at(&mut self, station: Station, line: &str) -> Client {
        // An earlier move may have been told of more than once.
        for station in [Station::A, Station::B] {
            self.fleet.machine(station).skip_log();
        }
        self.fleet.hold_at(station, line);
        let migration = self.fleet.begin_migration("counter", Station::A);
        let told = format!("held at `{line}");
        self.fleet.machine(station).expect(&told, LIMIT);
        migration
    }

    /// Moves the counter without interruption, and waits until nothing is left of the move.
    ///
    /// # Panics
    ///
    /// If the move fails.
    pub fn move_once(&self, from: Station) {
        self.fleet.migrate("counter", from);
        self.await_settled_on(from.other());
    }

    /// Waits until the counter runs on this machine alone and nothing is left of a move.
    ///
    /// # Panics
    ///
    /// If it does not come to that, or the counter is seen to run twice.
    pub fn await_settled_on(&self, station: Station) {
        self.await_listed(&format!("settled on {}", station.name()), |listed| {
            listed.is_settled_on(station, DOMAIN)
        });
    }

    /// Waits until this machine lists a move as in doubt.
    ///
    /// # Panics
    ///
    /// If it does not, or the counter is seen to run twice.
    pub fn await_doubt(&self, station: Station) {
        self.await_listed(&format!("in doubt on {}", station.name()), |listed| {
            listed.at(station).has_doubt()
        });
    }

    /// The pages that are spent on both machines, when nothing is being moved.
    pub fn memory(&self) -> [u64; 2] {
        [Station::A, Station::B].map(|station| {
            let spent = self.spent_pages(station);
            spent.unwrap_or_else(|| panic!("{} does not report its memory", station.name()))
        })
    }

    fn spent_pages(&self, station: Station) -> Option<u64> {
        let memory = self.fleet.reply(station, &["mem"]).memory();
        memory.map(|memory| memory.machine.spent_pages)
    }

    /// Waits until a machine spends what it did before. The switch gives rings back in its own time.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn await_memory(&self, station: Station, before: &[u64; 2]) {
        let before = before[station as usize];
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.spent_pages(station);
            if now == Some(before) {
                return;
            }
            let name = station.name();
            assert!(
                Instant::now() < deadline,
                "{name}: {now:?} pages are spent instead of {before}"
            );
            sleep(LOOK_INTERVAL);
        }
    }

    /// Settles what a machine lists as in doubt: `run` or `drop`.
    ///
    /// # Panics
    ///
    /// If there is nothing to settle.
    pub fn force(&self, station: Station, how: &str) {
        self.fleet.force(station, how);
    }

    /// The client's end: it was answered, no answer was wrong, none is missing, and its one connection lived.
    ///
    /// # Panics
    ///
    /// If that is not so, or no client asks.
    pub fn finish_probe(&mut self) {
        let probe = self.probe.take().expect("a client that asks");
        let summary = probe.finish().summary;
        assert_eq!(summary.error_count(), 0, "{summary:?}");
        assert!(summary.tcp_survived, "{summary:?}");
        assert_eq!(summary.tcp.answered, summary.tcp.asked, "{summary:?}");
        assert!(summary.tcp.answered > 0, "{summary:?}");
    }

    /// Looks at both machines until they are so. One that is dead or cut off must not be waited for with this.
    fn await_listed(&self, what: &str, is_so: impl Fn(&Listed) -> bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let listed = Listed::ask(&self.fleet);
            let [a, b] = [Station::A, Station::B].map(|station| listed.at(station));
            assert!(
                !listed.runs_twice(&self.fleet, DOMAIN),
                "the counter runs twice:\n{a}\n{b}"
            );
            if is_so(&listed) {
                return;
            }
            assert!(Instant::now() < deadline, "not {what}:\na:\n{a}\nb:\n{b}");
            sleep(LOOK_INTERVAL);
        }
    }
}
