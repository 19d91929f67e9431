//! An archive in the format *newc* of cpio, which Linux unpacks as its first file system: [`Archive`].
//!
//! ```text
//!   member  "070701", 13 numbers of 8 hexadecimal digits, the path and a zero, the content; path and content end at a multiple of 4
//!   end     a member called TRAILER!!!
//! ```

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;
const END: &str = "TRAILER!!!";

/// An archive, which grows at its end. A directory precedes its files.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    members: u32,
}

impl Archive {
    /// Adds a directory.
    pub fn directory(&mut self, path: &str) {
        self.member(path, DIRECTORY, (0, 0), &[]);
    }

    /// Adds a file that may be executed.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.member(path, PROGRAM, (0, 0), content);
    }

    /// Adds a character device with its numbers.
    pub fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.member(path, CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// The complete archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.member(END, 0, (0, 0), &[]);
        self.bytes
    }

    fn member(&mut self, path: &str, mode: u32, (major, minor): (u32, u32), content: &[u8]) {
        self.members += 1;
        let length = u32::try_from(content.len()).expect("a file below 4 GiB");
        let path_length = path.len() as u32 + 1;
        // Inode, mode, user, group, links, time, length, two numbers of the file system, two of the device, the path's length, and a
        // checksum, which this format does not use.
        let numbers = [
            self.members,
            mode,
            0,
            0,
            1,
            0,
            length,
            0,
            0,
            major,
            minor,
            path_length,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for number in numbers {
            self.bytes
                .extend_from_slice(format!("{number:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_its_numbers_path_and_content() {
        let mut archive = Archive::default();
        archive.file("init", b"hello");
        let bytes = archive.finish();
        let numbers = "00000001000081ed00000000000000000000000100000000\
                       00000005000000000000000000000000000000000000000500000000";
        let head = format!("070701{numbers}init\0");
        assert_eq!(&bytes[..head.len()], head.as_bytes());
        // The head has 115 bytes, so one follows.
        assert_eq!(&bytes[115..124], b"\0hello\0\0\0");
        assert_eq!(&bytes[124..130], b"070701");
    }

    #[test]
    fn members_begin_at_multiples_of_four_and_the_last_one_is_the_end() {
        let mut archive = Archive::default();
        archive.directory("dev");
        archive.device("dev/console", 5, 1);
        archive.file("a", &[1; 7]);
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let starts: Vec<usize> = (0..bytes.len())
            .filter(|start| bytes[*start..].starts_with(b"070701"))
            .collect();
        assert_eq!(starts.len(), 4);
        assert!(starts.iter().all(|start| start % 4 == 0), "{starts:?}");
        let device = &bytes[starts[1]..starts[2]];
        assert_eq!(&device[78..94], b"0000000500000001");
        assert!(bytes[starts[3]..].ends_with(b"TRAILER!!!\0\0\0\0"));
    }
}
