//! What a domain links.
