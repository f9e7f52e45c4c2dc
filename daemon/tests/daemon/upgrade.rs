//! A daemon that is killed while it brings the tables of an earlier one up to date.

use std::time::Duration;

use super::common::{Home, batch, delete, put};
use kontraktor_proto::v1::{GetStatusRequest, VerifyAuditRequest};
use kontraktor_store_duckdb::DATABASE_FILE;

/// Takes away from the tables what later versions added to them. None of the rows has anything there, so what is left is what
/// a daemon of version 1 would have written.
const BACK_TO_VERSION_1: &str = "
    DROP VIEW variables; DROP VIEW variable_revisions; DROP VIEW environment_names;
    DROP TABLE schema_log; DROP TABLE audit_events; DROP TABLE secret_version_log; DROP TABLE role_binding_log;
    DROP TABLE service_account_log; DROP TABLE actor_log;
    ALTER TABLE project_log DROP COLUMN deletion_protection;
    ALTER TABLE environment_log DROP COLUMN deletion_protection;
    ALTER TABLE environment_log DROP COLUMN imports;
    ALTER TABLE audit_variable_writes DROP COLUMN deletion_protection;
    CREATE VIEW environment_names AS
        SELECT env_id, any_value(project) AS project, any_value(env) AS env FROM environment_log GROUP BY env_id;
    CREATE VIEW variable_revisions AS
        SELECT names.project, names.env, log.*
        FROM audit_variable_writes log JOIN environment_names names USING (env_id);
    CREATE VIEW variables AS SELECT * FROM variable_revisions;
    DELETE FROM schema_version WHERE version > 1;
    CHECKPOINT;";

#[tokio::test]
async fn kill_9_while_the_tables_are_brought_up_to_date_leaves_them_usable() {
    let home = Home::new();
    let daemon = home.start();
    let items = (0..200).map(|i| put(&format!("KEY_{i}"), &"x".repeat(1000)));
    daemon.variables().write_variables(batch(items)).await.unwrap();
    daemon.variables().write_variables(batch([delete("KEY_0")])).await.unwrap();
    let status = |daemon: &testkit::Daemon| {
        let mut client = daemon.system();
        async move {
            let status = client.get_status(GetStatusRequest {}).await.unwrap().into_inner();
            (status.head_sequence, status.head_hash)
        }
    };
    let mut head = status(&daemon).await;
    daemon.terminate().ok();

    for round in 0..20_u64 {
        let database = duckdb::Connection::open(home.data().join(DATABASE_FILE)).unwrap();
        database.execute_batch(BACK_TO_VERSION_1).unwrap();
        drop(database);
        let refused = home.run(&["audit", "verify"]);
        assert_eq!(refused.code, 4, "{refused:?}");

        let mut killed = home.builder().spawn();
        // Not for readiness: the moment of the crash is what varies.
        tokio::time::sleep(Duration::from_millis(20 + round * 4)).await;
        let log = killed.kill().log;
        assert!(!log.contains("\"ERROR\""), "{log}");

        let daemon = home.start();
        assert_eq!(status(&daemon).await, head, "round {round}");
        let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
        assert!(verified.intact, "{}", verified.explanation);
        daemon.variables().write_variables(batch([put("ROUND", &round.to_string())])).await.unwrap();
        head = status(&daemon).await;
        daemon.terminate().ok();
        assert_eq!(home.run(&["audit", "verify"]).code, 0);
    }
}
