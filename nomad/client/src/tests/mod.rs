//! A client and a desk, with a wire between them that loses, doubles and reorders.

mod answers;
mod scene;
mod wire;
