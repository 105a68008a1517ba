//! Functions of labels: `label_replace` and `label_join`, which run once for each element, never by step; and the order
//! of `sort_by_label`.

mod expand;
mod join;
mod natural;
mod replace;

pub use expand::expand;
pub use join::label_join;
pub use natural::natural;
pub use replace::LabelReplace;
