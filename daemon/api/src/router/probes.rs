//! `/healthz` and `/readyz`, for load balancers and orchestrators: plain text, no credentials, no details.
//!
//! The first tells that the process answers, the second that the daemon can read its data and is not stopping. Why it
//! cannot is in the log: anybody may ask, so the answer does not say.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CACHE_CONTROL},
    response::IntoResponse,
    routing::get,
};
use kontraktor_service::Service;
use tokio::{sync::Mutex, time::Instant};

use crate::{grpc::Api, stopping::Stopping};

/// How long an answer of the database is repeated. Anybody may ask, as often as they like; the database is asked once.
const REPEATED_FOR: Duration = Duration::from_secs(1);

/// How long the database may take.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn routes(api: &Api) -> Router {
    let readiness =
        Readiness { service: api.service.clone(), stopping: api.stopping.clone(), last: Arc::default() };
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz).with_state(readiness))
}

async fn healthz() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok\n")
}

async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let (status, text) = if readiness.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    (status, [(CACHE_CONTROL, "no-store")], text)
}

/// Whether the daemon can read its data.
#[derive(Clone)]
struct Readiness {
    service: Service,
    stopping: Stopping,
    /// The last answer. Who asks meanwhile waits for it, too.
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Readiness {
    async fn is_ready(&self) -> bool {
        if self.stopping.has_begun() {
            return false;
        }
        let mut last = self.last.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < REPEATED_FOR
        {
            return ready;
        }
        let ready = match tokio::time::timeout(DATABASE_TIMEOUT, self.service.probe()).await {
            Ok(Ok(())) => true,
            Ok(Err(refusal)) => {
                tracing::warn!(error = refusal.message, "not ready: cannot read from the database");
                false
            }
            Err(_) => {
                tracing::warn!(limit = ?DATABASE_TIMEOUT, "not ready: the database does not answer in time");
                false
            }
        };
        *last = Some((Instant::now(), ready));
        ready
    }
}
