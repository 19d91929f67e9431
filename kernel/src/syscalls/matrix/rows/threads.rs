//! The rows of the calls for threads.

use abi::calls::{
    ThreadBind, ThreadFaults, ThreadPrepare, ThreadRead, ThreadSchedule, ThreadStart, ThreadStop,
    ThreadWrite,
};
use abi::register::{Slot, UserAddress};
use abi::{EndpointRights, NotificationRights, ThreadRights};

use crate::syscalls::matrix::row::{EncodedCall, Row, encode, row};
use crate::syscalls::matrix::stage::{HELPER, NOTIFICATION, SERVICE, Stage, THREAD};
use crate::testing::CALL_SITE;

pub fn bind_thread(notification: Option<Slot>) -> EncodedCall {
    encode(ThreadBind {
        thread: HELPER,
        notification,
    })
}

pub fn faults(endpoint: Option<Slot>) -> EncodedCall {
    encode(ThreadFaults {
        thread: HELPER,
        endpoint,
    })
}

pub fn thread_start() -> Vec<Row> {
    vec![
        row(|_| encode(ThreadStart { thread: HELPER }))
            .needs(HELPER, ThreadRights::RUN)
            .changes(),
    ]
}

pub fn thread_stop() -> Vec<Row> {
    vec![
        row(|_| encode(ThreadStop { thread: THREAD }))
            .needs(THREAD, ThreadRights::RUN)
            .changes(),
    ]
}

pub fn thread_read() -> Vec<Row> {
    vec![
        row(|_| encode(ThreadRead { thread: HELPER }))
            .needs(HELPER, ThreadRights::READ)
            .gone(),
    ]
}

pub fn thread_write() -> Vec<Row> {
    vec![
        row(|_| encode(ThreadWrite { thread: HELPER }))
            .after(Stage::write_other_state)
            .needs(HELPER, ThreadRights::WRITE)
            .changes(),
    ]
}

pub fn thread_schedule() -> Vec<Row> {
    vec![
        row(|_| {
            encode(ThreadSchedule {
                thread: THREAD,
                priority: 3,
            })
        })
        .needs(THREAD, ThreadRights::SCHEDULE)
        .changes(),
    ]
}

pub fn thread_bind() -> Vec<Row> {
    vec![
        row(|_| bind_thread(Some(NOTIFICATION)))
            .needs(HELPER, ThreadRights::WRITE)
            .needs(NOTIFICATION, NotificationRights::WAIT)
            .changes(),
        row(|_| bind_thread(None))
            .after(|stage| stage.succeeds(bind_thread(Some(NOTIFICATION))))
            .needs(HELPER, ThreadRights::WRITE)
            .changes(),
    ]
}

pub fn thread_faults() -> Vec<Row> {
    vec![
        row(|_| faults(Some(SERVICE)))
            .needs(HELPER, ThreadRights::WRITE)
            .needs(SERVICE, EndpointRights::SEND)
            .changes(),
        row(|_| faults(None))
            .after(|stage| stage.succeeds(faults(Some(SERVICE))))
            .needs(HELPER, ThreadRights::WRITE)
            .changes(),
    ]
}

pub fn thread_prepare() -> Vec<Row> {
    vec![
        row(|_| {
            encode(ThreadPrepare {
                thread: HELPER,
                instruction: UserAddress(CALL_SITE),
                stack: UserAddress(4096),
                argument: 2,
                message_buffer: UserAddress(0),
            })
        })
        .needs(HELPER, ThreadRights::WRITE)
        .changes(),
    ]
}
