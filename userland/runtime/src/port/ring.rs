//! One direction of a port: frames from a producer to a consumer.
//!
//! Two free-running counters delimit the queue: the producer writes a slot, then increments `produced`; the consumer copies the
//! frame out, then increments `consumed`. If the counters differ by more than the number of slots, or a frame's length is
//! invalid, the other side is faulty. A side that finds this should disable the port.

use core::sync::atomic::{AtomicU32, Ordering};

use super::frame::{Frame, HeldFrame};
use super::layout::{Direction, FRAME_BYTES_MIN, FRAME_OFFSET, Layout};
use crate::shared::SharedMemory;

/// One direction, seen from either side. Only the producer may send, only the consumer may take.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    produced: &'a AtomicU32,
    consumed: &'a AtomicU32,
    slots: SharedMemory<'a>,
    layout: Layout,
}

/// A free slot, into which its producer writes the next frame.
#[derive(Debug)]
pub struct Vacancy<'a> {
    slot: SharedMemory<'a>,
    /// The number of frames produced before.
    produced: u32,
}

impl<'a> Vacancy<'a> {
    /// The memory of the frame, which has room for the longest one.
    pub fn frame(&self) -> SharedMemory<'a> {
        frame_in(self.slot)
    }
}

/// An invalid value in the shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// More frames are queued than there are slots.
    #[error("{produced} frames produced, {consumed} consumed")]
    Counters {
        /// The number of produced frames.
        produced: u32,
        /// The number of consumed frames.
        consumed: u32,
    },
    /// No frame of this port can have this length.
    #[error("a frame of {0} bytes")]
    Length(u32),
}

/// The reason a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Every slot is in use.
    Full,
    /// No frame of this port can have this length.
    Length(usize),
    /// The ring is corrupt.
    Ring(RingError),
}

impl<'a> Ring<'a> {
    #[inline]
    pub(super) fn new(memory: SharedMemory<'a>, layout: Layout, direction: &Direction) -> Ring<'a> {
        Ring {
            produced: memory.word32(direction.produced),
            consumed: memory.word32(direction.consumed),
            slots: memory.part(direction.slots, layout.slots_bytes()),
            layout,
        }
    }

    /// The number of queued frames.
    ///
    /// # Errors
    /// [`RingError::Counters`].
    pub fn queued(&self) -> Result<u32, RingError> {
        let produced = self.produced.load(Ordering::Acquire);
        let consumed = self.consumed.load(Ordering::Acquire);
        let queued = produced.wrapping_sub(consumed);
        if queued > self.layout.slot_count() {
            return Err(RingError::Counters { produced, consumed });
        }
        Ok(queued)
    }

    /// The number of free slots.
    ///
    /// # Errors
    /// [`RingError::Counters`].
    pub fn space(&self) -> Result<u32, RingError> {
        let slot_count = self.layout.slot_count();
        self.queued().map(|queued| slot_count - queued)
    }

    /// The oldest frame, which stays queued until [`Ring::take`].
    ///
    /// # Errors
    /// A [`RingError`].
    pub fn peek(&self) -> Result<Option<Frame<'a>>, RingError> {
        if self.queued()? == 0 {
            return Ok(None);
        }
        let slot = self.slot(self.consumed.load(Ordering::Relaxed));
        let length = slot.word32(0).load(Ordering::Relaxed);
        if !self.is_frame_length(length as usize) {
            return Err(RingError::Length(length));
        }
        Ok(Some(Frame::new(frame_in(slot), length as usize)))
    }

    /// Removes the oldest frame from the queue and frees its slot.
    pub fn take(&self) {
        let consumed = self.consumed.load(Ordering::Relaxed);
        self.consumed
            .store(consumed.wrapping_add(1), Ordering::Release);
    }

    /// Copies and removes the oldest frame; returns its length. A frame longer than `into` is invalid.
    ///
    /// # Errors
    /// A [`RingError`].
    pub fn receive(&self, into: &mut [u8]) -> Result<Option<usize>, RingError> {
        let Some(frame) = self.peek()? else {
            return Ok(None);
        };
        if frame.length() > into.len() {
            return Err(RingError::Length(frame.length() as u32));
        }
        frame.copy_to(into);
        self.take();
        Ok(Some(frame.length()))
    }

    /// Queues a frame.
    ///
    /// # Errors
    /// A [`SendError`]; then nothing is queued.
    pub fn send(&self, frame: &[u8]) -> Result<(), SendError> {
        self.queue(frame.len(), |slot| slot.write(0, frame))
    }

    /// Queues a copy of a frame in another ring.
    ///
    /// # Errors
    /// A [`SendError`]; then nothing is queued.
    pub fn forward(&self, frame: &HeldFrame<'_>) -> Result<(), SendError> {
        self.queue(frame.length(), |slot| frame.copy_to_shared(slot))
    }

