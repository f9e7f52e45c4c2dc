//! Holds on leases of an open ephemeral resource: stored in its private state, renewed when due, and released when it is
//! closed.

use std::time::SystemTime;

use kontraktor_proto::v1::ProblemCode;
use tfplugin_proto::value::AttributePath;

use crate::errors::{self, SecretRequest};
use crate::framework::{Context, Diagnostic, Diagnostics, Private};
use crate::session::{Hold, Session};

const HOLDS: &str = "holds";
const WHAT: &str = "what";

/// Stores the holds, and returns when to renew them. `what` names their secrets, as in "secret demo/dev/KEY".
pub(super) fn store(private: &mut Private, holds: &[Hold], what: &str) -> Option<SystemTime> {
    if holds.is_empty() {
        return None;
    }
    let ids: Vec<&str> = holds.iter().map(|hold| hold.id.as_str()).collect();
    private.set(HOLDS, serde_json::to_string(&ids).expect("a list of strings is always valid JSON"));
    private.set(WHAT, what);
    next_renewal(holds)
}

/// Returns the earliest renewal time.
fn next_renewal(holds: &[Hold]) -> Option<SystemTime> {
    holds.iter().filter_map(|hold| hold.renew_at).min()
}

fn load(private: &Private) -> Result<Vec<String>, Diagnostic> {
    let ids = private.get(HOLDS).map(serde_json::from_str).transpose();
    ids.map(Option::unwrap_or_default).map_err(|_| {
        Diagnostic::error(
            "Invalid private state",
            "The private state of an open ephemeral resource was not written by this provider. This is a bug in the host.",
        )
    })
}

/// Renews all holds, and returns when to renew them again.
pub(super) async fn renew(cx: &Context<Session>) -> Result<Option<SystemTime>, Diagnostics> {
    let what = cx.private.get(WHAT).unwrap_or("the secret").to_owned();
    let mut holds = Vec::new();
    for id in load(&cx.private)? {
        let renewed = cx.session.renew_hold(&id).await;
        holds.push(renewed.map_err(|error| {
            let request =
                SecretRequest { action: format!("renew lease of {what}"), path: AttributePath::root() };
            Diagnostic { path: None, ..errors::secret_error(&request, &error) }
        })?);
    }
    Ok(next_renewal(&holds))
}

/// Releases all holds. A failure is only a warning, because the leases expire.
pub(super) async fn release(cx: &Context<Session>) -> Result<(), Diagnostics> {
    let what = cx.private.get(WHAT).unwrap_or("the secret").to_owned();
    let mut diagnostics = Diagnostics::new();
    for id in load(&cx.private)? {
        let Err(error) = cx.session.release_hold(&id).await else { continue };
        if error.is(ProblemCode::HoldGone) {
            continue;
        }
        let failed = errors::request_failed(&format!("release lease of {what}"), &error);
        diagnostics.push(Diagnostic::warning(
            failed.summary,
            format!(
                "{}\n\nThe daemon lets the lease expire, at the latest at the end of the vault's own lease time.",
                failed.detail
            ),
        ));
    }
    if diagnostics.iter().next().is_none() { Ok(()) } else { Err(diagnostics) }
}
