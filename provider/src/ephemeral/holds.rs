//! What an open ephemeral resource holds of leases: remembered in its private state, renewed when it is due, let go of when
//! it is closed.

use std::time::SystemTime;

use kontraktor_proto::v1::ProblemCode;
use tfplugin_proto::value::AttributePath;

use crate::framework::{Context, Diagnostic, Diagnostics, Private};
use crate::messages::{self, Asked};
use crate::session::{Hold, Session};

const HOLDS: &str = "holds";
const WHAT: &str = "what";

/// Remembers the holds, and says when they must be renewed. `what` is what they are for, as in "the secret demo/dev/KEY".
pub(super) fn keep(private: &mut Private, holds: &[Hold], what: &str) -> Option<SystemTime> {
    if holds.is_empty() {
        return None;
    }
    let ids: Vec<&str> = holds.iter().map(|hold| hold.id.as_str()).collect();
    private.set(HOLDS, serde_json::to_string(&ids).expect("a list of texts is always JSON"));
    private.set(WHAT, what);
    due(holds)
}

/// The first of the times.
fn due(holds: &[Hold]) -> Option<SystemTime> {
    holds.iter().filter_map(|hold| hold.renew_at).min()
}

fn kept(private: &Private) -> Result<Vec<String>, Diagnostic> {
    let ids = private.get(HOLDS).map(serde_json::from_str).transpose();
    ids.map(Option::unwrap_or_default).map_err(|_| {
        Diagnostic::error(
            "The private state cannot be read",
            "What the host keeps of an open ephemeral resource is not what this provider wrote. This is a defect of the \
             caller.",
        )
    })
}

/// Renews all, and says when to do so again.
pub(super) async fn renew(cx: &Context<Session>) -> Result<Option<SystemTime>, Diagnostics> {
    let what = cx.private.get(WHAT).unwrap_or("the secret").to_owned();
    let mut holds = Vec::new();
    for id in kept(&cx.private)? {
        let renewed = cx.session.renew_hold(&id).await;
        holds.push(renewed.map_err(|trouble| {
            let asked = Asked {
                doing: format!("keep the lease of {what}"),
                reference: String::new(),
                path: AttributePath::root(),
            };
            Diagnostic { path: None, ..messages::unresolved(&asked, &trouble) }
        })?);
    }
    Ok(due(&holds))
}

/// Lets go of all. Where that fails, nothing is lost but time: the leases expire, so it is a warning.
pub(super) async fn release(cx: &Context<Session>) -> Result<(), Diagnostics> {
    let what = cx.private.get(WHAT).unwrap_or("the secret").to_owned();
    let mut diagnostics = Diagnostics::new();
    for id in kept(&cx.private)? {
        let Err(trouble) = cx.session.release_hold(&id).await else { continue };
        if trouble.is(ProblemCode::HoldGone) {
            continue;
        }
        let failed = messages::failed(&format!("give the lease of {what} back"), &trouble);
        diagnostics.push(Diagnostic::warning(
            failed.summary,
            format!(
                "{}\n\nThe daemon lets it expire, at the latest when the vault's own time for it is over.",
                failed.detail
            ),
        ));
    }
    if diagnostics.iter().next().is_none() { Ok(()) } else { Err(diagnostics) }
}
