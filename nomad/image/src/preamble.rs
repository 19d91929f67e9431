//! The preamble: the first bytes of every image, in every version.

use crate::{Error, Limits};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"CARAVAN\x1a";

/// The version of the format. Other versions are refused, not translated.
pub const FORMAT_VERSION: u32 = 6;

/// The ABI version of the domain; it also fixes the layout of a thread's state.
pub const ABI_VERSION: u32 = 6;

/// The size of the preamble.
pub const PREAMBLE_BYTES: usize = 20;

/// The content of a preamble besides its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// The number of domains in the image.
    pub domain_count: u16,
}

impl Preamble {
    /// Encodes magic, format version, ABI version, domain count, two zero bytes; little-endian.
    pub fn to_bytes(self) -> [u8; PREAMBLE_BYTES] {
        let mut bytes = [0; PREAMBLE_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&ABI_VERSION.to_le_bytes());
        bytes[16..18].copy_from_slice(&self.domain_count.to_le_bytes());
        bytes
    }

    /// Decodes and checks a preamble.
    ///
    /// # Errors
    /// In the order of the checks: the bytes are not an image, have another version or reserved bits set, or announce
    /// no domain or too many.
    pub fn from_bytes(bytes: &[u8; PREAMBLE_BYTES], limits: &Limits) -> Result<Preamble, Error> {
        let mut rest = bytes.as_slice();
        let found = take(&mut rest);
        if found != MAGIC {
            return Err(Error::NotAnImage { found });
        }
        let found = u32::from_le_bytes(take(&mut rest));
        if found != FORMAT_VERSION {
            return Err(Error::FormatVersion {
                found,
                ours: FORMAT_VERSION,
            });
        }
        let found = u32::from_le_bytes(take(&mut rest));
        if found != ABI_VERSION {
            return Err(Error::AbiVersion {
                found,
                ours: ABI_VERSION,
            });
        }
        let domain_count = u16::from_le_bytes(take(&mut rest));
        let reserved = u16::from_le_bytes(take(&mut rest));
        if reserved != 0 {
            return Err(Error::ReservedBits { found: reserved });
        }
        if domain_count == 0 || domain_count > limits.domains_max {
            let (found, most) = (domain_count.into(), limits.domains_max.into());
            return Err(Error::TooMany {
                what: "domains",
                found,
                most,
            });
        }
        Ok(Preamble { domain_count })
    }
}

/// Takes the next bytes of a preamble.
fn take<const BYTES: usize>(rest: &mut &[u8]) -> [u8; BYTES] {
    let (field, after) = rest
        .split_first_chunk()
        .expect("the fields are as long as the preamble");
    *rest = after;
    *field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl Fn(&mut [u8; PREAMBLE_BYTES])) -> Result<Preamble, Error> {
        let mut bytes = Preamble { domain_count: 1 }.to_bytes();
        change(&mut bytes);
        Preamble::from_bytes(&bytes, &Limits::default())
    }

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(read(|_| ()), Ok(Preamble { domain_count: 1 }));
    }

    #[test]
    fn names_both_versions_when_it_refuses() {
        assert_eq!(
            read(|bytes| bytes[8] = 7),
            Err(Error::FormatVersion {
                found: 7,
                ours: FORMAT_VERSION
            })
        );
        assert_eq!(
            read(|bytes| bytes[12] = 9),
            Err(Error::AbiVersion {
                found: 9,
                ours: ABI_VERSION
            })
        );
    }

    #[test]
    fn refuses_other_files_and_too_many_domains() {
        assert!(matches!(
            read(|bytes| bytes[0] = 0),
            Err(Error::NotAnImage { .. })
        ));
        assert!(matches!(
            read(|bytes| bytes[16] = 2),
            Err(Error::TooMany {
                found: 2,
                most: 1,
                ..
            })
        ));
        assert!(matches!(
            read(|bytes| bytes[16] = 0),
            Err(Error::TooMany { found: 0, .. })
        ));
        assert_eq!(
            read(|bytes| bytes[19] = 1),
            Err(Error::ReservedBits { found: 0x100 })
        );
    }
}
