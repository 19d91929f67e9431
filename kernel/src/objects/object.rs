//! A reference to any kernel object: [`Object`], which capabilities carry.

use abi::register::ObjectId;
use abi::{ObjectKind, Rights};

use super::{
    Domain, Endpoint, Hardware, Header, Interrupt, IoPorts, MemoryObject, Notification, Pool,
    Thread,
};
use crate::memory::Ref;

/// A reference to an object of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Object {
    Pool(Ref<Pool>),
    Domain(Ref<Domain>),
    Thread(Ref<Thread>),
    Memory(Ref<MemoryObject>),
    Endpoint(Ref<Endpoint>),
    Notification(Ref<Notification>),
    /// The right to reply to this thread's call; the badge is the call's number.
    Reply(Ref<Thread>),
    Interrupt(Ref<Interrupt>),
    IoPorts(Ref<IoPorts>),
    Hardware(Ref<Hardware>),
}

impl capabilities::Object for Object {
    type Rights = Rights;
}

impl Object {
    pub fn kind(self) -> ObjectKind {
        match self {
            Object::Pool(_) => ObjectKind::Pool,
            Object::Domain(_) => ObjectKind::Domain,
            Object::Thread(_) => ObjectKind::Thread,
            Object::Memory(_) => ObjectKind::Memory,
            Object::Endpoint(_) => ObjectKind::Endpoint,
            Object::Notification(_) => ObjectKind::Notification,
            Object::Reply(_) => ObjectKind::Reply,
            Object::Interrupt(_) => ObjectKind::Interrupt,
            Object::IoPorts(_) => ObjectKind::IoPorts,
            Object::Hardware(_) => ObjectKind::Hardware,
        }
    }

    /// The common part. A reply right shares the header of its thread.
    pub fn header(&self) -> &Header {
        match self {
            Object::Pool(object) => &object.header,
            Object::Domain(object) => &object.header,
            Object::Thread(object) | Object::Reply(object) => &object.header,
            Object::Memory(object) => &object.header,
            Object::Endpoint(object) => &object.header,
            Object::Notification(object) => &object.header,
            Object::Interrupt(object) => &object.header,
            Object::IoPorts(object) => &object.header,
            Object::Hardware(object) => &object.header,
        }
    }

    pub fn id(&self) -> ObjectId {
        self.header().id()
    }
}
