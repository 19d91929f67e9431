//! A client of QEMU's GDB stub, through which tests change a machine's memory.
//!
//! ```text
//! $ command # checksum        the stub acknowledges with + and sends a packet, which is acknowledged with +
//! ```

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long QEMU may take to reply. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(60);

/// The most bytes that one command writes: QEMU ignores a command of more than 4,096 characters.
const PIECE_BYTES: usize = 1024;

/// An attached debugger. The machine is stopped until [`Debugger::detach`].
#[derive(Debug)]
pub struct Debugger(UnixStream);

impl Debugger {
    /// Attaches to the socket of a QEMU that is already listening.
    pub(super) fn attach(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut debugger = Self(stream);
        debugger.execute("?")?;
        // Addresses are physical from now on.
        debugger.expect_ok("Qqemu.PhyMemMode:1")?;
        Ok(debugger)
    }

    /// Writes to the machine's memory.
    ///
    /// # Errors
    /// QEMU refuses, or has ended.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> io::Result<()> {
        let pieces = (address..).step_by(PIECE_BYTES);
        for (address, piece) in pieces.zip(bytes.chunks(PIECE_BYTES)) {
            let digits: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            self.expect_ok(&format!("M{address:x},{:x}:{digits}", piece.len()))?;
        }
        Ok(())
    }

    /// Lets the machine run again.
    ///
    /// # Errors
    /// QEMU has ended.
    pub fn detach(mut self) -> io::Result<()> {
        self.expect_ok("D")
    }

    fn expect_ok(&mut self, command: &str) -> io::Result<()> {
        match self.execute(command)?.as_str() {
            "OK" => Ok(()),
            other => Err(io::Error::other(format!("{command}: {other:?}"))),
        }
    }

    fn execute(&mut self, command: &str) -> io::Result<String> {
        self.0.write_all(packet(command).as_bytes())?;
        let mut reply = String::new();
        loop {
            match self.byte()? {
                b'+' => {}
                b'$' => reply.clear(),
                b'#' => break,
                byte => reply.push(byte.into()),
            }
        }
        // The checksum is not verified, since a socket loses nothing.
        self.0.read_exact(&mut [0; 2])?;
        self.0.write_all(b"+")?;
        Ok(reply)
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

fn packet(command: &str) -> String {
    let sum = command.bytes().fold(0u8, u8::wrapping_add);
    format!("${command}#{sum:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_with_its_sum() {
        assert_eq!(packet("?"), "$?#3f");
        assert_eq!(packet("M10,1:ff"), "$M10,1:ff#11");
    }
}
