//! JSON output is stable: these are the shapes that the README documents.

use super::world::World;

#[test]
fn every_listing_has_its_shape() {
    let mut world = World::with_environment();
    world.ok(&[
        "var",
        "set",
        "infra-demo/dev",
        "A={\"x\": 1.50}",
        "--type",
        "json",
        "--description",
        "An object",
    ]);
    world
        .show(&["project", "list", "--output", "json"])
        .show(&["env", "list", "--output", "json"])
        .show(&["var", "get", "infra-demo/dev", "A", "--output", "json"])
        .show(&["var", "history", "infra-demo/dev", "A", "--output", "json"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr project list --output json
    {
      "projects": [
        {
          "project": "infra-demo",
          "description": "",
          "implicit": true,
          "environment_count": 1,
          "schema_count": 0,
          "deletion_protection": false,
          "created": {
            "actor": "unix:ME",
            "via": "ktr",
            "time": "TIME"
          },
          "changed": {
            "actor": "unix:ME",
            "via": "ktr",
            "time": "TIME"
          }
        }
      ]
    }
    $ ktr env list --output json
    {
      "environments": [
        {
          "project": "infra-demo",
          "env": "dev",
          "description": "",
          "implicit": false,
          "revision": 2,
          "variable_count": 1,
          "secret_reference_count": 0,
          "imports": [],
          "deletion_protection": false,
          "created": {
            "actor": "unix:ME",
            "via": "ktr",
            "time": "TIME"
          },
          "changed": {
            "actor": "unix:ME",
            "via": "ktr",
            "time": "TIME"
          }
        }
      ]
    }
    $ ktr var get infra-demo/dev A --output json
    {
      "key": "A",
      "type": "json",
      "value": "{\"x\":1.5}",
      "description": "An object",
      "revision": 2,
      "deletion_protection": false,
      "written": {
        "actor": "unix:ME",
        "via": "ktr",
        "time": "TIME"
      },
      "origin": {
        "project": "infra-demo",
        "env": "dev",
        "revision": 2
      }
    }
    $ ktr var history infra-demo/dev A --output json
    {
      "entries": [
        {
          "sequence": 3,
          "written": {
            "actor": "unix:ME",
            "via": "ktr",
            "time": "TIME"
          },
          "actor_display_name": null,
          "operation": "variable_created",
          "project": "infra-demo",
          "env": "dev",
          "key": "A",
          "revision": 2,
          "type": "json",
          "old_value": null,
          "new_value": "{\"x\":1.5}",
          "description": "An object",
          "schema": null,
          "deletion_protection": false,
          "imports": null,
          "batch_id": "UUID",
          "access": null,
          "role_binding": null,
          "service_account": null,
          "hash": "HASH"
        }
      ]
    }
    "#);
}

#[test]
fn a_snapshot_holds_its_variables() {
    let world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A=1"]);
    let variable = world.json(&["var", "get", "infra-demo/dev", "A", "--output", "json"]);
    let mut snapshot = world.json(&["env", "show", "infra-demo/dev", "--output", "json"]);
    let version = snapshot["version"].take();
    assert!(version.as_str().is_some_and(|version| !version.is_empty()));
    assert_eq!(
        snapshot,
        serde_json::json!({
            "project": "infra-demo", "env": "dev", "revision": 2, "version": null, "description": "", "imports": [],
            "variables": [variable], "secret_references": []
        })
    );
}

#[test]
fn absent_is_null_and_empty_is_empty() {
    let world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A="]);
    world.ok(&["var", "unset", "infra-demo/dev", "A"]);
    let log = world.json(&["audit", "--output", "json"]);
    let entries = log["entries"].as_array().expect("a list");
    let sides: Vec<_> = entries[..2].iter().map(|entry| (&entry["old_value"], &entry["new_value"])).collect();
    let (null, empty) = (&serde_json::Value::Null, &"".into());
    assert_eq!(sides, [(empty, null), (null, empty)]);
}

#[test]
fn status_has_its_shape() {
    let world = World::with_environment();
    let status = world.json(&["status", "--output", "json"]);
    let fields: Vec<_> = status.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "actor",
            "data_dir",
            "display_name",
            "environment_count",
            "head_hash",
            "head_sequence",
            "host",
            "project_count",
            "schema_version",
            "secret_reference_count",
            "start_time",
            "store_version",
            "variable_count",
            "version",
            "writable",
            "write_error",
        ]
    );
    assert_eq!((&status["environment_count"], &status["writable"]), (&1.into(), &true.into()));
    assert_eq!(status["head_hash"].as_str().map(str::len), Some(64));
    assert!(status["actor"].as_str().is_some_and(|actor| actor.starts_with("unix:")));
}
