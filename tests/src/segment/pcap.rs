//! Captures in the classic pcap format, which tcpdump and Wireshark read.
//!
//! ```text
//! file:   magic a1b2c3d4 | version 2.4 | zone 0 | accuracy 0 | frame limit | link type 1 (Ethernet)
//! frame:  seconds | microseconds | bytes kept | bytes of the frame | the kept bytes
//! ```
//!
//! All fields are little-endian; times are those of the host's clock.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const MAGIC: u32 = 0xa1b2_c3d4;
const FRAME_BYTES_MAX: u32 = 65_535;
const LINK_TYPE_ETHERNET: u32 = 1;

/// The sizes of the file header and of each frame's header.
const FILE_HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 16;

/// The complete frames in a capture written by this module.
pub fn frames(capture: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = capture.get(FILE_HEADER_BYTES..).unwrap_or_default();
    let mut frames = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<FRAME_HEADER_BYTES>() {
        let [_, _, _, _, _, _, _, _, kept @ .., _, _, _, _] = *header;
        let Some((frame, after)) = after.split_at_checked(u32::from_le_bytes(kept) as usize) else {
            break;
        };
        frames.push(frame.to_vec());
        rest = after;
    }
    frames
}

/// Writes frames to `output` as a capture.
#[derive(Debug)]
pub struct Pcap<W: Write> {
    output: W,
}

impl<W: Write> Pcap<W> {
    /// Begins a capture: writes the file's header.
    pub fn new(mut output: W) -> io::Result<Self> {
        let version = 2_u32 | 4 << 16;
        for field in [MAGIC, version, 0, 0, FRAME_BYTES_MAX, LINK_TYPE_ETHERNET] {
            output.write_all(&field.to_le_bytes())?;
        }
        Ok(Self { output })
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Adds a frame that was seen at `time`.
    pub fn write(&mut self, time: SystemTime, frame: &[u8]) -> io::Result<()> {
        let since = time.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let kept = frame.len().min(FRAME_BYTES_MAX as usize);
        // The format's seconds are 32 bits wide.
        for field in [
            since.as_secs() as u32,
            since.subsec_micros(),
            kept as u32,
            frame.len() as u32,
        ] {
            self.output.write_all(&field.to_le_bytes())?;
        }
        self.output.write_all(&frame[..kept])
    }

    /// Ends the capture and returns its output, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn writes_the_classic_format_byte_by_byte() {
        let mut pcap = Pcap::new(Vec::new()).expect("a Vec accepts everything");
        let time = UNIX_EPOCH + Duration::new(2, 3_000);
        pcap.write(time, &[0xaa, 0xbb])
            .expect("a Vec accepts everything");
        let bytes = pcap.finish().expect("a Vec accepts everything");
        #[rustfmt::skip]
        let expected = [
            0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0,
            2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0xaa, 0xbb,
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn reads_what_it_writes_without_incomplete_frames() {
        let mut pcap = Pcap::new(Vec::new()).expect("a Vec accepts everything");
        for frame in [&[1_u8; 60][..], &[2; 1514]] {
            pcap.write(UNIX_EPOCH, frame)
                .expect("a Vec accepts everything");
        }
        let bytes = pcap.finish().expect("a Vec accepts everything");
        assert_eq!(frames(&bytes), [vec![1; 60], vec![2; 1514]]);
        assert_eq!(frames(&bytes[..bytes.len() - 1]), [[1; 60]]);
        assert!(frames(&bytes[..10]).is_empty());
    }
}
