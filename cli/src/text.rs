//! Texts for people: what tables and messages share. It knows no command and no output.

use kontraktor_proto::json::Authorship;

/// Returns the time of a write to the second, for tables.
pub(crate) fn seconds(authorship: &Authorship) -> String {
    match authorship.time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => authorship.time.clone(),
    }
}
