//! Root's names of the objects outside a domain. Object ids are never reused, so a name that was read once stays valid.

use identity::Name;
use nomad_image::{Blob, Listing, NamedObject, Names};
use runtime::protocol::Mac;
use runtime::protocol::root::{Binding, PortState};

use crate::capture::queue;
use crate::root::{Root, RootError};

/// Adds root's names of the objects outside that are not in `names` yet.
///
/// # Errors
/// The request to root failed. An object without a name is not an error here: its verdict refuses it.
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
            names.insert(
                key,
                NamedObject {
                    name: binding.name,
                    binding: to_blob(binding.port),
                },
            );
        }
    }
    Ok(())
}

/// A binding's state, encoded for the image.
fn to_blob(port: Option<PortState>) -> Blob {
    Blob(postcard::to_allocvec(&port).expect("a vector takes any value"))
}

/// The binding that an image holds under a name; `None` if it is malformed.
pub fn from_blob(name: Name, blob: &Blob) -> Option<Binding> {
    match postcard::take_from_bytes(&blob.0) {
        Ok((port, [])) => Some(Binding { name, port }),
        Ok(_) | Err(_) => None,
    }
}

/// The address of a domain's port, if it has one and root knows it.
pub fn port_address(names: &Names) -> Option<Mac> {
    let mut known = names.values();
    let port = known.find(|known| known.name.as_str() == queue::PORT)?;
    address_in(port.name, &port.binding)
}

/// The address in a port's binding.
pub fn address_in(name: Name, binding: &Blob) -> Option<Mac> {
    Some(from_blob(name, binding)?.port?.mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortState = PortState {
        mac: Mac([0x52, 0x54, 0, 0x4d, 0, 0x14]),
        ip: None,
    };

    #[test]
    fn a_binding_survives_the_image() {
        let name = Name::try_new(queue::PORT).expect("a name");
        for port in [None, Some(PORT)] {
            let read = from_blob(name, &to_blob(port));
            assert_eq!(read, Some(Binding { name, port }));
        }
        assert_eq!(address_in(name, &to_blob(Some(PORT))), Some(PORT.mac));
        assert_eq!(address_in(name, &to_blob(None)), None);
    }

    #[test]
    fn rejects_malformed_bindings() {
        let name = Name::try_new(queue::PORT).expect("a name");
        for bytes in [&[][..], &[1], &[2], &[0, 0]] {
            assert_eq!(from_blob(name, &Blob(bytes.into())), None);
        }
    }
}
