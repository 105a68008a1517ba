//! Sample windows: the store that [window] fills and [evaluate] reads.

mod store;

pub use store::{Admitted, SeriesStore, Slot};
