//! Secrets that are made when they are read: users of a PostgreSQL.

use kontraktor_vault::{Fetched, LeaseId, VaultErrorKind};
use serde_json::json;
use testkit::servers::{Postgres, Vault};

use super::{Client, Files, eventually, field};

const CREDENTIALS: &str = "vault://team/database/creds/app#password";
const LEASES: &str = "sys/leases/lookup/database/creds/app";

fn lets_in(database: &Postgres, user: &Fetched) -> bool {
    database.psql(&field(user, "username"), &field(user, "password"), "SELECT 1").code == 0
}

#[test]
fn a_user_is_made_prolonged_and_ended() {
    let (server, files, database) = (Vault::start(), Files::new(), Postgres::start());
    server.configure_database(&database, "app", "60s", "120s");
    let client = Client::root(&server, &files);

    let user = client.fetch(CREDENTIALS).unwrap();
    let lease = user.lease.clone().unwrap();
    assert!(lets_in(&database, &user));
    assert_eq!((lease.duration.as_secs(), lease.renewable, user.version.clone()), (60, true, None));
    assert_eq!(client.version(CREDENTIALS), Ok(None));
    assert_eq!(server.list(LEASES).len(), 1, "asking for the version makes no user");

    let renewed = client.renew(&lease.id, 90).unwrap();
    assert!((89..=90).contains(&renewed.duration.as_secs()) && renewed.renewable, "{renewed:?}");
    let most = client.renew(&lease.id, 100_000).unwrap();
    assert!(most.duration.as_secs() <= 120, "{most:?}");

    client.revoke(&lease.id).unwrap();
    eventually("the user stays", || !lets_in(&database, &user));
    eventually("the lease stays", || server.list(LEASES).is_empty());
    assert_eq!(client.renew(&lease.id, 60).unwrap_err().kind, VaultErrorKind::LeaseGone);
    assert_eq!(client.revoke(&lease.id), Ok(()));
    assert_eq!(client.revoke(&LeaseId("database/creds/app/never".into())), Ok(()));
    assert_eq!(client.fails("vault://team/database/creds/other#password").kind, VaultErrorKind::NotFound);
}

#[test]
fn a_lease_that_ran_out_is_gone() {
    let (server, files, database) = (Vault::start(), Files::new(), Postgres::start());
    server.configure_database(&database, "app", "1s", "1m");
    let client = Client::root(&server, &files);
    let lease = client.fetch(CREDENTIALS).unwrap().lease.unwrap();
    eventually("it does not run out", || server.list(LEASES).is_empty());
    assert_eq!(client.renew(&lease.id, 60).unwrap_err().kind, VaultErrorKind::LeaseGone);
}

#[test]
fn a_database_that_is_away_is_an_outage_and_the_lease_outlives_it() {
    let (server, files, mut database) = (Vault::start(), Files::new(), Postgres::start());
    server.configure_database(&database, "app", "10m", "1h");
    let client = Client::root(&server, &files);
    let user = client.fetch(CREDENTIALS).unwrap();
    let lease = user.lease.clone().unwrap();

    database.stop();
    let error = client.renew(&lease.id, 600).unwrap_err();
    insta::assert_snapshot!(super::described(&error), @r#"
    Unavailable: vault "team" cannot renew the lease now
    check that Vault reaches the secret's system, such as the database
    "#);
    assert_eq!(client.fails(CREDENTIALS).kind, VaultErrorKind::Unavailable);
    database.start_again();
    eventually("it is never prolonged again", || client.renew(&lease.id, 600).is_ok());
    assert!(lets_in(&database, &user));
}

#[test]
fn a_daemon_that_stops_revokes_its_database_users() {
    let (server, files, database) = (Vault::start(), Files::new(), Postgres::start());
    server.configure_database(&database, "app", "1h", "2h");
    server.write_policy("app", r#"path "database/creds/app" { capabilities = ["read"] }"#);
    let role = server.configure_approle("app", &json!({ "token_policies": ["app"], "token_ttl": "10m" }));
    let auth = json!({
        "method": "approle",
        "role_id": role.role_id,
        "secret_id_file": files.put("secret-id", &role.secret_id),
    });
    let client = Client::new(json!({ "address": server.address(), "auth": auth }));

    let user = client.fetch(CREDENTIALS).unwrap();
    let lease = user.lease.clone().unwrap();
    // No longer than the token, with which Vault would end it.
    assert!(lease.duration.as_secs() <= 600 && lease.renewable, "{lease:?}");
    assert!(lets_in(&database, &user));
    // This token may not revoke it, and this is reported.
    let error = client.revoke(&lease.id).unwrap_err();
    insta::assert_snapshot!(super::described(&error), @r#"
    Denied: vault "team" does not allow the daemon to revoke leases (403)
    grant the daemon's token a policy that may update sys/leases/revoke; until then leases expire
    "#);

    client.close();
    eventually("the user stays", || !lets_in(&database, &user));
    eventually("the lease stays", || server.list(LEASES).is_empty());
    assert_eq!(client.fails(CREDENTIALS).kind, VaultErrorKind::Unavailable);
}
