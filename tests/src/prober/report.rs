//! The report of a prober.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checker::{Checker, Errors};
use super::replies::Replies;

/// A prober's report, with the time of every UDP reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The figures.
    pub summary: Summary,
    /// The times of the UDP replies, for the longest gap in any window.
    pub udp_replies: Replies,
}

/// The figures of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The start of the probing, on the clock of [`now_ns`](super::now_ns).
    pub start_ns: u64,
    /// The time of the last request.
    pub end_ns: u64,
    /// Over UDP.
    pub udp: Figures,
    /// Over the one TCP connection.
    pub tcp: Figures,
    /// Whether that connection survived to the end, and every request had a reply.
    pub tcp_survived: bool,
    /// The reason it did not survive.
    pub tcp_error: Option<String>,
    /// The longest time between two UDP replies in the window.
    pub longest_gap_ns: u64,
    /// The longest delay of a request after its due time: the resolution of gaps on this host.
    pub latest_request_ns: u64,
}

/// The figures of one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The number of requests sent.
    pub requests: u64,
    /// The number of requests that had a reply.
    pub replies: u64,
    /// The number of further replies to the same requests.
    pub duplicates: u64,
    /// The number of pages that the domain has dirtied between the first reply and the last.
    pub dirtied: u64,
    /// The errors found.
    pub errors: Errors,
}

impl From<&Checker> for Figures {
    fn from(checker: &Checker) -> Self {
        Self {
            requests: checker.request_count(),
            replies: checker.reply_count(),
            duplicates: checker.duplicate_count(),
            dirtied: checker.dirtied_count(),
            errors: checker.errors(),
        }
    }
}

impl Summary {
    /// The number of all violations; a lost connection is one.
    pub fn error_count(&self) -> u64 {
        self.udp.errors.total() + self.tcp.errors.total() + u64::from(!self.tcp_survived)
    }
}

impl Summary {
    /// Whether the domain served its clients: every request on the connection had a reply, and at least nine of ten over UDP,
    /// which may lose some.
    pub fn was_served(&self) -> bool {
        let (udp, tcp) = (&self.udp, &self.tcp);
        udp.requests > 0
            && udp.replies.saturating_mul(10) >= udp.requests.saturating_mul(9)
            && tcp.requests > 0
            && tcp.replies == tcp.requests
            && self.tcp_survived
    }
}

impl Report {
    /// The longest time between two UDP replies that overlaps the window, in nanoseconds.
    pub fn longest_gap_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        self.udp_replies.longest_gap(from_ns, to_ns)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "udp      {}", self.udp)?;
        writeln!(f, "tcp      {}", self.tcp)?;
        match &self.tcp_error {
            None => writeln!(f, "         the connection survived")?,
            Some(error) => writeln!(f, "         the connection was lost: {error}")?,
        }
        writeln!(
            f,
            "gap      {:.1} ms at most between UDP replies",
            self.longest_gap_ns as f64 / 1e6
        )?;
        writeln!(
            f,
            "late     {:.1} ms at most from a request's due time to its sending",
            self.latest_request_ns as f64 / 1e6
        )?;
        write!(f, "errors   {}", self.error_count())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests,
            replies,
            duplicates,
            dirtied,
            errors,
        } = self;
        write!(
            f,
            "{requests} requests, {replies} replies, {duplicates} duplicates, {dirtied} pages dirtied"
        )?;
        if errors.total() > 0 {
            write!(f, "; {errors:?}")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(udp: (u64, u64), tcp: (u64, u64), tcp_survived: bool) -> Summary {
        let figures = |(requests, replies)| Figures {
            requests,
            replies,
            ..Figures::default()
        };
        Summary {
            start_ns: 0,
            end_ns: 1,
            udp: figures(udp),
            tcp: figures(tcp),
            tcp_survived,
            tcp_error: None,
            longest_gap_ns: 0,
            latest_request_ns: 0,
        }
    }

    #[test]
    fn a_domain_that_does_not_reply_has_not_served_its_clients() {
        assert!(summary((100, 90), (9, 9), true).was_served());
        for (udp, tcp, survived) in [
            ((100, 89), (9, 9), true),
            ((100, 0), (9, 9), true),
            ((0, 0), (9, 9), true),
            ((100, 100), (0, 0), true),
            ((100, 100), (9, 8), true),
            ((100, 100), (9, 9), false),
        ] {
            assert!(!summary(udp, tcp, survived).was_served(), "{udp:?} {tcp:?}");
        }
    }
}
