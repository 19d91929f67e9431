//! A client and an operator server, with a wire between them that loses, duplicates and reorders.

mod replies;
mod scene;
mod wire;
