//! JSON Schemas on the keys of a project.

use std::fs;

use super::world::World;

const PORT: &str = r#"{"type": "number", "minimum": 1, "maximum": 65535}"#;

fn world() -> World {
    let world = World::with_environment();
    fs::write(world.path("port.json"), PORT).expect("written");
    world
}

#[test]
fn schemas_from_set_to_delete() {
    let mut world = world();
    fs::write(world.path("any.json"), "true\n").expect("written");
    world
        .show(&["schema", "list", "infra-demo"])
        .show(&["schema", "set", "infra-demo", "port", "--key-pattern", ".*_PORT", "--file", "port.json"])
        .show(&["schema", "set", "infra-demo", "port", "--key-pattern", ".*_PORT", "--file", "port.json"])
        .show(&["schema", "list", "infra-demo"])
        .show(&["schema", "show", "infra-demo", "port"])
        .show(&["schema", "show", "infra-demo", "port", "--output", "json"])
        .show(&["schema", "set", "infra-demo", "port", "--key-pattern", "PORT", "--file", "any.json"])
        .show(&["schema", "show", "infra-demo", "port"])
        .show(&["project", "list"])
        .show(&["project", "delete", "infra-demo"])
        .show(&["schema", "delete", "infra-demo", "port"])
        .show(&["schema", "delete", "infra-demo", "port"])
        .show(&["schema", "show", "infra-demo", "port"])
        .show(&["schema", "list", "nope"])
        .show(&["schema", "delete", "nope", "port"])
        .show(&["audit", "--limit", "3"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr schema list infra-demo
    No schemas in project infra-demo.
    $ ktr schema set infra-demo port --key-pattern .*_PORT --file port.json
    Created schema port in project infra-demo, for keys matching .*_PORT.
    $ ktr schema set infra-demo port --key-pattern .*_PORT --file port.json
    No changes to schema port in project infra-demo, for keys matching .*_PORT.
    $ ktr schema list infra-demo
    NAME  KEY PATTERN  CHANGED  BY
    port  .*_PORT  TIME  unix:ME
    $ ktr schema show infra-demo port
    {"type": "number", "minimum": 1, "maximum": 65535}
    note: applies to keys matching .*_PORT
    $ ktr schema show infra-demo port --output json
    {
      "project": "infra-demo",
      "name": "port",
      "key_pattern": ".*_PORT",
      "schema": "{\"type\": \"number\", \"minimum\": 1, \"maximum\": 65535}",
      "changed": {
        "actor": "unix:ME",
        "via": "ktr",
        "time": "TIME"
      }
    }
    $ ktr schema set infra-demo port --key-pattern PORT --file any.json
    Updated schema port in project infra-demo, for keys matching PORT.
    $ ktr schema show infra-demo port
    true
    note: applies to keys matching PORT
    $ ktr project list
    PROJECT  ENVIRONMENTS  SCHEMAS  IMPLICIT  CREATED  DESCRIPTION
    infra-demo  1  1  yes  TIME
    $ ktr project delete infra-demo
    error: project "infra-demo" still holds 1 environment with 0 variables: dev
    hint: Delete its contents first, as listed by `ktr env list infra-demo` and `ktr schema list infra-demo`; or add --force.
    [exit 4]
    $ ktr schema delete infra-demo port
    Deleted schema port of project infra-demo.
    $ ktr schema delete infra-demo port
    error: schema "port" does not exist in project "infra-demo"
    hint: List schemas with `ktr schema list infra-demo`.
    [exit 3]
    $ ktr schema show infra-demo port
    error: schema "port" does not exist in project "infra-demo"
    hint: List schemas with `ktr schema list infra-demo`.
    [exit 3]
    $ ktr schema list nope
    error: project "nope" does not exist
    hint: List projects with `ktr project list`.
    [exit 3]
    $ ktr schema delete nope port
    error: project "nope" does not exist
    hint: List projects with `ktr project list`.
    [exit 3]
    $ ktr audit --limit 3
    SEQUENCE  TIME  BY  VIA  OPERATION  WHERE  KEY  CHANGE
    5  TIME  unix:ME  ktr  schema_deleted  infra-demo  schema port
    4  TIME  unix:ME  ktr  schema_updated  infra-demo  schema port  true\n
    3  TIME  unix:ME  ktr  schema_created  infra-demo  schema port  {"type": "number", "minimum": 1, "maximum": 65535}
    note: only the newest 3 entries shown; raise --limit to see more
    "#);
}

#[test]
fn values_that_violate_a_schema_are_refused_with_the_path() {
    let mut world = world();
    world.ok(&["var", "set", "infra-demo/dev", "OLD_PORT=0", "--type", "number"]);
    world
        .show(&["schema", "set", "infra-demo", "port", "--key-pattern", ".*_PORT", "--file", "port.json"])
        .show(&["schema", "set", "infra-demo", "port", "--key-pattern", "DB_.*", "--file", "port.json"])
        .show(&["var", "set", "infra-demo/dev", "DB_PORT=70000", "--type", "number"])
        .show(&["var", "set", "infra-demo/dev", "DB_PORT=5432"])
        .show(&["var", "set", "infra-demo/dev", "DB_PORT=5432", "--type", "number"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr schema set infra-demo port --key-pattern .*_PORT --file port.json
    error: 1 variable of project "infra-demo" violates schema "port": dev/OLD_PORT; dev/OLD_PORT violates /minimum: must be at least 1
    hint: Change these values first, or change the schema to allow them.
    [exit 2]
    $ ktr schema set infra-demo port --key-pattern DB_.* --file port.json
    Created schema port in project infra-demo, for keys matching DB_.*.
    $ ktr var set infra-demo/dev DB_PORT=70000 --type number
    error: key "DB_PORT" of environment "infra-demo/dev" violates schema "port" of project "infra-demo": /maximum: must be at most 65535
    hint: Write a value that conforms, or change the schema first.
    [exit 2]
    $ ktr var set infra-demo/dev DB_PORT=5432
    error: key "DB_PORT" of environment "infra-demo/dev" violates schema "port" of project "infra-demo": /type: must be of type number
    hint: Write a value that conforms, or change the schema first.
    [exit 2]
    $ ktr var set infra-demo/dev DB_PORT=5432 --type number
    Set 1 variable in infra-demo/dev, now at revision 3.
    "#);
}

#[test]
fn invalid_schemas_are_refused() {
    let mut world = world();
    for (name, text) in [("broken.json", "{"), ("wrong.json", r#"{"type": "text"}"#), ("list.json", "[]")] {
        fs::write(world.path(name), text).expect("written");
    }
    fs::write(world.path("big.json"), vec![b' '; 65_537]).expect("written");
    let mut set = |pattern: &str, file: &str| {
        world.show(&["schema", "set", "infra-demo", "port", "--key-pattern", pattern, "--file", file]);
    };
    set(".*", "broken.json");
    set(".*", "wrong.json");
    set(".*", "list.json");
    set(".*", "big.json");
    set(".*", "missing.json");
    set("(", "port.json");
    world
        .show(&["schema", "set", "infra-demo", "Port", "--key-pattern", ".*", "--file", "port.json"])
        .show(&["schema", "set", "infra-demo", "port", "--file", "port.json"])
        .show(&["schema", "set", "nope", "port", "--key-pattern", ".*", "--file", "port.json"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr schema set infra-demo port --key-pattern .* --file broken.json
    error: invalid schema: it is not valid JSON (EOF while parsing an object at line 1 column 1)
    hint: Correct the schema.
    [exit 2]
    $ ktr schema set infra-demo port --key-pattern .* --file wrong.json
    error: invalid schema at /type: must be one of array, boolean, integer, null, number, object, string, or a list of them
    hint: Correct the schema.
    [exit 2]
    $ ktr schema set infra-demo port --key-pattern .* --file list.json
    error: invalid schema: expected a JSON object, true or false
    hint: Correct the schema.
    [exit 2]
    $ ktr schema set infra-demo port --key-pattern .* --file big.json
    error: big.json is too long; the limit for a schema is 65536 bytes
    [exit 2]
    $ ktr schema set infra-demo port --key-pattern .* --file missing.json
    error: cannot open schema missing.json: No such file or directory (os error 2)
    [exit 2]
    $ ktr schema set infra-demo port --key-pattern ( --file port.json
    error: key_pattern is not a regular expression: unclosed group
    hint: Write a regular expression for whole keys, without look-around and backreferences, as in DB_.*.
    [exit 2]
    $ ktr schema set infra-demo Port --key-pattern .* --file port.json
    error: invalid value 'Port' for '<NAME>': name has 'P' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end

    For more information, try '--help'.
    [exit 2]
    $ ktr schema set infra-demo port --file port.json
    error: the following required arguments were not provided:
      --key-pattern <REGEX>

    Usage: ktr schema set --key-pattern <REGEX> --file <FILE> --host <HOST> <PROJECT> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ ktr schema set nope port --key-pattern .* --file port.json
    error: project "nope" does not exist
    hint: Create the project with `ktr project create nope`, or add --create-project.
    [exit 3]
    "#);
}

#[test]
fn a_schema_passes_through_pipes_byte_for_byte() {
    let world = world();
    let text = "{\n  \"type\": \"string\"\n}\n";
    let run = world.run_with(
        &["schema", "set", "new", "text", "--key-pattern", "T_.*", "--file", "-", "--create-project"],
        text.as_bytes(),
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let shown = world.run(&["schema", "show", "new", "text"]);
    assert_eq!(
        (shown.stdout.as_str(), shown.stderr.as_str()),
        (text, "note: applies to keys matching T_.*\n")
    );
    let list = world.json(&["schema", "list", "new", "--output", "json"]);
    assert_eq!(
        list["schemas"],
        serde_json::json!([world.json(&["schema", "show", "new", "text", "--output", "json"])])
    );
}
