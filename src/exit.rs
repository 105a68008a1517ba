//! Exit codes, and the errors that stand for them.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | done, and something is not as it should be: a test failed, a rule could not be evaluated at some step |
//! | 2 | the command line is wrong |
//! | 3 | rules, samples or the configuration are not what they have to be, or `check --lint-fatal` warned |
//! | 4 | reading or writing failed |
//! | 5 | a run was stopped, and `stop_timeout` was over before everything was done |
//! | 101 | a defect of Bellwether itself |
//! | 130 | interrupted; outputs hold what was done until then |

use bellwether::config::ConfigError;
use bellwether_connectors::sink::SinkError;
use bellwether_connectors::source::SourceError;
use bellwether_dataflow::rules::Diagnostic;
use std::process::ExitCode;

/// The table of exit codes, as `--help` shows it.
pub const HELP: &str = "\
Exit codes:
  0    done
  1    done, but a test failed or a rule could not be evaluated at some step
  2    the command line is wrong
  3    rules, samples or the configuration are not what they have to be, or check --lint-fatal warned
  4    reading or writing failed
  5    a run was stopped, and --stop-timeout was over before everything was done; the next start does it
  130  interrupted (Ctrl-C); outputs hold what was done until then";

/// The exit code of a stop that took too long.
pub const UNFINISHED: u8 = 5;

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// Everything was done; what is wrong was said already.
    Failed,
    /// Two options contradict each other, or a value makes no sense.
    Usage(String),
    /// Bad rules or samples; the text says where and what to do.
    Input(String),
    /// Rules with errors, each with its place.
    Rules(Vec<Diagnostic>),
    /// Reading or writing failed.
    Io(String),
    /// Ctrl-C; what was done until then was said already.
    Interrupted,
    /// Something that cannot happen did.
    Defect(String),
    /// It was said already, in another form; the exit code.
    Told(u8),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// The same as a number.
    pub fn number(&self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage(_) => 2,
            Self::Input(_) | Self::Rules(_) => 3,
            Self::Io(_) => 4,
            Self::Defect(_) => 101,
            Self::Interrupted => 130,
            Self::Told(number) => *number,
        }
    }

    /// What standard error is told of it; `None` where it was said already.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Failed | Self::Interrupted | Self::Told(_) => None,
            Self::Usage(text) => Some(format!("error: {text}\n\nFor more information, try '--help'.")),
            Self::Input(text) | Self::Io(text) => Some(format!("error: {text}")),
            Self::Rules(errors) => Some(diagnostics(errors)),
            Self::Defect(text) => Some(format!(
                "error: {text}\nThis is a defect of Bellwether: please report it with the command that you ran."
            )),
        }
    }

    /// Says it on standard error.
    pub fn print(&self) {
        if let Some(text) = self.text() {
            eprintln!("{text}");
        }
    }
}

fn diagnostics(errors: &[Diagnostic]) -> String {
    let all: String = errors.iter().map(|e| format!("{e}\n\n")).collect();
    let files: std::collections::BTreeSet<&str> = errors.iter().map(|e| e.file.as_str()).collect();
    format!("{all}{} in {}", counted(errors.len(), "error"), counted(files.len(), "file"))
}

/// `1 error`, `2 errors`.
pub fn counted(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

impl From<SourceError> for Failure {
    fn from(e: SourceError) -> Self {
        match e {
            SourceError::Io { .. } => Self::Io(e.to_string()),
            SourceError::Exists { .. } => Self::Io(e.to_string()),
            SourceError::Invalid { .. } => Self::Input(with_flags(&e.to_string())),
        }
    }
}

/// Options of the library are flags here: `the option value_column` becomes `--value-column`.
fn with_flags(text: &str) -> String {
    let mut parts = text.split("the option ");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
        out.push_str(&format!("--{}{}", part[..end].replace('_', "-"), &part[end..]));
    }
    out
}

impl From<SinkError> for Failure {
    fn from(e: SinkError) -> Self {
        match e {
            SinkError::Format { .. } => Self::Usage(e.to_string()),
            SinkError::Io { .. } | SinkError::Exists { .. } | SinkError::Parquet { .. } => Self::Io(e.to_string()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(e: ConfigError) -> Self {
        Self::Input(e.to_string())
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(errors: Vec<Diagnostic>) -> Self {
        Self::Rules(errors)
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        // Whoever read our output has gone (`| head`): nothing to say, and nobody to say it to.
        if e.kind() == std::io::ErrorKind::BrokenPipe { Self::Failed } else { Self::Io(e.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_named_as_flags() {
        assert_eq!(with_flags("name it by the option labels_column; or"), "name it by --labels-column; or");
        assert_eq!(with_flags("nothing to name"), "nothing to name");
    }
}
