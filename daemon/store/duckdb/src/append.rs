//! Commits rows: one appender for each table that gets rows, all in one transaction.

use std::collections::HashMap;

use duckdb::{
    Connection, ToSql, appender_params_from_iter,
    types::{TimeUnit, ToSqlOutput, Value, ValueRef},
};

use super::{StoreError, errors::classify};
use kontraktor_domain::{Field, LOGS, Log, Row};

/// Commits rows, all or none. After an error, the same rows must not be committed again before the database is reopened: an
/// appender that failed tries again when it is dropped, and a commit may have been kept.
pub(super) fn commit(
    connection: &Connection,
    orders: &ColumnOrders,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN TRANSACTION").map_err(classify)?;
    match append(connection, orders, rows).and_then(|()| connection.execute_batch("COMMIT")) {
        Ok(()) => Ok(()),
        Err(error) => {
            // If the transaction has ended, there is nothing to roll back, and this fails.
            let _ = connection.execute_batch("ROLLBACK");
            Err(classify(error))
        }
    }
}

fn append(connection: &Connection, orders: &ColumnOrders, rows: &[Row<'_>]) -> duckdb::Result<()> {
    for (log, order) in LOGS.iter().zip(&orders.0) {
        let mut rows = rows.iter().filter(|row| row.body.log() == log).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let mut appender = connection.appender(log.table)?;
        for row in rows {
            let fields = row.fields();
            appender
                .append_row(appender_params_from_iter(order.iter().map(|field| Stored(fields[*field]))))?;
        }
        appender.flush()?;
    }
    Ok(())
}

/// The order in which each log's table has its columns, as positions in [`Row::fields`]. Tables that an earlier daemon made have
/// another one than those of today. (An appender that is given the names does more for each commit: DuckDB then binds the
/// default values of the table.)
pub(super) struct ColumnOrders(Vec<Vec<usize>>);

impl ColumnOrders {
    /// Reads the orders from the database.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        const COLUMNS: &str = "SELECT table_name, column_name FROM duckdb_columns() \
                               WHERE database_name = current_database() AND schema_name = 'main' \
                               ORDER BY table_name, column_index";
        let mut statement = connection.prepare(COLUMNS).map_err(classify)?;
        let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(classify)?;
        let mut tables: HashMap<String, Vec<String>> = HashMap::new();
        for column in columns {
            let (table, name) = column.map_err(classify)?;
            tables.entry(table).or_default().push(name);
        }
        LOGS.iter().map(|log| order(log, tables.get(log.table))).collect::<Result<_, _>>().map(Self)
    }
}

fn order(log: &Log, found: Option<&Vec<String>>) -> Result<Vec<usize>, StoreError> {
    let found = found.map_or(&[][..], Vec::as_slice);
    let expected: Vec<&str> = log.columns().map(|column| column.name).collect();
    let order: Vec<_> =
        found.iter().filter_map(|name| expected.iter().position(|column| column == name)).collect();
    if order.len() != found.len() || order.len() != expected.len() {
        let table = log.table;
        return Err(StoreError::Corrupt(format!(
            "the table {table} does not have the columns of its version"
        )));
    }
    Ok(order)
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
