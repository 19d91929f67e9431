//! The log on a slow console.

use super::*;
use crate::arch::{CONSOLE_PORT, Cause, EXIT_PORT, fake, with_log};
use crate::objects::create_ports;
use crate::testing::{TestDomain, World, calls, slots};
use abi::calls::IoOut;
use abi::register::{Slot, Width};

/// The fake clock counts nanoseconds.
const MS: u64 = 1_000_000;

/// A world with running threads and a slow console.
fn slow() -> World {
    let world = World::new();
    world.machine.slow_down_console();
    world.machine.set_ticks_step(0);
    with_log(Log::become_buffered);
    world
}

/// Fires the timer at the tick that it is armed for, after the console has sent its bytes; returns their number.
fn fire(world: &World) -> usize {
    let sent = world.machine.empty_transmitter();
    let due = world.machine.take_timer().expect("the timer is armed");
    world.machine.set_ticks(due);
    world.kernel.enter(Cause::Timer);
    sent
}

#[test]
fn a_line_about_a_fault_does_not_wait_for_the_console() {
    let world = slow();
    let actor = world.domain();
    world.raise(actor, 6, 0, 0);
    assert!(actor.thread.stopped.get());
    assert_eq!(world.machine.console(), "caravan: thread ");
    // No thread runs: the timer is armed for the log alone, until all of it is written.
    while world.machine.timer().is_some() {
        assert!(fire(&world) <= TRANSMITTER_BYTES);
    }
    let console = world.machine.console();
    assert!(console.ends_with("fault 2, 0x6, 0x0\r\n"), "{console}");
    assert_eq!(console.lines().count(), 1);
}

#[test]
fn nothing_is_written_to_a_transmitter_that_still_sends() {
    let world = slow();
    crate::log!("a line that the transmitter cannot hold");
    let first = world.machine.console();
    for _ in 0..10 {
        with_log(Log::drain);
    }
    assert_eq!(world.machine.console(), first);
    world.machine.empty_transmitter();
    with_log(Log::drain);
    assert_eq!(world.machine.console().len(), 2 * TRANSMITTER_BYTES);
}

#[test]
fn lines_that_do_not_fit_are_counted_and_delay_nothing() {
    let world = slow();
    for number in 0..1000 {
        crate::log!("line {number}");
    }
    assert_eq!(world.machine.console().len(), TRANSMITTER_BYTES);
    while with_log(Log::drain).is_some() {
        world.machine.empty_transmitter();
    }
    crate::log!("the last");
    while with_log(Log::drain).is_some() {
        world.machine.empty_transmitter();
    }
    let console = world.machine.console();
    let lines: Vec<&str> = console.lines().collect();
    let kept = lines.len() - 2;
    assert!(kept > 100, "{kept}");
    for (number, line) in lines[..kept].iter().enumerate() {
        assert_eq!(*line, format!("caravan: line {number}"));
    }
    let missing = 1000 - kept;
    assert_eq!(
        lines[kept],
        format!("caravan: {missing} lines were dropped here")
    );
    assert_eq!(lines[kept + 1], "caravan: the last");
}

#[test]
fn lines_are_written_whole_before_threads_run_and_in_a_panic() {
    let world = World::new();
    crate::log!("at boot, a line that is longer than a transmitter");
    assert!(world.machine.console().ends_with("transmitter\r\n"));
    let world = slow();
    crate::log!("a line that is on its way when a panic comes");
    // The transmitter sends its bytes while the panic polls.
    world.machine.speed_up_console();
    with_log(Log::become_immediate);
    assert!(world.machine.console().ends_with("when a panic comes\r\n"));
}

#[test]
fn the_screen_has_the_lines_before_threads_run_and_those_of_a_panic() {
    let world = World::new();
    crate::log!("at boot");
    with_log(Log::become_buffered);
    crate::log!("while a domain owns the screen");
    with_log(Log::become_immediate);
    crate::log!("in a panic");
    let screen = world.machine.screen();
    assert!(screen.contains(&"caravan: at boot".to_string()));
    assert_eq!(
        screen.last().map(String::as_str),
        Some("caravan: in a panic")
    );
    assert!(!screen.iter().any(|line| line.contains("a domain owns")));
}

