//! Arguments of a random call that match its target objects: identities, tokens, versions, pages.

use abi::{Number, ObjectKind, PAGES_PER_TABLE};

use super::super::checker::objects;
use super::aim::{ADDRESS, Aim, choose, held};
use crate::memory::Ref;
use crate::objects::{MemoryObject, Object, Pool};

impl Aim {
    /// Replaces identities, tokens, versions and ranges by those of the call's target objects.
    pub fn fit_objects(&mut self) {
        if let Some(domain) = self.domain() {
            self.set("token", domain.token());
            self.set("version", domain.version());
            let kind = match self.number {
                Number::DomainReadThread => ObjectKind::Thread,
                _ => ObjectKind::Memory,
            };
            let mut ids = self.arguments().filter(|(_, _, kind)| *kind == "ObjectId");
            if let Some((index, ..)) = ids.next() {
                self.name_object(index, domain.pool(), kind);
            }
            if self.number == Number::DomainUnmap {
                let mapped: Vec<u64> = domain.mappings().map(|mapping| mapping.start()).collect();
                let start = choose(&mapped, self.registers[1]);
                self.set("address", start.unwrap_or(ADDRESS));
            }
        }
        if let Some(Object::IoPorts(ports)) = self.object("ports") {
            self.set("port", ports.first.into());
        }
        if let (Number::DestroyChild, Some(Object::Pool(pool))) = (self.number, self.object("pool"))
        {
            self.name_object(1, pool, ObjectKind::Pool);
        }
        if let Some(memory) = self.memory() {
            self.fit_range(memory);
        }
    }

    /// Replaces an argument by the identity of an object of a pool.
    fn name_object(&mut self, index: usize, pool: Ref<Pool>, kind: ObjectKind) {
        let of_kind = objects(pool).filter(|object| object.kind() == kind);
        let ids: Vec<u64> = of_kind.map(|object| object.id().0).collect();
        if let Some(id) = choose(&ids, self.registers[index]) {
            self.registers[index] = id;
        }
    }

    /// The Memory whose pages a call names.
    fn memory(&self) -> Option<Ref<MemoryObject>> {
        let index = self.position("memory")?;
        let is_memory = |object: Object| match object {
            Object::Memory(memory) => Some(memory),
            _ => None,
        };
        if self.number == Number::DomainMapOwn {
            let slot = u32::try_from(self.registers[index]).ok()?;
            return is_memory(held(self.domain()?, slot)?.object);
        }
        let by_slot = self.object("memory").and_then(is_memory);
        let by_id = || {
            let id = self.registers[index];
            let mut all = objects(self.domain()?.pool());
            all.find(|object| object.id().0 == id).and_then(is_memory)
        };
        by_slot.or_else(by_id)
    }

    /// Fits a range into a Memory; a range to be mapped ends with the Memory.
    fn fit_range(&mut self, memory: Ref<MemoryObject>) {
        if let Some(wanted) = self.position("wanted") {
            self.registers[wanted] &= (1 << memory.page_count.min(32)) - 1;
        }
        let (Some(first), Some(count)) = (self.position("first_page"), self.position("page_count"))
        else {
            return;
        };
        let from = self.registers[first].min(memory.page_count - 1);
        let from = from - from % PAGES_PER_TABLE;
        let rest = memory.page_count - from;
        self.registers[first] = from;
        let all = match self.number {
            Number::DomainMap | Number::DomainMapOwn => true,
            // The source rarely has more than one page.
            Number::MemorySupply => return self.registers[count] = 1,
            _ => self.registers[count] > rest,
        };
        if all {
            self.registers[count] = rest;
        }
    }
}
