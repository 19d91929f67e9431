//! The list of all figures.

use framebuffer::{Page, Surface};
use guest_support::console::Console;

use crate::bench::{Bench, Failure};
use crate::{copying, faults, freezing, granting, messages, objects, show};

/// A screen may have few lines.
const COLUMNS: usize = 2;

type Measure = fn(&Bench) -> Result<u64, Failure>;

/// The figures, all in ticks.
const FIGURES: &[(&str, Measure)] = &[
    ("syscall.null", objects::null),
    ("ipc.call_reply.0", messages::call_reply::<0>),
    ("ipc.call_reply.4", messages::call_reply::<4>),
    ("ipc.call_reply.64", messages::call_reply::<64>),
    (
        "ipc.call_reply.0.vectors",
        messages::call_reply_with_vectors,
    ),
    ("notification.signal_nobody", messages::signal_nobody),
    ("notification.wait_signalled", messages::wait_signalled),
    ("notification.wake_round_trip", messages::wake_round_trip),
    ("yield.round_trip", messages::yield_round_trip),
    ("fault.page", faults::page),
    ("fault.absent_page", faults::absent_page),
    ("fault.exception", faults::exception),
    ("map.page", objects::map_page),
    ("unmap.page", objects::unmap_page),
    ("object.create.memory_page", objects::create_memory_page),
    ("object.create.thread", objects::create_thread),
    ("object.create.endpoint", objects::create_endpoint),
    ("capability.copy", objects::copy),
    ("capability.mint", objects::mint),
    ("capability.move", objects::move_to),
    ("capability.delete", objects::delete),
    ("capability.revoke_1000", objects::revoke_many),
    ("destroy.1000_endpoints", objects::destroy_endpoints),
    ("destroy.1000_pages", objects::destroy_pages),
    ("domain.freeze.1_mib", freezing::freeze::<1>),
    ("domain.freeze.64_mib", freezing::freeze::<64>),
    ("domain.read_pages.8", copying::read_pages),
    ("domain.take_dirty_pages.512", copying::take_dirty_pages),
    ("domain.grant_pages.512", granting::grant_pages),
];

/// Measures and prints all figures; the error names the figure that could not be measured.
pub fn measure_all(
    bench: &Bench,
    console: &Console,
    mut page: Option<&mut Page<impl Surface>>,
) -> Result<(), (&'static str, Failure)> {
    show(
        page.as_deref_mut(),
        format_args!("the kernel's benchmarks, in ticks of the time-stamp counter"),
    );
    for pair in FIGURES.chunks(COLUMNS) {
        let mut line = [("", 0); COLUMNS];
        for ((name, measure), shown) in pair.iter().zip(&mut line) {
            let value = measure(bench).map_err(|failure| (*name, failure))?;
            console.line(format_args!("bench {name} {value} ticks"));
            *shown = (name, value);
        }
        let [(name, value), (other, other_value)] = line;
        show(
            page.as_deref_mut(),
            format_args!("{name:<29} {value:>9} {other:<29} {other_value:>9}"),
        );
    }
    show(
        page,
        format_args!("these are all; the machine can be turned off"),
    );
    Ok(())
}
