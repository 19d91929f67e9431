//! An archive in *ustar*, the format of POSIX, written by the crate `tar`.
//!
//! Its readers are the kernel and root (`userland/root/src/archive.rs`), which support names of up to 100 bytes. Owner and
//! time are zero, so equal members make equal archives.

use std::io;

use tar::{Builder, Header};

/// The members, in order. A later member replaces an earlier one with the same name.
#[derive(Default)]
pub struct Archive {
    members: Vec<(String, Vec<u8>)>,
}

impl Archive {
    /// Adds a member at the end, or replaces the member with this name.
    pub fn put(&mut self, name: &str, content: Vec<u8>) {
        match self.members.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = content,
            None => self.members.push((name.to_string(), content)),
        }
    }

    /// The bytes of the archive.
    ///
    /// # Errors
    /// The format cannot hold the name of a member.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut archive = Builder::new(Vec::new());
        for (name, content) in &self.members {
            let mut header = Header::new_ustar();
            header.set_path(name)?;
            header.set_mode(0o444);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, content.as_slice())?;
        }
        archive.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Archive::default();
        for (name, content) in members {
            archive.put(name, content.to_vec());
        }
        archive.to_bytes().unwrap()
    }

    /// The output of the command `tar` for this archive.
    fn tar(archive: &[u8], arguments: &[&str]) -> Vec<u8> {
        let mut tar = Command::new("tar")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(archive).unwrap();
        let output = tar.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn tar_lists_and_reads_the_members() {
        let content: Vec<u8> = (0..1025u32).map(|i| i as u8).collect();
        let archive = archive(&[("root.elf", &content), ("manifest", &[]), ("a", &[1; 512])]);
        assert_eq!(tar(&archive, &["-t"]), b"root.elf\nmanifest\na\n");
        assert_eq!(tar(&archive, &["-xO", "root.elf"]), content);
        assert_eq!(tar(&archive, &["-xO", "a"]), [1; 512]);
    }

    #[test]
    fn a_member_put_again_is_replaced_in_its_place() {
        let archive = archive(&[("root.elf", b"old"), ("b", b""), ("root.elf", b"new")]);
        assert_eq!(tar(&archive, &["-t"]), b"root.elf\nb\n");
        assert_eq!(tar(&archive, &["-xO", "root.elf"]), b"new");
    }

    #[test]
    fn equal_members_make_equal_archives() {
        let members: &[(&str, &[u8])] = &[("x", &[1, 2, 3])];
        assert_eq!(archive(members), archive(members));
    }

    #[test]
    fn its_fields_are_at_the_offsets_that_the_kernel_and_root_read() {
        let archive = archive(&[("x", &[7; 700])]);
        assert_eq!(&archive[..2], b"x\0");
        assert_eq!(&archive[124..135], b"00000001274");
        assert_eq!(&archive[257..262], b"ustar");
        assert_eq!(archive[512..1212], [7; 700]);
        assert_eq!(archive.len(), 512 + 1024 + 1024);
    }

    #[test]
    fn a_name_that_the_format_cannot_hold_is_an_error() {
        let mut archive = Archive::default();
        archive.put(&"x".repeat(101), Vec::new());
        assert!(archive.to_bytes().is_err());
    }
}
