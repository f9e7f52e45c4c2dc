//! The tables, and how older ones are brought up to date. The columns are those that the domain declares for each log;
//! the founding design's primary key is left out, because it would be an index.

use std::cmp::Ordering;

use duckdb::Connection;
use kontraktor_domain::{ColumnType, LOGS, Log};

use super::{StoreError, errors::classify};

/// The version of the tables that this daemon reads and writes.
pub const SCHEMA_VERSION: u32 = 5;

/// Views of version 1.
pub(super) const VIEWS_1: &str = "
CREATE VIEW environment_names AS
    SELECT env_id, any_value(project) AS project, any_value(env) AS env FROM environment_log GROUP BY env_id;
CREATE VIEW variable_revisions AS
    SELECT names.project, names.env, log.*
    FROM audit_variable_writes log JOIN environment_names names USING (env_id);
CREATE VIEW variables AS
    SELECT names.project, names.env, log.key, log.type, log.new_value AS value, log.description, log.revision,
        log.actor, log.via, log.ts
    FROM audit_variable_writes log
    JOIN (SELECT max(seq) AS seq FROM audit_variable_writes GROUP BY env_id, key) USING (seq)
    JOIN environment_names names USING (env_id)
    WHERE log.new_value IS NOT NULL;
";

/// Views of version 2, made anew: a view holds the columns that its tables had.
const VIEWS_2: &str = "
CREATE VIEW environment_names AS
    SELECT env_id, any_value(project) AS project, any_value(env) AS env FROM environment_log GROUP BY env_id;
CREATE VIEW variable_revisions AS
    SELECT names.project, names.env, log.*
    FROM audit_variable_writes log JOIN environment_names names USING (env_id);
CREATE VIEW variables AS
    SELECT names.project, names.env, log.key, log.type, log.new_value AS value, log.description, log.revision,
        coalesce(log.deletion_protection, false) AS deletion_protection, log.actor, log.via, log.ts
    FROM audit_variable_writes log
    JOIN (SELECT max(seq) AS seq FROM audit_variable_writes GROUP BY env_id, key) USING (seq)
    JOIN environment_names names USING (env_id)
    WHERE log.new_value IS NOT NULL;
";

const DROP_VIEWS: &str = "
DROP VIEW variables;
DROP VIEW variable_revisions;
DROP VIEW environment_names;
";

/// Returns the statements that lead to a version from the one before. What they are is fixed once the version is released:
/// a change of the tables is a new version.
///
/// 2: protection, imports and schemas. Old rows have NULL in the new columns, which means the same as false and none.
/// 3: accesses to secrets, and the lockfile.
/// 4: role bindings and service accounts.
/// 5: readable names of actors.
pub(super) fn step(version: u32) -> String {
    let (before, after) = match version {
        1 => ("", VIEWS_1),
        2 => (DROP_VIEWS, VIEWS_2),
        _ => ("", ""),
    };
    let tables: String = LOGS.iter().map(|log| table(log, version)).collect();
    format!("{before}{tables}{after}")
}

/// What a version changes of the table of a log.
fn table(log: &Log, version: u32) -> String {
    let name = log.table;
    match log.since.cmp(&version) {
        Ordering::Equal => {
            let columns = log.columns().filter(|column| column.since <= version).map(|column| {
                let required = if column.optional { "" } else { " NOT NULL" };
                format!("\n    {} {}{required}", column.name, sql_type(column.of))
            });
            format!("CREATE TABLE {name} ({}\n);\n", columns.collect::<Vec<_>>().join(","))
        }
        Ordering::Less => {
            let new = log.columns().filter(|column| column.since == version).map(|column| {
                format!("ALTER TABLE {name} ADD COLUMN {} {};\n", column.name, sql_type(column.of))
            });
            new.collect::<Vec<_>>().concat()
        }
        Ordering::Greater => String::new(),
    }
}

fn sql_type(of: ColumnType) -> &'static str {
    match of {
        ColumnType::Text => "VARCHAR",
        ColumnType::Bytes => "BLOB",
        ColumnType::Uuid => "UUID",
        ColumnType::Number => "UBIGINT",
        ColumnType::Count => "UINTEGER",
        ColumnType::Time => "TIMESTAMP",
        ColumnType::Flag => "BOOLEAN",
    }
}

/// The tables of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// There are none.
    None,
    /// Kontraktor's, of this version.
    Version(u32),
    /// Those of another program.
    Foreign,
}

