//! Who wrote something.

use serde::Serialize;

use super::text::time;
use crate::v1;

/// Who wrote, through what, and when.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Authorship {
    /// The caller, such as `unix:alice`.
    pub actor: String,
    /// The program that the caller used: `terraform`, `ktr` and so on.
    pub via: String,
    /// When it was committed; empty where the message has no time.
    pub time: String,
}

impl From<v1::Authorship> for Authorship {
    fn from(authorship: v1::Authorship) -> Self {
        Self {
            actor: authorship.actor,
            via: authorship.via,
            time: authorship.time.map(time).unwrap_or_default(),
        }
    }
}
