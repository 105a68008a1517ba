//! Ctrl-C: a signal in, a flag out.
//!
//! # Semantics
//! The first signal asks the run to stop at the next epoch, so that outputs are finished with what is done; the second
//! ends the program at once and leaves no output under its name.

use crate::exit::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once the user wants to stop.
pub type Stop = Arc<AtomicBool>;

/// Begins to listen for SIGINT, SIGTERM and SIGHUP; `what` is finished after the first of them.
pub fn listen(what: &'static str) -> Result<Stop, Failure> {
    let stop = Stop::default();
    let flag = stop.clone();
    let on_signal = move || {
        if flag.swap(true, Ordering::SeqCst) {
            eprintln!("\nstopped at once: nothing was written");
            std::process::exit(130);
        }
        eprintln!("\nstopping after the current {what}; press Ctrl-C again to stop at once");
    };
    ctrlc::set_handler(on_signal).map_err(|e| Failure::Defect(format!("signals cannot be listened to: {e}")))?;
    Ok(stop)
}
