//! Writer and reader together: round trips, and malicious images.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::samples::{description, identity};
use crate::*;

const MEMORY: MemoryKey = MemoryKey::Inside(crate::samples::MEMORY);

fn outline() -> Outline {
    Outline {
        identity: identity(),
        pool_pages: 2000,
        present_pages: 3,
    }
}

fn map(changes: &[PageChange]) -> PageMap {
    let mut map = PageMap::try_new(changes.len()).expect("fits");
    changes
        .iter()
        .enumerate()
        .for_each(|(page, change)| map.set(page, *change));
    map
}

/// An image: a round that contains a state, then a chunk, a state and a seal, then a state, a chunk and a seal that replace the
/// sealed state.
fn image() -> Vec<u8> {
    use PageChange::*;
    let mut out = Vec::new();
    let mut writer = Writer::new(1, &mut out);
    writer.outline(0, &outline(), &mut out);
    writer.memory(0, &Announcement::empty(MEMORY, 1024), &mut out);
    writer.chunk(0, MEMORY, 0, &map(&[Data, Zero, Absent, Data]), &mut out);
    writer.page(&[1; PAGE_BYTES], &mut out);
    writer.page(&[2; PAGE_BYTES], &mut out);
    writer.state(0, &description(), &mut out);
    writer.round(
        0,
        Round {
            number: 1,
            data_pages: 2,
        },
        &mut out,
    );
    writer.chunk(0, MEMORY, 512, &map(&[Data]), &mut out);
    writer.page(&[3; PAGE_BYTES], &mut out);
    writer.state(0, &description(), &mut out);
    writer.seal(&mut out);
    writer.state(0, &description(), &mut out);
    writer.chunk(0, MEMORY, 0, &map(&[Absent]), &mut out);
    writer.seal(&mut out);
    out
}

/// An image in comparable form: heads, and the first byte of each page.
#[derive(Debug, PartialEq, Eq)]
enum Summary {
    Record(&'static str),
    Page(MemoryKey, u64, u8),
}

fn read(image: &[u8], step: usize, limits: Limits) -> Result<Vec<Summary>, Error> {
    let mut reader = Reader::new(limits);
    let mut events = Vec::new();
    for part in image.chunks(step) {
        let mut rest = part;
        loop {
            let (used, event) = reader.read(rest)?;
            let silent = event.is_none();
            events.extend(event.map(|event| match event {
                Event::Begun(_) => Summary::Record("begun"),
                Event::Outline(..) => Summary::Record("outline"),
                Event::Memory(..) => Summary::Record("memory"),
                Event::Chunk(..) => Summary::Record("chunk"),
                Event::Page(_, memory, page, bytes) => Summary::Page(memory, page, bytes[0]),
                Event::Round(..) => Summary::Record("round"),
                Event::State(..) => Summary::Record("state"),
                Event::Sealed(_) => Summary::Record("sealed"),
            }));
            rest = &rest[used..];
            if rest.is_empty() && silent {
                break;
            }
        }
    }
    reader.finish().map(|()| events)
}

#[test]
fn reads_an_image_cut_into_any_pieces() {
    use Summary::*;
    let image = image();
    let whole = read(&image, image.len(), Limits::default()).expect("reads");
    assert_eq!(
        whole,
        vec![
            Record("begun"),
            Record("outline"),
            Record("memory"),
            Record("chunk"),
            Page(MEMORY, 0, 1),
            Page(MEMORY, 3, 2),
            Record("state"),
            Record("round"),
            Record("chunk"),
            Page(MEMORY, 512, 3),
            Record("state"),
            Record("sealed"),
            Record("state"),
            Record("chunk"),
            Record("sealed"),
        ]
    );
    for step in [1, 7, 1460, 4096, 5000] {
        assert_eq!(
            read(&image, step, Limits::default()).as_ref(),
            Ok(&whole),
            "{step}"
        );
    }
}

#[test]
fn a_truncated_image_is_never_whole_except_at_a_seal() {
    let image = image();
    let whole =
        (0..image.len()).filter(|length| read(&image[..*length], 4096, Limits::default()).is_ok());
    assert_eq!(whole.count(), 1, "the first seal");
}

#[test]
fn no_single_flipped_bit_goes_unnoticed() {
    let image = image();
    // Changes every bit outside of page contents, and one bit in each 64 bytes of page contents.
    for bit in (0..image.len() * 8)
        .filter(|bit| *bit < 8 * 200 || bit % 509 == 0 || bit / 8 > image.len() - 1500)
    {
        let mut changed = image.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            read(&changed, 4096, Limits::default()).is_err(),
            "bit {bit}"
        );
    }
}

