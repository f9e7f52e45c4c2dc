//! The KV engines.

use kontraktor_vault::VaultErrorKind;
use serde_json::json;
use testkit::servers::Vault;

use super::{Client, Files, SECRET, described};

#[test]
fn a_secret_without_versions_is_read_with_all_its_fields() {
    let (server, files) = (Vault::start(), Files::new());
    server.enable_kv1("team/kv");
    server.put(
        "team/kv/app/db",
        &json!({ "password": "a\"\\\n€", "port": 5432, "big": 12_345_678_901_234_567_i64, "tls": true, "none": null,
            "hosts": ["a", "b"], "": "no name" }),
    );
    let client = Client::root(&server, &files);
    let reference = |field: &str| format!("vault://team/team%2Fkv/app/db#{field}");
    let fields = ["password", "port", "big", "tls", "hosts"];
    assert_eq!(
        fields.map(|field| client.read(&reference(field))),
        ["a\"\\\n€", "5432", "12345678901234567", "true", r#"["a","b"]"#]
    );
    let fetched = client.fetch(&reference("port")).unwrap();
    let null = fetched.content.select(Some("none")).unwrap_err();
    assert_eq!(null.message, "the field \"none\" of the secret has no value (null)");
    assert_eq!((fetched.version, fetched.lease), (None, None));
    assert_eq!(client.version(&reference("port")), Ok(None));

    assert_eq!(client.fails("vault://team/team%2Fkv/app/other#x").kind, VaultErrorKind::NotFound);
    assert_eq!(
        client.fails("vault://team/team%2Fkv/app/db?version=1#port").kind,
        VaultErrorKind::VersionGone
    );
    // A folder, and a mount that is written too short.
    assert_eq!(client.fails("vault://team/team%2Fkv/app#x").kind, VaultErrorKind::NotFound);
    insta::assert_snapshot!(described(&client.fails("vault://team/team/kv/app/db#port")), @r#"
    NotFound: vault "team" has no secrets engine at this mount
    write the whole path of a secrets engine as MOUNT, with %2F for each slash, as in vault://NAME/team%2Fkv/app#password
    "#);
}

#[test]
fn each_version_is_read_until_it_is_deleted_or_destroyed() {
    let (server, files) = (Vault::start(), Files::new());
    for version in 1..=4 {
        server.put("secret/data/app", &json!({ "data": { "password": format!("{SECRET}-{version}") } }));
    }
    let client = Client::root(&server, &files);
    let at = |version: u32| format!("vault://team/secret/app?version={version}#password");
    let newest = "vault://team/secret/app#password";
    assert_eq!(client.read(newest), "hunter2-4");
    assert_eq!(client.read(&at(2)), "hunter2-2");
    assert_eq!(client.fetch(&at(2)).unwrap().version.as_deref(), Some("2"));
    assert_eq!(client.version(newest), Ok(Some("4".into())));
    assert_eq!(client.version(&at(3)), Ok(Some("3".into())));

    server.put("secret/delete/app", &json!({ "versions": [1, 4] }));
    server.put("secret/destroy/app", &json!({ "versions": [2] }));
    let mut table = Vec::new();
    for reference in [&at(1), &at(2), &at(5), newest, "vault://team/secret/other?version=1#x"] {
        let error = client.fails(reference);
        assert_eq!(client.version(reference).unwrap_err().kind, error.kind, "{reference}");
        table.push(described(&error));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    VersionGone: this version of the secret is deleted in vault "team"
    undelete it, write a new version, or select another one with ?version=
    VersionGone: this version of the secret is destroyed in vault "team"
    write a new version, or select another one with ?version=
    VersionGone: vault "team" has the secret, but not this version
    use a version in the secret's metadata; by default Vault keeps the newest ten
    VersionGone: the newest version of the secret is deleted in vault "team"
    undelete it, write a new version, or select another one with ?version=
    NotFound: vault "team" has no such secret (404)
    check mount and path of the reference
    "#);
    assert_eq!(client.read(&at(3)), "hunter2-3");

    server.put("secret/undelete/app", &json!({ "versions": [4] }));
    assert_eq!(client.read(newest), "hunter2-4");
    // All of it gone, between two reads.
    server.delete("secret/metadata/app");
    assert_eq!(client.fails(newest).kind, VaultErrorKind::NotFound);
    assert_eq!(client.fails(&at(3)).kind, VaultErrorKind::NotFound);
    assert_eq!(client.version(newest).unwrap_err().kind, VaultErrorKind::NotFound);
}

#[test]
fn a_policy_for_values_is_enough_and_a_refused_path_is_denied() {
    let (server, files) = (Vault::start(), Files::new());
    server.write_policy("app", r#"path "secret/data/app/*" { capabilities = ["read"] }"#);
    server.put("secret/data/app/db", &json!({ "data": { "password": "a" } }));
    server.put("secret/data/other", &json!({ "data": { "password": SECRET } }));
    let client = Client::with_token(&server, &files, &server.create_token(&["app"], "1h", false));

    assert_eq!(client.read("vault://team/secret/app/db#password"), "a");
    // The version too, although its metadata is closed.
    assert_eq!(client.version("vault://team/secret/app/db#password"), Ok(Some("1".into())));
    assert_eq!(
        client.fails("vault://team/secret/app/db?version=7#password").kind,
        VaultErrorKind::VersionGone
    );
    assert_eq!(
        client.fails("vault://team/secret/app/other?version=7#password").kind,
        VaultErrorKind::NotFound
    );

    insta::assert_snapshot!(described(&client.fails("vault://team/secret/other#password")), @r#"
    Denied: vault "team" does not allow the daemon to read this secret (403)
    grant the daemon's token a policy that may read the path (for KV version 2: MOUNT/data/PATH)
    "#);
    // Vault does not tell whether there is such a mount.
    insta::assert_snapshot!(described(&client.fails("vault://team/nowhere/app#password")), @r#"
    Denied: vault "team" does not allow the daemon to access this mount (403)
    check that the mount exists, and grant the daemon's token a policy that may read the path (for KV version 2: MOUNT/data/PATH)
    "#);
}

#[test]
fn the_daemons_own_token_is_no_secret_of_anybody() {
    let (server, files) = (Vault::start(), Files::new());
    let client = Client::root(&server, &files);
    for reference in [
        "vault://team/auth/token/lookup-self#id",
        "vault://team/auth%2Ftoken/lookup-self#id",
        "vault://team/sys/internal/ui/resultant-acl#root",
        "vault://team/secret/..%2Fauth/token/lookup-self#id",
    ] {
        // The last one is no reference at all.
        if let Ok(parsed) = reference.parse::<kontraktor_model::reference::Reference>() {
            assert_eq!(client.fails(&parsed.to_string()).kind, VaultErrorKind::NotFound, "{reference}");
        }
    }
    server.record();
    let _ = client.fails("vault://team/auth/token/lookup-self#id");
    assert_eq!(server.requests("auth/token/lookup-self"), 0);
}

#[test]
fn names_that_urls_give_a_meaning_to_are_names() {
    let (server, files) = (Vault::start(), Files::new());
    let client = Client::root(&server, &files);
    for name in
        ["a%20b", "a%3Fversion%3D1", "a%23b", "a%25b", "a%26b=c;d,e@f:g", "%C3%A9", "a+b", "%2E%2E%2E"]
    {
        server.put(&format!("secret/data/{name}/x"), &json!({ "data": { "name": name } }));
        assert_eq!(client.read(&format!("vault://team/secret/{name}/x#name")), name);
    }
}

#[test]
fn the_engine_is_asked_for_once_and_found_out_again_when_it_was_upgraded() {
    let (server, files) = (Vault::start(), Files::new());
    server.enable_kv1("kv");
    server.put("kv/app", &json!({ "password": "a" }));
    let client = Client::root(&server, &files);
    server.record();
    for _ in 0..3 {
        assert_eq!(client.read("vault://team/kv/app#password"), "a");
    }
    assert_eq!((server.requests("kv/app"), server.requests("sys/internal/ui/mounts/kv/app")), (3, 1));

    server.put("sys/mounts/kv/tune", &json!({ "options": { "version": "2" } }));
    // While it upgrades, Vault asks to wait.
    let fetched = loop {
        match client.fetch("vault://team/kv/app#password") {
            Ok(fetched) => break fetched,
            Err(error) => assert_eq!(error.kind, VaultErrorKind::Unavailable, "{error}"),
        }
    };
    assert_eq!((super::field(&fetched, "password"), fetched.version.as_deref()), ("a".into(), Some("1")));
}

#[test]
fn what_is_larger_than_a_secret_may_be_is_refused() {
    let (server, files) = (Vault::start(), Files::new());
    let client = Client::root(&server, &files);
    // Vault takes no longer texts, but several of them.
    let longest = "x".repeat(1024 * 1024);
    let with_fields = |count: usize| {
        let fields: serde_json::Map<_, _> = (0..count).map(|n| (n.to_string(), json!(longest))).collect();
        server.put("secret/data/large", &json!({ "data": fields }));
    };
    with_fields(16);
    assert_eq!(client.read("vault://team/secret/large#15").len(), longest.len());
    with_fields(23);
    let error = client.fails("vault://team/secret/large#15");
    assert_eq!(error.kind, VaultErrorKind::TooLarge);
    assert!(error.message.contains("16777216"), "{error}");
}
