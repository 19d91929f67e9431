//! The transfer of a request's data: [`Upload`] at the client, [`UploadReceiver`] at the server.
//!
//! Pieces are sent in order, a window at a time. The server accepts a piece only if it begins where the last one ended,
//! and replies with the number of bytes that it has. After a timeout the client resumes from that number.

use alloc::vec::Vec;

use crate::message::DATA_BYTES_MAX;

/// Bytes in flight at once: few enough for the queues of the machine's port.
const WINDOW_BYTES: usize = 16 * DATA_BYTES_MAX;

/// The client's side.
#[derive(Debug, Default)]
pub struct Upload {
    data: Vec<u8>,
    /// The bytes that the server has.
    accepted: usize,
    /// The offset of the next piece to send.
    sent: usize,
}

impl Upload {
    /// Data to send.
    pub fn new(data: Vec<u8>) -> Upload {
        Upload {
            data,
            ..Upload::default()
        }
    }

    /// Whether the server has all of it.
    pub fn is_complete(&self) -> bool {
        self.accepted == self.data.len()
    }

    /// The next piece to send, and its offset; `None` if the window is full or all is sent.
    pub fn poll_piece(&mut self) -> Option<(u32, Vec<u8>)> {
        let end = self.data.len().min(self.accepted + WINDOW_BYTES);
        let offset = self.sent;
        self.sent = end.min(offset + DATA_BYTES_MAX);
        let piece = self.data.get(offset..self.sent)?;
        (!piece.is_empty()).then(|| (offset as u32, piece.to_vec()))
    }

    /// Handles the server's reply; returns whether the server has more than before.
    pub fn acknowledge(&mut self, accepted: u32) -> bool {
        let accepted = (accepted as usize).min(self.data.len());
        let is_progress = accepted > self.accepted;
        self.accepted = self.accepted.max(accepted);
        self.sent = self.sent.max(self.accepted);
        is_progress
    }

    /// Begins again at the first byte that the server lacks.
    pub fn rewind(&mut self) {
        self.sent = self.accepted;
    }
}

/// The server's side: how much of the data was accepted, and how much is expected.
#[derive(Clone, Copy, Debug, Default)]
pub struct UploadReceiver {
    expected: u32,
    accepted: u32,
}

impl UploadReceiver {
    /// Expects this many bytes.
    pub fn new(expected: u32) -> UploadReceiver {
        UploadReceiver {
            expected,
            accepted: 0,
        }
    }

    /// The bytes accepted so far.
    pub fn accepted(&self) -> u32 {
        self.accepted
    }

    /// Accepts a piece if it is the next one; returns whether it is.
    pub fn accept(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let left = (self.expected - self.accepted) as usize;
        let is_next = offset == self.accepted && !bytes.is_empty() && bytes.len() <= left;
        if is_next {
            self.accepted += bytes.len() as u32;
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn one_window_is_sent_at_a_time_and_repeated_from_the_first_missing_byte() {
        let bytes = WINDOW_BYTES + 5;
        let mut upload = Upload::new(vec![7; bytes]);
        let mut receiver = UploadReceiver::new(bytes as u32);
        let mut pieces = Vec::new();
        while let Some(piece) = upload.poll_piece() {
            pieces.push(piece);
        }
        assert_eq!(pieces.len(), 16);
        // The second is lost.
        for (offset, piece) in pieces.iter().enumerate().filter(|(index, _)| *index != 1) {
            assert_eq!(receiver.accept(piece.0, &piece.1), offset == 0);
        }
        assert!(upload.acknowledge(receiver.accepted()));
        assert!(!upload.acknowledge(receiver.accepted()));
        upload.rewind();
        while let Some((offset, piece)) = upload.poll_piece() {
            assert!(receiver.accept(offset, &piece));
            upload.acknowledge(receiver.accepted());
        }
        assert!(upload.is_complete());
        assert_eq!(receiver.accepted() as usize, bytes);
    }

    #[test]
    fn unexpected_data_is_not_accepted() {
        for (expected, offset, bytes) in [(0, 0, 1), (5, 1, 1), (5, 0, 6), (5, 0, 0)] {
            let mut receiver = UploadReceiver::new(expected);
            assert!(!receiver.accept(offset, &vec![0; bytes]));
            assert_eq!(receiver.accepted(), 0);
        }
    }

    #[test]
    fn an_acknowledgement_of_more_than_there_is_counts_as_all() {
        let mut upload = Upload::new(vec![1, 2]);
        upload.acknowledge(u32::MAX);
        assert!(upload.is_complete());
        assert_eq!(upload.poll_piece(), None);
    }
}
