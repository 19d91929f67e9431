//! The boot archive, in the format *ustar*. Root reads the names and contents of its members.
//!
//! ```text
//! member: header (512 bytes)  content, padded to 512      end: a header of zeros, or the end of the bytes
//! header: 0 name (100 bytes)   124 size (11 octal digits)   257 "ustar"
//! ```
//!
//! An archive may be truncated or damaged: then the members before that point are available, and [`Archive::damage`]
//! returns the defect. The crate `tar-no-std` rejects an archive cut within a block, and only logs other defects
//! (decision 8).

use thiserror::Error;

const BLOCK_BYTES: usize = 512;
const NAME: core::ops::Range<usize> = 0..100;
const SIZE: core::ops::Range<usize> = 124..135;
const MAGIC: core::ops::Range<usize> = 257..262;

/// An archive, possibly damaged.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
}

/// A defect of an archive and its offset.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Damage {
    /// There is no valid header.
    #[error("no header at byte {0}")]
    Header(usize),
    /// The member of this header extends beyond the end of the archive.
    #[error("the member at byte {0} is cut short")]
    Short(usize),
}

/// A file in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
}

impl<'a> Archive<'a> {
    /// The archive in these bytes, not yet validated.
    pub fn new(bytes: &'a [u8]) -> Archive<'a> {
        Archive { bytes }
    }

    /// The members before the end or the first defect.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> {
        self.walk().map_while(Result::ok)
    }

    /// The content of the member with this name.
    pub fn find(&self, name: &str) -> Option<&'a [u8]> {
        let mut members = self.members();
        members
            .find(|member| member.name == name)
            .map(|member| member.content)
    }

    /// The first defect, if any.
    pub fn damage(&self) -> Option<Damage> {
        self.walk().find_map(Result::err)
    }

    fn walk(&self) -> impl Iterator<Item = Result<Member<'a>, Damage>> {
        let (bytes, mut at) = (self.bytes, 0);
        core::iter::from_fn(move || {
            let header = bytes.get(at..at + BLOCK_BYTES)?;
            if header.iter().all(|byte| *byte == 0) {
                return None;
            }
            let member = member(bytes, at);
            at = match &member {
                Ok(member) => at + BLOCK_BYTES + member.content.len().next_multiple_of(BLOCK_BYTES),
                // The next header cannot be located.
                Err(_) => bytes.len(),
            };
            Some(member)
        })
    }
}

fn member(bytes: &[u8], at: usize) -> Result<Member<'_>, Damage> {
    let header = &bytes[at..at + BLOCK_BYTES];
    if header[MAGIC] != *b"ustar" {
        return Err(Damage::Header(at));
    }
    let name = header[NAME].split(|byte| *byte == 0).next();
    let name = name.and_then(|name| core::str::from_utf8(name).ok());
    let size = octal(&header[SIZE]);
    let (Some(name), Some(size)) = (name, size) else {
        return Err(Damage::Header(at));
    };
    let content = bytes[at + BLOCK_BYTES..]
        .get(..size)
        .ok_or(Damage::Short(at))?;
    Ok(Member { name, content })
}

/// The number in octal digits. The eleven digits of a size have 33 bits, which fit into the result.
fn octal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'7' => Some(number << 3 | usize::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::vec::Vec;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in members {
            let mut header = [0; BLOCK_BYTES];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[SIZE].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[MAGIC].copy_from_slice(b"ustar");
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK_BYTES, 0);
        bytes
    }

    #[test]
    fn finds_members_by_name() {
        let bytes = archive(&[("root.elf", &[1; 700]), ("manifest", b""), ("a", b"abc")]);
        let archive = Archive::new(&bytes);
        assert_eq!(archive.find("root.elf"), Some(&[1; 700][..]));
        assert_eq!(archive.find("manifest"), Some(&b""[..]));
        assert_eq!(archive.find("a"), Some(&b"abc"[..]));
        assert_eq!(archive.find("b"), None);
        assert_eq!(archive.damage(), None);
    }

    #[test]
    fn members_before_the_damage_are_found() {
        let mut bytes = archive(&[("a", b"abc"), ("b", &[2; 600])]);
        bytes.truncate(2000);
        let cut = Archive::new(&bytes);
        assert_eq!(cut.find("a"), Some(&b"abc"[..]));
        assert_eq!(cut.find("b"), None);
        assert_eq!(cut.damage(), Some(Damage::Short(1024)));
        bytes[1024 + 257] = b'x';
        assert_eq!(Archive::new(&bytes).damage(), Some(Damage::Header(1024)));
    }

    #[test]
    fn never_panics_on_damaged_bytes() {
        let whole = archive(&[("a", b"abc"), ("b", &[2; 600])]);
        for end in 0..whole.len() {
            let archive = Archive::new(&whole[..end]);
            assert!(archive.members().count() <= 2);
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x81;
            assert!(Archive::new(&bytes).members().count() <= 2);
        }
    }
}