fn refused(write: impl FnOnce(&mut Writer, &mut Vec<u8>)) -> Error {
    let mut out = Vec::new();
    let mut writer = Writer::new(1, &mut out);
    write(&mut writer, &mut out);
    let error = read(&out, out.len(), Limits::default()).expect_err("refused");
    assert_ne!(error, Error::Truncated);
    error
}

#[test]
fn refuses_records_out_of_place() {
    let kind = RecordKind::Memory as u8;
    assert_eq!(
        refused(|writer, out| writer.memory(0, &Announcement::empty(MEMORY, 1), out)),
        Error::OutOfPlace { kind }
    );
    let kind = RecordKind::Seal as u8;
    let unfinished = refused(|writer, out| {
        writer.outline(0, &outline(), out);
        writer.seal(out);
    });
    assert_eq!(unfinished, Error::OutOfPlace { kind });
    let late = refused(|writer, out| {
        writer.outline(0, &outline(), out);
        writer.state(0, &description(), out);
        writer.memory(0, &Announcement::empty(MEMORY, 1024), out);
    });
    assert_eq!(
        late,
        Error::OutOfPlace {
            kind: RecordKind::Memory as u8
        }
    );
    let elsewhere = refused(|writer, out| writer.outline(3, &outline(), out));
    assert_eq!(
        elsewhere,
        Error::NoSuchDomain {
            domain: 3,
            count: 1
        }
    );
}

#[test]
fn refuses_pages_that_no_memory_has() {
    let chunk = |memory, pages, first_page| {
        refused(move |writer, out| {
            writer.outline(0, &outline(), out);
            writer.memory(0, &Announcement::empty(MEMORY, pages), out);
            writer.chunk(0, memory, first_page, &map(&[PageChange::Zero; 4]), out);
        })
    };
    assert_eq!(chunk(MemoryKey::Inside(9), 4, 0), Error::UnannouncedMemory);
    assert!(matches!(
        chunk(MEMORY, 3, 0),
        Error::PagesBeyondMemory {
            memory_pages: 3,
            ..
        }
    ));
    assert!(matches!(
        chunk(MEMORY, 1024, 1),
        Error::PagesBeyondMemory { .. }
    ));
    assert!(matches!(
        chunk(MEMORY, 1024, u64::MAX),
        Error::PagesBeyondMemory { .. }
    ));
}

#[test]
fn refuses_memories_announced_twice_too_large_or_as_something_else() {
    let announce = |first: (MemoryKey, u64), second: (MemoryKey, u64)| {
        refused(move |writer, out| {
            writer.outline(0, &outline(), out);
            writer.memory(0, &Announcement::empty(first.0, first.1), out);
            writer.memory(0, &Announcement::empty(second.0, second.1), out);
            writer.state(0, &description(), out);
        })
    };
    let thread = MemoryKey::Inside(crate::samples::THREAD);
    assert_eq!(announce((MEMORY, 1024), (MEMORY, 1024)), Error::Reannounced);
    assert_eq!(announce((MEMORY, 1024), (thread, 8)), Error::Reannounced);
    let most = Limits::default().pages_max;
    assert_eq!(
        announce((MEMORY, 1), (thread, most)),
        Error::TooMany {
            what: "pages",
            found: most + 1,
            most
        }
    );
}

/// The announcement of a Memory that continues the one at this position of an earlier image.
fn continuing(memory: MemoryKey, position: u32) -> Announcement {
    Announcement {
        continues: Some(position),
        ..Announcement::empty(memory, 1024)
    }
}

/// The order of the fields in docs/image-format.md.
#[test]
fn a_memory_names_the_one_that_it_continues() {
    let announcement = continuing(MEMORY, 300);
    let mut out = Vec::new();
    let mut writer = Writer::new(1, &mut out);
    writer.outline(0, &outline(), &mut out);
    let head = out.len() + crate::record::RECORD_HEAD_BYTES;
    writer.memory(0, &announcement, &mut out);
    let position = crate::samples::MEMORY as u8;
    assert_eq!(out[head..], [0, position, 0x80, 8, 1, 0xac, 2]);
    let mut reader = Reader::new(Limits::default());
    let mut rest = &out[..];
    let mut announced = None;
    while !rest.is_empty() {
        let (read, event) = reader.read(rest).expect("an image");
        if let Some(Event::Memory(_, read)) = event {
            announced = Some(read);
        }
        rest = &rest[read..];
    }
    assert_eq!(announced, Some(announcement));
}

