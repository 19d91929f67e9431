//! Thread states that lie, and vector registers on their way.

use abi::thread_state::{ThreadState, VECTOR_AVX, VECTOR_LEGACY};
use abi::{Error, PRIORITY_MAX};

use super::scene::Scene;

/// What is wrong with a state.
type Lie = (&'static str, fn(&mut ThreadState));

const LIES: &[Lie] = &[
    ("nothing that is awaited", |state| state.awaits = 3),
    ("awaiting far off", |state| state.awaits = u64::MAX),
    ("more than stopped", |state| state.stopped = 2),
    ("stopped far off", |state| state.stopped = u64::MAX),
    ("a buffer in the middle of a page", |state| {
        state.message_buffer = 0x1001
    }),
    ("a buffer in the kernel", |state| {
        state.message_buffer = 0xffff_8000_0000_0000
    }),
    ("a buffer in the last page", |state| {
        state.message_buffer = abi::USER_END
    }),
    ("an instruction nowhere", |state| {
        state.registers.rip = 1 << 47
    }),
    ("an FS base nowhere", |state| {
        state.registers.fs_base = 1 << 63
    }),
    ("a GS base nowhere", |state| {
        state.registers.gs_base = 0x7fff << 48
    }),
    ("a component that none has", |state| state.vectors = 4),
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
    let honest = scene.read(scene.subject.thread).expect("frozen");
    let version = scene.version();
    for (name, lie) in LIES {
        let mut state = honest;
        state.registers.rbx = 0;
        lie(&mut state);
        assert_eq!(scene.write(0, &state), Err(Error::BadState), "{name}");
    }
    assert_eq!(scene.read(scene.subject.thread), Ok(honest));
    assert_eq!(scene.version(), version);
}

#[test]
fn nobody_gives_a_priority_above_his_own() {
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
    assert_eq!(written.registers.rflags, 0xed7);
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

#[test]
fn vector_registers_move_with_their_thread_and_stay_nowhere() {
    let scene = Scene::new();
    let kernel = &scene.world.kernel;
    let use_vectors = |thread, byte| {
        kernel.scheduler.force(thread);
        if !scene.world.machine.use_vectors(byte) {
            kernel.enter(crate::arch::Cause::Exception {
                vector: 7,
                error: 0,
                address: 0,
            });
            assert!(scene.world.machine.use_vectors(byte));
        }
    };
    use_vectors(scene.subject.thread, 0x5a);
    scene.freeze();
    let state = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(state.vectors & VECTOR_LEGACY, VECTOR_LEGACY);
    assert_eq!(state.legacy[160..416], [0x5a; 256]);
    let mut other = state;
    scene.write(1, &other).expect("it was read so");
    other.vectors = 0;
    scene.write(0, &other).expect("without vectors");
    scene.thaw();
    kernel.scheduler.force(scene.helper);
    assert_eq!(scene.world.machine.vectors(), Some(0x5a));
    kernel.scheduler.force(scene.subject.thread);
    assert_eq!(scene.world.machine.vectors(), None);
    kernel.enter(crate::arch::Cause::Exception {
        vector: 7,
        error: 0,
        address: 0,
    });
    assert_eq!(scene.world.machine.vectors(), Some(0));
}
