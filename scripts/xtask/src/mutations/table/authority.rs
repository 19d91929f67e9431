//! Faults in the code for rights, badges and the transfer of capabilities.

use super::{IPC, MATRIX};
use crate::mutations::Finder::{self, Host};
use crate::mutations::Mutation;

const ROOT: Finder = Host("root", "");

mutations! {
    "domain-rights" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    match domain.state()" => "    match domain.state()";
        "every Domain capability allows freezing, capturing and retiring"; MATRIX;
    "pool-rights" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&pool.header)?;" => "    refuse_retired(&pool.header)?;";
        "every Pool capability allows creating objects"; MATRIX;
    "send-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&endpoint.header)?;" => "    refuse_retired(&endpoint.header)?;";
        "a capability with only RECEIVE allows sending"; MATRIX;
    "destroy-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, DESTROY)?;\n" => "";
        "every capability allows destroying its object"; MATRIX;
    "write-right" in "kernel/src/syscalls/domain.rs":
        "Access::ReadWrite => MemoryRights::READ | MemoryRights::WRITE," => "Access::ReadWrite => MemoryRights::READ,";
        "a capability with only READ allows a writable mapping"; MATRIX;
    "execute-right" in "kernel/src/syscalls/domain.rs":
        "Access::ReadExecute => MemoryRights::READ | MemoryRights::EXECUTE," => "Access::ReadExecute => MemoryRights::READ,";
        "a capability with only READ allows an executable mapping"; MATRIX;
    "map-into-right" in "kernel/src/syscalls/pages.rs":
        "lookup::domain(caller, call.into, DomainRights::MAP)?" => "lookup::domain(caller, call.into, DomainRights::empty())?";
        "a captured Memory is mapped into a domain without the right to map there"; MATRIX;
    "dma-right" in "kernel/src/syscalls/pool.rs":
        "PoolRights::CREATE | PoolRights::DMA" => "PoolRights::CREATE";
        "every domain with a pool learns bus addresses"; MATRIX;
    "child-dma" in "kernel/src/syscalls/pool.rs":
        "if parent.contains(dma.into()) {" => "if true {";
        "a pool without DMA has children with DMA"; Host("kernel", "objects::tests::contiguous");
    "builder-dma" in "userland/root/src/api/root/incoming.rs":
        "match pool.mint(PoolRights::OWN, 0) {" => "match pool.mint(PoolRights::all(), 0) {";
        "the migration server learns bus addresses"; Host("root", "api::tests::incoming");
    "supply-right" in "kernel/src/syscalls/memory.rs":
        "lookup::memory(caller, call.source, MemoryRights::READ)?" => "lookup::memory(caller, call.source, MemoryRights::empty())?";
        "a Memory is read without READ"; MATRIX;
    "reboot-right" in "kernel/src/syscalls/device.rs":
        "lookup::hardware(caller, call.hardware, HardwareRights::REBOOT)?" => "lookup::hardware(caller, call.hardware, HardwareRights::empty())?";
        "every domain that gets devices from the Hardware restarts the machine"; MATRIX;
    "ports-right" in "kernel/src/syscalls/device.rs":
        "lookup::io_ports(caller, call.ports, IoPortsRights::OUT)?" => "lookup::io_ports(caller, call.ports, IoPortsRights::IN)?";
        "a capability with only IN allows writing to ports"; MATRIX;
    "raised-priority" in "kernel/src/syscalls/thread.rs":
        "    if call.priority > caller.priority.get() {\n        return Err(Error::MissingRight);\n    }\n" => "";
        "every domain can raise its priority above all others"; MATRIX;
    "written-priority" in "kernel/src/syscalls/thread.rs":
        "    if state.priority > u64::from(caller.priority.get()) {\n        return Err(Error::MissingRight);\n    }\n" => "";
        "every domain can raise its priority above all others"; Host("kernel", "capture::tests");
    "wider-mint" in "capabilities/src/capability.rs":
        "if !self.rights.contains(rights) {" => "if false {";
        "a copy has more rights than its original"; Host("capabilities", "");
    "second-badge" in "capabilities/src/capability.rs":
        "if self.badge.is_set() && badge.is_set() {" => "if false {";
        "a client assumes another client's badge"; Host("capabilities", "");
    "any-flag" in "kernel/src/syscalls/lookup.rs":
        "if badge.is_set() && flags & !badge.get() != 0 {" => "if false {";
        "a capability to signal one flag allows signalling all of them"; Host("kernel", "syscalls::tests");
    "copied-reply" in "kernel/src/syscalls/capability.rs":
        "    lookup::check_copyable(capability.object)?;" => "    crate::objects::check_alive(capability.object)?;";
        "two domains can reply to one call"; IPC;

    "port-bounds" in "kernel/src/syscalls/device.rs":
        "    if port >= ports.first && last <= u32::from(ports.last) {" => "    if last >= u32::from(ports.first.min(port)) {";
        "a capability to one port gives access to every port of the machine"; Host("kernel", "objects::tests::hardware");
    "port-width" in "kernel/src/syscalls/device.rs":
        "    let last = u32::from(port) + width as u32 - 1;" => "    let last = u32::from(port) + (width as u32).min(1) - 1;";
        "a wide access reaches up to three ports beyond the last"; Host("kernel", "objects::tests::hardware");
    "foreign-reply" in "kernel/src/syscalls/domain.rs":
        "    if thread.domain != domain || !domain.is_quiescent() {" => "    if !domain.is_quiescent() {";
        "the reply right to a thread of one domain is installed in another"; Host("kernel", "ipc::tests::grant");
    "running-reply" in "kernel/src/syscalls/domain.rs":
        "    if thread.domain != domain || !domain.is_quiescent() {" => "    if thread.domain != domain {";
        "the reply right to a call in progress is taken from the server while both domains run"; Host("kernel", "ipc::tests::grant");
    "derived-reply" in "kernel/src/syscalls/domain.rs":
        "    lookup::check_copyable(held.object)?;" => "    crate::objects::check_alive(held.object)?;";
        "two slots hold the reply right to one call"; IPC;
    "installed-reply" in "kernel/src/syscalls/domain.rs":
        "    lookup::check_copyable(capability.object)?;" => "    crate::objects::check_alive(capability.object)?;";
        "a reply right is copied into another domain"; IPC;
    "sent-reply" in "kernel/src/ipc/transfer.rs":
        "        Some(capability) if matches!(capability.object, Object::Reply(_)) => Err(Error::WrongKind),\n" => "";
        "a message copies a reply right"; Host("kernel", "ipc::tests::grant");
    "bind-without-right" in "kernel/src/ipc/notify.rs":
        "    if !may_receive(thread) {\n        return abort_wait(kernel, thread);\n    }\n" => "";
        "binding a notification delivers flags to a receiver whose right to receive was revoked"; Host("kernel", "ipc::tests::revocation");
    "wait-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&notification.header)?;" => "    refuse_retired(&notification.header)?;";
        "a capability with only SIGNAL allows waiting"; MATRIX;
    "destroy-child-right" in "kernel/src/syscalls/pool.rs":
        "lookup::pool(caller, call.pool, PoolRights::DESTROY)?" => "lookup::pool(caller, call.pool, PoolRights::REPORT)?";
        "a capability with only REPORT allows destroying child pools"; MATRIX;
    "unretire-right" in "kernel/src/syscalls/domain.rs":
        "DomainRights::UNRETIRE)?" => "DomainRights::RETIRE)?";
        "a capability with only RETIRE allows unretiring, so that two copies run"; MATRIX;
    "any-token" in "kernel/src/capture/freeze.rs":
        "        DomainState::Frozen if domain.token() == token => Ok(()),\n        DomainState::Frozen => Err(Error::InUse)," => "        DomainState::Frozen => Ok(()),";
        "every holder of FREEZE can thaw a domain that another caller is capturing"; Host("kernel", "capture::tests");
    "any-progress" in "kernel/src/capture/freeze.rs":
        "        DomainState::Frozen if domain.token() == token => Ok(()),\n        DomainState::Frozen | DomainState::Running => Err(Error::TimedOut)" => "        DomainState::Frozen => Ok(()),\n        DomainState::Running => Err(Error::TimedOut)";
        "a DomainFreeze with any progress value succeeds on a domain that another caller froze"; Host("kernel", "capture::tests::freezing");
    "one-key" in "kernel/src/kernel.rs":
        "IdentityKeys::generate(arch::random_seed)" => "IdentityKeys::generate(|| 1)";
        "identities are the same on every machine and in every boot, and reveal the number of objects"; Host("kernel", "syscalls::tests::identities");
    "no-random" in "kernel/src/syscalls/device.rs":
        "    Ok(Outcome::one(arch::random_seed()))" => "    Ok(Outcome::one(arch::random_seed() & 0xffff))";
        "keys are made from words with only 16 random bits"; Host("kernel", "objects::tests::hardware");
    "view-of-device" in "kernel/src/syscalls/pages.rs":
        "    if memory.attribute != Attribute::Ordinary || !domain.is_quiescent() {" => "    if !domain.is_quiescent() {";
        "a right to capture a driver's domain allows mapping its device registers and DMA memory"; Host("kernel", "capture::tests::attributes");
    "armed-bookmark" in "capabilities/src/family.rs":
        ".set_content(Some(Content { rights, ..content }));" => ".set_content(Some(content));";
        "describing a domain creates a capability with rights in a hidden slot"; Host("capabilities", "");

    "initial-priority" in "kernel/src/objects/thread.rs":
        "            priority: Cell::new(0)," => "            priority: Cell::new(abi::PRIORITY_MAX),";
        "a new thread preempts all others"; MATRIX;
    "held-kind" in "kernel/src/syscalls/own.rs":
        "            lookup::own_endpoint(domain, call.from, EndpointRights::SEND)?;\n            thread::hold_fault_endpoint" => "            thread::hold_fault_endpoint";
        "a thread's faults are sent to an object that is not an endpoint"; Host("kernel", "capture::tests::derivation");

    "console-as-mover" in "userland/root/src/api/mod.rs":
        "domains::handle(root, message)" => "root::handle(root, server, message)";
        "a faulty console starts a second copy of a domain, or ends one"; ROOT;
    "console-with-root" in "userland/root/src/provision/mod.rs":
        "interface(names::DOMAINS, Interface::Domains)" => "interface(names::DOMAINS, Interface::Root)";
        "the console's capability accepts the requests of the migration server"; ROOT;
    "root-for-all" in "userland/manifest/src/role.rs":
        "Capability::Tunnel | Capability::Root => Some(Role::MigrationServer)" => "Capability::Tunnel => Some(Role::MigrationServer)";
        "a manifest may let any domain start, stop and move others"; Host("manifest", "");
}