#[test]
fn refuses_a_memory_that_continues_what_it_cannot() {
    let announce = |announcements: [Announcement; 2]| {
        refused(move |writer, out| {
            writer.outline(0, &outline(), out);
            for announcement in &announcements {
                writer.memory(0, announcement, out);
            }
        })
    };
    let error = Error::Continuation { position: 3 };
    let thread = MemoryKey::Inside(crate::samples::THREAD);
    let twice = [continuing(MEMORY, 3), continuing(thread, 3)];
    assert_eq!(announce(twice), error);
    let ring = MemoryKey::Outside(0);
    assert_eq!(
        announce([continuing(MEMORY, 2), continuing(ring, 3)]),
        error
    );
}

#[test]
fn refuses_the_state_of_another_domain() {
    let other = refused(|writer, out| {
        let mut outline = outline();
        outline.identity.incarnation = outline.identity.incarnation.next();
        writer.outline(0, &outline, out);
        writer.state(0, &description(), out);
    });
    assert_eq!(other, Error::IdentityChanged);
}

#[test]
fn an_error_is_final() {
    let mut reader = Reader::new(Limits::default());
    let error = reader.read(&[0; PREAMBLE_BYTES]).expect_err("no image");
    assert_eq!(reader.read(&image()), Err(error));
    assert_eq!(reader.finish(), Err(error));
}

/// A change to an image's bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    SetWord(prop::sample::Index, u32),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let position = any::<prop::sample::Index>;
    prop_oneof![
        (position(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (position(), any::<u32>()).prop_map(|(at, word)| Mutation::SetWord(at, word)),
        (position(), 1..5000_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (position(), 1..5000_usize).prop_map(|(at, length)| Mutation::Repeat(at, length)),
    ]
}

fn mutate(image: &mut Vec<u8>, mutation: Mutation) {
    let length = image.len();
    let range = |at: prop::sample::Index, bytes: usize| {
        at.index(length)..(at.index(length) + bytes).min(length)
    };
    match mutation {
        _ if length == 0 => {}
        Mutation::Set(at, byte) => image[at.index(length)] = byte,
        Mutation::SetWord(at, word) => {
            let range = range(at, 4);
            let bytes = &word.to_le_bytes()[..range.len()];
            image[range].copy_from_slice(bytes);
        }
        Mutation::Remove(at, bytes) => drop(image.drain(range(at, bytes))),
        Mutation::Repeat(at, bytes) => {
            let repeated = image[range(at, bytes)].to_vec();
            let at = at.index(length);
            image.splice(at..at, repeated);
        }
    }
}

/// The most bytes that reading may hold at once: one body, its decoded form, and the reader's own lists.
fn allocation_bound(input: usize, limits: &Limits) -> u64 {
    let body = (limits.state_bytes_max as usize).min(input) as u64;
    // The largest item, an outsider, is decoded from five bytes or more; vectors double when they grow.
    let decoded = body * size_of::<Outsider>() as u64;
    2 * body + decoded + 64 * 1024
}

/// An image without pages, because forged numbers cost most in a description.
fn small_image() -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(1, &mut out);
    writer.outline(0, &outline(), &mut out);
    writer.state(0, &description(), &mut out);
    writer.seal(&mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn malicious_images_are_errors_and_cost_no_more_than_the_bound(
        small: bool,
        mutations in prop::collection::vec(mutation(), 1..6),
        step in 1..6000_usize,
    ) {
        let limits = Limits::default();
        let mut image = if small { small_image() } else { image() };
        let original = image.clone();
        for mutation in mutations {
            mutate(&mut image, mutation);
        }
        let mut result = Ok(Vec::new());
        let measured = allocation_counter::measure(|| result = read(&image, step, limits));
        prop_assert!(measured.bytes_max <= allocation_bound(image.len(), &limits), "{measured:?}");
        prop_assert!(result.is_err() || original.starts_with(&image));
    }

    #[test]
    fn a_changed_description_is_refused_or_passes_the_check(
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        // Decodes the description alone, so that no checksum detects the change first.
        let mut bytes = description().to_bytes();
        for mutation in mutations {
            mutate(&mut bytes, mutation);
        }
        if let Ok(description) = Description::from_bytes(&bytes, &Limits::default()) {
            prop_assert_eq!(description.check(&Limits::default()), Ok(()));
            prop_assert!(description.derivation_order().is_ok());
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(read(&bytes, 100, Limits::default()).is_err());
        let mut begun = Preamble { domain_count: 1 }.to_bytes().to_vec();
        begun.extend(bytes);
        prop_assert!(read(&begun, 100, Limits::default()).is_err());
    }
}
