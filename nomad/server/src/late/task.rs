//! The task between the tunnel and the channel. It receives frames from the switch, sends frames for domains here to
//! the switch, and sends the other frames to their machines.

use alloc::boxed::Box;

use embassy_futures::select::select3;
use embassy_time::{Duration, Instant as Now, Timer};
use runtime::Start;
use runtime::capability::Notification;
use runtime::port::{Doorbell, FRAME_BYTES_MAX, Port, SLOT_COUNT, Side, Tunnel};

use crate::now::now;
use crate::server::Server;
use nomad_shell::late::table::INWARD_MAX;

/// How long the task sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// The tunnel that the start page names.
///
/// # Panics
/// If the start page names none.
pub fn tunnel(start: Start) -> Tunnel {
    let memory = start
        .shared_memory("tunnel")
        .expect("started without a tunnel");
    let port = Port::try_new(memory, Side::Domain).expect("a tunnel of the right size");
    let doorbell = Doorbell {
        notification: start.require::<Notification>("doorbell"),
        flags: start.require_argument("doorbell"),
    };
    Tunnel::new(port, doorbell)
}

/// Forwards frames, forever.
pub async fn run(server: &'static Server, mut tunnel: Tunnel) {
    loop {
        receive_frames(server, &mut tunnel);
        let is_full = !send_frames(server, &mut tunnel);
        send_late(server);
        let due = due(server);
        select3(tunnel.wait(is_full), server.late.changed.wait(), due).await;
    }
}

/// Receives frames from the switch, unless too many frames wait to go back to it.
fn receive_frames(server: &Server, tunnel: &mut Tunnel) {
    let mut frame = Box::new([0; FRAME_BYTES_MAX]);
    let mut table = server.late.table.borrow_mut();
    for _ in 0..SLOT_COUNT {
        if table.inward_count() >= INWARD_MAX {
            return;
        }
        let Some(length) = tunnel.receive(&mut frame) else {
            return;
        };
        table.handle_frame(&frame[..length]);
    }
}

/// Sends the frames for domains here to the switch; returns whether the switch accepted all.
fn send_frames(server: &Server, tunnel: &mut Tunnel) -> bool {
    let mut table = server.late.table.borrow_mut();
    while let Some(frame) = table.inward() {
        if !tunnel.send(frame) {
            return false;
        }
        table.put();
    }
    true
}

/// Puts pending messages into the outbox.
fn send_late(server: &Server) {
    let now_us = now().as_us();
    server.late.table.borrow_mut().expire(now_us);
    loop {
        let next = server.late.table.borrow_mut().poll(now_us);
        let Some((to, transaction, late)) = next else {
            return;
        };
        server.send_late(to, transaction, late);
        server.reported.signal(());
    }
}

fn due(server: &Server) -> Timer {
    let next_us = server.late.table.borrow().poll_timeout_us();
    Timer::at(next_us.map_or_else(|| Now::now() + IDLE, Now::from_micros))
}
