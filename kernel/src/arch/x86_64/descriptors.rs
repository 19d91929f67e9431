//! The descriptor tables of a core: segments, task state with the stacks of exceptions, and the interrupt table.

use super::core_local::{Core, STACK, STACKS_OF_EXCEPTIONS, Stack};
use super::entry;
use core::mem::size_of;
use spin::Once;
use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, DS, ES, FS, GS, SS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::tss::TaskStateSegment;

/// The selectors, in the order that SYSCALL and SYSRET require.
#[derive(Clone, Copy)]
pub(super) struct Selectors {
    pub(super) kernel_code: SegmentSelector,
    pub(super) kernel_data: SegmentSelector,
    pub(super) user_data: SegmentSelector,
    pub(super) user_code: SegmentSelector,
    task: SegmentSelector,
}

/// A core's descriptor tables.
pub(super) struct Descriptors {
    segments: GlobalDescriptorTable,
    /// The selectors in `segments`.
    pub(super) selectors: Selectors,
}

/// The user's stack and code selector, as the entry code pushes them for IRET.
pub(super) const USER_DATA: u16 = 0x18 | 3;
/// See [`USER_DATA`].
pub(super) const USER_CODE: u16 = 0x20 | 3;

/// The exceptions with their own stack, in the order of the stacks: debug, NMI, double fault, machine check.
///
/// Debug exceptions, NMIs and machine checks come at any time, even while the stack is still the user's. An overflow of the
/// kernel's stack ends in a double fault: the page below the stack is not mapped, so no other exception can be delivered on
/// it.
const WITH_OWN_STACK: [u8; STACKS_OF_EXCEPTIONS.len()] = [1, 2, 8, 18];

/// The breakpoint exception, which user code may raise with an instruction.
const BREAKPOINT: u8 = 3;

static TASK: Once<TaskStateSegment> = Once::new();
static GATES: Once<[Gate; 256]> = Once::new();

/// An entry of the interrupt table: an interrupt gate, which turns interrupts off.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    low: u64,
    high: u64,
}

impl Gate {
    fn new(vector: u8, code: SegmentSelector) -> Self {
        const PRESENT_INTERRUPT_GATE: u64 = 0x8e00;
        const FROM_USER: u64 = 0x6000;
        let address = entry::stub(vector).as_u64();
        let stack = WITH_OWN_STACK.iter().position(|&other| other == vector);
        let stack = stack.map_or(0, |index| index as u64 + 1);
        let from_user = if vector == BREAKPOINT { FROM_USER } else { 0 };
        let attributes = PRESENT_INTERRUPT_GATE | from_user | stack;
        Self {
            low: (address & 0xffff)
                | u64::from(code.0) << 16
                | attributes << 32
                | (address >> 16 & 0xffff) << 48,
            high: address >> 32,
        }
    }
}

/// Makes and loads the tables of the boot core.
pub(super) fn initialise(core: &'static Core) {
    let task = TASK.call_once(task_state);
    let descriptors = core.descriptors.call_once(|| Descriptors::new(task));
    descriptors.segments.load();
    let selectors = descriptors.selectors;
    // SAFETY: the table that was just loaded has these segments, all of them flat.
    unsafe {
        CS::set_reg(selectors.kernel_code);
        SS::set_reg(selectors.kernel_data);
        load_tss(selectors.task);
    }
    clear_data_segments();
    let gates = GATES.call_once(|| {
        core::array::from_fn(|vector| Gate::new(vector as u8, selectors.kernel_code))
    });
    let pointer = DescriptorTablePointer {
        limit: (size_of::<[Gate; 256]>() - 1) as u16,
        base: VirtAddr::from_ptr(gates),
    };
    // SAFETY: every gate leads to its stub, and the table is a static.
    unsafe { lidt(&pointer) };
}

/// Clears the unused segment registers, which on some processors also clears the bases of FS and GS.
fn clear_data_segments() {
    let base = x86_64::registers::model_specific::GsBase::read();
    // SAFETY: in 64-bit mode the data segments are unused except for the bases of FS and GS; GS's is restored.
    unsafe {
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        FS::set_reg(SegmentSelector::NULL);
        GS::set_reg(SegmentSelector::NULL);
    }
    x86_64::registers::model_specific::GsBase::write(base);
}

fn task_state() -> TaskStateSegment {
    let mut task = TaskStateSegment::new();
    task.privilege_stack_table[0] = STACK.top();
    task.interrupt_stack_table = core::array::from_fn(|index| {
        STACKS_OF_EXCEPTIONS
            .get(index)
            .map_or(VirtAddr::zero(), Stack::top)
    });
    task
}

impl Descriptors {
    fn new(task: &'static TaskStateSegment) -> Self {
        let mut segments = GlobalDescriptorTable::new();
        let selectors = Selectors {
            kernel_code: segments.append(Descriptor::kernel_code_segment()),
            kernel_data: segments.append(Descriptor::kernel_data_segment()),
            user_data: segments.append(Descriptor::user_data_segment()),
            user_code: segments.append(Descriptor::user_code_segment()),
            task: segments.append(Descriptor::tss_segment(task)),
        };
        assert_eq!(
            (selectors.user_data.0, selectors.user_code.0),
            (USER_DATA, USER_CODE)
        );
        Self {
            segments,
            selectors,
        }
    }
}
