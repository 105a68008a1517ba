//! Runs the binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder, and the binary's answers in it.
pub struct Place(TempDir);

/// What the binary answered.
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with `fleet.parquet` (4 hosts, 1 hour) and `rules.yml` (one alert).
    pub fn with_fleet() -> Self {
        let place = Self::new();
        place.write("rules.yml", RULES);
        let made = place.run(&["generate", "--hosts", "4", "--hours", "1", "--out", "fleet.parquet"]);
        assert_eq!(made.code, 0, "{}", made.err);
        place
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Reads a text file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of all files, hidden ones too: nothing half-written may be left.
    pub fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap().flatten();
        let mut names: Vec<String> = names.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The binary with arguments, in the folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).env("COLUMNS", "100");
        command
    }

    /// Runs it.
    pub fn run(&self, args: &[&str]) -> Answer {
        Answer::of(self.command(args).output().unwrap())
    }

    /// Backtests `rules.yml` over `fleet.parquet`.
    pub fn backtest(&self, more: &[&str]) -> Answer {
        let mut args = vec!["backtest", "--rules", "rules.yml", "--data", "fleet.parquet"];
        args.extend(more);
        self.run(&args)
    }
}

impl Answer {
    /// What a process answered. A panic is never an answer.
    pub fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let answer =
            Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!answer.err.contains("panicked at"), "{}", answer.err);
        answer
    }

    /// Asserts an exit code and that the error names all of these.
    pub fn refuses(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in: {}", self.err);
        }
    }

    /// Asserts success.
    pub fn succeeds(&self) -> &Self {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

/// Fires for every host all the time.
pub const RULES: &str = "\
groups:
  - name: g
    interval: 1m
    rules:
      - alert: Up
        expr: up >= 0
        labels: {severity: info}
        annotations: {summary: '{{ $labels.instance }}'}
";

/// Whether a path is there.
pub fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
