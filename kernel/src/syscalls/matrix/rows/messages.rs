//! The rows of the calls for messages and notifications.

use abi::calls::{
    Call, Null, Receive, Reply, ReplyAndReceive, Send, Signal, SignalAndWait, Wait, Yield,
};
use abi::{EndpointRights, MessageInfo, NotificationRights};

use crate::syscalls::matrix::row::{Effect, Row, encode, row};
use crate::syscalls::matrix::stage::{ENDPOINT, NOTIFICATION, REPLY, Stage};

/// A message of one word.
fn info() -> MessageInfo {
    MessageInfo::words_only(1).expect("short")
}

pub fn null() -> Vec<Row> {
    vec![row(|_| encode(Null {}))]
}

pub fn yield_() -> Vec<Row> {
    vec![row(|_| encode(Yield {}))]
}

pub fn call() -> Vec<Row> {
    vec![
        row(|_| encode(Call::new(ENDPOINT, info(), [1, 0, 0, 0])))
            .needs(ENDPOINT, EndpointRights::SEND)
            .waits()
            .gone(),
    ]
}

pub fn send() -> Vec<Row> {
    vec![
        row(|_| encode(Send::new(ENDPOINT, info(), [1, 0, 0, 0])))
            .needs(ENDPOINT, EndpointRights::SEND)
            .waits()
            .gone(),
    ]
}

pub fn receive() -> Vec<Row> {
    vec![
        row(|_| encode(Receive::new(ENDPOINT, Some(REPLY))))
            .needs(ENDPOINT, EndpointRights::RECEIVE)
            .waits()
            .gone(),
    ]
}

pub fn reply_and_receive() -> Vec<Row> {
    vec![
        row(|_| encode(ReplyAndReceive::new(ENDPOINT, info(), [1, 0, 0, 0], REPLY)))
            .after(Stage::subject_calls)
            .needs(ENDPOINT, EndpointRights::RECEIVE)
            .waits()
            .changes(),
    ]
}

pub fn reply() -> Vec<Row> {
    vec![
        row(|_| encode(Reply::new(REPLY, info(), [1, 0, 0, 0])))
            .after(Stage::subject_calls)
            .frozen(Effect::Changes)
            .retired(Effect::RemovesStale),
    ]
}

pub fn signal() -> Vec<Row> {
    vec![
        row(|_| {
            encode(Signal {
                notification: NOTIFICATION,
                flags: 1,
            })
        })
        .needs(NOTIFICATION, NotificationRights::SIGNAL)
        .changes(),
    ]
}

pub fn wait() -> Vec<Row> {
    vec![
        row(|_| {
            encode(Wait {
                notification: NOTIFICATION,
                deadline: 0,
            })
        })
        .after(|stage| {
            stage.does(Signal {
                notification: NOTIFICATION,
                flags: 1,
            });
        })
        .needs(NOTIFICATION, NotificationRights::WAIT)
        .changes(),
    ]
}

/// It signals the notification for which it waits.
pub fn signal_and_wait() -> Vec<Row> {
    vec![
        row(|_| {
            encode(SignalAndWait {
                notification: NOTIFICATION,
                deadline: 0,
                signalled: NOTIFICATION,
                flags: 1,
            })
        })
        .after(|stage| {
            stage.does(Signal {
                notification: NOTIFICATION,
                flags: 1,
            });
        })
        .needs(
            NOTIFICATION,
            NotificationRights::SIGNAL | NotificationRights::WAIT,
        )
        .changes(),
    ]
}