    fn queue(&self, length: usize, write: impl FnOnce(SharedMemory<'a>)) -> Result<(), SendError> {
        if !self.is_frame_length(length) {
            return Err(SendError::Length(length));
        }
        let vacancy = self.vacancy().map_err(SendError::Ring)?;
        let vacancy = vacancy.ok_or(SendError::Full)?;
        write(vacancy.frame());
        self.publish(vacancy, length);
        Ok(())
    }

    /// The slot of the next frame, for a producer that writes the frame there itself; `None` if every slot is in use. The slot stays
    /// free until [`Ring::fill`].
    ///
    /// # Errors
    /// [`RingError::Counters`].
    pub fn vacancy(&self) -> Result<Option<Vacancy<'a>>, RingError> {
        if self.space()? == 0 {
            return Ok(None);
        }
        let produced = self.produced.load(Ordering::Relaxed);
        let slot = self.slot(produced);
        Ok(Some(Vacancy { slot, produced }))
    }

    /// Queues the frame of this length that was written into the free slot.
    ///
    /// # Errors
    /// [`SendError::Length`]; then nothing is queued.
    pub fn fill(&self, vacancy: Vacancy<'a>, length: usize) -> Result<(), SendError> {
        if !self.is_frame_length(length) {
            return Err(SendError::Length(length));
        }
        self.publish(vacancy, length);
        Ok(())
    }

    fn publish(&self, Vacancy { slot, produced }: Vacancy<'a>, length: usize) {
        slot.word32(0).store(length as u32, Ordering::Relaxed);
        self.produced
            .store(produced.wrapping_add(1), Ordering::Release);
    }

    fn is_frame_length(&self, length: usize) -> bool {
        (FRAME_BYTES_MIN..=self.layout.frame_bytes_max()).contains(&length)
    }

    fn slot(&self, counter: u32) -> SharedMemory<'a> {
        let index = (counter % self.layout.slot_count()) as usize;
        let bytes = self.layout.slot_bytes();
        self.slots.part(index * bytes, bytes)
    }
}

