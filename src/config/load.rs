//! Reads a configuration: text in, checked settings out.
//!
//! # Semantics
//! Variables are replaced first, then YAML is read, then what one key alone does not show is checked: names, addresses, and that
//! settings fit together. Files that the configuration names are not opened here.

use super::environment::expand;
use super::receiver::Receiver;
use super::tenant::is_name;
use super::{Access, BasicUser, Checkpoints, Config, RemoteWrite, Token};
use bellwether_dataflow::lower::set_limit;
use bellwether_model::METRIC_NAME;
use bellwether_operators::program::Limits;
use std::fmt;
use std::path::{Path, PathBuf};

/// The largest configuration that is read, bytes.
const MOST_BYTES: u64 = 4 << 20;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file; empty where it is none.
    pub path: String,
    /// Line and column, from 1.
    pub position: Option<(usize, usize)>,
    /// The line as it is written.
    pub line: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl ConfigError {
    /// One without a place.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), position: None, line: String::new(), message: message.into() }
    }

    /// One with a place.
    pub(super) fn at(line: usize, column: usize, text: &str, message: impl Into<String>) -> Self {
        Self { position: Some((line, column)), line: text.to_owned(), ..Self::new(message) }
    }

    fn in_file(mut self, path: &Path) -> Self {
        self.path = path.display().to_string();
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}:", self.path)?;
        }
        let Some((line, column)) = self.position else {
            let space = if self.path.is_empty() { "" } else { " " };
            return write!(f, "{space}{}", self.message);
        };
        write!(f, "{line}:{column}: {}", self.message)?;
        if !self.line.is_empty() {
            write!(f, "\n  | {}\n  | {:>column$}", self.line, "^")?;
        }
        Ok(())
    }
}

/// The configuration in a file; `variable` gives environment variables by name.
pub fn load(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let read = || -> std::io::Result<String> {
        let length = std::fs::metadata(path)?.len();
        if length > MOST_BYTES {
            let text = format!("has {length} bytes, a configuration has at most {MOST_BYTES}");
            return Err(std::io::Error::other(text));
        }
        std::fs::read_to_string(path)
    };
    let text = read().map_err(|e| ConfigError::new(format!("cannot be read: {e}")).in_file(path))?;
    let mut config = from_text(&text, variable).map_err(|e| e.in_file(path))?;
    config.move_to(path.parent().unwrap_or(Path::new("")));
    Ok(config)
}

/// The configuration that a text is; paths stay as they are written.
pub fn from_text(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let expanded = expand(text, variable)?;
    let config: Config = serde_saphyr::from_str(&expanded).map_err(|error| at_its_place(&error, text))?;
    config.check()?;
    Ok(config)
}

/// The error as we word it. The line shown is that of the file, in which no variable is replaced.
fn at_its_place(error: &serde_saphyr::Error, text: &str) -> ConfigError {
    let place = error.location().map(|l| (l.line() as usize, l.column() as usize));
    let full = error.without_snippet().to_string();
    // The place is told apart.
    let prefix = place.map(|(line, column)| format!("line {line} column {column}: ")).unwrap_or_default();
    let message = full.strip_prefix("error: ").unwrap_or(&full);
    let suffix = place.map(|(line, column)| format!(" at line {line}, column {column}")).unwrap_or_default();
    let message = message.strip_prefix(&prefix).unwrap_or(message);
    let message = message.strip_suffix(&suffix).unwrap_or(message);
    match place {
        None => ConfigError::new(message),
        Some((line, column)) => {
            let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            ConfigError::at(line, column, shown, message)
        }
    }
}

