//! Keys that hold secret references. Reading real vaults is tested in `acceptance`; here no vault can be reached.

use serde_json::{Value, json};

use super::world::World;

const REFERENCE: &str = "DB_PASSWORD=vault://team/secret/app/db#password";

fn scene() -> World {
    let world = World::with_vault();
    world.ok(&["var", "set", "infra-demo/dev", "PORT=1"]);
    world.ok(&["secret", "set", "infra-demo/dev", REFERENCE]);
    world
}

/// A secret may have been pasted in place of its assignment or its reference.
#[test]
fn invalid_arguments_are_not_repeated() {
    let world = scene();
    let pasted = [
        "DB_PASSWORD=hunter2",
        "DB_PASSWORD=vault:hunter2",
        "DB_PASSWORD=https://me:hunter2@vault.example.com/secret",
        "hunter2",
        "hunter2hunter2=",
        "hunter2hunter2==",
        "hunter2/hunter2==",
        "9hunter2=x",
        "=hunter2",
    ];
    for argument in pasted {
        for pin in [&[][..], &["--pin", "3"]] {
            let refused = world.run(&[&["secret", "set", "infra-demo/dev", argument], pin].concat());
            assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{argument}");
            assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
            assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
        }
    }
    for argument in ["hunter2", "hunter2/hunter2==", "9hunter2=x", "=hunter2"] {
        let refused = world.run(&["var", "set", "infra-demo/dev", argument]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{argument}");
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
}

#[test]
fn an_invalid_assignment_is_refused_with_its_key_and_the_rule() {
    let mut world = scene();
    world
        .show(&["secret", "set", "infra-demo/dev", "A=x"])
        .show(&["secret", "set", "infra-demo/dev", "A"])
        .show(&["secret", "set", "infra-demo/dev", "A=vault://team/secret"])
        .show(&["secret", "set", "infra-demo/dev", "A=azure-kv://keys/a", "A=azure-kv://keys/b"])
        .show(&["secret", "set", "infra-demo/dev", "PORT=vault://team/secret/app/db#port"])
        .show(&["var", "set", "infra-demo/dev", "DB_PASSWORD=x"])
        .show(&["secret", "get", "infra-demo/dev", "PORT"])
        .show(&["secret", "get", "infra-demo/dev", "NOTHING"])
        .show(&["secret", "get", "infra-demo/dev"])
        .show(&["secret", "get", "infra-demo/nowhere", "A"])
        .show(&["secret", "check", "infra-demo/dev", "PORT"])
        .show(&["secret", "purge", "prod"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr secret set infra-demo/dev A=x
    error: A: invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name
    hint: Set a plain value with `ktr var set`.
    [exit 2]
    $ ktr secret set infra-demo/dev A
    error: invalid assignment: expected KEY=REFERENCE, such as DB_PASSWORD=vault://team/secret/app/db#password
    [exit 2]
    $ ktr secret set infra-demo/dev A=vault://team/secret
    error: A: invalid reference at column 20: the path is missing
    hint: Set a plain value with `ktr var set`.
    [exit 2]
    $ ktr secret set infra-demo/dev A=azure-kv://keys/a A=azure-kv://keys/b
    error: A is assigned more than once
    [exit 2]
    $ ktr secret set infra-demo/dev PORT=vault://team/secret/app/db#port
    error: key "PORT" of environment "infra-demo/dev" is a plain variable, and cannot become a secret reference
    hint: Delete it first, or choose another key.
    [exit 4]
    $ ktr var set infra-demo/dev DB_PASSWORD=x
    error: key "DB_PASSWORD" of environment "infra-demo/dev" is a secret reference, and cannot become a plain variable
    hint: Delete it first, or choose another key.
    [exit 4]
    $ ktr secret get infra-demo/dev PORT
    error: key "PORT" of environment "infra-demo/dev" holds a plain value, not a secret reference
    hint: Print the variable with `ktr var get infra-demo/dev PORT`.
    [exit 2]
    $ ktr secret get infra-demo/dev NOTHING
    error: key "NOTHING" does not exist in environment "infra-demo/dev" or what it imports
    hint: Check the key, or write the secret reference first.
    [exit 3]
    $ ktr secret get infra-demo/dev
    error: missing key
    hint: Write `ktr secret get PROJECT/ENV KEY` or `ktr secret get REFERENCE`.
    [exit 2]
    $ ktr secret get infra-demo/nowhere A
    error: environment "infra-demo/nowhere" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr secret check infra-demo/dev PORT
    KEY  VAULT  VERSION  REFERENCE  RESULT
    PORT  not_a_secret
    error: 1 secret cannot be read
      PORT: key "PORT" of environment "infra-demo/dev" holds a plain value, not a secret reference (read it as a variable, or use another key)
    [exit 1]
    $ ktr secret purge prod
    error: no vault "prod" is configured
    hint: Use one of team (vault), or add a [[vault]] table to kontraktord.toml.
    [exit 3]
    "#);
}

#[test]
fn a_reference_is_shown_and_its_secret_is_not() {
    let mut world = scene();
    world
        .show(&["secret", "set", "infra-demo/dev", "KEY=azure-kv://keys/tls", "--pin", "4f", "--protect"])
        .show(&["env", "show", "infra-demo/dev"])
        .show(&["env", "show", "infra-demo/dev", "--output", "dotenv"])
        .show(&["env", "list"])
        .show(&["env", "diff", "infra-demo/dev@1", "infra-demo/dev"])
        .show(&["var", "get", "infra-demo/dev", "DB_PASSWORD"])
        .show(&["var", "history", "infra-demo/dev", "DB_PASSWORD"])
        .show(&["var", "unset", "infra-demo/dev", "KEY"])
        .show(&["var", "unset", "infra-demo/dev", "DB_PASSWORD"])
        .show(&["vault", "list"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr secret set infra-demo/dev KEY=azure-kv://keys/tls --pin 4f --protect
    Set 1 secret reference in infra-demo/dev, now at revision 4.
    warning: KEY cannot be read: no vault "keys" of kind "azure-kv" is configured (use one of team (vault), or add a [[vault]] table to kontraktord.toml)
    $ ktr env show infra-demo/dev
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY  PROTECTED
    DB_PASSWORD  secret  vault://team/secret/app/db#password  3  TIME  unix:ME
    KEY  secret  azure-kv://keys/tls?version=4f  4  TIME  unix:ME  yes
    PORT  string  1  2  TIME  unix:ME
    $ ktr env show infra-demo/dev --output dotenv
    # infra-demo/dev at revision 4
    PORT=1
    note: 2 secrets omitted; add --resolve, or pass them to a command with `ktr run`
    $ ktr env list
    ENVIRONMENT  VARIABLES  SECRETS  REVISION  IMPLICIT  CREATED  DESCRIPTION
    infra-demo/dev  1  2  4  no  TIME
    $ ktr env diff infra-demo/dev@1 infra-demo/dev
    infra-demo/dev@1 → infra-demo/dev at revision 4
       KEY          CHANGE
    +  DB_PASSWORD  (none) → vault://team/secret/app/db#password
    +  KEY  (none) → azure-kv://keys/tls?version=4f
    +  PORT  (none) → 1
    $ ktr var get infra-demo/dev DB_PASSWORD
    error: DB_PASSWORD is a secret reference: vault://team/secret/app/db#password
    hint: Print the secret with `ktr secret get infra-demo/dev DB_PASSWORD`.
    [exit 2]
    $ ktr var history infra-demo/dev DB_PASSWORD
    REVISION  TIME  BY  VIA  OPERATION  KEY  CHANGE
    3  TIME  unix:ME  ktr  variable_created  DB_PASSWORD  (none) → vault://team/secret/app/db#password
    $ ktr var unset infra-demo/dev KEY
    error: key "KEY" of environment "infra-demo/dev" is protected from deletion
    hint: Apply deletion_protection = false first, or run `ktr var unprotect infra-demo/dev KEY`; then delete it.
    [exit 4]
    $ ktr var unset infra-demo/dev DB_PASSWORD
    Deleted 1 variable from infra-demo/dev, now at revision 5.
    $ ktr vault list
    VAULT  KIND  ADDRESS  AVAILABLE  CACHED  LEASES
    team  vault  http://127.0.0.1:1  yes  0  0
    "#);
}

#[test]
fn every_secret_that_cannot_be_read_is_named_with_its_remedy() {
    let mut world = scene();
    // It is set with a warning.
    assert_eq!(world.run(&["secret", "set", "infra-demo/dev", "KEY=azure-kv://keys/tls"]).code, 0);
    world
        .show(&["secret", "check", "infra-demo/dev"])
        .show(&["env", "show", "infra-demo/dev", "--resolve"])
        .show(&["env", "show", "infra-demo/dev", "--resolve", "--output", "dotenv"])
        .show(&["secret", "get", "infra-demo/dev", "KEY"])
        .show(&["secret", "get", "azure-kv://keys/tls"])
        .show(&["secret", "get", "vault://team/secret/app/db#password"])
        .show(&["run", "infra-demo/dev", "--", "true"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr secret check infra-demo/dev
    KEY  VAULT  VERSION  REFERENCE  RESULT
    DB_PASSWORD  team  vault://team/secret/app/db#password  vault_unavailable
    KEY  keys  azure-kv://keys/tls  unknown_vault
    error: 2 secrets cannot be read
      DB_PASSWORD: vault "team" cannot be reached: the connection was refused (check that it runs, and `address` in its [[vault]] table)
      KEY: no vault "keys" of kind "azure-kv" is configured (use one of team (vault), or add a [[vault]] table to kontraktord.toml)
    [exit 1]
    $ ktr env show infra-demo/dev --resolve
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY
    DB_PASSWORD  secret  (vault_unavailable)  3  TIME  unix:ME
    KEY  secret  (unknown_vault)  4  TIME  unix:ME
    PORT  string  1  2  TIME  unix:ME
    error: 2 secrets cannot be read
      DB_PASSWORD: vault "team" cannot be reached: the connection was refused (check that it runs, and `address` in its [[vault]] table)
      KEY: no vault "keys" of kind "azure-kv" is configured (use one of team (vault), or add a [[vault]] table to kontraktord.toml)
    [exit 1]
    $ ktr env show infra-demo/dev --resolve --output dotenv
    # infra-demo/dev at revision 4
    PORT=1
    error: 2 secrets cannot be read
      DB_PASSWORD: vault "team" cannot be reached: the connection was refused (check that it runs, and `address` in its [[vault]] table)
      KEY: no vault "keys" of kind "azure-kv" is configured (use one of team (vault), or add a [[vault]] table to kontraktord.toml)
    [exit 1]
    $ ktr secret get infra-demo/dev KEY
    error: no vault "keys" of kind "azure-kv" is configured
    hint: Use one of team (vault), or add a [[vault]] table to kontraktord.toml.
    [exit 3]
    $ ktr secret get azure-kv://keys/tls
    error: no vault "keys" of kind "azure-kv" is configured
    hint: Use one of team (vault), or add a [[vault]] table to kontraktord.toml.
    [exit 3]
    $ ktr secret get vault://team/secret/app/db#password
    error: vault "team" cannot be reached: the connection was refused
    hint: Check that it runs, and `address` in its [[vault]] table.
    [exit 7]
    $ ktr run infra-demo/dev -- true
    error: 2 secrets cannot be read; the command was not started
      DB_PASSWORD: vault "team" cannot be reached: the connection was refused (check that it runs, and `address` in its [[vault]] table)
      KEY: no vault "keys" of kind "azure-kv" is configured (use one of team (vault), or add a [[vault]] table to kontraktord.toml)
    [exit 125]
    "#);
}

#[test]
fn listings_of_secrets_have_their_shape() {
    let mut world = scene();
    let failing = |world: &World, arguments: &[&str]| -> Value {
        let run = world.run(arguments);
        assert_eq!(run.code, 1, "{}", run.stderr);
        serde_json::from_str(&run.stdout).expect("JSON")
    };
    let diff = world.json(&["env", "diff", "infra-demo/dev@1", "infra-demo/dev", "--output", "json"]);
    let added = &diff["secret_references"]["added"][0];
    let shown = world.json(&["env", "show", "infra-demo/dev", "--output", "json"]);
    assert_eq!(added, &shown["secret_references"][0]);
    assert_eq!(diff["added"][0], world.json(&["var", "get", "infra-demo/dev", "PORT", "--output", "json"]));
    assert_eq!((&diff["added"][1], &diff["secret_versions"]), (&Value::Null, &json!([])));
    world.show(&["vault", "list", "--output", "json"]);
    let form = format!("{added:#}\n{}", world.transcript());
    insta::assert_snapshot!(world.redacted(&form), @r#"
    {
      "deletion_protection": false,
      "description": "",
      "key": "DB_PASSWORD",
      "origin": {
        "env": "dev",
        "project": "infra-demo",
        "revision": 3
      },
      "reference": "vault://team/secret/app/db#password",
      "revision": 3,
      "vault": "team",
      "version": null,
      "version_seen_time": null,
      "written": {
        "actor": "unix:ME",
        "time": "TIME",
        "via": "ktr"
      }
    }
    $ ktr vault list --output json
    {
      "vaults": [
        {
          "name": "team",
          "kind": "vault",
          "address": "http://127.0.0.1:1",
          "available": true,
          "error": null,
          "cached_secret_count": 0,
          "cached_bytes": 0,
          "lease_count": 0
        }
      ]
    }
    "#);
    let resolved = failing(&world, &["env", "show", "infra-demo/dev", "--resolve", "--output", "json"]);
    insta::assert_snapshot!(format!("{:#}", resolved["secret_references"][0]["secret"]), @r#"
    {
      "problem": {
        "code": "vault_unavailable",
        "message": "vault \"team\" cannot be reached: the connection was refused",
        "remedy": "check that it runs, and `address` in its [[vault]] table"
      },
      "stale": false,
      "value": null,
      "version": null
    }
    "#);
    let checked = failing(&world, &["secret", "check", "infra-demo/dev", "--output", "json"]);
    insta::assert_snapshot!(format!("{checked:#}"), @r#"
    {
      "secrets": [
        {
          "fetch_time": null,
          "key": "DB_PASSWORD",
          "lease": null,
          "problem": {
            "code": "vault_unavailable",
            "message": "vault \"team\" cannot be reached: the connection was refused",
            "remedy": "check that it runs, and `address` in its [[vault]] table"
          },
          "reference": "vault://team/secret/app/db#password",
          "stale": false,
          "vault": "team",
          "version": null
        }
      ]
    }
    "#);
}
