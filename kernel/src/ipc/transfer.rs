//! Transferring a message: its words and capabilities are copied, and the sender keeps them.
//!
//! Everything that can fail is checked first, and an error names the party at fault. So either the whole message is copied, or
//! nothing.

use abi::message::{CAPABILITIES_MAX, RECEIVE_OFFSET, REGISTER_WORDS, SEND_OFFSET};
use abi::register::Slot;
use abi::{Error, MessageInfo};
use capabilities::{Place, Storage};

use crate::kernel::Kernel;
use crate::memory::{Frame, Ref, SlotStorage};
use crate::objects::{Object, Thread, check_alive};
use crate::paging;

/// The reason a message was not transferred, by the party at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The message is invalid, this receiver has no room for it, or the sender has no usable message buffer.
    Sender(Error),
    /// The receiver has no usable message buffer.
    Receiver(Error),
}

/// The first argument register that carries a word.
const FIRST_WORD: usize = 2;

/// A message in a thread's registers and buffer.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The number of its words and capabilities.
    pub info: MessageInfo,
    /// Its first words.
    pub words: [u64; REGISTER_WORDS],
}

impl Message {
    /// The message in the argument registers of a call, reply or send. Its sizes are checked again: a thread that was rebuilt
    /// from another machine's state may be about to repeat a call, with any values in its registers.
    ///
    /// # Errors
    /// [`Error::MessageSize`].
    #[inline(always)]
    pub fn of_arguments(thread: Ref<Thread>) -> Result<Message, Error> {
        let [_, info, w0, w1, w2, w3, ..] = thread.arguments();
        Ok(Message {
            info: MessageInfo::try_from_bits(info)?,
            words: [w0, w1, w2, w3],
        })
    }
}

/// The capabilities of a message, checked: the source and the destination of each.
#[derive(Clone, Copy, Debug, Default)]
struct CapabilityTransfer {
    moves: [Option<(Place, Place)>; CAPABILITIES_MAX],
}

/// Copies a message from one thread to another. After that the receiver's call can be completed. No capability is put into the
/// slot at `kept_free`, which is for the reply right.
///
/// # Errors
/// The party at fault; then nothing was copied.
#[inline(always)]
pub fn transfer(
    kernel: &Kernel,
    from: Ref<Thread>,
    message: Message,
    to: Ref<Thread>,
    badge: u64,
    kept_free: Option<Place>,
) -> Result<(), Blame> {
    let info = message.info;
    if info.words() > REGISTER_WORDS || info.capabilities() > 0 {
        transfer_buffer(kernel, from, info, to, kept_free)?;
    }
    to.set_argument(0, badge);
    to.set_argument(1, info.bits());
    for (index, word) in message.words.into_iter().enumerate() {
        // The sender's registers beyond its words are not part of the message. A mask costs less than a branch per word.
        let mask = u64::from(index < info.words()).wrapping_neg();
        to.set_argument(FIRST_WORD + index, word & mask);
    }
    Ok(())
}

/// Copies the part of a message that is in the buffers.
#[inline(never)]
fn transfer_buffer(
    kernel: &Kernel,
    from: Ref<Thread>,
    info: MessageInfo,
    to: Ref<Thread>,
    kept_free: Option<Place>,
) -> Result<(), Blame> {
    let source = message_buffer(kernel, from).map_err(Blame::Sender)?;
    let target = message_buffer(kernel, to).map_err(Blame::Receiver)?;
    let checked = check_capabilities((from, source), (to, target), info.capabilities(), kept_free)?;
    for index in REGISTER_WORDS..info.words() {
        let offset = index as u64 * 8;
        target.write_word(offset, source.read_word(offset));
    }
    copy_capabilities(checked);
    if info.capabilities() > 0 {
        to.domain.touch();
    }
    Ok(())
}

/// The frame of a thread's message buffer, whose page is marked as accessed and dirty.
///
/// # Errors
/// [`Error::BufferAbsent`] if it has none, or the page is absent, not writable or a device's.
pub fn message_buffer(kernel: &Kernel, thread: Ref<Thread>) -> Result<Frame, Error> {
    let address = thread.message_buffer.get();
    if address == 0 {
        return Err(Error::BufferAbsent);
    }
    let translation = paging::translate(kernel, thread.domain, address).filter(|there| there.write);
    let there = translation.ok_or(Error::BufferAbsent)?;
    there.mark_written(address);
    Ok(there.frame)
}

fn check_capabilities(
    (from, source): (Ref<Thread>, Frame),
    (to, target): (Ref<Thread>, Frame),
    count: usize,
    kept_free: Option<Place>,
) -> Result<CapabilityTransfer, Blame> {
    let mut checked = CapabilityTransfer::default();
    for index in 0..count {
        let give = from
            .domain
            .place(slot_in(source, SEND_OFFSET, index))
            .map_err(Blame::Sender)?;
        check_giveable(give).map_err(Blame::Sender)?;
        let room = to.domain.place(slot_in(target, RECEIVE_OFFSET, index));
        let room = room
            .ok()
            .filter(|place| SlotStorage.slot(*place).is_empty());
        let taken = |place: Place| {
            let mut others = checked.moves.iter().flatten();
            kept_free == Some(place) || others.any(|(_, other)| *other == place)
        };
        let take = room
            .filter(|place| !taken(*place))
            .ok_or(Blame::Sender(Error::MessageSize))?;
        checked.moves[index] = Some((give, take));
    }
    Ok(checked)
}

fn slot_in(buffer: Frame, list: u64, index: usize) -> Slot {
    let word = buffer.read_word(list + index as u64 / 2 * 8);
    Slot(if index.is_multiple_of(2) {
        word as u32
    } else {
        (word >> 32) as u32
    })
}

fn check_giveable(place: Place) -> Result<(), Error> {
    match SlotStorage.slot(place).capability() {
        None => Err(Error::EmptySlot),
        // A reply right cannot be copied.
        Some(capability) if matches!(capability.object, Object::Reply(_)) => Err(Error::WrongKind),
        // An object that is being destroyed: its slots will be emptied, so they count as empty already. `Gone` would tell the
        // sender that the receiver is gone.
        Some(capability) => check_alive(capability.object).map_err(|_| Error::EmptySlot),
    }
}

fn copy_capabilities(transfer: CapabilityTransfer) {
    for (give, take) in transfer.moves.into_iter().flatten() {
        capabilities::copy(&SlotStorage, give, take).expect("the transfer was checked");
    }
}
