//! Basic and bearer authentication before every route.
//!
//! # Semantics
//! Who shows one of the configured credentials gets in; anyone else gets 401. Without a credential in the configuration
//! everybody gets in: whether that is allowed is the configuration's business. A user is the [`Source`] of what it sends; a
//! token is shown by many, so their addresses are.
//!
//! A credential may be one tenant's: then its requests carry the [`TenantName`].

use super::refused::Refused;
use super::source::Source;
use super::tenants::TenantName;
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
pub struct AuthConfig(Vec<Credential>);

/// What an `Authorization` header has to say, all of it, and who that is.
#[derive(Clone, PartialEq, Eq)]
struct Credential {
    header: Vec<u8>,
    user: Option<Source>,
    tenant: Option<TenantName>,
}

impl AuthConfig {
    /// Whether everybody gets in.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets a user in, for one tenant or for any.
    pub fn user(&mut self, name: &str, password: &str, tenant: Option<&str>) {
        let header = format!("Basic {}", encode(format!("{name}:{password}").as_bytes())).into_bytes();
        self.0.push(Credential { header, user: Some(Source::of_user(name)), tenant: tenant.map(TenantName::new) });
    }

    /// Lets whoever shows a token in, for one tenant or for any.
    pub fn token(&mut self, token: &str, tenant: Option<&str>) {
        let header = format!("Bearer {token}").into_bytes();
        self.0.push(Credential { header, user: None, tenant: tenant.map(TenantName::new) });
    }
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().filter_map(|c| c.user.as_ref()).map(Source::name).collect();
        f.debug_struct("AuthConfig").field("users", &names).field("tokens", &(self.0.len() - names.len())).finish()
    }
}

/// Puts authentication before all routes.
pub fn protect(router: Router, config: &AuthConfig) -> Router {
    if config.is_open() {
        return router;
    }
    router.layer(from_fn_with_state(Arc::new(config.clone()), check))
}

async fn check(State(accepted): State<Arc<AuthConfig>>, mut request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    // The scheme's name is read whatever its case, and its text as it stands.
    let shown = shown.and_then(|shown| {
        let (scheme, text) = shown.split_at_checked(shown.iter().position(|b| *b == b' ')? + 1)?;
        let scheme = [&b"Basic "[..], b"Bearer "].into_iter().find(|s| s.eq_ignore_ascii_case(scheme))?;
        Some([scheme, text.trim_ascii()].concat())
    });
    // All are compared: how long it takes does not tell which one is near.
    let known = shown.and_then(|shown| {
        accepted.0.iter().fold(
            None,
            |known, credential| {
                if same(&credential.header, &shown) { Some(credential) } else { known }
            },
        )
    });
    if let Some(Credential { user, tenant, .. }) = known {
        if let Some(source) = user {
            request.extensions_mut().insert(source.clone());
        }
        if let Some(tenant) = tenant {
            request.extensions_mut().insert(tenant.clone());
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
        let mut config = AuthConfig::default();
        config.user("ada", "hidden", None);
        config.token("hidden", Some("team"));
        assert_eq!(format!("{config:?}"), "AuthConfig { users: [\"ada\"], tokens: 1 }");
    }
}
