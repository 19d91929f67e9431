//! The list of workloads: [`WORKLOADS`]. They keep their state in registers, on their stacks and on their boards, since a domain created
//! for them alone has no data segment.

use crate::board::Board;
use crate::crowd::{calls_in_a_crowd, replies_in_a_crowd};
use crate::derives::derives_and_revokes;
use crate::long_calls::{
    describes_itself, fills_and_empties, makes_and_destroys, revokes_many, supplies_pages,
    uses_paged_memory,
};
use crate::messages::{
    calls_at_length, receives_and_is_notified, replies_at_length, sends, signals_receiver,
};
use crate::modes::{keeps_direction, keeps_flags, keeps_mxcsr, keeps_segment_bases, keeps_x87};
use crate::simple::{
    calls_inside, calls_its_holder, calls_outside, computes, computes_with_vectors, faults,
    handles_faults, pings, pongs, recurses, replies_inside, stops_its_caller, waits_for_a_deadline,
};
use crate::stops::{
    handles_traps, restarts_trapped_thread, runs_and_is_stopped, stops_running_thread, traps,
};

/// A thread's entry function, with its board.
pub type Script = extern "C" fn(Board) -> !;

/// The work of a thread.
#[derive(Clone, Copy)]
pub struct Workload {
    /// A verb phrase, as in "the thread that computes".
    pub name: &'static str,
    /// The thread's entry function.
    pub script: Script,
    /// The resources that it needs.
    pub needs: Needs,
}

/// A resource that a workload needs besides its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The next workload handles its faults, and may stop it.
    FaultHandler,
    /// The next workload may stop it while it calls.
    Holder,
    /// The next workload may stop it while it runs.
    Stopper,
    /// The next workload handles its traps, and the one after that may restart it.
    Tracer,
    /// [`DOORBELL`](crate::slots::DOORBELL) is bound to it.
    Doorbell,
    /// The next workload is the pager of its Memory.
    Pager,
    /// A service outside the domain at [`OUTSIDE`](crate::slots::OUTSIDE).
    Server,
    /// A time-stamp counter that a move does not change.
    Counter,
    /// [`DOMAIN`](crate::slots::DOMAIN) may be described.
    Description,
}

/// All workloads, with a thread each, in this order.
pub const WORKLOADS: [Workload; 40] = [
    plain("computes", computes),
    plain("computes with vectors", computes_with_vectors),
    plain("calls inside", calls_inside),
    plain("replies inside", replies_inside),
    needy("calls outside", calls_outside, Needs::Server),
    needy("waits for a deadline", waits_for_a_deadline, Needs::Counter),
    plain("pings", pings),
    plain("pongs", pongs),
    needy("faults", faults, Needs::FaultHandler),
    plain("handles faults", handles_faults),
    plain("recurses", recurses),
    needy("calls outside too", calls_outside, Needs::Server),
    needy("is stopped while it calls", calls_its_holder, Needs::Holder),
    plain("stops its caller", stops_its_caller),
    plain("derives and revokes", derives_and_revokes),
    plain("sends", sends),
    needy(
        "receives and is notified",
        receives_and_is_notified,
        Needs::Doorbell,
    ),
    plain("signals the receiver", signals_receiver),
    needy("uses paged memory", uses_paged_memory, Needs::Pager),
    plain("supplies pages", supplies_pages),
    plain("calls at length", calls_at_length),
    plain("replies at length", replies_at_length),
    plain("fills and empties", fills_and_empties),
    plain("makes and destroys", makes_and_destroys),
    plain("revokes many", revokes_many),
    needy("describes itself", describes_itself, Needs::Description),
    plain("keeps segment bases", keeps_segment_bases),
    plain("keeps the x87 unit", keeps_x87),
    plain("keeps MXCSR", keeps_mxcsr),
    plain("keeps the direction flag", keeps_direction),
    plain("keeps flags", keeps_flags),
    plain("calls in a crowd", calls_in_a_crowd::<0>),
    plain("calls in a crowd too", calls_in_a_crowd::<1>),
    plain("replies in a crowd", replies_in_a_crowd::<0>),
    plain("replies in a crowd too", replies_in_a_crowd::<1>),
    needy("runs and is stopped", runs_and_is_stopped, Needs::Stopper),
    plain("stops a running thread", stops_running_thread),
    needy("traps", traps, Needs::Tracer),
    plain("handles traps", handles_traps),
    plain("restarts a trapped thread", restarts_trapped_thread),
];

/// A workload that needs nothing.
pub const fn plain(name: &'static str, script: Script) -> Workload {
    needy(name, script, Needs::Nothing)
}

const fn needy(name: &'static str, script: Script, needs: Needs) -> Workload {
    Workload {
        name,
        script,
        needs,
    }
}
