//! Records of an earlier run of the server, whole and torn.

use nomad_protocol::{RecordedProgress, samples};

use super::*;

/// Bytes in ordinary memory.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl ByteStore for Bytes {
    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0[offset..][..bytes.len()]);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.0[offset..][..bytes.len()].copy_from_slice(bytes);
    }
}

fn empty() -> Bytes {
    Bytes(alloc::vec![0; SLOTS_OFFSET + 4 * SLOT_BYTES])
}

fn record(transaction: u128) -> Record {
    samples::record(TransactionId(transaction), RecordedProgress::SourceOpen)
}

/// Opens a Memory that is fresh, or left by an earlier run.
fn open(memory: &Bytes) -> (Records<Bytes>, Vec<Record>) {
    let (records, _, found) = Records::open(memory.clone(), BootId(3));
    (records, found)
}

fn slot(sequence: u64, record: &Record) -> [u8; SLOT_BYTES] {
    let bytes = record.encode();
    let mut slot = [0; SLOT_BYTES];
    slot[..HEAD_BYTES].copy_from_slice(&head(sequence, &bytes));
    slot[HEAD_BYTES..][..bytes.len()].copy_from_slice(&bytes);
    slot
}

#[test]
fn reads_what_was_written() {
    assert_eq!(decode(&slot(9, &record(1))), Some((9, record(1))));
}

#[test]
fn a_note_of_a_token_is_read_whole_or_not_at_all() {
    let transaction = TransactionId(7 << 90 | 5);
    let whole = note(transaction, 3);
    assert_eq!(read_note(&whole), Some((transaction, 3)));
    assert_eq!(read_note(&[0; TOKEN_BYTES]), None);
    for position in 0..TOKEN_BYTES {
        let mut torn = whole;
        torn[position] ^= 0x40;
        assert_eq!(read_note(&torn), None, "{position}");
    }
}

#[test]
fn an_empty_slot_and_a_half_written_one_hold_nothing() {
    assert_eq!(decode(&[0; SLOT_BYTES]), None);
    let whole = slot(9, &record(1));
    for position in 0..HEAD_BYTES + 40 {
        let mut torn = whole;
        torn[position] ^= 0x40;
        assert_eq!(decode(&torn), None, "{position}");
    }
}

#[test]
fn a_later_life_finds_each_record_once_and_in_its_last_state() {
    let (mut records, found) = open(&empty());
    assert_eq!((found, records.transactions_max()), (Vec::new(), 3));
    let released = Record {
        progress: RecordedProgress::SourceReleased {
            peer_boot: BootId(1),
        },
        ..record(2)
    };
    for kept in [record(1), record(2), record(3), released.clone()] {
        records.write_record(&kept);
    }
    let (mut records, found) = open(&records.into_store());
    assert_eq!(found, [record(1), record(3), released]);
    records.erase(TransactionId(2));
    assert_eq!(open(&records.into_store()).1, [record(1), record(3)]);
}

#[test]
fn a_token_whose_record_is_gone_does_not_stay() {
    let (mut records, _) = open(&empty());
    for transaction in [1, 2] {
        records.write_record(&record(transaction));
        records.write_token(TransactionId(transaction), 7);
    }
    // This run erased the first record, and ended before it erased the token.
    records.forget(TransactionId(1));
    let (records, _) = open(&records.into_store());
    assert_eq!(records.token_count(), 1);
    assert_eq!(records.token_of(TransactionId(2)), Some(7));
}

#[test]
fn the_older_of_two_records_of_a_transaction_is_erased_permanently() {
    let (mut records, _) = open(&empty());
    records.write_record(&record(1));
    // This run wrote a second record, and ended before it erased the first.
    let younger = Record {
        progress: RecordedProgress::DestinationOpen,
        ..record(1)
    };
    let memory = records.store_mut();
    memory.write(SLOTS_OFFSET + 2 * SLOT_BYTES, &slot(9, &younger));
    let (mut records, found) = open(&records.into_store());
    assert_eq!(found, [younger]);
    records.erase(TransactionId(1));
    assert_eq!(open(&records.into_store()).1, []);
}

/// The memory of a server that ends in the middle of a write, after `left` more bytes.
#[derive(Clone)]
struct Interrupted {
    memory: Bytes,
    left: usize,
}

impl ByteStore for Interrupted {
    fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) {
        self.memory.read(offset, bytes);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let count = bytes.len().min(self.left);
        self.left -= count;
        self.memory.write(offset, &bytes[..count]);
    }
}

/// The bytes that a server leaves if it ends after it has written `left` bytes.
fn interrupted_after(
    left: usize,
    memory: &Bytes,
    act: impl FnOnce(&mut Records<Interrupted>),
) -> Bytes {
    let memory = memory.clone();
    let (mut records, ..) = Records::open(Interrupted { memory, left }, BootId(3));
    act(&mut records);
    records.into_store().memory
}

#[test]
fn a_record_survives_a_life_that_ends_while_replacing_it() {
    let (mut records, _) = open(&empty());
    [1, 2, 1]
        .into_iter()
        .for_each(|it| records.write_record(&record(it)));
    let memory = records.into_store();
    let younger = Record {
        progress: RecordedProgress::DestinationOpen,
        ..record(1)
    };
    let whole = HEAD_BYTES + younger.encode().len();
    for left in 0..=whole + HEAD_BYTES {
        let memory = interrupted_after(left, &memory, |records| records.write_record(&younger));
        let (_, mut found) = open(&memory);
        found.retain(|found| found.transaction == TransactionId(1));
        let expected = if left >= whole {
            younger.clone()
        } else {
            record(1)
        };
        assert_eq!(found, [expected], "after {left} of {whole} bytes");
    }
}

#[test]
fn a_boot_keeps_its_id_whenever_the_life_that_drew_it_ends() {
    for left in 0..=16 {
        let memory = interrupted_after(left, &empty(), |_| {});
        let (records, boot, _) = Records::open(memory, BootId(4));
        let drawn = if left < 16 { BootId(4) } else { BootId(3) };
        assert_eq!(boot, drawn, "after {left} bytes");
        assert_eq!(Records::open(records.into_store(), BootId(5)).1, drawn);
    }
}
