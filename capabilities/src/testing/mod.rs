//! What the tests share: a forest of slots in memory, and a checker of what always holds.

pub(crate) mod checker;
pub(crate) mod forest;
