//! Text that is never shown.

use super::load::ConfigError;
use bellwether_connectors::sink::http;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::path::Path;

/// What stands in a secret's place when it is shown, as Prometheus has it.
const HIDDEN: &str = "<secret>";

/// A password or a token.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

/// A secret that stands here or in a file; that it is one of both was checked.
pub(super) fn either(inline: Option<&Secret>, file: Option<&Path>) -> http::Secret {
    let inline = || http::Secret::Inline(inline.cloned().unwrap_or_default().0);
    file.map_or_else(inline, |path| http::Secret::File(path.to_owned()))
}

/// Its text.
pub(super) fn read(inline: Option<&Secret>, file: Option<&Path>) -> Result<String, ConfigError> {
    either(inline, file).read().map_err(|e| ConfigError::new(format!("access: {e}")))
}
