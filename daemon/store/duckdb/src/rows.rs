//! Reads rows as they are stored, in the order of the sequence that all tables share.

use std::{borrow::Cow, collections::HashMap};

use duckdb::{Connection, Row as SqlRow, params};
use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{
    StoreError,
    errors::{classify, unreadable},
};
use kontraktor_domain::{Event, Hash, Head, Row, RowBody};

/// The columns of all tables, in the order in which [`Table::row_of`] reads them.
const COMMON: &str =
    "seq, epoch_us(ts), actor, via, CAST(batch_id AS VARCHAR), batch_digest, batch_item, hash";

/// The index of a table's first own column.
const OWN: usize = 8;

/// A table of the log, and how its own columns are read.
pub(super) struct Table {
    pub(super) name: &'static str,
    own: &'static str,
    body: fn(&SqlRow<'_>) -> duckdb::Result<RowBody<'static>>,
}

pub(super) const PROJECTS: Table = Table {
    name: "project_log",
    own: "project, operation, description, implicit, coalesce(deletion_protection, false)",
    body: |row| {
        Ok(RowBody::Project {
            name: text(row, OWN)?,
            operation: text(row, OWN + 1)?,
            description: text(row, OWN + 2)?,
            implicit: row.get(OWN + 3)?,
            protected: row.get(OWN + 4)?,
        })
    },
};

pub(super) const ENVIRONMENTS: Table = Table {
    name: "environment_log",
    own: "CAST(env_id AS VARCHAR), project, env, operation, revision, description, implicit, \
          coalesce(deletion_protection, false), imports",
    body: |row| {
        Ok(RowBody::Environment {
            id: uuid(row, OWN)?,
            project: text(row, OWN + 1)?,
            env: text(row, OWN + 2)?,
            operation: text(row, OWN + 3)?,
            revision: row.get(OWN + 4)?,
            description: text(row, OWN + 5)?,
            implicit: row.get(OWN + 6)?,
            protected: row.get(OWN + 7)?,
            imports: optional_text(row, OWN + 8)?,
        })
    },
};

pub(super) const VARIABLES: Table = Table {
    name: "audit_variable_writes",
    own: "CAST(id AS VARCHAR), CAST(env_id AS VARCHAR), key, operation, revision, type, old_value, new_value, \
          description, coalesce(deletion_protection, false)",
    body: |row| {
        Ok(RowBody::Variable {
            id: uuid(row, OWN)?,
            environment: uuid(row, OWN + 1)?,
            key: text(row, OWN + 2)?,
            operation: text(row, OWN + 3)?,
            revision: row.get(OWN + 4)?,
            value_type: text(row, OWN + 5)?,
            old_value: optional_text(row, OWN + 6)?,
            new_value: optional_text(row, OWN + 7)?,
            description: text(row, OWN + 8)?,
            protected: row.get(OWN + 9)?,
        })
    },
};

pub(super) const SCHEMAS: Table = Table {
    name: "schema_log",
    own: "project, name, operation, key_pattern, schema",
    body: |row| {
        Ok(RowBody::Schema {
            project: text(row, OWN)?,
            name: text(row, OWN + 1)?,
            operation: text(row, OWN + 2)?,
            key_pattern: text(row, OWN + 3)?,
            schema: text(row, OWN + 4)?,
        })
    },
};

pub(super) const BATCHES: Table = Table {
    name: "batch_log",
    own: "items, results",
    body: |row| Ok(RowBody::Batch { items: row.get(OWN)?, results: text(row, OWN + 1)? }),
};

pub(super) const ACCESSES: Table = Table {
    name: "audit_events",
    own: "operation, project, env, key, reference, version, peer, count, problem",
    body: |row| {
        Ok(RowBody::Access {
            operation: text(row, OWN)?,
            project: optional_text(row, OWN + 1)?,
            env: optional_text(row, OWN + 2)?,
            key: optional_text(row, OWN + 3)?,
            reference: text(row, OWN + 4)?,
            version: text(row, OWN + 5)?,
            peer: text(row, OWN + 6)?,
            count: row.get(OWN + 7)?,
            problem: optional_text(row, OWN + 8)?,
        })
    },
};

pub(super) const VERSIONS: Table = Table {
    name: "secret_version_log",
    own: "CAST(env_id AS VARCHAR), key, reference, version",
    body: |row| {
        Ok(RowBody::Version {
            environment: uuid(row, OWN)?,
            key: text(row, OWN + 1)?,
            reference: text(row, OWN + 2)?,
            version: text(row, OWN + 3)?,
        })
    },
};

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

/// Every table of the log.
pub(super) const ALL: [Table; 7] = [PROJECTS, ENVIRONMENTS, VARIABLES, SCHEMAS, BATCHES, ACCESSES, VERSIONS];

impl Table {
    /// Reads the rows that the rest of the statement, from WHERE on, selects.
    pub(super) fn select(
        &self,
        connection: &Connection,
        rest: &str,
        params: impl duckdb::Params,
        each: impl FnMut(Row<'static>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.select_columns(connection, self.own, rest, params, each)
    }

    /// Reads rows without old and new values: what was done, not what was written.
    pub(super) fn select_without_values(
        &self,
        connection: &Connection,
        rest: &str,
        params: impl duckdb::Params,
        each: impl FnMut(Row<'static>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let own = self.own.replace("old_value, new_value", "NULL, NULL");
        self.select_columns(connection, &own, rest, params, each)
    }

    /// Reads rows without old values.
    pub(super) fn select_without_old_values(
        &self,
        connection: &Connection,
        rest: &str,
        params: impl duckdb::Params,
        each: impl FnMut(Row<'static>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let own = self.own.replace("old_value, new_value", "NULL, new_value");
        self.select_columns(connection, &own, rest, params, each)
    }

    fn select_columns(
        &self,
        connection: &Connection,
        own: &str,
        rest: &str,
        params: impl duckdb::Params,
        mut each: impl FnMut(Row<'static>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT {COMMON}, {own} FROM {} {rest}", self.name);
        let mut statement = connection.prepare(&sql).map_err(unreadable)?;
        let mut rows = statement.query(params).map_err(unreadable)?;
        while let Some(row) = rows.next().map_err(unreadable)? {
            each(self.row_of(row).map_err(unreadable)?)?;
        }
        Ok(())
    }

    fn row_of(&self, row: &SqlRow<'_>) -> duckdb::Result<Row<'static>> {
        Ok(Row {
            seq: row.get(0)?,
            at_us: row.get(1)?,
            actor: text(row, 2)?,
            via: text(row, 3)?,
            batch_id: optional_uuid(row, 4)?,
            batch_digest: row.get::<_, Option<Vec<u8>>>(5)?.map(Cow::Owned),
            batch_item: row.get(6)?,
            hash: Cow::Owned(row.get(7)?),
            body: (self.body)(row)?,
        })
    }
}

pub(super) fn text(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Cow<'static, str>> {
    row.get::<_, String>(column).map(Cow::Owned)
}

fn optional_text(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Option<Cow<'static, str>>> {
    row.get::<_, Option<String>>(column).map(|text| text.map(Cow::Owned))
}

pub(super) fn uuid(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Uuid> {
    row.get::<_, String>(column)?.parse().map_err(|error: uuid::Error| {
        duckdb::Error::FromSqlConversionFailure(column, duckdb::types::Type::Text, error.into())
    })
}

pub(super) fn optional_uuid(row: &SqlRow<'_>, column: usize) -> duckdb::Result<Option<Uuid>> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(_) => uuid(row, column).map(Some),
    }
}

/// Returns the newest row of all tables.
pub(super) fn head(connection: &Connection) -> Result<Head, StoreError> {
    let newest = |table: Table| {
        format!("SELECT seq, hash FROM {0} WHERE seq = (SELECT max(seq) FROM {0})", table.name)
    };
    let sql =
        format!("SELECT seq, hash FROM ({}) ORDER BY seq DESC LIMIT 1", ALL.map(newest).join(" UNION ALL "));
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
        for table in ALL {
            table.select(
                connection,
                &format!("WHERE {start} AND seq <= $2"),
                params![after, last],
                |row| {
                    rows.push(row);
                    Ok(())
                },
            )?;
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
    let first = |table: Table| format!("SELECT min(seq) AS seq FROM {} WHERE seq > $1", table.name);
    let sql = format!("SELECT min(seq) FROM ({})", ALL.map(first).join(" UNION ALL "));
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
        .map_err(|error| StoreError::Corrupt(format!("row {} of {}: {error}", row.seq, row.body.table())))
}
