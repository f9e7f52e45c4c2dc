//! Commits rows: one appender for each table that gets rows, all in one transaction.

use duckdb::{
    Connection, ToSql, appender_params_from_iter,
    types::{TimeUnit, ToSqlOutput, Value, ValueRef},
};

use super::{StoreError, errors::classify};
use kontraktor_domain::{Field, LOGS, Row};

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
    for log in LOGS {
        let mut rows = rows.iter().filter(|row| row.body.log() == log).peekable();
        if rows.peek().is_none() {
            continue;
        }
        // Columns by name: tables that an earlier daemon made have them in another order.
        let columns: Vec<&str> = log.columns().map(|column| column.name).collect();
        let mut appender = connection.appender_with_columns(log.table, &columns)?;
        for row in rows {
            appender.append_row(appender_params_from_iter(row.fields().into_iter().map(Stored)))?;
        }
        appender.flush()?;
    }
    Ok(())
}

/// A field as DuckDB takes it.
struct Stored<'a>(Field<'a>);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> duckdb::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Field::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Field::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Field::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Field::Uuid(id) => ToSqlOutput::Owned(Value::Text(id.to_string())),
            Field::Number(number) => ToSqlOutput::Borrowed(ValueRef::UBigInt(number)),
            Field::Count(count) => ToSqlOutput::Borrowed(ValueRef::UInt(count)),
            Field::Time(at) => ToSqlOutput::Borrowed(ValueRef::Timestamp(TimeUnit::Microsecond, at)),
            Field::Flag(flag) => ToSqlOutput::Borrowed(ValueRef::Boolean(flag)),
        })
    }
}
