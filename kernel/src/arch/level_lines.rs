//! The level-triggered line routed to each vector: [`LevelLines`].

use super::{Line, Trigger};

/// The level-triggered line routed to each vector.
///
/// Invariant: a line is routed to at most one vector. So when a line has moved to another vector, a device's message at the
/// earlier vector does not mask it.
pub(super) struct LevelLines([Option<u32>; 256]);

impl LevelLines {
    /// An empty table.
    pub(super) const fn new() -> Self {
        Self([None; 256])
    }

    /// Records that a line is now routed to this vector and no other.
    pub(super) fn route(&mut self, line: Line, vector: u8) {
        for slot in &mut self.0 {
            slot.take_if(|gsi| *gsi == line.gsi);
        }
        self.0[usize::from(vector)] = (line.trigger == Trigger::Level).then_some(line.gsi);
    }

    /// The level-triggered line routed to a vector.
    pub(super) fn behind(&self, vector: u8) -> Option<u32> {
        self.0[usize::from(vector)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Polarity;

    fn line(gsi: u32, trigger: Trigger) -> Line {
        Line {
            gsi,
            trigger,
            polarity: Polarity::Low,
        }
    }

    #[test]
    fn a_line_that_moves_to_another_vector_leaves_the_first() {
        let mut lines = LevelLines::new();
        lines.route(line(16, Trigger::Level), 0x30);
        lines.route(line(17, Trigger::Level), 0x32);
        lines.route(line(16, Trigger::Level), 0x31);
        assert_eq!(lines.behind(0x30), None);
        assert_eq!(lines.behind(0x31), Some(16));
        assert_eq!(lines.behind(0x32), Some(17), "another line's");
    }

    #[test]
    fn an_edge_triggered_line_is_not_recorded() {
        let mut lines = LevelLines::new();
        lines.route(line(4, Trigger::Level), 0x30);
        lines.route(line(4, Trigger::Edge), 0x30);
        assert_eq!(lines.behind(0x30), None);
        lines.route(line(5, Trigger::Level), 0x30);
        lines.route(line(6, Trigger::Edge), 0x30);
        assert_eq!(lines.behind(0x30), None, "a vector's earlier line");
    }
}
