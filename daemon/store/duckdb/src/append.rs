//! Commits rows: one appender for each table that gets rows, all in one transaction.

use duckdb::{
    Connection, ToSql, params,
    types::{TimeUnit, ToSqlOutput, Value, ValueRef},
};
use uuid::Uuid;

use super::{StoreError, errors::classify};
use kontraktor_domain::{Row, RowBody};

const TABLES: [&str; 7] = [
    "project_log",
    "environment_log",
    "audit_variable_writes",
    "schema_log",
    "batch_log",
    "secret_version_log",
    "audit_events",
];

/// Commits rows, all or none. `once`: after an error, these rows are not committed again before the database is reopened.
pub(super) fn commit(connection: &Connection, rows: &[Row<'_>], once: bool) -> Result<(), StoreError> {
    // A single row is a transaction without BEGIN and COMMIT, and costs a seventh less. But an appender that failed tries
    // again when it is dropped, and nothing rolls that back.
    if once && rows.len() == 1 {
        return append(connection, rows).map_err(classify);
    }
    connection.execute_batch("BEGIN TRANSACTION").map_err(classify)?;
    match append(connection, rows).and_then(|()| connection.execute_batch("COMMIT")) {
        Ok(()) => Ok(()),
        Err(error) => {
            // If the transaction has ended, there is nothing to roll back, and this fails.
            let _ = connection.execute_batch("ROLLBACK");
            Err(classify(error))
        }
    }
}

fn append(connection: &Connection, rows: &[Row<'_>]) -> duckdb::Result<()> {
    for table in TABLES {
        let mut rows = rows.iter().filter(|row| row.body.table() == table).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let mut appender = connection.appender(table)?;
        for row in rows {
            append_row(&mut appender, row)?;
        }
        appender.flush()?;
    }
    Ok(())
}

fn append_row(appender: &mut duckdb::Appender<'_>, row: &Row<'_>) -> duckdb::Result<()> {
    let actor = row.actor.as_ref();
    let via = row.via.as_ref();
    let at = Micros(row.at_us);
    let batch_id = row.batch_id.map(Id);
    let batch_digest = row.batch_digest.as_deref();
    let batch_item = row.batch_item;
    let hash = row.hash.as_ref();
    match &row.body {
        RowBody::Project { name, operation, description, implicit, protected } => {
            appender.append_row(params![
                row.seq,
                name.as_ref(),
                operation.as_ref(),
                description.as_ref(),
                implicit,
                actor,
                at,
                via,
                batch_id,
                batch_digest,
                batch_item,
                hash,
                protected
            ])
        }
        RowBody::Environment {
            id,
            project,
            env,
            operation,
            revision,
            description,
            implicit,
            protected,
            imports,
        } => appender.append_row(params![
            row.seq,
            Id(*id),
            project.as_ref(),
            env.as_ref(),
            operation.as_ref(),
            revision,
            description.as_ref(),
            implicit,
            actor,
            at,
            via,
            batch_id,
            batch_digest,
            batch_item,
            hash,
            protected,
            imports.as_deref()
        ]),
        RowBody::Variable {
            id,
            environment,
            key,
            operation,
            revision,
            value_type,
            old_value,
            new_value,
            description,
            protected,
        } => appender.append_row(params![
            Id(*id),
            Id(*environment),
            key.as_ref(),
            old_value.as_deref(),
            new_value.as_deref(),
            actor,
            at,
            row.seq,
            revision,
            value_type.as_ref(),
            operation.as_ref(),
            description.as_ref(),
            via,
            batch_id,
            batch_digest,
            batch_item,
            hash,
            protected
        ]),
        RowBody::Schema { project, name, operation, key_pattern, schema } => appender.append_row(params![
            row.seq,
            project.as_ref(),
            name.as_ref(),
            operation.as_ref(),
            key_pattern.as_ref(),
            schema.as_ref(),
            actor,
            at,
            via,
            batch_id,
            batch_digest,
            batch_item,
            hash
        ]),
        RowBody::Access { operation, project, env, key, reference, version, peer, count, problem } => {
            appender.append_row(params![
                row.seq,
                operation.as_ref(),
                project.as_deref(),
                env.as_deref(),
                key.as_deref(),
                reference.as_ref(),
                version.as_ref(),
                peer.as_ref(),
                count,
                problem.as_deref(),
                actor,
                at,
                via,
                batch_id,
                batch_digest,
                batch_item,
                hash
            ])
        }
        RowBody::Version { environment, key, reference, version } => appender.append_row(params![
            row.seq,
            Id(*environment),
            key.as_ref(),
            reference.as_ref(),
            version.as_ref(),
            actor,
            at,
            via,
            batch_id,
            batch_digest,
            batch_item,
            hash
        ]),
        RowBody::Batch { items, results } => appender.append_row(params![
            row.seq,
            items,
            results.as_ref(),
            actor,
            at,
            via,
            batch_id,
            batch_digest,
            batch_item,
            hash
        ]),
    }
}

struct Micros(i64);

impl ToSql for Micros {
    fn to_sql(&self) -> duckdb::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Timestamp(TimeUnit::Microsecond, self.0)))
    }
}

struct Id(Uuid);

impl ToSql for Id {
    fn to_sql(&self) -> duckdb::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.0.to_string())))
    }
}
