//! Reads the log as entries: one shape for the rows of all tables, filtered and in pages.
//!
//! The sequence numbers of a page are found first, over narrow columns; then its rows are fetched, so that values of 64 KiB
//! are not sorted by the thousand.

use duckdb::{Connection, params_from_iter, types::Value};

use super::{
    StoreError,
    errors::unreadable,
    rows::{environment_paths, event, in_transaction, select_instead},
};
use kontraktor_domain::{AuditEntry, LOGS, Log};
use kontraktor_model::access::Pattern;
use kontraktor_store::AuditQuery;

/// The columns that filters use, of all tables but `audit_events`.
const NARROW: &str = "
    SELECT seq, ts, project, '' AS env, '' AS key FROM project_log
    UNION ALL SELECT seq, ts, project, env, '' FROM environment_log
    UNION ALL SELECT log.seq, log.ts, coalesce(names.project, ''), coalesce(names.env, ''), log.key
        FROM audit_variable_writes log LEFT JOIN environment_names names USING (env_id)
    UNION ALL SELECT seq, ts, project, '', '' FROM schema_log
    UNION ALL SELECT log.seq, log.ts, coalesce(names.project, ''), coalesce(names.env, ''), log.key
        FROM secret_version_log log LEFT JOIN environment_names names USING (env_id)
    UNION ALL SELECT seq, ts, '', '', '' FROM batch_log
    UNION ALL SELECT seq, ts, CASE WHEN starts_with(pattern, '*') THEN '' ELSE split_part(pattern, '/', 1) END, '', ''
        FROM role_binding_log
    UNION ALL SELECT seq, ts, '', '', '' FROM service_account_log
    UNION ALL SELECT seq, ts, '', '', '' FROM actor_log";

/// The same of `audit_events`, which may have many more rows than the others.
const NARROW_ACCESSES: &str = "
    UNION ALL SELECT seq, ts, coalesce(project, ''), coalesce(env, ''), coalesce(key, '') FROM audit_events";

/// The results of a batch are not for readers, and may be large.
const WITHOUT_RESULTS: [(&str, &str); 2] = [("items", "0::UINTEGER"), ("results", "'[]'")];

pub(super) fn audit(connection: &Connection, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
    in_transaction(connection, || read(connection, query))
}

fn read(connection: &Connection, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
    let mut filters = vec!["true"];
    let mut params: Vec<Value> = Vec::new();
    let mut filter = |condition: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            filters.push(condition);
            params.push(value);
        }
    };
    let text = |name: &str| Value::Text(name.to_owned());
    filter("project = ?", query.project.as_ref().map(|name| text(name.as_str())));
    filter("env = ?", query.env.as_ref().map(|name| text(name.as_str())));
    filter("key = ?", query.key.as_ref().map(|key| text(key.as_str())));
    let at = |at: jiff::Timestamp| Value::BigInt(at.as_microsecond());
    filter("ts >= make_timestamp(CAST(? AS BIGINT))", query.since.map(at));
    filter("ts < make_timestamp(CAST(? AS BIGINT))", query.until.map(at));
    let beyond = if query.oldest_first { "seq > ?" } else { "seq < ?" };
    filter(beyond, query.beyond.map(Value::UBigInt));

    let within = query.within.as_ref().map(|patterns| within(patterns)).unwrap_or_default();
    let accesses = if query.writes_only { "" } else { NARROW_ACCESSES };
    let order = if query.oldest_first { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT seq FROM ({NARROW}{accesses}) WHERE {}{within} ORDER BY seq {order} LIMIT {}",
        filters.join(" AND "),
        query.limit,
    );
    let mut statement = connection.prepare(&sql).map_err(unreadable)?;
    let chosen = statement.query_map(params_from_iter(params), |row| row.get(0)).map_err(unreadable)?;
    let chosen: Vec<u64> = chosen.collect::<Result<_, _>>().map_err(unreadable)?;
    entries(connection, &chosen, query.oldest_first)
}

/// Restricts rows to those that may be about something that a pattern matches. Names need no quoting: they are of a-z, 0-9
/// and "-".
fn within(patterns: &[Pattern]) -> String {
    let conditions: Vec<String> = patterns
        .iter()
        .map(|pattern| match (pattern.project(), pattern.env()) {
            (None, None) => "true".to_owned(),
            (Some(project), None) => format!("project = '{project}'"),
            // Rows about a project itself have no environment.
            (None, Some(env)) => format!("(project <> '' AND env IN ('{env}', ''))"),
            (Some(project), Some(env)) => format!("(project = '{project}' AND env IN ('{env}', ''))"),
        })
        .collect();
    if conditions.is_empty() {
        " AND false".to_owned()
    } else {
        format!(" AND ({})", conditions.join(" OR "))
    }
}

/// Reads the rows that were chosen, in order.
fn entries(
    connection: &Connection,
    chosen: &[u64],
    oldest_first: bool,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (Some(first), Some(last)) = (chosen.iter().min(), chosen.iter().max()) else { return Ok(Vec::new()) };
    let paths = environment_paths(connection)?;
    let list = chosen.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    // The bounds spare the engine the rest of the table.
    let rest = format!("WHERE seq >= {first} AND seq <= {last} AND seq IN ({list})");
    let mut entries = Vec::with_capacity(chosen.len());
    for log in LOGS {
        let instead = if *log == Log::BATCHES { WITHOUT_RESULTS.as_slice() } else { &[] };
        select_instead(connection, log, instead, &rest, [], |row| {
            entries.push(AuditEntry::from(&event(&row, &paths)?));
            Ok(())
        })?;
    }
    entries.sort_by_key(|entry| entry.seq);
    if !oldest_first {
        entries.reverse();
    }
    Ok(entries)
}
