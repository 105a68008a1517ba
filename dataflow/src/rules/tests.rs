//! What is read, what is refused, in which words and where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
