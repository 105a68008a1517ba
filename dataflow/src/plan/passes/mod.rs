//! Passes over the plan, one a file.

pub mod fold;
pub mod fuse;
pub mod prune;
pub mod share;
