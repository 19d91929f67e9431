//! The reply of a machine's migration server to a command, as the typed events that it sent: [`Reply`].

use std::fmt;

use caravan::report::Report;
use nomad_client::event::MemoryStatus;
use nomad_client::{End, Event};
use nomad_protocol::PhaseName;
use service_protocol::root::{DomainRecord, DomainState};

/// A reply, or the reason there is none.
#[derive(Clone, Debug)]
pub struct Reply {
    events: Vec<Event>,
    error: String,
}

impl Reply {
    /// Parses the output of the operator's command line with `--json`, and keeps its error output.
    ///
    /// # Panics
    ///
    /// If a line of the output is not a report.
    pub fn parse(output: &str, error: &str) -> Reply {
        let event = |line: &str| match serde_json::from_str::<Report>(line) {
            Ok(report) => report.event,
            Err(error) => panic!("{error}: {line}"),
        };
        Reply {
            events: output.lines().map(event).collect(),
            error: error.to_owned(),
        }
    }

    /// Whether it is complete and the command succeeded.
    pub fn is_done(&self) -> bool {
        self.events.last().and_then(Event::end) == Some(End::Done)
    }

    /// A domain that the machine lists, in any state.
    pub fn domain(&self, name: &str) -> Option<&DomainRecord> {
        self.events.iter().find_map(|event| match event {
            Event::Domain(domain) if domain.name.as_str() == name => Some(domain),
            _ => None,
        })
    }

    /// The incarnation of a domain, if it runs on the machine.
    pub fn running(&self, name: &str) -> Option<u64> {
        let runs = |domain: &&DomainRecord| domain.state == DomainState::Running;
        let domain = self.domain(name).filter(runs);
        domain.map(|domain| domain.incarnation.0)
    }

    /// Whether the machine has a domain, and does not only list it as its home.
    pub fn has(&self, name: &str) -> bool {
        self.domain(name)
            .is_some_and(|it| !matches!(it.state, DomainState::Waiting | DomainState::Away))
    }

    /// Whether the machine takes part in a move.
    pub fn has_moves(&self) -> bool {
        let is_move = |event: &Event| matches!(event, Event::Transaction(_));
        self.events.iter().any(is_move)
    }

    /// The phases of the moves that the machine takes part in.
    pub fn phases(&self) -> impl Iterator<Item = PhaseName> {
        self.events.iter().filter_map(|event| match event {
            Event::Transaction(transaction) => Some(transaction.phase),
            _ => None,
        })
    }

    /// Whether the outcome of a move is in doubt.
    pub fn has_doubt(&self) -> bool {
        let is_in_doubt =
            |event: &Event| matches!(event, Event::Transaction(it) if it.doubt.is_some());
        self.events.iter().any(is_in_doubt)
    }

    /// The memory of the machine, if the reply reports it.
    pub fn memory(&self) -> Option<MemoryStatus> {
        self.events.iter().find_map(|event| match event {
            Event::Memory(memory) => Some(*memory),
            _ => None,
        })
    }
}

/// The text that an operator reads.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events
            .iter()
            .try_for_each(|event| writeln!(f, "{event}"))?;
        f.write_str(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reply of a machine that lists the counter in this state.
    fn listing(state: &str) -> Reply {
        let domain = format!(
            r#"{{"at_us":1,"text":"","event":{{"domain":{{"name":"counter","id":"7","state":"{state}","movable":true,"is_part_of_machine":false,"has_package":false,
               "incarnation":12,"spent_pages":5,"pool_pages":9,"home":null}}}}}}"#
        );
        let done = r#"{"at_us":2,"text":"","event":"done"}"#;
        Reply::parse(&format!("{}\n{done}", domain.replace('\n', "")), "")
    }

    #[test]
    fn a_machine_has_a_domain_that_is_neither_waiting_nor_away() {
        for (state, is_there, runs) in [
            ("running", true, Some(12)),
            ("exported", true, None),
            ("waiting", false, None),
            ("away", false, None),
        ] {
            let reply = listing(state);
            assert_eq!(reply.has("counter"), is_there, "{state}");
            assert_eq!(reply.running("counter"), runs, "{state}");
            assert!(reply.is_done() && !reply.has("count") && !reply.has_moves());
        }
    }

    #[test]
    fn a_machine_that_does_not_reply_is_not_done() {
        let reply = Reply::parse("", "the machine does not answer");
        assert!(!reply.is_done() && reply.to_string().contains("does not answer"));
    }
}
