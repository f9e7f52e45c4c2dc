//! Reads the log as entries: one shape for the rows of all tables, filtered and in pages.
//!
//! The sequence numbers of a page are found first, over narrow columns; then its rows are fetched, so that values of 64 KiB
//! are not sorted by the thousand.

use std::sync::Arc;

use duckdb::{Connection, Row as SqlRow, params_from_iter, types::Value};

use super::{
    StoreError,
    errors::unreadable,
    rows::{hash_of, optional_uuid},
};
use kontraktor_domain::{AccessEntry, AuditEntry, Authorship, Operation, imports, timestamp};
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
    UNION ALL SELECT seq, ts, '', '', '' FROM batch_log";

/// The same of `audit_events`, which may have many more rows than the others.
const NARROW_ACCESSES: &str = "
    UNION ALL SELECT seq, ts, coalesce(project, ''), coalesce(env, ''), coalesce(key, '') FROM audit_events";

/// The rows with the chosen sequence numbers.
const WIDE: &str = "
    SELECT log.seq, epoch_us(ts), actor, via, 'project ' || operation, project, '', '', 0::UBIGINT, NULL, NULL, NULL,
        description, CAST(batch_id AS VARCHAR), hash, '', coalesce(deletion_protection, false), NULL, NULL, NULL, NULL, NULL, NULL
    FROM project_log log JOIN chosen USING (seq)
    UNION ALL
    SELECT log.seq, epoch_us(ts), actor, via, 'environment ' || operation, project, env, '', revision, NULL, NULL,
        NULL, description, CAST(batch_id AS VARCHAR), hash, '', coalesce(deletion_protection, false), imports, NULL,
        NULL, NULL, NULL, NULL
    FROM environment_log log JOIN chosen USING (seq)
    UNION ALL
    SELECT log.seq, epoch_us(ts), actor, via, 'variable ' || operation, coalesce(names.project, ''),
        coalesce(names.env, ''), key, revision, type, old_value, new_value, description, CAST(batch_id AS VARCHAR),
        hash, '', coalesce(deletion_protection, false), NULL, NULL, NULL, NULL, NULL, NULL
    FROM audit_variable_writes log JOIN chosen USING (seq) LEFT JOIN environment_names names USING (env_id)
    UNION ALL
    SELECT log.seq, epoch_us(ts), actor, via, 'batch recorded', '', '', '', 0::UBIGINT, NULL, NULL, NULL, '',
        CAST(batch_id AS VARCHAR), hash, '', false, NULL, NULL, NULL, NULL, NULL, NULL
    FROM batch_log log JOIN chosen USING (seq)
    UNION ALL
    SELECT log.seq, epoch_us(ts), actor, via, 'schema ' || operation, project, '', '', 0::UBIGINT, NULL, NULL,
        CASE operation WHEN 'deleted' THEN NULL ELSE schema END, '', CAST(batch_id AS VARCHAR), hash, name, false,
        NULL, NULL, NULL, NULL, NULL, NULL
    FROM schema_log log JOIN chosen USING (seq)
    UNION ALL
    SELECT log.seq, epoch_us(ts), actor, via, 'secret ' || operation, coalesce(project, ''), coalesce(env, ''),
        coalesce(key, ''), 0::UBIGINT, NULL, NULL, NULL, '', NULL, hash, '', false, NULL, reference, version, peer,
        count, problem
    FROM audit_events log JOIN chosen USING (seq)
    UNION ALL
    SELECT log.seq, epoch_us(ts), actor, via, 'secret version', coalesce(names.project, ''),
        coalesce(names.env, ''), key, 0::UBIGINT, NULL, NULL, NULL, '', NULL, hash, '', false, NULL, reference,
        version, '', 1, NULL
    FROM secret_version_log log JOIN chosen USING (seq) LEFT JOIN environment_names names USING (env_id)";

pub(super) fn audit(connection: &Connection, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
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

    let accesses = if query.writes_only { "" } else { NARROW_ACCESSES };
    let order = if query.oldest_first { "ASC" } else { "DESC" };
    let sql = format!(
        "WITH chosen AS (SELECT seq FROM ({NARROW}{accesses}) WHERE {} ORDER BY seq {order} LIMIT {})
         SELECT * FROM ({WIDE}) ORDER BY 1 {order}",
        filters.join(" AND "),
        query.limit,
    );
    let mut statement = connection.prepare(&sql).map_err(unreadable)?;
    let mut rows = statement.query(params_from_iter(params)).map_err(unreadable)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(unreadable)? {
        entries.push(entry(row)?);
    }
    Ok(entries)
}

fn entry(row: &SqlRow<'_>) -> Result<AuditEntry, StoreError> {
    let seq: u64 = row.get(0).map_err(unreadable)?;
    let corrupt = |what: &str| StoreError::Corrupt(format!("row {seq}: {what}"));
    let at = timestamp(row.get(1).map_err(unreadable)?).map_err(|error| corrupt(&error.to_string()))?;
    let text = |column: usize| row.get::<_, String>(column).map_err(unreadable);
    let optional = |column: usize| row.get::<_, Option<String>>(column).map_err(unreadable);
    let word = text(4)?;
    let (operation, action) = match word.strip_prefix("secret denied ") {
        Some(action) => (Operation::AccessDenied, action),
        None => (word.parse().map_err(|()| corrupt("unknown operation"))?, ""),
    };
    let kind = optional(9)?.map(|word| word.parse().map_err(|()| corrupt("unknown type"))).transpose()?;
    let problem =
        optional(22)?.map(|word| word.parse().map_err(|()| corrupt("unknown problem"))).transpose()?;
    let access = match optional(18)? {
        None => None,
        Some(reference) => Some(AccessEntry {
            action: action.to_owned(),
            reference,
            version: text(19)?,
            peer: text(20)?,
            count: row.get(21).map_err(unreadable)?,
            problem,
        }),
    };
    Ok(AuditEntry {
        seq,
        written: Authorship { actor: text(2)?.into(), via: text(3)?.into(), at },
        operation,
        project: text(5)?,
        env: text(6)?,
        key: text(7)?,
        revision: row.get(8).map_err(unreadable)?,
        kind,
        old_value: optional(10)?,
        new_value: optional(11)?,
        description: text(12)?,
        batch_id: optional_uuid(row, 13).map_err(unreadable)?,
        schema: text(15)?,
        protected: row.get(16).map_err(unreadable)?,
        imports: optional(17)?
            .map_or_else(|| Ok(Arc::default()), |names| imports(&names))
            .map_err(|error| corrupt(&error.to_string()))?,
        access,
        hash: hash_of(seq, &row.get::<_, Vec<u8>>(14).map_err(unreadable)?)?,
    })
}
