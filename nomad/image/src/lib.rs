//! The image format of a frozen domain.
