//! Invalid thread states, and the export and import of vector registers.

use abi::thread_state::{ThreadState, VECTOR_AVX, VECTOR_LEGACY};
use abi::{Error, PRIORITY_MAX};

use super::scene::Scene;
use crate::arch::VectorComponent;
use crate::arch::fake::Event;
use crate::memory::Ref;
use crate::objects::Thread;

/// The name of a fault in a state, and the function that introduces it.
type Fault = (&'static str, fn(&mut ThreadState));

const FAULTS: &[Fault] = &[
    ("an unknown kind of wait", |state| state.awaits = 4),
    ("a huge kind of wait", |state| state.awaits = u64::MAX),
    ("a flag that is 2", |state| state.stopped = 2),
    ("a huge flag", |state| state.stopped = u64::MAX),
    ("a buffer in the middle of a page", |state| {
        state.message_buffer = 0x1001
    }),
    ("a buffer in the kernel", |state| {
        state.message_buffer = 0xffff_8000_0000_0000
    }),
    ("a buffer in the last page", |state| {
        state.message_buffer = abi::USER_END
    }),
    ("a non-canonical RIP", |state| state.registers.rip = 1 << 47),
    ("a non-canonical FS base", |state| {
        state.registers.fs_base = 1 << 63
    }),
    ("a non-canonical GS base", |state| {
        state.registers.gs_base = 0x7fff << 48
    }),
    ("an unknown component", |state| state.vectors = 4),
    ("AVX without SSE", |state| state.vectors = VECTOR_AVX),
    ("reserved bits of MXCSR", |state| {
        state.vectors = VECTOR_LEGACY;
        state.legacy[24..28].copy_from_slice(&0x1_1f80_u32.to_le_bytes());
    }),
];

#[test]
fn a_state_that_no_thread_may_have_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    scene.subject.thread.context.rbx.set(77);
    scene.freeze();
    let valid = scene.read(scene.subject.thread).expect("frozen");
    let version = scene.version();
    for (name, spoil) in FAULTS {
        let mut state = valid;
        state.registers.rbx = 0;
        spoil(&mut state);
        assert_eq!(scene.write(0, &state), Err(Error::BadState), "{name}");
    }
    assert_eq!(scene.read(scene.subject.thread), Ok(valid));
    assert_eq!(scene.version(), version);
}

#[test]
fn a_thread_cannot_give_a_priority_above_its_own() {
    let scene = Scene::new();
    scene.freeze();
    let mut state = scene.read(scene.subject.thread).expect("frozen");
    for priority in [11, u64::from(PRIORITY_MAX), u64::MAX] {
        state.priority = priority;
        assert_eq!(scene.write(0, &state), Err(Error::MissingRight));
    }
    state.priority = 10;
    assert_eq!(scene.write(0, &state), Ok(()));
}

#[test]
fn flags_that_give_privileges_are_masked() {
    let scene = Scene::new();
    scene.freeze();
    let mut state = scene.read(scene.subject.thread).expect("frozen");
    state.registers.rflags = u64::MAX;
    assert_eq!(scene.write(0, &state), Ok(()));
    let written = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(written.registers.rflags, 0x24_4fd7);
}

#[test]
fn flags_that_a_thread_can_set_by_itself_move_with_it() {
    // TF, DF, NT, AC and ID.
    const FLAGS: u64 = 1 << 8 | 1 << 10 | 1 << 14 | 1 << 18 | 1 << 21;
    let scene = Scene::new();
    let flags = &scene.subject.thread.context.rflags;
    flags.set(flags.get() | FLAGS);
    scene.freeze();
    let read = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(read.registers.rflags & FLAGS, FLAGS);
    assert_eq!(scene.write(1, &read), Ok(()));
    assert_eq!(scene.read(scene.helper), Ok(read));
}

#[test]
fn a_running_thread_is_neither_read_nor_written() {
    let scene = Scene::new();
    assert_eq!(scene.read(scene.subject.thread), Err(Error::WrongState));
    let state = ThreadState {
        stopped: 0,
        ..ThreadState::EMPTY
    };
    assert_eq!(scene.write(0, &state), Err(Error::WrongState));
}

/// Acts as a thread that fills its vector registers. Its first use of them raises the exception that enables them.
fn use_vectors(scene: &Scene, thread: Ref<Thread>, byte: u8) {
    scene.world.kernel.scheduler.force(thread);
    if !scene.world.machine.use_vectors(byte) {
        try_vectors(scene);
        assert!(scene.world.machine.use_vectors(byte));
    }
}

