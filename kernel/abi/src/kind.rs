//! The kinds of kernel object and the rights over each.

use bitflags::bitflags;

use crate::numbered;

numbered! {
    /// The kind of a kernel object.
    #[derive(Hash)]
    pub enum ObjectKind: u8 {
        /// An account of physical memory, in a tree.
        Pool = 1,
        /// Address space, capability table, threads, run state.
        Domain = 2,
        /// Registers and scheduling, inside one Domain.
        Thread = 3,
        /// A sparse range of pages with one set of page tables.
        Memory = 4,
        /// Synchronous rendezvous.
        Endpoint = 5,
        /// A word of flags.
        Notification = 6,
        /// The one-shot right to reply to a call.
        Reply = 7,
        /// The interrupt of a device.
        Interrupt = 8,
        /// A range of I/O ports.
        IoPorts = 9,
        /// The authority over all devices, needed to make Interrupts, IoPorts and device Memories. Root holds it.
        Hardware = 10,
    }
}

impl ObjectKind {
    /// Every right over an object of this kind.
    pub fn all_rights(self) -> Rights {
        match self {
            ObjectKind::Pool => PoolRights::all().into(),
            ObjectKind::Domain => DomainRights::all().into(),
            ObjectKind::Thread => ThreadRights::all().into(),
            ObjectKind::Memory => MemoryRights::all().into(),
            ObjectKind::Endpoint => EndpointRights::all().into(),
            ObjectKind::Notification => NotificationRights::all().into(),
            ObjectKind::Reply => EndpointRights::GRANT.into(),
            ObjectKind::Interrupt => InterruptRights::all().into(),
            ObjectKind::IoPorts => IoPortsRights::all().into(),
            ObjectKind::Hardware => HardwareRights::all().into(),
        }
    }

    /// The most rights that a movable domain may have over one of its own objects of this kind.
    pub fn own_rights(self) -> Rights {
        match self {
            ObjectKind::Domain => DomainRights::OWN.into(),
            ObjectKind::Pool => PoolRights::OWN.into(),
            kind => kind.all_rights(),
        }
    }
}

/// A set of rights over an object whose kind gives the bits their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Rights(pub u16);

impl Rights {
    /// Whether every right of `other` is among these.
    pub fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }
}

impl capabilities::Rights for Rights {
    fn none() -> Self {
        Rights(0)
    }
    fn contains(self, other: Self) -> bool {
        Rights::contains(self, other)
    }
}

macro_rules! rights {
    ($($(#[$($outer:tt)*])* $name:ident { $($(#[$($doc:tt)*])* $right:ident = $bit:literal;)* })*) => {$(
        bitflags! {
            $(#[$($outer)*])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name: u16 {
                $($(#[$($doc)*])* const $right = 1 << $bit;)*
                /// Destroy the object, for all holders. Bit 15 for every kind.
                const DESTROY = 1 << 15;
            }
        }

        impl From<$name> for Rights {
            fn from(rights: $name) -> Rights {
                Rights(rights.bits())
            }
        }
    )*};
}

impl DomainRights {
    /// The most rights that a movable domain gets over itself. INSTALL lets it grow its table, and gives it no capability that
    /// it lacks. SPAWN lets it create as many threads as its pool pays for. FREEZE, RETIRE and UNRETIRE are left out: the
    /// domain could pass them to another domain, which could then stop it, or run it again on a machine that it has left.
    pub const OWN: DomainRights = DomainRights::MAP
        .union(DomainRights::INSTALL)
        .union(DomainRights::SPAWN);
}

impl PoolRights {
    /// The most rights that a movable domain gets over its own pool. A driver also gets DMA; it stays where its device is.
    pub const OWN: PoolRights = PoolRights::CREATE.union(PoolRights::REPORT);
}

/// The right to destroy: the same bit for every kind.
pub const DESTROY: Rights = Rights(1 << 15);

rights! {
    /// Rights over a Pool.
    PoolRights {
        /// Make objects that are charged to this pool, child pools included.
        CREATE = 0;
        /// Read its size and how much of it is spent.
        REPORT = 1;
        /// Make physically contiguous Memory and learn its bus address.
        DMA = 2;
    }
    /// Rights over a Domain.
    DomainRights {
        /// Map and unmap Memories.
        MAP = 0;
        /// Install, derive and remove capabilities in its table, grow the table, and put copies of its capabilities into its objects.
        INSTALL = 1;
        /// Make threads in it.
        SPAWN = 2;
        /// Freeze and thaw it.
        FREEZE = 3;
        /// Describe it, copy the pages of its Memories and of those it has mapped, and use the dirty logs of its Memories,
        /// also while it runs. Read its threads and map its Memories while it is frozen.
        CAPTURE = 4;
        /// Retire it: the commit point of a move. With CAPTURE also: move pages of the retired domain to another Memory.
        RETIRE = 5;
        /// Undo a retirement, as an operator may request.
        UNRETIRE = 6;
        /// Set its clock.
        CLOCK = 7;
    }
    /// Rights over a Thread.
    ThreadRights {
        /// Start and stop it.
        RUN = 0;
        /// Read its state.
        READ = 1;
        /// Write its state, bind a notification, set its fault endpoint and message buffer.
        WRITE = 2;
        /// Set its priority.
        SCHEDULE = 3;
    }
    /// Rights over a Memory.
    MemoryRights {
        /// Map it to read, and copy its pages with `MemorySupply`.
        READ = 0;
        /// Map it to write, and let `DomainReadPages` copy pages into it.
        WRITE = 1;
        /// Map it to execute.
        EXECUTE = 2;
        /// Populate, supply and discard pages, receive pages of a retired domain, set a pager.
        MANAGE = 3;
        /// Not needed by any call: the bus address is returned when the Memory is made.
        DMA = 4;
    }
    /// Rights over an Endpoint.
    EndpointRights {
        /// Send and call.
        SEND = 0;
        /// Receive.
        RECEIVE = 1;
        /// Pass capabilities in messages and in the replies to calls. A reply right has GRANT, as the same bit, if the call
        /// was made through a capability with GRANT. Without it messages and replies carry data only.
        GRANT = 2;
    }
    /// Rights over a Notification.
    NotificationRights {
        /// Raise flags.
        SIGNAL = 0;
        /// Wait for flags.
        WAIT = 1;
    }
    /// Rights over an Interrupt.
    InterruptRights {
        /// Bind it to a notification and acknowledge it.
        HANDLE = 0;
    }
    /// Rights over a range of ports.
    IoPortsRights {
        /// Read from them.
        IN = 0;
        /// Write to them.
        OUT = 1;
    }
    /// Rights over the hardware.
    HardwareRights {
        /// Make Interrupts, IoPorts and device Memory, and draw random words.
        CREATE = 0;
        /// Restart the machine.
        REBOOT = 1;
    }
}
