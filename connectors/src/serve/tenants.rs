//! Tenants: whose routes a request reaches.
//!
//! # Semantics
//! The tenant is the credential's; the header `X-Scope-OrgID` may be left out then, or has to agree. A credential of no tenant,
//! as a gateway has it, and a server without credentials go by the header alone. Routes of the process (health of all, metrics of
//! all, reload of all) are for those; a tenant's credential reaches the same paths of its own tenant.
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

/// A router that others call.
type Routes = TowerToHyperService<Router>;

/// Every tenant's routes behind one. `shared` are those of the process: they are for whoever shows no tenant's credential.
pub fn by_tenant(tenants: BTreeMap<String, Router>, shared: Router) -> Router {
    let tenants: BTreeMap<String, Routes> =
        tenants.into_iter().map(|(name, router)| (name, TowerToHyperService::new(router))).collect();
    let tenants = Arc::new(tenants);
    let shared = shared.merge(Router::new().fallback(by_header).with_state(Arc::clone(&tenants)));
    let all = All { tenants, shared: TowerToHyperService::new(shared) };
    Router::new().fallback(by_credential).with_state(Arc::new(all))
}

/// Where requests go.
struct All {
    tenants: Arc<BTreeMap<String, Routes>>,
    shared: Routes,
}

/// A tenant's credential reaches that tenant's routes and no other.
async fn by_credential(State(all): State<Arc<All>>, request: Request<Body>) -> Response {
    let Some(shown) = request.extensions().get::<TenantName>().cloned() else {
        return call(&all.shared, request).await;
    };
    match named(request.headers()) {
        Some(named) if *named != *shown.0 => {
            let text = format!("the credential is that of another tenant than X-Scope-OrgID says ({named:?})");
            Refused::new(StatusCode::FORBIDDEN, text).into_response()
        }
        _ => of_tenant(&all.tenants, &shown.0, request).await,
    }
}

/// Without a tenant's credential the header says whose routes are meant.
async fn by_header(State(tenants): State<Arc<BTreeMap<String, Routes>>>, request: Request<Body>) -> Response {
    match named(request.headers()) {
        Some(named) => of_tenant(&tenants, &named, request).await,
        None => Refused::new(StatusCode::UNAUTHORIZED, "no org id: say the tenant in X-Scope-OrgID").into_response(),
    }
}

async fn of_tenant(tenants: &BTreeMap<String, Routes>, name: &str, request: Request<Body>) -> Response {
    match tenants.get(name) {
        Some(routes) => call(routes, request).await,
        None => Refused::new(StatusCode::FORBIDDEN, format!("there is no tenant {name:?}")).into_response(),
    }
}

async fn call(routes: &Routes, request: Request<Body>) -> Response {
    match routes.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The tenant that a request names.
fn named(headers: &HeaderMap) -> Option<String> {
    let shown = headers.get(TENANT_HEADER).map(HeaderValue::as_bytes)?;
    Some(String::from_utf8_lossy(shown).trim().to_owned()).filter(|name| !name.is_empty())
}
