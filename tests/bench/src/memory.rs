//! Bytes a series of one `[5m]` window at 15 s, whole process, labels included.

use crate::engine::{engine, program};
use crate::input::Input;

/// Resident memory at its peak, bytes, as Linux counts it.
fn peak_bytes() -> Result<usize, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| format!("/proc/self/status: {e}"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    let kib: usize = line.trim().trim_end_matches("kB").trim().parse().map_err(|e| format!("VmHWM: {e}"))?;
    Ok(kib * 1024)
}

/// Epochs that a scrape of all series comes in. Live input is cut several times a second, and scrapes are spread over their
/// interval: an epoch never holds a whole one.
const SLICES: usize = 16;

/// Fills the windows of `series` series slice by slice, as live input does, and divides the peak by their number.
pub fn memory(series: usize) -> Result<(), String> {
    let base = peak_bytes()?;
    let input = Input { series, scrapes: 1, batches: 44, slices: SLICES, histogram: false };
    engine(input, program(1, 1e18)?, 1)?;
    let peak = peak_bytes()?;
    println!(
        "{series} series: peak {:.0} MB, {:.0} bytes a series",
        peak as f64 / 1e6,
        (peak - base) as f64 / series as f64
    );
    Ok(())
}
