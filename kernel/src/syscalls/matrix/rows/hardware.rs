//! The rows of the calls for interrupts, ports, device memory, random words and the restart of the machine.

use abi::calls::{
    DeviceMemoryCreate, InterruptAcknowledge, InterruptBind, InterruptCreateLine,
    InterruptCreateMessage, IoIn, IoOut, IoPortsCreate, Random, Reboot,
};
use abi::register::{PageCount, Slot, Width};
use abi::{HardwareRights, InterruptRights, IoPortsRights, NotificationRights, PoolRights};

use super::ONE;
use crate::syscalls::matrix::row::{EncodedCall, Row, encode, row};
use crate::syscalls::matrix::stage::{FREE, HARDWARE, INTERRUPT, NOTIFICATION, POOL, PORT, PORTS};

/// Above the fake machine's RAM.
const BUS_ADDRESS: u64 = 1 << 32;

pub fn bind_interrupt(notification: Option<Slot>) -> EncodedCall {
    encode(InterruptBind {
        interrupt: INTERRUPT,
        notification,
        flags: 1,
    })
}

pub fn interrupt_create_line() -> Vec<Row> {
    vec![
        row(|_| {
            encode(InterruptCreateLine {
                pool: POOL,
                hardware: HARDWARE,
                line: 5,
                bus: 1,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .needs(HARDWARE, HardwareRights::CREATE)
        .changes(),
    ]
}

pub fn interrupt_create_message() -> Vec<Row> {
    vec![
        row(|_| {
            encode(InterruptCreateMessage {
                pool: POOL,
                hardware: HARDWARE,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .needs(HARDWARE, HardwareRights::CREATE)
        .changes(),
    ]
}

pub fn interrupt_bind() -> Vec<Row> {
    vec![
        row(|_| bind_interrupt(Some(NOTIFICATION)))
            .needs(INTERRUPT, InterruptRights::HANDLE)
            .needs(NOTIFICATION, NotificationRights::SIGNAL)
            .changes(),
        row(|_| bind_interrupt(None))
            .after(|stage| stage.succeeds(bind_interrupt(Some(NOTIFICATION))))
            .needs(INTERRUPT, InterruptRights::HANDLE)
            .changes(),
    ]
}

pub fn interrupt_acknowledge() -> Vec<Row> {
    vec![
        row(|_| {
            encode(InterruptAcknowledge {
                interrupt: INTERRUPT,
            })
        })
        .needs(INTERRUPT, InterruptRights::HANDLE)
        .gone(),
    ]
}

pub fn io_ports_create() -> Vec<Row> {
    vec![
        row(|_| {
            encode(IoPortsCreate {
                pool: POOL,
                hardware: HARDWARE,
                first: PORT,
                count: 1,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .needs(HARDWARE, HardwareRights::CREATE)
        .changes(),
    ]
}

pub fn io_in() -> Vec<Row> {
    vec![
        row(|_| {
            encode(IoIn {
                ports: PORTS,
                port: PORT,
                width: Width::Byte,
            })
        })
        .needs(PORTS, IoPortsRights::IN)
        .gone(),
    ]
}

pub fn io_out() -> Vec<Row> {
    vec![
        row(|_| {
            encode(IoOut {
                ports: PORTS,
                port: PORT,
                width: Width::Byte,
                value: 1,
            })
        })
        .needs(PORTS, IoPortsRights::OUT)
        .gone(),
    ]
}

pub fn device_memory_create() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DeviceMemoryCreate {
                pool: POOL,
                hardware: HARDWARE,
                bus_address: BUS_ADDRESS,
                pages: ONE,
                into: FREE,
                cache: 0,
                made: PageCount(0),
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .needs(HARDWARE, HardwareRights::CREATE)
        .changes(),
    ]
}

pub fn random() -> Vec<Row> {
    vec![row(|_| encode(Random { hardware: HARDWARE })).needs(HARDWARE, HardwareRights::CREATE)]
}

pub fn reboot() -> Vec<Row> {
    vec![row(|_| encode(Reboot { hardware: HARDWARE })).needs(HARDWARE, HardwareRights::REBOOT)]
}
