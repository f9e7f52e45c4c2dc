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
