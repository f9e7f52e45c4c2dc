//! The one router of the daemon: gRPC, probes, and what else HTTP clients ask for, on every listener.

mod not_found;
mod probes;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit};

use super::{
    auth::Identity,
    grpc::{self, Api, Health},
    oauth,
    rest::{self, Cursors, Rest},
};

/// Returns the routes of everything that the daemon serves.
///
/// gRPC clients and others use the same port; a path decides which of them is meant. Every other protocol is a function
/// `routes` of its own module, merged here.
pub(crate) fn router(
    api: &Api,
    health: &Health,
    cursors: Cursors,
    identity: Arc<Identity>,
) -> Result<Router, tonic_reflection::server::Error> {
    let rest = Rest { service: api.service.clone(), data_dir: Arc::clone(&api.data_dir), cursors };
    let router = grpc::routes(api, health)?
        .merge(probes::routes(api))
        .merge(rest::routes(rest))
        .merge(rest::public_routes())
        .merge(oauth::routes(identity, Arc::new(api.service.clone())))
        .fallback(not_found::unknown_path)
        // The server limits every body itself, whatever reads it.
        .layer(DefaultBodyLimit::disable());
    // Axum prepares its routes once here, and not for each connection.
    Ok(router.with_state(()))
}

/// Returns whether anybody may ask for the path, with credentials or without: what a client needs before it has some, and what
/// a load balancer asks for.
pub(crate) fn is_public(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/openapi.json" | "/docs")
        || ["/oauth/", "/.well-known/", "/docs/"].iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_before_credentials_is_public() {
        for public in
            ["/healthz", "/readyz", "/oauth/token", "/.well-known/jwks.json", "/openapi.json", "/docs"]
        {
            assert!(is_public(public), "{public}");
        }
        for private in [
            "/",
            "",
            "/api/v1/projects",
            "/healthz/",
            "/healthzz",
            "/oauth",
            "/docsx",
            "/openapi.json/x",
            "//oauth/token",
            "/kontraktor.v1.System/GetStatus",
            "/grpc.health.v1.Health/Check",
        ] {
            assert!(!is_public(private), "{private}");
        }
    }
}