/// The part of a slot that a frame may fill.
fn frame_in(slot: SharedMemory<'_>) -> SharedMemory<'_> {
    slot.part(FRAME_OFFSET, slot.bytes() - FRAME_OFFSET)
}

#[cfg(test)]
mod tests {
    use super::super::frame::HEAD_BYTES;
    use super::super::layout::{FRAME_BYTES_MAX, SLOT_COUNT, TO_DOMAIN};
    use super::*;
    use crate::host::shared_memory;
    use crate::protocol::Mtu;

    fn ring() -> (Ring<'static>, SharedMemory<'static>) {
        ring_of(Mtu::STANDARD)
    }

    fn ring_of(mtu: Mtu) -> (Ring<'static>, SharedMemory<'static>) {
        let layout = Layout::of(mtu);
        let memory = shared_memory(layout.bytes());
        (Ring::new(memory, layout, &layout.to_domain()), memory)
    }

    #[test]
    fn keeps_order_and_content_across_the_wrap_of_the_counters() {
        let (ring, memory) = ring();
        let start = u32::MAX - 300;
        for counter in [TO_DOMAIN.produced, TO_DOMAIN.consumed] {
            memory.word32(counter).store(start, Ordering::Relaxed);
        }
        let mut received = [0; FRAME_BYTES_MAX];
        for round in 0..1000_usize {
            let length = FRAME_BYTES_MIN + round % 1501;
            let frame: std::vec::Vec<u8> = (0..length).map(|at| (at ^ round) as u8).collect();
            ring.send(&frame).unwrap();
            assert_eq!(ring.receive(&mut received), Ok(Some(length)));
            assert_eq!(received[..length], frame);
        }
    }

    #[test]
    fn is_full_when_every_slot_is_in_use() {
        let (ring, _) = ring();
        for _ in 0..SLOT_COUNT {
            ring.send(&[0; 60]).unwrap();
        }
        assert_eq!(ring.send(&[0; 60]), Err(SendError::Full));
        ring.take();
        assert_eq!(ring.space(), Ok(1));
        assert_eq!(ring.send(&[0; 60]), Ok(()));
    }

    #[test]
    fn a_frame_written_in_place_is_queued_when_it_is_whole() {
        let (ring, _) = ring();
        for round in 0..2 * SLOT_COUNT {
            let vacancy = ring.vacancy().unwrap().unwrap();
            vacancy.frame().write(0, &[round as u8; 60]);
            assert_eq!(ring.queued(), Ok(0));
            ring.fill(vacancy, 60).unwrap();
            let mut received = [0; 60];
            assert_eq!(ring.receive(&mut received), Ok(Some(60)));
            assert_eq!(received, [round as u8; 60]);
        }
        for length in [13, 1515] {
            let vacancy = ring.vacancy().unwrap().unwrap();
            assert_eq!(ring.fill(vacancy, length), Err(SendError::Length(length)));
        }
        while let Some(vacancy) = ring.vacancy().unwrap() {
            ring.fill(vacancy, 14).unwrap();
        }
        assert_eq!(ring.space(), Ok(0));
    }

    #[test]
    fn refuses_to_send_frames_of_invalid_length() {
        let (ring, _) = ring();
        for length in [0, 13, 1515, 4000] {
            let frame = std::vec![0; length];
            assert_eq!(ring.send(&frame), Err(SendError::Length(length)));
        }
        assert_eq!(ring.queued(), Ok(0));
    }

    #[test]
    fn the_longest_frames_fill_a_ring_of_any_mtu() {
        for mtu in [1500, 9000, 65_000].map(|mtu| Mtu::try_from(mtu).unwrap()) {
            let (ring, _) = ring_of(mtu);
            let length = FRAME_BYTES_MIN + mtu.bytes();
            let too_long = std::vec![0; length + 1];
            assert_eq!(ring.send(&too_long), Err(SendError::Length(length + 1)));
            let count = Layout::of(mtu).slot_count();
            let frame = |number: u32| std::vec![number as u8; length];
            for number in 0..count {
                ring.send(&frame(number)).unwrap();
            }
            assert_eq!(ring.send(&frame(0)), Err(SendError::Full));
            let mut received = std::vec![0; length];
            for number in 0..count {
                assert_eq!(ring.receive(&mut received), Ok(Some(length)));
                assert_eq!(received, frame(number));
            }
        }
    }

    #[test]
    fn a_frame_longer_than_the_receivers_buffer_is_an_error_and_not_truncated() {
        let (ring, _) = ring();
        ring.send(&[0; 60]).unwrap();
        assert_eq!(ring.receive(&mut [0; 59]), Err(RingError::Length(60)));
        assert_eq!(ring.receive(&mut [0; 60]), Ok(Some(60)));
    }

    #[test]
    fn counters_too_far_apart_are_an_error_on_both_sides() {
        let (ring, memory) = ring();
        let produced = memory.word32(TO_DOMAIN.produced);
        for value in [SLOT_COUNT + 1, u32::MAX] {
            produced.store(value, Ordering::Relaxed);
            let expected = RingError::Counters {
                produced: value,
                consumed: 0,
            };
            assert_eq!(ring.peek().err(), Some(expected));
            assert_eq!(ring.send(&[0; 60]), Err(SendError::Ring(expected)));
        }
    }

    #[test]
    fn an_invalid_frame_length_is_an_error() {
        let (ring, memory) = ring();
        ring.send(&[0; 60]).unwrap();
        for value in [0, 13, 1515, u32::MAX] {
            memory
                .word32(TO_DOMAIN.slots)
                .store(value, Ordering::Relaxed);
            assert_eq!(ring.peek().err(), Some(RingError::Length(value)));
        }
    }

    #[test]
    fn forwards_a_frame_with_the_head_that_was_checked() {
        let ((from, from_memory), (to, _)) = (ring(), ring());
        let frame: std::vec::Vec<u8> = (0..=255).cycle().take(FRAME_BYTES_MAX).collect();
        from.send(&frame).unwrap();
        let peeked = from.peek().unwrap().unwrap();
        assert_eq!(peeked.header(), frame[..FRAME_BYTES_MIN]);
        let held = peeked.hold();
        // The producer changes the head after it was checked.
        from_memory.write(TO_DOMAIN.slots + FRAME_OFFSET, &[0xff; HEAD_BYTES]);
        to.forward(&held).unwrap();
        let mut received = [0; FRAME_BYTES_MAX];
        assert_eq!(to.receive(&mut received), Ok(Some(FRAME_BYTES_MAX)));
        assert_eq!(received[..], frame);
        assert_eq!(from.queued(), Ok(1), "a peeked frame stays");
    }

    #[test]
    fn frames_pass_between_threads_whole_and_in_order() {
        let (ring, _) = ring();
        const FRAMES: u32 = 20_000;
        let producer = std::thread::spawn(move || {
            for number in 0..FRAMES {
                let frame = [number.to_le_bytes(); 16];
                while ring.send(frame.as_flattened()) == Err(SendError::Full) {
                    std::thread::yield_now();
                }
            }
        });
        let mut frame = [0; FRAME_BYTES_MAX];
        for number in 0..FRAMES {
            while ring.receive(&mut frame) == Ok(None) {
                std::thread::yield_now();
            }
            assert_eq!(frame[..64], *[number.to_le_bytes(); 16].as_flattened());
        }
        producer.join().unwrap();
    }
}