/// Returns which tables a database has.
pub(super) fn find(connection: &Connection) -> Result<Tables, StoreError> {
    let count = |filter: &str| -> Result<i64, StoreError> {
        let sql =
            format!("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'main' {filter}");
        connection.query_row(&sql, [], |row| row.get(0)).map_err(classify)
    };
    if count("AND table_name = 'schema_version'")? == 1 {
        let version: Option<u32> = connection
            .query_row("SELECT max(version) FROM schema_version", [], |row| row.get(0))
            .map_err(classify)?;
        return Ok(version.map_or(Tables::Foreign, Tables::Version));
    }
    Ok(if count("")? == 0 { Tables::None } else { Tables::Foreign })
}

/// Upgrades the tables from `version` (0: none), each step in a transaction of its own. The checkpoints before and after it
/// keep changes of the tables and rows out of one write-ahead log: DuckDB has failed to replay such a mixture. If the tables
/// are of the newest version, the first checkpoint completes an upgrade that a crash interrupted.
pub(super) fn migrate(connection: &Connection, version: u32) -> Result<(), StoreError> {
    if version > 0 {
        connection.execute_batch("CHECKPOINT").map_err(classify)?;
    }
    for number in version + 1..=SCHEMA_VERSION {
        let step = step(number);
        let versions = if number == 1 {
            "CREATE TABLE schema_version (version UINTEGER NOT NULL, ts TIMESTAMP NOT NULL, daemon VARCHAR NOT NULL);"
        } else {
            ""
        };
        let daemon = env!("CARGO_PKG_VERSION");
        let sql = format!(
            "BEGIN; {versions} {step}
             INSERT INTO schema_version VALUES ({number}, now()::TIMESTAMP, '{daemon}'); COMMIT; CHECKPOINT;"
        );
        connection.execute_batch(&sql).map_err(classify)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of released versions exist: a step that changes here has to become a step of a new version.
    #[test]
    fn the_steps_stay_what_they_are() {
        let tables = |version: u32| LOGS.iter().map(|log| table(log, version)).collect::<String>();
        insta::assert_snapshot!([tables(1), tables(2), tables(3), tables(4), tables(5)].join("\n"), @r"
        CREATE TABLE project_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            project VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            description VARCHAR NOT NULL,
            implicit BOOLEAN NOT NULL
        );
        CREATE TABLE environment_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            env_id UUID NOT NULL,
            project VARCHAR NOT NULL,
            env VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            revision UBIGINT NOT NULL,
            description VARCHAR NOT NULL,
            implicit BOOLEAN NOT NULL
        );
        CREATE TABLE audit_variable_writes (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            id UUID NOT NULL,
            env_id UUID NOT NULL,
            key VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            revision UBIGINT NOT NULL,
            type VARCHAR NOT NULL,
            old_value VARCHAR,
            new_value VARCHAR,
            description VARCHAR NOT NULL
        );
        CREATE TABLE batch_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            items UINTEGER NOT NULL,
            results VARCHAR NOT NULL
        );

        ALTER TABLE project_log ADD COLUMN deletion_protection BOOLEAN;
        ALTER TABLE environment_log ADD COLUMN deletion_protection BOOLEAN;
        ALTER TABLE environment_log ADD COLUMN imports VARCHAR;
        ALTER TABLE audit_variable_writes ADD COLUMN deletion_protection BOOLEAN;
        CREATE TABLE schema_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            project VARCHAR NOT NULL,
            name VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            key_pattern VARCHAR NOT NULL,
            schema VARCHAR NOT NULL
        );

        CREATE TABLE secret_version_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            env_id UUID NOT NULL,
            key VARCHAR NOT NULL,
            reference VARCHAR NOT NULL,
            version VARCHAR NOT NULL
        );
        CREATE TABLE audit_events (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            operation VARCHAR NOT NULL,
            project VARCHAR,
            env VARCHAR,
            key VARCHAR,
            reference VARCHAR NOT NULL,
            version VARCHAR NOT NULL,
            peer VARCHAR NOT NULL,
            count UBIGINT NOT NULL,
            problem VARCHAR
        );

        CREATE TABLE role_binding_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            operation VARCHAR NOT NULL,
            role VARCHAR NOT NULL,
            subject VARCHAR NOT NULL,
            pattern VARCHAR NOT NULL
        );
        CREATE TABLE service_account_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            name VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            client_id VARCHAR NOT NULL,
            description VARCHAR NOT NULL,
            scopes VARCHAR NOT NULL,
            secrets VARCHAR,
            public_key VARCHAR
        );

        CREATE TABLE actor_log (
            seq UBIGINT NOT NULL,
            ts TIMESTAMP NOT NULL,
            actor VARCHAR NOT NULL,
            via VARCHAR NOT NULL,
            batch_id UUID,
            batch_digest BLOB,
            batch_item UINTEGER,
            hash BLOB NOT NULL,
            display_name VARCHAR NOT NULL
        );
        ");
    }
}
