//! The tables, and the upgrade of older ones. Steps are only added, and never changed.

use duckdb::Connection;

use super::{StoreError, errors::classify};

/// The version of the tables that this daemon reads and writes.
pub const SCHEMA_VERSION: u32 = 3;

/// The upgrade steps. The first leads to version 1.
const STEPS: [&str; SCHEMA_VERSION as usize] = [VERSION_1, VERSION_2, VERSION_3];

/// `audit_variable_writes` begins with the columns of the founding design, without its primary key, which would be an index.
pub(super) const VERSION_1: &str = "
CREATE TABLE audit_variable_writes (
    id UUID NOT NULL,
    env_id UUID NOT NULL,
    key VARCHAR NOT NULL,
    old_value VARCHAR,
    new_value VARCHAR,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    seq UBIGINT NOT NULL,
    revision UBIGINT NOT NULL,
    type VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE project_log (
    seq UBIGINT NOT NULL,
    project VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    implicit BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE environment_log (
    seq UBIGINT NOT NULL,
    env_id UUID NOT NULL,
    project VARCHAR NOT NULL,
    env VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    revision UBIGINT NOT NULL,
    description VARCHAR NOT NULL,
    implicit BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE batch_log (
    seq UBIGINT NOT NULL,
    items UINTEGER NOT NULL,
    results VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
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

/// Settings of projects, environments and variables beside their descriptions, and the schemas of projects. The new columns
/// are NULL in old rows, which means false or none. Views are created again, because they keep the columns that their tables
/// had.
pub(super) const VERSION_2: &str = "
DROP VIEW variables;
DROP VIEW variable_revisions;
DROP VIEW environment_names;
ALTER TABLE project_log ADD COLUMN deletion_protection BOOLEAN;
ALTER TABLE environment_log ADD COLUMN deletion_protection BOOLEAN;
ALTER TABLE environment_log ADD COLUMN imports VARCHAR;
ALTER TABLE audit_variable_writes ADD COLUMN deletion_protection BOOLEAN;
CREATE TABLE schema_log (
    seq UBIGINT NOT NULL,
    project VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    key_pattern VARCHAR NOT NULL,
    schema VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
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

/// Accesses to secrets, and the lockfile. A secret reference is a row of `audit_variable_writes` with a type of its own.
pub(super) const VERSION_3: &str = "
CREATE TABLE audit_events (
    seq UBIGINT NOT NULL,
    operation VARCHAR NOT NULL,
    project VARCHAR,
    env VARCHAR,
    key VARCHAR,
    reference VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    peer VARCHAR NOT NULL,
    count UBIGINT NOT NULL,
    problem VARCHAR,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE secret_version_log (
    seq UBIGINT NOT NULL,
    env_id UUID NOT NULL,
    key VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
";

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
    for (number, step) in (1..).zip(STEPS).skip(version as usize) {
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
