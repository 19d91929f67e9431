//! The calls to root of the shell's host.

use alloc::vec::Vec;

use identity::{DomainId, Incarnation, Name};
use nomad_shell::RootError;
use runtime::protocol::journal::Line;
use runtime::protocol::root::{DomainRecord, Installation, MemoryRecord};

use super::Local;

impl nomad_shell::Root for Local {
    fn all(&mut self) -> Result<Vec<DomainRecord>, RootError> {
        self.machine.root.all()
    }

    fn find(&mut self, name: Name) -> Result<DomainRecord, RootError> {
        self.machine.root.find(name).map(|(record, _)| record)
    }

    fn adopt(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError> {
        self.machine.root.adopt(name, id, incarnation)
    }

    fn revert(&mut self, name: Name) -> Result<(), RootError> {
        self.machine.root.revert(name)
    }

    fn outlive(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
        guest: Option<Name>,
    ) -> Result<(), RootError> {
        self.machine.root.outlive(name, id, incarnation, guest)
    }

    fn remember_guest(&mut self, name: Name, guest: Name) -> Result<(), RootError> {
        self.machine.root.remember_guest(name, guest)
    }

    fn discard(&mut self, name: Name, id: DomainId) -> Result<(), RootError> {
        self.machine.root.discard(name, id)
    }

    fn drop_outlived(&mut self, name: Name, id: DomainId) -> Result<(), RootError> {
        self.machine.root.drop_outlived(name, id)
    }

    fn start(&mut self, name: Name) -> Result<(), RootError> {
        self.machine.root.start(name)
    }

    fn memory(&mut self) -> Result<MemoryRecord, RootError> {
        self.machine.root.memory()
    }

    fn stop(&mut self, name: Name, restart: bool) -> Result<(), RootError> {
        self.machine.root.stop(name, restart)
    }

    fn remove(&mut self, name: Name) -> Result<(), RootError> {
        self.machine.root.remove(name)
    }

    fn log_line(&mut self, from: u64) -> Result<Option<Line>, RootError> {
        self.machine.root.log_line(from)
    }

    fn begin_package(&mut self, bytes: u32) -> Result<(), RootError> {
        self.machine.root.begin_package(bytes)
    }

    fn forget_package(&mut self) {
        if let Err(error) = self.machine.root.begin_package(0) {
            log::warn!("a package is not dropped: {error}");
        }
    }

    fn append_package(&mut self, offset: u32, piece: &[u8]) -> Result<(), RootError> {
        self.machine.root.append_package(offset, piece)
    }

    fn install_package(&mut self) -> Result<Installation, RootError> {
        self.machine.root.install_package()
    }

    fn reboot(&mut self) -> Result<(), RootError> {
        self.machine.root.reboot()
    }
}
