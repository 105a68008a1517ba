//! Basic and bearer authentication before every route.
//!
//! # Semantics
//! Who shows one of the configured credentials gets in; anyone else gets 401. Without a credential in the configuration
//! everybody gets in: whether that is allowed is the configuration's business. A user is the [`Source`] of what it sends; a
//! token is shown by many, so their addresses are.
//!
//! # Limits
//! All credentials see the same: what a tenant may see is decided behind.

use super::refused::Refused;
use super::source::Source;
use crate::base64::encode;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

/// Credentials. They are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthConfig {
    /// Names and passwords.
    pub users: Vec<(String, String)>,
    /// Bearer tokens.
    pub tokens: Vec<String>,
}

impl AuthConfig {
    /// Whether everybody gets in.
    pub fn is_open(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.users.iter().map(|(name, _)| name).collect();
        f.debug_struct("AuthConfig").field("users", &names).field("tokens", &self.tokens.len()).finish()
    }
}

/// What an `Authorization` header has to say, all of it, and who that is.
struct Accepted(Vec<(Vec<u8>, Option<Source>)>);

/// Puts authentication before all routes.
pub fn protect(router: Router, config: &AuthConfig) -> Router {
    if config.is_open() {
        return router;
    }
    let user = |(name, password): &(String, String)| {
        let text = format!("Basic {}", encode(format!("{name}:{password}").as_bytes()));
        (text.into_bytes(), Some(Source::of_user(name)))
    };
    let token = |token: &String| (format!("Bearer {token}").into_bytes(), None);
    let accepted = config.users.iter().map(user).chain(config.tokens.iter().map(token));
    let accepted = Arc::new(Accepted(accepted.collect()));
    router.layer(from_fn_with_state(accepted, check))
}

async fn check(State(accepted): State<Arc<Accepted>>, mut request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    // The scheme's name is read whatever its case, and its text as it stands.
    let shown = shown.and_then(|shown| {
        let (scheme, text) = shown.split_at_checked(shown.iter().position(|b| *b == b' ')? + 1)?;
        let scheme = [&b"Basic "[..], b"Bearer "].into_iter().find(|s| s.eq_ignore_ascii_case(scheme))?;
        Some([scheme, text.trim_ascii()].concat())
    });
    // All are compared: how long it takes does not tell which one is near.
    let known = shown.and_then(|shown| {
        accepted.0.iter().fold(None, |known, (text, source)| if same(text, &shown) { Some(source) } else { known })
    });
    if let Some(source) = known {
        if let Some(source) = source {
            request.extensions_mut().insert(source.clone());
        }
        return next.run(request).await;
    }
    let mut response = Refused::new(StatusCode::UNAUTHORIZED, "credentials are missing or wrong").into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"bellwether\", Bearer"));
    response
}

/// Whether two texts are equal, in a time that depends on their lengths only.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0u8, |differ, (x, y)| black_box(differ | (x ^ y)));
    a.len() == b.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let config = AuthConfig { users: vec![("ada".into(), "hidden".into())], tokens: vec!["hidden".into()] };
        assert_eq!(format!("{config:?}"), "AuthConfig { users: [\"ada\"], tokens: 1 }");
    }
}
