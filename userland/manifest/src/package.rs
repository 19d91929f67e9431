//! A domain in one file, for a machine that is already running: [`Package`], the domain's manifest entry and its program.
//!
//! ```text
//! "caravan package 2\n" | size of the entry: u32, little-endian | the entry: a Domain in postcard | the program: an ELF file
//! ```

use alloc::vec::Vec;

use crate::Domain;

/// The header; the number is incremented when the types change.
const MAGIC: &[u8] = b"caravan package 2\n";

/// The maximum size of an entry, so that a damaged length allocates little.
const ENTRY_BYTES_MAX: usize = 16 << 10;

/// A domain and its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package<'a> {
    /// Its entry in a manifest, not yet checked.
    pub domain: Domain,
    /// Its program.
    pub program: &'a [u8],
}

/// The reason bytes are not a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// They do not begin with the header of this version.
    #[error("it is not a package of version 2")]
    Version,
    /// The entry is damaged.
    #[error("it is damaged")]
    Damaged,
    /// The entry is longer than the maximum.
    #[error("its entry is too long")]
    TooLong,
}

impl<'a> Package<'a> {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Postcard fails only on sequences of unknown length, and there are none.
        let entry = postcard::to_allocvec(&self.domain).expect("every field has a compiled form");
        let bytes = (entry.len() as u32).to_le_bytes();
        [MAGIC, &bytes, &entry, self.program].concat()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// See [`PackageError`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Package<'a>, PackageError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(PackageError::Version)?;
        let (length, rest) = rest.split_first_chunk().ok_or(PackageError::Damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        // Checked before anything is allocated for the entry.
        if length > ENTRY_BYTES_MAX {
            return Err(PackageError::TooLong);
        }
        let (entry, program) = rest.split_at_checked(length).ok_or(PackageError::Damaged)?;
        match postcard::take_from_bytes(entry) {
            Ok((domain, [])) => Ok(Package { domain, program }),
            Ok(_) | Err(_) => Err(PackageError::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::manifest_of;

    fn package() -> Package<'static> {
        let manifest = manifest_of(
            "[machine]\nname = \"a\"\n[[domain]]\nname = \"echo\"\nimage = \"echo\"\npool_mib = 8\n",
        );
        Package {
            domain: manifest.unwrap().domains.remove(0),
            program: b"an ELF file",
        }
    }

    #[test]
    fn survives_a_file() {
        let bytes = package().to_bytes();
        assert_eq!(Package::from_bytes(&bytes), Ok(package()));
    }

    #[test]
    fn a_damaged_or_foreign_file_is_rejected() {
        let bytes = package().to_bytes();
        assert_eq!(Package::from_bytes(b"\x7fELF"), Err(PackageError::Version));
        let program = bytes.len() - package().program.len();
        for end in MAGIC.len()..program {
            let cut = Package::from_bytes(&bytes[..end]);
            assert_eq!(cut, Err(PackageError::Damaged), "cut at {end}");
        }
        let mut longer = bytes.clone();
        longer[MAGIC.len()] += 1;
        assert_eq!(Package::from_bytes(&longer), Err(PackageError::Damaged));
        longer[MAGIC.len() + 3] = 0xff;
        assert_eq!(Package::from_bytes(&longer), Err(PackageError::TooLong));
    }

    #[test]
    fn an_oversized_entry_is_rejected_unread() {
        let mut package = package();
        package.domain.image = "x".repeat(ENTRY_BYTES_MAX);
        let bytes = package.to_bytes();
        assert_eq!(Package::from_bytes(&bytes), Err(PackageError::TooLong));
    }
}
