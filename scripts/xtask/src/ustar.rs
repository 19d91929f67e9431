//! Writing *ustar*, the archive format of POSIX.
//!
//! ```text
//! member:  header (512 bytes)  content, padded with zeros to 512     ... again for each
//! end:     1024 zero bytes
//! header:  0 name   100 mode   124 size (octal)   148 checksum (octal)   156 type '0'   257 "ustar\0" "00"
//! ```
//!
//! Owner and time are zero, so that equal members make equal archives. A later member of the same name replaces an
//! earlier one: the archive is written when all are known.

/// Headers and contents come in blocks of this many bytes.
const BLOCK_BYTES: usize = 512;
/// The longest name that fits the header's first field with its terminating zero.
const NAME_BYTES_MAX: usize = 99;
/// The largest size that eleven octal digits say.
const SIZE_MAX: u64 = 0o77777777777;

/// An archive in the making.
#[derive(Default)]
pub struct Archive {
    members: Vec<(String, Vec<u8>)>,
}

impl Archive {
    /// Adds a member at the end, or puts it where a member of that name is already.
    ///
    /// Names come from our own lists; one that the format cannot hold is a mistake of ours.
    pub fn put(&mut self, name: &str, content: Vec<u8>) {
        assert!(name.len() <= NAME_BYTES_MAX, "{name} is too long a name");
        match self.members.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = content,
            None => self.members.push((name.to_string(), content)),
        }
    }

    /// The whole archive.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in &self.members {
            bytes.extend_from_slice(&header(name, content.len() as u64));
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK_BYTES, 0);
        bytes
    }
}

fn header(name: &str, size: u64) -> [u8; BLOCK_BYTES] {
    assert!(size <= SIZE_MAX, "{name} is too large for ustar");
    let mut header = [0; BLOCK_BYTES];
    let mut field = |offset: usize, text: &str| {
        header[offset..offset + text.len()].copy_from_slice(text.as_bytes())
    };
    field(0, name);
    field(100, "0000444");
    field(108, "0000000");
    field(116, "0000000");
    field(124, &format!("{size:011o}"));
    field(136, "00000000000");
    // The sum is taken with spaces in its own place.
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\0");
    field(263, "00");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn tar(archive: &Archive, arguments: &[&str]) -> Vec<u8> {
        let mut tar = Command::new("tar")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin
            .take()
            .unwrap()
            .write_all(&archive.to_bytes())
            .unwrap();
        let output = tar.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn tar_lists_the_members_in_order() {
        let mut archive = Archive::default();
        archive.put("root.elf", vec![7; 700]);
        archive.put("manifest", vec![]);
        archive.put("a.elf", vec![1; 512]);
        assert_eq!(tar(&archive, &["-t"]), b"root.elf\nmanifest\na.elf\n");
    }

    #[test]
    fn tar_reads_back_what_was_put() {
        let content: Vec<u8> = (0..1025u32).map(|i| i as u8).collect();
        let mut archive = Archive::default();
        archive.put("before", vec![0xff; 3]);
        archive.put("x", content.clone());
        assert_eq!(tar(&archive, &["-xO", "x"]), content);
    }

    #[test]
    fn a_member_put_again_is_replaced_in_its_place() {
        let mut archive = Archive::default();
        archive.put("root.elf", b"old".to_vec());
        archive.put("b", vec![]);
        archive.put("root.elf", b"new".to_vec());
        assert_eq!(tar(&archive, &["-t"]), b"root.elf\nb\n");
        assert_eq!(tar(&archive, &["-xO", "root.elf"]), b"new");
    }

    #[test]
    fn equal_members_make_equal_archives() {
        let make = || {
            let mut archive = Archive::default();
            archive.put("x", vec![1, 2, 3]);
            archive.to_bytes()
        };
        assert_eq!(make(), make());
    }
}