/// A test domain with the right to write to one port, and the slot of the capability.
fn writer(world: &World, first: u16) -> (TestDomain, Slot) {
    let actor = world.domain();
    let ports = Slot(slots::FREE);
    let place = actor.place(ports);
    create_ports(&world.kernel, actor.pool, [first; 2], place).expect("ports");
    (actor, ports)
}

/// Makes one step of a call that writes a byte; returns whether the byte was written.
fn writes(world: &World, (actor, ports): (TestDomain, Slot), port: u16, byte: u8) -> bool {
    world.machine.take_events();
    let (width, value) = (Width::Byte, byte.into());
    world.begin_step(
        actor,
        IoOut {
            ports,
            port,
            width,
            value,
        },
    );
    let written = |event: &fake::Event| matches!(event, fake::Event::IoWrite { .. });
    let is_written = world.machine.take_events().iter().any(written);
    assert_eq!(is_written, !world.is_at_call(actor));
    is_written
}

#[test]
fn user_modes_bytes_do_not_interrupt_a_line_of_the_kernel() {
    let world = slow();
    let user = writer(&world, CONSOLE_PORT);
    crate::log!("a line of some length");
    let mut tries = 0;
    while !writes(&world, user, CONSOLE_PORT, b'x') {
        world.machine.empty_transmitter();
        tries += 1;
    }
    let console = world.machine.console();
    assert_eq!(console, "caravan: a line of some length\r\n");
    assert!(tries >= console.len() / TRANSMITTER_BYTES, "{tries} tries");
}

#[test]
fn the_kernels_lines_do_not_interrupt_a_line_of_user_mode() {
    let world = slow();
    let user = writer(&world, CONSOLE_PORT);
    world.machine.set_ticks(100 * MS);
    assert!(writes(&world, user, CONSOLE_PORT, b'x'));
    crate::log!("first");
    assert_eq!(world.machine.console(), "");
    assert!(writes(&world, user, CONSOLE_PORT, b'\n'));
    with_log(Log::drain);
    assert_eq!(world.machine.console(), "caravan: first\r\n");
    // A line that user mode does not finish delays the kernel only briefly.
    world.machine.empty_transmitter();
    assert!(writes(&world, user, CONSOLE_PORT, b'>'));
    crate::log!("then");
    world.machine.set_ticks((100 + USER_LINE_MS) * MS);
    with_log(Log::drain);
    assert!(world.machine.console().ends_with("caravan: then\r\n"));
}

#[test]
fn a_stuck_transmitter_delays_user_mode_for_a_second_at_most() {
    let world = slow();
    let user = writer(&world, CONSOLE_PORT);
    crate::log!("a line of some length");
    assert!(!writes(&world, user, CONSOLE_PORT, b'x'));
    world.machine.set_ticks((STUCK_MS + 2) * MS);
    assert!(writes(&world, user, CONSOLE_PORT, b'x'));
    assert_eq!(with_log(Log::drain), None);
}

#[test]
fn the_machine_exits_after_the_last_line() {
    let world = slow();
    let user = writer(&world, EXIT_PORT);
    crate::log!("a last line that is longer than a transmitter");
    while !writes(&world, user, EXIT_PORT, 0x10) {
        world.machine.empty_transmitter();
    }
    assert!(world.machine.console().ends_with("than a transmitter\r\n"));
}

#[test]
fn while_threads_run_the_log_is_written_at_timer_ticks() {
    let world = slow();
    let actor = world.domain();
    world.kernel.scheduler.force(actor.thread);
    crate::log!("a line that takes several entries to write");
    let mut entries = 0;
    while with_log(|log| !log.ring.is_empty()) {
        fire(&world);
        entries += 1;
    }
    assert!(entries <= 3, "{entries}");
    world.begin_step(actor, calls::stop(slots::THREAD));
    assert!(actor.thread.stopped.get());
}
