//! The constraints on the fields of a manifest. An error names the domain and the field; the TOML parser finds the line from
//! them.
//!
//! | file | constraints |
//! | --- | --- |
//! | `domain` | on the fields of one domain |
//! | `machine` | on a domain together with the others of its machine |

mod domain;
mod machine;

use alloc::format;
use alloc::string::String;

use abi::start_page::NAME_BYTES;

use crate::Manifest;

/// An error in a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// The index of the domain in the manifest.
    pub domain: usize,
    /// The name of the field.
    pub field: &'static str,
    /// The reason for rejecting it.
    pub reason: String,
}

/// Checks the whole manifest.
///
/// # Errors
/// The first error found.
pub fn check(manifest: &Manifest) -> Result<(), CheckError> {
    for (index, domain) in manifest.domains.iter().enumerate() {
        let checks = [
            machine::name(manifest, index),
            domain::image(domain),
            domain::sizes(domain),
            machine::port(manifest, index),
            machine::tunnel(manifest, index),
            machine::device(manifest, index),
            machine::role(manifest, index),
            machine::services(manifest, domain),
            domain::arguments(domain),
            machine::peers(manifest, domain),
            domain::moving(domain),
            machine::priority(manifest, domain),
            domain::fleet_arguments(domain),
        ];
        for check in checks {
            check.map_err(|(field, reason)| CheckError {
                domain: index,
                field,
                reason,
            })?;
        }
    }
    Ok(())
}

/// The field and the reason for rejecting it.
type Check = Result<(), (&'static str, String)>;

fn require(holds: bool, field: &'static str, reason: impl FnOnce() -> String) -> Check {
    if holds {
        Ok(())
    } else {
        Err((field, reason()))
    }
}

/// The reason a text is not a valid name of a domain, a machine or a service.
pub fn invalid_name(text: &str) -> String {
    format!("`{text}` is not 1 to {NAME_BYTES} letters, digits, `-`, `_`, `.` or `:`")
}

#[cfg(test)]
mod tests;
