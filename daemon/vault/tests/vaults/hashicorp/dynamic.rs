//! Secrets that are made when they are read: users of a PostgreSQL.

use kontraktor_vault::{Fault, Fetched, LeaseId};
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
    assert_eq!(client.renew(&lease.id, 60).unwrap_err().fault, Fault::LeaseGone);
    assert_eq!(client.revoke(&lease.id), Ok(()));
    assert_eq!(client.revoke(&LeaseId("database/creds/app/never".into())), Ok(()));
    assert_eq!(client.fails("vault://team/database/creds/other#password").fault, Fault::NotFound);
}

#[test]
fn a_lease_that_ran_out_is_gone() {
    let (server, files, database) = (Vault::start(), Files::new(), Postgres::start());
    server.configure_database(&database, "app", "1s", "1m");
    let client = Client::root(&server, &files);
    let lease = client.fetch(CREDENTIALS).unwrap().lease.unwrap();
    eventually("it does not run out", || server.list(LEASES).is_empty());
    assert_eq!(client.renew(&lease.id, 60).unwrap_err().fault, Fault::LeaseGone);
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
    insta::assert_snapshot!(super::told(&error), @r#"
    Unavailable: vault "team" cannot prolong the lease now
    check that Vault reaches what the secret is for, such as the database
    "#);
    assert_eq!(client.fails(CREDENTIALS).fault, Fault::Unavailable);
    database.start_again();
    eventually("it is never prolonged again", || client.renew(&lease.id, 600).is_ok());
    assert!(lets_in(&database, &user));
}

#[test]
fn a_daemon_that_stops_takes_its_users_with_it() {
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
    // It may not be ended alone by this token, and that is told.
    let error = client.revoke(&lease.id).unwrap_err();
    insta::assert_snapshot!(super::told(&error), @r#"
    Denied: vault "team" does not let the daemon end leases (403)
    give the daemon's token a policy that may update sys/leases/revoke; until then leases end by their time
    "#);

    client.close();
    eventually("the user stays", || !lets_in(&database, &user));
    eventually("the lease stays", || server.list(LEASES).is_empty());
    assert_eq!(client.fails(CREDENTIALS).fault, Fault::Unavailable);
}
