//! What root calls the objects outside a domain. Object ids are never reused, so that what was asked once stays true.

use alloc::vec::Vec;

use nomad_image::{Blob, Listing, Name, NamedObject, Names};
use runtime::protocol::root::Binding;
use runtime::protocol::{Mac, Name as RootName};

use crate::capture::queue;
use crate::root::{Root, RootError};

/// Asks root for the name of everything outside that is not in `names` yet.
///
/// # Errors
/// Root could not be asked. What root has no name for is no error: the verdict will tell.
pub fn complete(
    root: Root,
    domain: Name,
    listing: &Listing,
    names: &mut Names,
) -> Result<(), RootError> {
    for (key, _) in listing.outsiders() {
        if names.contains_key(&key) {
            continue;
        }
        if let Some(binding) = root.name_of(domain, key)? {
            let name = Name::try_new(binding.name.as_str()).ok_or(RootError::Malformed)?;
            names.insert(
                key,
                NamedObject {
                    name,
                    binding: to_blob(&binding),
                },
            );
        }
    }
    Ok(())
}

/// A binding's state, as it travels in the image.
fn to_blob(binding: &Binding) -> Blob {
    let bytes: Vec<u8> = binding
        .state
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    Blob(bytes)
}

/// The binding that an image holds under a name; `None` if it is not one.
pub fn from_blob(name: Name, blob: &Blob) -> Option<Binding> {
    let (low, high) = blob.0.split_first_chunk::<8>()?;
    let high: &[u8; 8] = high.try_into().ok()?;
    Some(Binding {
        name: RootName::try_new(name.as_str())?,
        state: [u64::from_le_bytes(*low), u64::from_le_bytes(*high)],
    })
}

/// The address of a domain's port, if it has one and root knows it.
pub fn port_address(names: &Names) -> Option<Mac> {
    let mut known = names.values();
    let port = known.find(|known| known.name.as_str() == queue::PORT)?;
    address_in(port.name, &port.binding)
}

/// The address of a port, in its binding.
pub fn address_in(name: Name, binding: &Blob) -> Option<Mac> {
    let [mac, _] = from_blob(name, binding)?.state;
    Mac::from_word(mac).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_survives_the_image() {
        let name = Name::try_new("port").expect("a name");
        let binding = Binding {
            name: RootName::try_new("port").expect("a name"),
            state: [0x5254_0000_0014, 7 << 40],
        };
        let read = from_blob(name, &to_blob(&binding));
        assert_eq!(read, Some(binding));
    }

    #[test]
    fn a_port_tells_its_address() {
        let name = Name::try_new(queue::PORT).expect("a name");
        let binding = Binding {
            name: RootName::try_new(queue::PORT).expect("a name"),
            state: [0x5254_004d_0014, u64::MAX],
        };
        let mac = Mac([0x52, 0x54, 0, 0x4d, 0, 0x14]);
        assert_eq!(address_in(name, &to_blob(&binding)), Some(mac));
    }

    #[test]
    fn refuses_a_binding_of_another_length() {
        let name = Name::try_new("port").expect("a name");
        for bytes in [0, 8, 15, 17] {
            assert_eq!(from_blob(name, &Blob(alloc::vec![0; bytes])), None);
        }
    }
}
