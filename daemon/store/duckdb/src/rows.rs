//! Reads rows as they are stored, in the order of the sequence that all tables share.

use std::{borrow::Cow, collections::HashMap};

use duckdb::{Connection, Row as SqlRow, params, types::FromSql};
use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{
    StoreError,
    errors::{classify, unreadable},
};
use kontraktor_domain::{Column, ColumnType, Event, FieldReader, Hash, Head, LOGS, Log, Row};

/// Reads in one transaction, so that every statement sees the log up to the same row.
pub(super) fn in_transaction<T>(
    connection: &Connection,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("BEGIN TRANSACTION").map_err(classify)?;
    let read = read();
    connection.execute_batch("ROLLBACK").map_err(classify)?;
    read
}

/// Reads the rows of a log that the rest of the statement, from WHERE on, selects.
pub(super) fn select(
    connection: &Connection,
    log: &Log,
    rest: &str,
    params: impl duckdb::Params,
    each: impl FnMut(Row<'static>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    select_instead(connection, log, &[], rest, params, each)
}

/// The same, with an expression instead of some columns, for readers that do not need these.
pub(super) fn select_instead(
    connection: &Connection,
    log: &Log,
    instead: &[(&str, &str)],
    rest: &str,
    params: impl duckdb::Params,
    mut each: impl FnMut(Row<'static>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let columns: Vec<String> = log
        .columns()
        .map(|column| match instead.iter().find(|(name, _)| *name == column.name) {
            Some((_, expression)) => (*expression).to_owned(),
            None => expression(log, column),
        })
        .collect();
    let sql = format!("SELECT {} FROM {} {rest}", columns.join(", "), log.table);
    let mut statement = connection.prepare(&sql).map_err(unreadable)?;
    let mut rows = statement.query(params).map_err(unreadable)?;
    while let Some(row) = rows.next().map_err(unreadable)? {
        each(Row::read(log, &mut Columns { row, next: 0 }).map_err(unreadable)?)?;
    }
    Ok(())
}

/// How a column is read.
fn expression(log: &Log, column: &Column) -> String {
    let name = column.name;
    match column.of {
        ColumnType::Uuid => format!("CAST({name} AS VARCHAR)"),
        ColumnType::Time => format!("epoch_us({name})"),
        // Rows from before the column have NULL, which means the same as false.
        ColumnType::Flag if column.since > log.since => format!("coalesce({name}, false)"),
        ColumnType::Text | ColumnType::Bytes | ColumnType::Number | ColumnType::Count | ColumnType::Flag => {
            name.to_owned()
        }
    }
}

/// The columns of one row, from left to right.
struct Columns<'a> {
    row: &'a SqlRow<'a>,
    next: usize,
}

impl Columns<'_> {
    fn place(&mut self) -> usize {
        let place = self.next;
        self.next += 1;
        place
    }

    fn get<T: FromSql>(&mut self) -> duckdb::Result<T> {
        let place = self.place();
        self.row.get(place)
    }
}

impl FieldReader for Columns<'_> {
    type Error = duckdb::Error;

    fn text(&mut self) -> duckdb::Result<String> {
        self.get()
    }

    fn optional_text(&mut self) -> duckdb::Result<Option<String>> {
        self.get()
    }

    fn bytes(&mut self) -> duckdb::Result<Vec<u8>> {
        self.get()
    }

    fn optional_bytes(&mut self) -> duckdb::Result<Option<Vec<u8>>> {
        self.get()
    }

    fn uuid(&mut self) -> duckdb::Result<Uuid> {
        let place = self.place();
        uuid(self.row, place)
    }

    fn optional_uuid(&mut self) -> duckdb::Result<Option<Uuid>> {
        let place = self.place();
        optional_uuid(self.row, place)
    }

    fn number(&mut self) -> duckdb::Result<u64> {
        self.get()
    }

    fn count(&mut self) -> duckdb::Result<u32> {
        self.get()
    }

    fn optional_count(&mut self) -> duckdb::Result<Option<u32>> {
        self.get()
    }

    fn time(&mut self) -> duckdb::Result<i64> {
        self.get()
    }

    fn flag(&mut self) -> duckdb::Result<bool> {
        self.get()
    }
}

pub(super) fn text(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Cow<'static, str>> {
    row.get::<_, String>(column).map(Cow::Owned)
}

