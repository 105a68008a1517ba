//! The benchmark's own comparison, as a user would run it: `bellwether backtest --vectors`, then `compare.py`.

use crate::answers::Workload;
use std::path::Path;
use std::process::{Command, Output};

/// Whether there is a Python with pyarrow.
pub fn has_pyarrow() -> bool {
    Command::new("python3").args(["-c", "import pyarrow"]).output().is_ok_and(|o| o.status.success())
}

fn last_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().rfind(|l| !l.trim().is_empty()).unwrap_or_default().to_owned()
}

fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))
}

/// The last line of the comparison, or of the refusal.
pub fn compare(workload: &Workload, shared: &Path, bellwether: &Path, workers: usize) -> Result<String, String> {
    let folder = std::env::temp_dir();
    let vectors = folder.join(format!("bellwether-conformance-{}-{}.parquet", std::process::id(), workload.name));
    let mut backtest = Command::new(bellwether);
    backtest.args(["backtest", "--overwrite", "--workers", &workers.to_string()]);
    backtest.args(["--from", &workload.first_s.to_string(), "--to", &workload.last_s.to_string()]);
    backtest.args(["--step", &format!("{}s", workload.step_s)]);
    if workload.keeps_recorded {
        backtest.args(["--recorded", "keep"]);
    }
    backtest.arg("--rules").arg(workload.rules(shared)).arg("--data").arg(workload.data(shared));
    let ran = output(backtest.arg("--vectors").arg(&vectors))?;
    // 1 says that a rule failed at some step, which Prometheus's did too, or the comparison will tell.
    if !matches!(ran.status.code(), Some(0 | 1)) {
        return Ok(format!("not run: {}", last_line(&ran.stderr)));
    }
    let script = shared.join("bench/compare.py");
    let compared = output(Command::new("python3").arg(script).arg(workload.expected(shared)).arg(&vectors))?;
    // What cannot be removed stays behind in a folder for such files.
    let _ = std::fs::remove_file(&vectors);
    Ok(last_line(if compared.stdout.is_empty() { &compared.stderr } else { &compared.stdout }))
}
