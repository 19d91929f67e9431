//! System calls: decode, check, perform.
//!
//! [`handle`] decodes the registers into a [`Request`], and [`dispatch`] is the list of calls. The files below implement the
//! calls. Each call does first everything that can fail, then everything that cannot. One place writes results back.
//!
//! | file | calls |
//! | --- | --- |
//! | `lookup` | from untrusted slot numbers to typed objects |
//! | `message` | call, reply, send, receive, signal, wait, yield |
//! | `capability` | copy, mint, move, delete, revoke, inspect |
//! | `pool` | split, create, destroy |
//! | `domain` | map, install, freeze, describe, retire |
//! | `own` | map and hold, through a domain's own capabilities |
//! | `pages` | a captured domain's pages: copy, map, grant, bitmaps of present and dirty pages |
//! | `thread` | start, stop, read, write |
//! | `memory` | populate, supply, discard, pager |
//! | `device` | interrupts, ports, device memory, the restart of the machine |

mod capability;
mod device;
mod domain;
mod lookup;
#[cfg(test)]
mod matrix;
mod memory;
mod message;
mod own;
mod pages;
mod pool;
#[cfg(test)]
mod tests;
mod thread;

use abi::{Error, Request};

use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Step, Thread};
use crate::scheduler::TimeBudget;

/// The outcome of a call that did not fail.
enum Outcome {
    /// Complete, with results from the first result register on.
    Return(Results),
    /// One step is done; the argument registers hold the rest, and the call restarts. An interrupt may come in between.
    Again,
    /// The thread's registers and phase already hold the outcome.
    Settled,
}

/// Up to three result registers.
enum Results {
    None,
    One(u64),
    Two(u64, u64),
    Three(u64, u64, u64),
}

impl Outcome {
    const DONE: Outcome = Outcome::Return(Results::None);

    fn one(value: u64) -> Outcome {
        Outcome::Return(Results::One(value))
    }
}

/// The maximum number of steps of a long call in one entry, however short they are.
const STEPS_PER_ENTRY: usize = 16;

/// Takes steps of a long call until it is done, or until interrupts have to be permitted.
#[inline]
fn in_steps(mut step: impl FnMut() -> Result<Step, Error>) -> CallResult {
    let budget = TimeBudget::start();
    for _ in 0..STEPS_PER_ENTRY {
        if step()? == Step::Done {
            return Ok(Outcome::DONE);
        }
        if budget.is_spent() {
            break;
        }
    }
    Ok(Outcome::Again)
}

/// The result of every call.
type CallResult = Result<Outcome, Error>;

/// Handles the system call that the running thread made.
///
/// # Panics
/// If no thread runs.
pub fn handle(kernel: &Kernel) {
    let thread = kernel
        .scheduler
        .current()
        .expect("only a running thread makes system calls");
    let request = Request::decode(thread.context.rax.get(), &thread.arguments());
    match request.and_then(|request| dispatch(kernel, thread, request)) {
        Ok(Outcome::Return(results)) => write_back(thread, results),
        Ok(Outcome::Again) => thread.rewind(),
        Ok(Outcome::Settled) => {}
        Err(error) => thread.context.rax.set(error as u64),
    }
}

fn write_back(thread: Ref<Thread>, results: Results) {
    thread.context.rax.set(0);
    let (first, second, third) = match results {
        Results::None => return,
        Results::One(first) => (first, None, None),
        Results::Two(first, second) => (first, Some(second), None),
        Results::Three(first, second, third) => (first, Some(second), Some(third)),
    };
    thread.set_argument(0, first);
    for (index, value) in [(1, second), (2, third)] {
        if let Some(value) = value {
            thread.set_argument(index, value);
        }
    }
}

