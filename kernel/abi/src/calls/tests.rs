//! Encoding and decoding of calls.

use super::{Arguments, DomainMap, DomainUnmap, Number, Request};
use crate::Error;
use crate::register::{Access, PageCount, PageIndex, REGISTER_COUNT, Slot, UserAddress};

#[test]
fn decodes_what_it_encodes() {
    let map = DomainMap {
        domain: Slot(2),
        memory: Slot(9),
        address: UserAddress(0x20_0000),
        first_page: PageIndex(512),
        page_count: PageCount(3),
        access: Access::ReadExecute,
    };
    let request = Request::decode(DomainMap::NUMBER as u64, &map.encode());
    assert_eq!(request, Ok(Request::DomainMap(map)));
}

#[test]
fn refuses_an_unknown_number() {
    assert_eq!(
        Request::decode(9999, &[0; REGISTER_COUNT]),
        Err(Error::UnknownCall)
    );
}

#[test]
fn refuses_an_address_above_user_space() {
    let mut registers = [0; REGISTER_COUNT];
    registers[1] = crate::USER_END;
    assert_eq!(
        Request::decode(DomainUnmap::NUMBER as u64, &registers),
        Err(Error::ArgumentRange)
    );
}

#[test]
fn every_number_decodes_its_own_call() {
    for number in Number::ALL {
        let decoded = Request::decode(*number as u64, &[0; REGISTER_COUNT]);
        assert_ne!(decoded, Err(Error::UnknownCall), "{number:?}");
    }
}