pub(super) fn uuid(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Uuid> {
    row.get::<_, String>(column)?.parse().map_err(|error: uuid::Error| {
        duckdb::Error::FromSqlConversionFailure(column, duckdb::types::Type::Text, error.into())
    })
}

fn optional_uuid(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Option<Uuid>> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(_) => uuid(row, column).map(Some),
    }
}

/// Returns the union of a statement on each log.
pub(super) fn of_all(statement: impl Fn(&Log) -> String) -> String {
    LOGS.iter().map(statement).collect::<Vec<_>>().join(" UNION ALL ")
}

/// Returns the newest row of all tables.
pub(super) fn head(connection: &Connection) -> Result<Head, StoreError> {
    let newest =
        |log: &Log| format!("SELECT seq, hash FROM {0} WHERE seq = (SELECT max(seq) FROM {0})", log.table);
    let sql = format!("SELECT seq, hash FROM ({}) ORDER BY seq DESC LIMIT 1", of_all(newest));
    let found = connection.query_row(&sql, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    match found {
        Ok((seq, hash)) => Ok(Head { seq, hash: hash_of(seq, &hash)? }),
        Err(duckdb::Error::QueryReturnedNoRows) => Ok(Head::default()),
        Err(error) => Err(unreadable(error)),
    }
}

/// Returns the sequence number and hash of a row.
pub(super) fn head_of(row: &Row<'_>) -> Result<Head, StoreError> {
    Ok(Head { seq: row.seq, hash: hash_of(row.seq, &row.hash)? })
}

pub(super) fn hash_of(seq: u64, bytes: &[u8]) -> Result<Hash, StoreError> {
    Hash::try_from(bytes)
        .map_err(|_| StoreError::Corrupt(format!("the hash of row {seq} is not 32 bytes long")))
}

/// Returns the rows after `seq`: those among the next `limit` sequence numbers, or, if all of these are missing, the rows after
/// the gap.
pub(super) fn window(
    connection: &Connection,
    seq: u64,
    limit: usize,
) -> Result<Vec<Row<'static>>, StoreError> {
    in_transaction(connection, || read_window(connection, seq, limit))
}

fn read_window(connection: &Connection, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut rows = Vec::new();
    let mut after = seq;
    // A verification from the beginning must see a row 0 too, which only a forger writes.
    let start = if seq == 0 { "seq >= $1" } else { "seq > $1" };
    loop {
        let last = after.saturating_add(limit);
        for log in LOGS {
            select(connection, log, &format!("WHERE {start} AND seq <= $2"), params![after, last], |row| {
                rows.push(row);
                Ok(())
            })?;
        }
        if !rows.is_empty() {
            rows.sort_by_key(|row| row.seq);
            return Ok(rows);
        }
        let Some(next) = first_after(connection, last)? else { return Ok(rows) };
        after = next - 1;
    }
}

fn first_after(connection: &Connection, seq: u64) -> Result<Option<u64>, StoreError> {
    let first = |log: &Log| format!("SELECT min(seq) AS seq FROM {} WHERE seq > $1", log.table);
    let sql = format!("SELECT min(seq) FROM ({})", of_all(first));
    connection.query_row(&sql, params![seq], |row| row.get(0)).map_err(unreadable)
}

/// Returns the same rows as events.
pub(super) fn events(connection: &Connection, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
    in_transaction(connection, || {
        let paths = environment_paths(connection)?;
        read_window(connection, seq, limit)?.iter().map(|row| event(row, &paths)).collect()
    })
}

/// Returns the name of each environment that ever existed.
pub(super) fn environment_paths(connection: &Connection) -> Result<HashMap<Uuid, EnvPath>, StoreError> {
    let mut statement = connection
        .prepare("SELECT CAST(env_id AS VARCHAR), project, env FROM environment_names")
        .map_err(unreadable)?;
    let mut rows = statement.query([]).map_err(unreadable)?;
    let mut paths = HashMap::new();
    while let Some(row) = rows.next().map_err(unreadable)? {
        let read = || Ok((uuid(row, 0)?, text(row, 1)?, text(row, 2)?));
        let (id, project, env) = read().map_err(unreadable)?;
        let path = EnvPath::new(&project, &env).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        paths.insert(id, path);
    }
    Ok(paths)
}

pub(super) fn event(row: &Row<'_>, paths: &HashMap<Uuid, EnvPath>) -> Result<Event, StoreError> {
    row.to_event(|id| paths.get(&id).cloned())
        .map_err(|error| StoreError::Corrupt(format!("row {} of {}: {error}", row.seq, row.body.log().table)))
}
