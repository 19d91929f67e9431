//! An operator's decisions about moves in doubt, on one fake machine.

use std::collections::BTreeMap;

use identity::Digest;
use nomad_client::{Event, RequestId};
use nomad_protocol::{
    AbortReason, Admission, AdmissionId, Attempt, BootId, Doubt, Envelope, Force, Message, Record,
    RecordedProgress, Step, TransactionId,
};
use nomad_shell::{Frames, Output, StableStorage as _};
use nomad_simulator::machine::{DOMAIN, Machine, machine_id};

use super::{MOVE, PEER, machine, name, now, offer, outputs};

const OPERATOR: RequestId = RequestId(3);
const LATER: TransactionId = TransactionId(8);

/// A machine that has declined a move, and has verified the copy of a later one. The source of both is gone.
fn declined_and_verified() -> Machine {
    let mut machine = machine(false, BTreeMap::new());
    let number = AdmissionId(1);
    let peer_boot = BootId(PEER as u64);
    let declined = RecordedProgress::DestinationDeclined {
        why: AbortReason::StreamBroken,
        admission: number,
        is_discarded: true,
    };
    let prepared = RecordedProgress::DestinationPrepared {
        rounds: 1,
        attempt: Attempt::FIRST,
        digest: Digest([0; 32]),
        admission: Admission { number, peer_boot },
    };
    for (transaction, progress) in [(MOVE, declined), (LATER, prepared)] {
        machine.hardware_mut().write_record(&Record {
            transaction,
            peer: machine_id(PEER),
            offer: offer(DOMAIN),
            progress,
        });
    }
    let (mut machine, _) = machine.crash_nomad(now());
    let later = now().after_us(60_000_000);
    machine.shell.handle_timeout(later);
    outputs(&mut machine, |_| None::<()>);
    machine
}

fn doubts(machine: &Machine) -> Vec<(TransactionId, Doubt)> {
    machine.shell.moves.doubts(name()).collect()
}

/// The doubt that a command to drop the domain settles.
fn drop_settles(machine: &mut Machine) -> Vec<Doubt> {
    let command = format!("force {} drop", name());
    let command = command.parse().expect("a command");
    machine.shell.handle_command(now(), OPERATOR, command);
    outputs(machine, |output| match output {
        Output::Event(OPERATOR, Event::Forced { force, settled, .. }) => {
            assert_eq!(force, Force::DropCopy);
            settled
        }
        _ => None,
    })
}

#[test]
fn the_end_of_a_declined_move_does_not_drop_the_copy_of_another_one() {
    let mut machine = declined_and_verified();
    let both = [(MOVE, Doubt::NotAnswered), (LATER, Doubt::Silent)];
    assert_eq!(doubts(&machine), both);
    assert_eq!(drop_settles(&mut machine), [Doubt::NotAnswered]);
    assert_eq!(doubts(&machine), [(LATER, Doubt::Silent)]);
    assert_eq!(drop_settles(&mut machine), [Doubt::Silent]);
    assert_eq!(doubts(&machine), []);
}

/// The decisions about the frames for the domain that moves.
fn frames(machine: &mut Machine) -> Vec<Frames> {
    outputs(machine, |output| match output {
        Output::Frames(MOVE, frames) => Some(frames),
        _ => None,
    })
}

#[test]
fn frames_for_a_domain_that_was_dropped_are_held_until_the_destination_runs_it() {
    for is_destroyed in [false, true] {
        let mut machine = machine(false, BTreeMap::new());
        let peer_boot = BootId(PEER as u64);
        machine.hardware_mut().write_record(&Record {
            transaction: MOVE,
            peer: machine_id(PEER),
            offer: offer(DOMAIN),
            progress: RecordedProgress::SourceDropped {
                attempt: Attempt::FIRST,
                digest: Digest([0; 32]),
                admission: Admission {
                    number: AdmissionId(1),
                    peer_boot,
                },
                is_destroyed,
            },
        });
        let (mut machine, _) = machine.crash_nomad(now());
        assert_eq!(frames(&mut machine), []);
        let activated = Step::Activated {
            domain: DOMAIN,
            incarnation: offer(DOMAIN).incarnation,
        };
        let envelope = Envelope {
            boot: peer_boot,
            message: Message::Transaction(MOVE, activated),
        };
        let peer = machine_id(PEER);
        machine
            .shell
            .handle_datagram(now(), peer, &envelope.encode());
        // Before it is destroyed, only the destruction counts; the destination repeats its message.
        let expected = is_destroyed.then_some(Frames::Forward);
        assert_eq!(frames(&mut machine), Vec::from_iter(expected));
    }
}
