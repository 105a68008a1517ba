//! Tenants: whose routes a request reaches.
//!
//! # Semantics
//! The tenant is the credential's; the header `X-Scope-OrgID` may be left out then, or has to agree. A credential of no tenant,
//! as a gateway has it, and a server without credentials go by the header alone. Routes that belong to the process stay where
//! they are: health, metrics.
//!
//! # Errors
//! 401 where neither says a tenant (Mimir's `no org id`), 403 where they disagree or there is no such tenant.

use super::refused::Refused;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The header that names a tenant, as Cortex, Mimir and Loki have it.
pub const TENANT_HEADER: &str = "x-scope-orgid";

/// Whose a request is: an extension of requests that show a tenant's credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantName(Arc<str>);

impl TenantName {
    pub(super) fn new(name: &str) -> Self {
        Self(name.into())
    }
}

/// Routes by tenant.
type Routes = BTreeMap<String, TowerToHyperService<Router>>;

/// Every tenant's routes behind one; `shared` are those that are nobody's.
pub fn by_tenant(tenants: BTreeMap<String, Router>, shared: Router) -> Router {
    let routes: Routes = tenants.into_iter().map(|(name, router)| (name, TowerToHyperService::new(router))).collect();
    shared.merge(Router::new().fallback(dispatch).with_state(Arc::new(routes)))
}

async fn dispatch(State(routes): State<Arc<Routes>>, request: Request<Body>) -> Response {
    let shown = request.extensions().get::<TenantName>().map(|name| &*name.0);
    let router = match tenant(shown, request.headers()).and_then(|name| find(&routes, &name)) {
        Ok(router) => router,
        Err(refused) => return refused.into_response(),
    };
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn find<'a>(routes: &'a Routes, name: &str) -> Result<&'a TowerToHyperService<Router>, Refused> {
    routes.get(name).ok_or_else(|| Refused::new(StatusCode::FORBIDDEN, format!("there is no tenant {name:?}")))
}

/// The tenant that a request is of.
fn tenant(shown: Option<&str>, headers: &HeaderMap) -> Result<String, Refused> {
    let header = headers.get(TENANT_HEADER).map(HeaderValue::as_bytes);
    let named = header.map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned()).filter(|name| !name.is_empty());
    match (shown, named) {
        (Some(shown), Some(named)) if shown != named => {
            let text = format!("the credential is that of another tenant than X-Scope-OrgID says ({named:?})");
            Err(Refused::new(StatusCode::FORBIDDEN, text))
        }
        (Some(shown), _) => Ok(shown.to_owned()),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(Refused::new(StatusCode::UNAUTHORIZED, "no org id: say the tenant in X-Scope-OrgID")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shown: Option<&str>, named: Option<&'static str>) -> Result<String, StatusCode> {
        let mut headers = HeaderMap::new();
        if let Some(named) = named {
            headers.insert(TENANT_HEADER, HeaderValue::from_static(named));
        }
        tenant(shown, &headers).map_err(|refused| refused.status)
    }

    #[test]
    fn the_credential_says_the_tenant_and_the_header_has_to_agree() {
        assert_eq!(of(Some("a"), None), Ok("a".to_owned()));
        assert_eq!(of(Some("a"), Some("a")), Ok("a".to_owned()));
        assert_eq!(of(Some("a"), Some("b")), Err(StatusCode::FORBIDDEN));
        assert_eq!(of(None, Some("b")), Ok("b".to_owned()));
        assert_eq!(of(None, Some(" ")), Err(StatusCode::UNAUTHORIZED));
        assert_eq!(of(None, None), Err(StatusCode::UNAUTHORIZED));
    }
}
