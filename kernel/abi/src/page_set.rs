//! [`PageSet`], an argument of `DomainPages`.

use crate::numbered;

numbered! {
    /// The set of a Memory's pages that a bitmap shows.
    pub enum PageSet: u8 {
        /// The present pages.
        Present = 0,
        /// The pages that were written since they were last marked clean, and new pages. Reading the set marks them clean.
        Dirty = 1,
    }
}