/// Raises the exception for disabled vector registers in the running thread.
fn try_vectors(scene: &Scene) {
    let cause = crate::arch::Cause::Exception {
        vector: 7,
        error: 0,
        address: 0,
    };
    scene.world.kernel.enter(cause);
}

#[test]
fn an_exported_state_survives_an_import() {
    const RESUME: u64 = 1 << 16;
    let scene = Scene::new();
    let context = &scene.subject.thread.context;
    // The processor sets RF at a fault.
    context.rflags.set(context.rflags.get() | RESUME);
    scene.freeze();
    let read = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(scene.write(0, &read), Ok(()));
    assert_eq!(scene.read(scene.subject.thread), Ok(read));
}

#[test]
fn vector_registers_move_with_their_thread_and_do_not_stay_behind() {
    let scene = Scene::new();
    let scheduler = &scene.world.kernel.scheduler;
    use_vectors(&scene, scene.subject.thread, 0x5a);
    scene.freeze();
    let state = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(state.vectors & VECTOR_LEGACY, VECTOR_LEGACY);
    assert_eq!(state.legacy[160..416], [0x5a; 256]);
    let mut other = state;
    scene.write(1, &other).expect("an exported state");
    other.vectors = 0;
    scene.write(0, &other).expect("without vectors");
    scene.thaw();
    scheduler.force(scene.helper);
    assert_eq!(scene.world.machine.vectors(), Some(0x5a));
    scheduler.force(scene.subject.thread);
    assert_eq!(scene.world.machine.vectors(), None);
    try_vectors(&scene);
    assert_eq!(scene.world.machine.vectors(), Some(0));
}

#[test]
fn a_thread_without_vector_registers_runs_with_cleared_ones() {
    let scene = Scene::new();
    let (kernel, machine) = (&scene.world.kernel, scene.world.machine);
    let [user, other] = [scene.subject.thread, scene.helper];
    let runs = |thread| {
        kernel.scheduler.force(thread);
        machine.live_vectors()
    };
    use_vectors(&scene, user, 0x5a);
    assert_eq!(runs(other), 0);
    assert_eq!(machine.vectors(), None);
    assert_eq!(runs(user), 0x5a);
    // This also holds after the thread that uses the registers was exported.
    scene.freeze();
    scene.read(user).expect("frozen");
    assert_eq!(runs(scene.manager.thread), 0);
    scene.thaw();
    assert_eq!(runs(user), 0x5a);
}

#[test]
fn switches_between_threads_without_vector_registers_do_not_access_them() {
    let scene = Scene::new();
    let threads = [scene.subject.thread, scene.helper, scene.manager.thread];
    scene.world.kernel.scheduler.force(threads[2]);
    scene.world.machine.take_events();
    for thread in threads.iter().cycle().take(9) {
        scene.world.kernel.scheduler.force(*thread);
    }
    let events = scene.world.machine.take_events();
    let touched = |event: &Event| {
        matches!(
            event,
            Event::VectorsSave | Event::VectorsLoad | Event::VectorsClear
        )
    };
    assert!(!events.iter().any(touched), "{events:?}");
}

#[test]
fn a_component_that_a_thread_never_used_is_not_exported() {
    let scene = Scene::new();
    let read = || {
        let frozen = scene.read(scene.subject.thread).expect("frozen");
        frozen.vectors
    };
    scene.freeze();
    assert_eq!(read(), 0);
    scene.thaw();
    use_vectors(&scene, scene.subject.thread, 0x5a);
    scene.freeze();
    assert_eq!(read(), VECTOR_LEGACY);
    let mut state = scene.read(scene.subject.thread).expect("frozen");
    state.vectors |= VECTOR_AVX;
    state.avx[0] = 1;
    scene.write(0, &state).expect("the machine has AVX");
    assert_eq!(read(), VECTOR_LEGACY | VECTOR_AVX);
}

#[test]
fn a_machine_without_avx_accepts_a_thread_that_did_not_use_it() {
    let scene = Scene::new();
    use_vectors(&scene, scene.subject.thread, 0x5a);
    scene.freeze();
    let mut state = scene.read(scene.subject.thread).expect("frozen");
    scene
        .world
        .machine
        .remove_vector_component(VectorComponent::AvxHigh);
    assert_eq!(scene.write(0, &state), Ok(()));
    state.vectors |= VECTOR_AVX;
    assert_eq!(scene.write(0, &state), Err(Error::BadState));
}
