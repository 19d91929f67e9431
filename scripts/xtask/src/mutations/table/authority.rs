//! Rights, and what goes with a capability.

use super::{IPC, MATRIX};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    "domain-rights" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    match domain.state()" => "    match domain.state()";
        "every Domain capability freezes, captures and retires"; MATRIX;
    "pool-rights" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&pool.header)?;" => "    refuse_retired(&pool.header)?;";
        "every Pool capability makes objects"; MATRIX;
    "send-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&endpoint.header)?;" => "    refuse_retired(&endpoint.header)?;";
        "a capability to receive sends"; MATRIX;
    "destroy-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, DESTROY)?;\n" => "";
        "every capability ends its object"; MATRIX;
    "write-right" in "kernel/src/syscalls/domain.rs":
        "Access::ReadWrite => MemoryRights::READ | MemoryRights::WRITE," => "Access::ReadWrite => MemoryRights::READ,";
        "a Memory that may be read is mapped writable"; MATRIX;
    "execute-right" in "kernel/src/syscalls/domain.rs":
        "Access::ReadExecute => MemoryRights::READ | MemoryRights::EXECUTE," => "Access::ReadExecute => MemoryRights::READ,";
        "a Memory that may be read is mapped to be executed"; MATRIX;
    "map-into-right" in "kernel/src/syscalls/pages.rs":
        "lookup::domain(caller, call.into, DomainRights::MAP)?" => "lookup::domain(caller, call.into, DomainRights::empty())?";
        "a captured Memory is mapped into a domain against its holder's will"; MATRIX;
    "dma-right" in "kernel/src/syscalls/pool.rs":
        "PoolRights::CREATE | PoolRights::DMA" => "PoolRights::CREATE";
        "every domain learns bus addresses"; MATRIX;
    "child-dma" in "kernel/src/syscalls/pool.rs":
        "if parent.contains(dma.into()) {" => "if true {";
        "a pool without DMA has children with it"; Host("kernel", "objects::tests::contiguous");
    "supply-right" in "kernel/src/syscalls/memory.rs":
        "lookup::memory(caller, call.giver, MemoryRights::READ)?" => "lookup::memory(caller, call.giver, MemoryRights::empty())?";
        "a Memory is read without the right"; MATRIX;
    "ports-right" in "kernel/src/syscalls/device.rs":
        "lookup::io_ports(caller, call.ports, IoPortsRights::OUT)?" => "lookup::io_ports(caller, call.ports, IoPortsRights::IN)?";
        "ports that may be read are written"; MATRIX;
    "raised-priority" in "kernel/src/syscalls/thread.rs":
        "    if call.priority > caller.priority.get() {\n        return Err(Error::MissingRight);\n    }\n" => "";
        "every domain puts itself above all others"; MATRIX;
    "written-priority" in "kernel/src/syscalls/thread.rs":
        "    if state.priority > u64::from(caller.priority.get()) {\n        return Err(Error::MissingRight);\n    }\n" => "";
        "every domain puts itself above all others"; Host("kernel", "capture::tests");
    "wider-mint" in "capabilities/src/capability.rs":
        "if !self.rights.contains(rights) {" => "if false {";
        "a copy has rights that nobody gave"; Host("capabilities", "");
    "second-badge" in "capabilities/src/capability.rs":
        "if self.badge.is_set() && badge.is_set() {" => "if false {";
        "a client takes on another one's badge"; Host("capabilities", "");
    "any-flag" in "kernel/src/syscalls/lookup.rs":
        "if badge.is_set() && flags & !badge.get() != 0 {" => "if false {";
        "whoever may ring a bell raises every flag of it"; Host("kernel", "flags_are_raised_within");
    "copied-reply" in "kernel/src/syscalls/capability.rs":
        "    if matches!(capability.object, Object::Reply(_)) {\n        return Err(Error::WrongKind);\n    }\n" => "";
        "two domains may answer one call"; IPC;

    "port-bounds" in "kernel/src/syscalls/device.rs":
        "    if port >= ports.first && last <= u32::from(ports.last) {" => "    if last >= u32::from(ports.first.min(port)) {";
        "a capability to one port reads and writes every port of the machine"; Host("kernel", "objects::tests::hardware");
    "port-width" in "kernel/src/syscalls/device.rs":
        "    let last = u32::from(port) + width as u32 - 1;" => "    let last = u32::from(port) + (width as u32).min(1) - 1;";
        "a wide access reaches up to three ports beyond the last"; Host("kernel", "objects::tests::hardware");
    "foreign-reply" in "kernel/src/syscalls/domain.rs":
        "    if thread.domain != domain || !domain.is_quiescent() {" => "    if !domain.is_quiescent() {";
        "the right to answer a thread of one domain is put into the table of another"; Host("kernel", "ipc::tests::grant");
    "running-reply" in "kernel/src/syscalls/domain.rs":
        "    if thread.domain != domain || !domain.is_quiescent() {" => "    if thread.domain != domain {";
        "the right to answer a call in progress is taken from the server that received it, while both run"; Host("kernel", "ipc::tests::grant");
    "derived-reply" in "kernel/src/syscalls/domain.rs":
        "    if matches!(held.object, Object::Reply(_)) {\n        return Err(Error::WrongKind);\n    }\n" => "";
        "two slots may answer one call"; IPC;
    "installed-reply" in "kernel/src/syscalls/domain.rs":
        "    if matches!(capability.object, Object::Reply(_)) {\n        return Err(Error::WrongKind);\n    }\n" => "";
        "a reply right is copied into another domain"; IPC;
    "sent-reply" in "kernel/src/ipc/transfer.rs":
        "        Some(capability) if matches!(capability.object, Object::Reply(_)) => Err(Error::WrongKind),\n" => "";
        "a right to answer is copied by a message"; Host("kernel", "ipc::tests::grant");
    "bind-without-right" in "kernel/src/ipc/notify.rs":
        "    if !may_receive(thread) {\n        return abort_wait(kernel, thread);\n    }\n" => "";
        "binding a notification hands flags to a receiver whose right to receive was revoked"; Host("kernel", "ipc::tests::revocation");
    "wait-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&notification.header)?;" => "    refuse_retired(&notification.header)?;";
        "a capability to signal takes flags"; MATRIX;
    "destroy-child-right" in "kernel/src/syscalls/pool.rs":
        "lookup::pool(caller, call.pool, PoolRights::DESTROY)?" => "lookup::pool(caller, call.pool, PoolRights::REPORT)?";
        "a right to look at an account ends what was split off from it"; MATRIX;
    "unretire-right" in "kernel/src/syscalls/domain.rs":
        "DomainRights::UNRETIRE)?" => "DomainRights::RETIRE)?";
        "a right to retire a domain makes two of it"; MATRIX;
    "any-token" in "kernel/src/capture/freeze.rs":
        "        DomainState::Frozen if domain.token() == token => Ok(()),\n        DomainState::Frozen => Err(Error::InUse)," => "        DomainState::Frozen => Ok(()),";
        "anybody with FREEZE thaws what another captures"; Host("kernel", "capture::tests");
    "stranger-goes-on" in "kernel/src/capture/freeze.rs":
        "        DomainState::Frozen if domain.token() == token => Ok(()),\n        DomainState::Frozen | DomainState::Running => Err(Error::TimedOut)" => "        DomainState::Frozen => Ok(()),\n        DomainState::Running => Err(Error::TimedOut)";
        "a DomainFreeze with any progress succeeds on a domain that another one froze"; Host("kernel", "capture::tests::freezing");
    "one-key" in "kernel/src/kernel.rs":
        "IdentityKeys::generate(arch::random_seed)" => "IdentityKeys::generate(|| 1)";
        "identities are the same on every machine and in every boot: the count of objects can be read off again"; Host("kernel", "syscalls::tests::identities");
    "no-random" in "kernel/src/syscalls/device.rs":
        "    Ok(Outcome::one(arch::random_seed()))" => "    Ok(Outcome::one(arch::random_seed() & 0xffff))";
        "a word that keys are drawn from has 16 bits"; Host("kernel", "objects::tests::hardware");
    "view-of-device" in "kernel/src/syscalls/pages.rs":
        "    if memory.attribute != Attribute::Ordinary || !domain.is_quiescent() {" => "    if !domain.is_quiescent() {";
        "a right to capture a driver's domain maps its device's registers and DMA memory"; Host("kernel", "capture::tests::attributes");
    "armed-bookmark" in "capabilities/src/family.rs":
        ".set_content(Some(Content { rights, ..content }));" => ".set_content(Some(content));";
        "describing a domain makes a capability with rights in a hidden slot"; Host("capabilities", "");

    "born-highest" in "kernel/src/objects/thread.rs":
        "            priority: Cell::new(0)," => "            priority: Cell::new(abi::PRIORITY_MAX),";
        "whoever makes a thread takes the processor from all others"; MATRIX;
    "held-kind" in "kernel/src/syscalls/own.rs":
        "            lookup::own_endpoint(domain, call.from, EndpointRights::SEND)?;\n            thread::hold_fault_endpoint" => "            thread::hold_fault_endpoint";
        "a thread's faults go to something that is no endpoint"; Host("kernel", "capture::tests::derivation");
}
