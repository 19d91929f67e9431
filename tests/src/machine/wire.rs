//! The network of a NIC: [`Wire`].

use std::path::PathBuf;

use crate::segment::Port;

/// The network of a NIC.
#[derive(Clone, Debug)]
pub(super) enum Wire {
    /// A segment.
    Segment(Port),
    /// QEMU's own network, of one machine, whose server offers the file `start` of a directory.
    Files { directory: PathBuf, start: String },
}

impl Wire {
    /// QEMU's argument for the network called `id`.
    pub(super) fn netdev(&self, id: &str) -> String {
        match self {
            Wire::Segment(port) => port.netdev(id),
            Wire::Files { directory, start } => format!(
                "user,id={id},restrict=on,tftp={},bootfile={start}",
                directory.display()
            ),
        }
    }
}
