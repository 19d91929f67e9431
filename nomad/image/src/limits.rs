//! The limits of a reader.

use crate::Error;

/// Limits on an image, checked before anything is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Domains in one image.
    pub domains_max: u16,
    /// Bytes of an outline record.
    pub outline_bytes_max: u32,
    /// Bytes of a state record: it is buffered whole.
    pub state_bytes_max: u32,
    /// Objects of one domain, including those that have ended.
    pub objects_max: u32,
    /// Objects outside a domain that it refers to.
    pub outsiders_max: u32,
    /// Mappings of one domain.
    pub mappings_max: u32,
    /// Capabilities in the table of one domain, and as many again inside its objects.
    pub capabilities_max: u32,
    /// Services that export something for one domain.
    pub exports_max: u32,
    /// Pages of all Memories of one domain together, absent ones included.
    pub pages_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            domains_max: 1,
            outline_bytes_max: 1024,
            state_bytes_max: 2 << 20,
            objects_max: 4096,
            outsiders_max: 256,
            mappings_max: 1024,
            capabilities_max: 4096,
            exports_max: 64,
            pages_max: abi::MEMORY_PAGES_MAX,
        }
    }
}

/// Checks a count against its limit.
///
/// # Errors
/// The count is higher.
pub(crate) fn at_most(
    what: &'static str,
    found: impl Into<u64>,
    most: impl Into<u64>,
) -> Result<(), Error> {
    let (found, most) = (found.into(), most.into());
    if found > most {
        return Err(Error::TooMany { what, found, most });
    }
    Ok(())
}
