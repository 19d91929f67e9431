//! A linear framebuffer: its geometry, and text drawn into it. Pure: the memory is behind the trait [`Surface`].
//!
//! The kernel draws its first messages and its panics with this crate. The console, or root if there is no console, draws the
//! machine's log.
//!
//! | file | content |
//! | --- | --- |
//! | `geometry.rs`, `text.rs` | a [`Geometry`]: size, pitch and pixel format, checked; its textual form |
//! | `pixel.rs` | a [`Color`]; a [`PixelFormat`]: the place of each colour in a pixel |
//! | `glyph.rs` | the font |
//! | `painter.rs` | a [`Painter`], which draws a character into a cell |
//! | `placed.rs` | a framebuffer at its address, [`Placed`] |
//! | `page.rs` | a [`Page`] of lines, from top to bottom |
//! | `surface.rs` | the [`Surface`] drawn to |
//!
//! Invariant: nothing is written outside of [`Geometry::bytes`].

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod geometry;
mod glyph;
mod page;
mod painter;
mod pixel;
mod placed;
mod surface;
mod text;

pub use geometry::{BYTES_MAX, Geometry, GeometryError};
pub use page::{Overflow, Page};
pub use painter::{Colors, Painter};
pub use pixel::{Channel, Color, PixelFormat};
pub use placed::Placed;
pub use surface::Surface;
pub use text::NotGeometry;
