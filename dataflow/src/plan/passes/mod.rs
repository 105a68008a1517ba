//! Passes over the plan, one a file.

pub mod fold;
pub mod fuse;
pub mod share;
