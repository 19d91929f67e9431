//! Counts of the frames between each pair of addresses: [`Flows`].

use std::collections::HashMap;
use std::sync::Mutex;

use super::counters::Traffic;
use super::learning::MacAddress;

/// The traffic from one address to another, by these addresses.
#[derive(Debug, Default)]
pub struct Flows {
    counts: Mutex<HashMap<[MacAddress; 2], Traffic>>,
}

impl Flows {
    /// Counts a frame with a complete header.
    pub fn add(&self, frame: &[u8]) {
        let ends = [MacAddress::source(frame), MacAddress::destination(frame)];
        let mut counts = self.counts.lock().expect("no counter panics");
        let count = counts.entry(ends).or_default();
        count.frames += 1;
        count.bytes += frame.len() as u64;
    }

    /// The traffic from one address to another.
    pub fn read(&self, from: MacAddress, to: MacAddress) -> Traffic {
        let counts = self.counts.lock().expect("no counter panics");
        counts.get(&[from, to]).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_direction_apart() {
        let [a, b] = [1, 2].map(MacAddress::local);
        let flows = Flows::default();
        for (from, to, length) in [(a, b, 60), (a, b, 100), (b, a, 64)] {
            let mut frame = [to.0, from.0].concat();
            frame.resize(length, 0);
            flows.add(&frame);
        }
        let traffic = |frames, bytes| Traffic { frames, bytes };
        assert_eq!(flows.read(a, b), traffic(2, 160));
        assert_eq!(flows.read(b, a), traffic(1, 64));
        assert_eq!(flows.read(a, a), traffic(0, 0));
    }
}
