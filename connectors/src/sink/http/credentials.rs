//! Who we say we are: a secret in, the value of `Authorization` out.

use super::HttpError;
use crate::base64;
use std::fmt;
use std::path::PathBuf;

/// A password or a token; never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Itself.
    Inline(String),
    /// A file with it, read each time, so that it can be changed under a running process.
    File(PathBuf),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("<secret>"),
            Self::File(path) => write!(f, "<secret in {}>", path.display()),
        }
    }
}

impl Secret {
    /// The text itself. What is wrong with it is said without it.
    pub fn read(&self) -> Result<String, HttpError> {
        let (place, text, advice) = match self {
            Self::Inline(text) => ("a secret".to_owned(), text.clone(), "write it on one line"),
            Self::File(path) => {
                let place = path.display().to_string();
                let wrong = |e: std::io::Error| HttpError::Settings { place: place.clone(), reason: e.to_string() };
                let text = std::fs::read_to_string(path).map_err(wrong)?;
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                (place, text, "write the secret alone into this file, on one line")
            }
        };
        if text.is_empty() || text.contains(|c: char| c.is_control()) {
            let what = if text.is_empty() { "the secret is empty" } else { "the secret has more than one line" };
            return Err(HttpError::Settings { place, reason: format!("{what}: {advice}") });
        }
        Ok(text)
    }
}

/// Who we say we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A scheme such as `Bearer`, and what follows it.
    Authorization {
        /// The scheme.
        scheme: String,
        /// What follows it.
        credentials: Secret,
    },
}

impl Credentials {
    /// The value of the header.
    pub(super) fn header(&self) -> Result<String, HttpError> {
        match self {
            Self::Basic { username, password } => {
                let pair = format!("{username}:{}", password.read()?);
                Ok(format!("Basic {}", base64::encode(pair.as_bytes())))
            }
            Self::Authorization { scheme, credentials } => Ok(format!("{scheme} {}", credentials.read()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_in_a_file_is_read_each_time_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let scheme = "Bearer".to_owned();
        let of = Credentials::Authorization { scheme, credentials: Secret::File(path.clone()) };
        assert!(matches!(of.header(), Err(HttpError::Settings { place, .. }) if place == path.display().to_string()));
        for token in ["one", "two"] {
            std::fs::write(&path, format!("{token}\n")).unwrap();
            assert_eq!(of.header(), Ok(format!("Bearer {token}")));
        }
        std::fs::write(&path, "a\nb\n").unwrap();
        assert!(of.header().is_err());
        let basic = Credentials::Basic { username: "us".to_owned(), password: Secret::Inline("hidden".to_owned()) };
        assert_eq!(basic.header(), Ok("Basic dXM6aGlkZGVu".to_owned()));
        assert!(!format!("{basic:?}").contains("hidden"));
        let empty = Secret::Inline(String::new()).read().unwrap_err().to_string();
        assert_eq!(empty, "a secret: the secret is empty: write it on one line");
    }
}