/// The list of calls.
fn dispatch(kernel: &Kernel, caller: Ref<Thread>, request: Request) -> CallResult {
    match request {
        Request::Null(_) => Ok(Outcome::DONE),
        Request::Call(call) => message::call(kernel, caller, call),
        Request::ReplyAndReceive(call) => message::reply_and_receive(kernel, caller, call),
        Request::Send(call) => message::send(kernel, caller, call),
        Request::Receive(call) => message::receive(kernel, caller, call),
        Request::Reply(call) => message::reply(kernel, caller, call),
        Request::Signal(call) => message::signal(kernel, caller, call),
        Request::Wait(call) => message::wait(kernel, caller, call),
        Request::Yield(_) => message::yield_now(kernel),
        Request::SignalAndWait(call) => message::signal_and_wait(kernel, caller, call),

        Request::CapabilityCopy(call) => capability::copy(caller, call),
        Request::CapabilityMint(call) => capability::mint(caller, call),
        Request::CapabilityMove(call) => capability::move_to(caller, call),
        Request::CapabilityDelete(call) => capability::delete(kernel, caller, call),
        Request::CapabilityRevoke(call) => capability::revoke(kernel, caller, call),
        Request::CapabilityInspect(call) => capability::inspect(caller, call),
        Request::CapabilityIdentify(call) => capability::identify(caller, call),

        Request::PoolSplit(call) => pool::split(kernel, caller, call),
        Request::PoolReport(call) => pool::report(caller, call),
        Request::DomainCreate(call) => pool::create_domain(kernel, caller, call),
        Request::ThreadCreate(call) => pool::create_thread(kernel, caller, call),
        Request::MemoryCreate(call) => pool::create_memory(kernel, caller, call),
        Request::MemoryCreateContiguous(call) => pool::create_contiguous(kernel, caller, call),
        Request::EndpointCreate(call) => pool::create_endpoint(kernel, caller, call),
        Request::NotificationCreate(call) => pool::create_notification(kernel, caller, call),
        Request::Destroy(call) => pool::destroy(kernel, caller, call),
        Request::DestroyChild(call) => pool::destroy_child(kernel, caller, call),

        Request::DomainMap(call) => domain::map(kernel, caller, call),
        Request::DomainUnmap(call) => domain::unmap(kernel, caller, call),
        Request::DomainInstall(call) => domain::install(caller, call),
        Request::DomainRemove(call) => domain::remove(kernel, caller, call),
        Request::DomainDerive(call) => domain::derive(caller, call),
        Request::DomainInstallReply(call) => domain::install_reply(caller, call),
        Request::DomainGrow(call) => domain::grow(kernel, caller, call),
        Request::DomainFreeze(call) => domain::freeze(kernel, caller, call),
        Request::DomainThaw(call) => domain::thaw(kernel, caller, call),
        Request::DomainDescribe(call) => domain::describe(kernel, caller, call),
        Request::DomainRetire(call) => domain::retire(kernel, caller, call),
        Request::DomainUnretire(call) => domain::unretire(kernel, caller, call),
        Request::DomainClock(call) => domain::set_clock(kernel, caller, call),
        Request::DomainReadThread(call) => domain::read_thread(kernel, caller, call),
        Request::DomainMapCaptured(call) => pages::map_captured(kernel, caller, call),
        Request::DomainPages(call) => pages::read_set(kernel, caller, call),
        Request::DomainReadPages(call) => pages::read(caller, call),
        Request::DomainBeginLog(call) => pages::begin_log(caller, call),
        Request::DomainMapOwn(call) => own::map(kernel, caller, call),
        Request::DomainHold(call) => own::hold(kernel, caller, call),
        Request::DomainGrantPages(call) => pages::grant(kernel, caller, call),

        Request::ThreadStart(call) => thread::start(kernel, caller, call),
        Request::ThreadStop(call) => thread::stop(kernel, caller, call),
        Request::ThreadRead(call) => thread::read(kernel, caller, call),
        Request::ThreadWrite(call) => thread::write(kernel, caller, call),
        Request::ThreadSchedule(call) => thread::schedule(kernel, caller, call),
        Request::ThreadBind(call) => thread::bind(kernel, caller, call),
        Request::ThreadFaults(call) => thread::set_fault_endpoint(kernel, caller, call),
        Request::ThreadPrepare(call) => thread::prepare(kernel, caller, call),

        Request::MemoryPopulate(call) => memory::populate(kernel, caller, call),
        Request::MemorySupply(call) => memory::supply(kernel, caller, call),
        Request::MemoryDiscard(call) => memory::discard(kernel, caller, call),
        Request::MemoryPager(call) => memory::set_pager(kernel, caller, call),

        Request::InterruptCreateLine(call) => device::create_line(kernel, caller, call),
        Request::InterruptCreateMessage(call) => device::create_message(kernel, caller, call),
        Request::InterruptBind(call) => device::bind(kernel, caller, call),
        Request::InterruptAcknowledge(call) => device::acknowledge(kernel, caller, call),
        Request::IoPortsCreate(call) => device::create_ports(kernel, caller, call),
        Request::IoIn(call) => device::read_port(caller, call),
        Request::IoOut(call) => device::write_port(caller, call),
        Request::DeviceMemoryCreate(call) => device::create_memory(kernel, caller, call),
        Request::Random(call) => device::random(caller, call),
        Request::Reboot(call) => device::reboot(caller, call),
    }
}
