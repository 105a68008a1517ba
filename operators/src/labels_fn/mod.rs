//! Functions of labels: `label_replace` and `label_join`. They run once for each element, never by step.

mod expand;
mod join;
mod replace;

pub use expand::expand;
pub use join::label_join;
pub use replace::LabelReplace;
