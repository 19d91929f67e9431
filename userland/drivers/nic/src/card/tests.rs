//! The order of a start, against a card that has nothing but that order.

extern crate std;

use core::cell::RefCell;
use std::vec::Vec;

use runtime::port::Frame;
use runtime::protocol::Mac;
use runtime::protocol::root::Refusal;
use runtime::shared::SharedMemory;

use super::*;
use crate::{Events, InitError, Link, NicFault, Received};

type Steps = RefCell<Vec<&'static str>>;

/// A card that records the steps of its start.
struct Recorder<'a> {
    steps: &'a Steps,
    reset: Result<(), InitError>,
}

#[derive(Debug)]
struct Idle;

impl<'a> Card for Recorder<'a> {
    type Nic = Idle;
    type Error = InitError;

    fn reset(&mut self) -> Result<(), InitError> {
        self.steps.borrow_mut().push("reset");
        self.reset
    }

    fn start(self) -> Result<Idle, InitError> {
        self.steps.borrow_mut().push("start");
        Ok(Idle)
    }
}

impl Nic for Idle {
    fn mac(&self) -> Option<Mac> {
        None
    }

    fn link(&mut self) -> Option<Link> {
        None
    }

    fn acknowledge(&mut self) -> Events {
        Events::default()
    }

    fn has_frame(&self) -> bool {
        false
    }

    fn receive(&mut self, _: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        Ok(None)
    }

    fn has_space(&mut self) -> Result<bool, NicFault> {
        Ok(false)
    }

    fn send(&mut self, _: &Frame<'_>) {}

    fn set_space_interrupt(&mut self, _: bool) {}

    fn publish(&mut self) {}
}

/// The steps of a start with these results of the reset and of the request to root, and the start's error.
fn steps_with(
    reset: Result<(), InitError>,
    permission: Result<(), NoMastering>,
) -> (Vec<&'static str>, Option<InitError>) {
    let steps = Steps::default();
    let card = Recorder {
        steps: &steps,
        reset,
    };
    let error = start(card, || {
        steps.borrow_mut().push("request");
        permission
    });
    let error = error.err();
    (steps.into_inner(), error)
}

#[test]
fn a_card_masters_the_bus_between_its_reset_and_its_rings() {
    let steps = ["reset", "request", "start"];
    assert_eq!(steps_with(Ok(()), Ok(())), (steps.into(), None));
}

#[test]
fn a_card_whose_reset_fails_never_masters_the_bus() {
    let error = InitError::Reset;
    let expected = (["reset"].into(), Some(error));
    assert_eq!(steps_with(Err(error), Ok(())), expected);
}

#[test]
fn a_card_that_may_not_reach_memory_gets_no_rings() {
    let refusal = NoMastering::Refused(Refusal::NoSuchObject);
    let expected = (["reset", "request"].into(), Some(refusal.into()));
    assert_eq!(steps_with(Ok(()), Err(refusal)), expected);
}