impl Config {
    /// Checks what one key alone does not show; flags may have changed it since it was read.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, what: String| Err(ConfigError::new(format!("{key}: {what}")));
        for (name, value) in &self.evaluation.limits {
            if let Err(what) = set_limit(&mut Limits::default(), &format!("{name}={value}")) {
                return wrong("evaluation.limits", what);
            }
        }
        if self.evaluation.workers.is_some_and(|n| n == 0 || n > bellwether_model::SHARDS) {
            return wrong("evaluation.workers", format!("write a number from 1 to {}", bellwether_model::SHARDS));
        }
        let bounds = self.evaluation.lateness_bounds;
        if bounds.min > bounds.max {
            return wrong("evaluation.lateness_bounds", "min must not be longer than max".to_owned());
        }
        let ha = &self.ingest.ha;
        let labels = [("cluster_label", &ha.cluster_label), ("replica_label", &ha.replica_label)];
        if let Some((key, _)) = labels.iter().find(|(_, name)| name.is_empty() || *name == METRIC_NAME) {
            return wrong(&format!("ingest.ha.{key}"), "write the name of a label".to_owned());
        }
        if ha.cluster_label == ha.replica_label {
            return wrong("ingest.ha", "cluster_label and replica_label must differ".to_owned());
        }
        let positive = [
            ("ingest.ha.failover", ha.failover),
            ("evaluation.interval", self.evaluation.interval),
            ("evaluation.late_data.within", self.evaluation.late_data.within),
            ("state.checkpoint_interval", self.state.checkpoint_interval),
            ("stop_timeout", self.stop_timeout),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| value.0 <= 0) {
            return wrong(key, "it must be longer than 0; write 30s, 5m or 1h30m".to_owned());
        }
        self.notifications.check("notifications")?;
        if let Some(checkpoints) = &self.state.checkpoints {
            checkpoints.check("state.checkpoints")?;
        }
        RemoteWrite::check_all(&self.remote_write, "remote_write")?;
        if self.tenants.is_empty() && self.rules.is_empty() {
            return wrong("rules", "there are no rule files; write rules: [rules/*.yml]".to_owned());
        }
        for (name, tenant) in &self.tenants {
            if !is_name(name) {
                let what = "is no name of a tenant: up to 150 letters, digits and any of !-_.*'()";
                return wrong("tenants", format!("{name:?} {what}"));
            }
            if tenant.rules.is_empty() {
                return wrong(&format!("tenants.{name}"), "it has no rules; write rules: [rules/*.yml]".to_owned());
            }
            if let Some(notifications) = &tenant.notifications {
                notifications.check(&format!("tenants.{name}.notifications"))?;
            }
            RemoteWrite::check_all(
                tenant.remote_write.as_deref().unwrap_or(&[]),
                &format!("tenants.{name}.remote_write"),
            )?;
        }
        self.access.check(|name| self.tenants.contains_key(name))
    }

    /// Makes paths relative to a folder.
    fn move_to(&mut self, folder: &Path) {
        let text = |path: &mut String| {
            if !Path::new(path.as_str()).is_absolute() {
                *path = folder.join(path.as_str()).display().to_string();
            }
        };
        let file = |path: &mut PathBuf| *path = folder.join(&path);
        self.rules.iter_mut().for_each(text);
        self.tenants.values_mut().flat_map(|tenant| &mut tenant.rules).for_each(text);
        file(&mut self.state.folder);
        self.state.checkpoints.iter_mut().flat_map(Checkpoints::files).for_each(file);
        let Access { tls, basic_auth, tokens, basic_auth_file, token_file, .. } = &mut self.access;
        if let Some(tls) = tls {
            file(&mut tls.cert_file);
            file(&mut tls.key_file);
            tls.client_ca_file.iter_mut().for_each(file);
        }
        basic_auth.iter_mut().flat_map(|user| &mut user.password_file).for_each(file);
        tokens.iter_mut().flat_map(|token| &mut token.token_file).for_each(file);
        basic_auth_file.iter_mut().chain(token_file).for_each(file);
        let of_tenants = self.tenants.values_mut().flat_map(|tenant| &mut tenant.remote_write).flatten();
        self.remote_write.iter_mut().chain(of_tenants).flat_map(RemoteWrite::files).for_each(file);
        let of_tenants = self.tenants.values_mut().flat_map(|tenant| &mut tenant.notifications);
        let all = std::iter::once(&mut self.notifications).chain(of_tenants);
        all.flat_map(|notifications| &mut notifications.alertmanagers).flat_map(Receiver::files).for_each(file);
    }
}

impl Access {
    fn check(&self, is_tenant: impl Fn(&str) -> bool) -> Result<(), ConfigError> {
        let wrong = |what: String| Err(ConfigError::new(what));
        let one_of = |inline: bool, file: bool| inline != file;
        for (i, user) in self.basic_auth.iter().enumerate() {
            let BasicUser { username, password, password_file, .. } = user;
            if username.is_empty() || username.contains(':') {
                return wrong(format!("access.basic_auth[{i}].username: write a name without a colon"));
            }
            if !one_of(password.is_some(), password_file.is_some()) {
                return wrong(format!("access.basic_auth[{i}]: write either password or password_file"));
            }
        }
        for (i, Token { token, token_file, .. }) in self.tokens.iter().enumerate() {
            if !one_of(token.is_some(), token_file.is_some()) {
                return wrong(format!("access.tokens[{i}]: write either token or token_file"));
            }
        }
        let users =
            self.basic_auth.iter().map(|user| &user.tenant).chain(self.tokens.iter().map(|token| &token.tenant));
        for tenant in users.flatten() {
            if !is_tenant(tenant) {
                return wrong(format!("access: there is no tenant {tenant:?}; name it under tenants"));
            }
        }
        Ok(())
    }
}
