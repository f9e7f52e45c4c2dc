//! Roles and service accounts.

use super::world::World;

#[test]
fn roles_from_grant_to_revoke() {
    let mut world = World::with_environment();
    world
        .show(&["role", "list"])
        .show(&["role", "grant", "editor", "--to", "unix:bob", "--on", "infra-demo/*"])
        .show(&["role", "grant", "editor", "--to", "unix:bob", "--on", "infra-demo/*"])
        .show(&["role", "grant", "viewer", "--to", "group:login.example.com:dev", "--on", "*/staging"])
        .show(&["role", "list"])
        .show(&["role", "list", "--to", "unix:bob", "--output", "json"])
        .show(&["role", "list", "--on", "*"])
        .show(&["role", "revoke", "editor", "--from", "unix:bob", "--on", "infra-demo/*"])
        .show(&["role", "revoke", "editor", "--from", "unix:bob", "--on", "infra-demo/*"])
        .show(&["role", "grant", "root", "--to", "unix:bob", "--on", "*"])
        .show(&["role", "grant", "owner", "--to", "bob", "--on", "*"])
        .show(&["role", "grant", "owner", "--to", "unix:bob", "--on", "infra-demo"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr role list
    No role bindings.
    $ ktr role grant editor --to unix:bob --on infra-demo/*
    Granted editor on infra-demo/* to unix:bob.
    $ ktr role grant editor --to unix:bob --on infra-demo/*
    unix:bob already has editor on infra-demo/*.
    $ ktr role grant viewer --to group:login.example.com:dev --on */staging
    Granted viewer on */staging to group:login.example.com:dev.
    warning: the pattern */staging matches nothing yet
    $ ktr role list
    ROLE  SUBJECT  PATTERN  GRANTED  BY
    viewer  group:login.example.com:dev  */staging  TIME  unix:ME
    editor  unix:bob  infra-demo/*  TIME  unix:ME
    $ ktr role list --to unix:bob --output json
    {
      "role_bindings": [
        {
          "role": "editor",
          "subject": "unix:bob",
          "pattern": "infra-demo/*",
          "created": {
            "actor": "unix:ME",
            "via": "ktr",
            "time": "TIME"
          }
        }
      ]
    }
    $ ktr role list --on *
    No role bindings.
    $ ktr role revoke editor --from unix:bob --on infra-demo/*
    Revoked editor on infra-demo/* from unix:bob.
    $ ktr role revoke editor --from unix:bob --on infra-demo/*
    error: the role editor is not granted to unix:bob on infra-demo/*
    hint: List the role bindings with `ktr role list`.
    [exit 3]
    $ ktr role grant root --to unix:bob --on *
    error: invalid value 'root' for '<ROLE>': unknown role "root"; use one of viewer, editor, secret-reader and owner

    For more information, try '--help'.
    [exit 2]
    $ ktr role grant owner --to bob --on *
    error: invalid value 'bob' for '--to <SUBJECT>': invalid subject: "bob" does not name its origin; use `service-account:NAME`, `group:ISSUER:GROUP`, or an actor as the audit log shows it, such as `unix:ada` or `ISSUER:SUBJECT`

    For more information, try '--help'.
    [exit 2]
    $ ktr role grant owner --to unix:bob --on infra-demo
    error: invalid value 'infra-demo' for '--on <PATTERN>': invalid pattern "infra-demo": expected one slash, as in infra-demo/* and infra-demo/dev; use `*`, `PROJECT/*`, `*/ENV` or `PROJECT/ENV`

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
fn service_accounts_from_create_to_delete() {
    let mut world = World::with_environment();
    world
        .show(&["service-account", "list"])
        .show(&["service-account", "create", "ci", "--description", "the pipeline", "--expires-in", "90days"])
        .show(&["service-account", "create", "ci"])
        .show(&["service-account", "create", "root", "--scope", "everything"])
        .show(&["service-account", "list"])
        .show(&["service-account", "rotate", "ci"])
        .show(&["service-account", "show", "ci"])
        .show(&["service-account", "rotate", "ci", "--no-overlap", "--output", "json"])
        .show(&["service-account", "show", "nobody"])
        .show(&["service-account", "delete", "ci"])
        .show(&["service-account", "delete", "ci", "--yes"])
        .show(&["service-account", "delete", "ci", "--yes"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr service-account list
    No service accounts. Create one with `ktr service-account create`.
    $ ktr service-account create ci --description "the pipeline" --expires-in 90days
    Created service account ci.
    client_id  CLIENT
    client_secret  kontraktor_SECRET
    note: the secret is shown only this once; store it now, where only the pipeline can read it
    note: it has no role yet; grant one, such as `ktr role grant editor --to service-account:ci --on 'PROJECT/*'`
    $ ktr service-account create ci
    error: service account "ci" already exists
    hint: Choose another name, or rotate its secret with `ktr service-account rotate`.
    [exit 4]
    $ ktr service-account create root --scope everything
    error: invalid value 'everything' for '--scope <SCOPE>': unknown scope "everything"; use env.read, env.write, secret.read and admin

    For more information, try '--help'.
    [exit 2]
    $ ktr service-account list
    NAME  CLIENT ID  SCOPES  SECRETS  CREATED  LAST USED  DESCRIPTION
    ci  CLIENT  env.read env.write secret.read  1  TIME  never  the pipeline
    $ ktr service-account rotate ci
    Rotated the secret of service account ci. The secret before it is valid for another 1day.
    client_id  CLIENT
    client_secret  kontraktor_SECRET
    note: the secret is shown only this once; store it now, where only the pipeline can read it
    $ ktr service-account show ci
    name  ci
    client_id  CLIENT
    description  the pipeline
    scopes  env.read env.write secret.read
    secret  kontraktor_SECRET…, created TIME, expires TIME
    secret  kontraktor_SECRET…, created TIME, does not expire
    created  TIME by unix:ME
    last used  never
    $ ktr service-account rotate ci --no-overlap --output json
    {
      "client_id": "CLIENT",
      "client_secret": "kontraktor_SECRET",
      "account": {
        "name": "ci",
        "client_id": "CLIENT",
        "description": "the pipeline",
        "scopes": [
          "env.read",
          "env.write",
          "secret.read"
        ],
        "secrets": [
          {
            "hint": "kontraktor_SECRET",
            "create_time": "TIME",
            "expire_time": null
          }
        ],
        "public_key": null,
        "created": {
          "actor": "unix:ME",
          "via": "ktr",
          "time": "TIME"
        },
        "last_used_time": null
      }
    }
    note: the secret is shown only this once; store it now, where only the pipeline can read it
    $ ktr service-account show nobody
    error: service account "nobody" does not exist
    hint: List the service accounts with `ktr service-account list`.
    [exit 3]
    $ ktr service-account delete ci
    error: confirmation required, but there is no terminal to ask on
    hint: Add --yes to delete without confirmation.
    [exit 2]
    $ ktr service-account delete ci --yes
    Deleted service account ci.
    $ ktr service-account delete ci --yes
    error: service account "ci" does not exist
    hint: List the service accounts with `ktr service-account list`.
    [exit 3]
    "#);
}

#[test]
fn the_credentials_have_their_shape() {
    let world = World::with_environment();
    let run = world.run(
        &"service-account create ci --scope env.read --scope admin --output json"
            .split(' ')
            .collect::<Vec<_>>(),
    );
    // Notes go to standard error, so that what is printed is JSON alone.
    assert!(run.code == 0 && run.stderr.contains("only this once"), "{}", run.stderr);
    let created: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let (id, secret) = (created["client_id"].as_str().unwrap(), created["client_secret"].as_str().unwrap());
    assert!(id.starts_with("sa-") && secret.starts_with("kontraktor_"), "{created}");
    assert_eq!(created["account"]["scopes"], serde_json::json!(["env.read", "admin"]));
    let listed = world.json(&["service-account", "list", "--output", "json"]);
    assert_eq!(listed["service_accounts"][0], created["account"]);
    assert!(!listed.to_string().contains(secret), "{listed}");
}
