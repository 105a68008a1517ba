//! The fixed set of operators that interprets plan rows.
