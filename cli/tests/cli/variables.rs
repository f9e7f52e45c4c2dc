//! Reading and writing variables.

use std::fs;

use super::world::World;

#[test]
fn variables_from_set_to_unset() {
    let mut world = World::with_environment();
    world
        .show(&["var", "set", "infra-demo/dev", "HOST=db-1", "PORT=5432"])
        .show(&["var", "set", "infra-demo/dev", "HOST=db-2", "PORT=5432"])
        .show(&["var", "set", "infra-demo/dev", "HOST=db-2"])
        .show(&["var", "get", "infra-demo/dev", "HOST"])
        .show(&["var", "get", "infra-demo/dev", "HOS"])
        .show(&["var", "unset", "infra-demo/dev", "HOST", "HOST", "NOPE"])
        .show(&["var", "unset", "infra-demo/dev", "HOST"])
        .show(&["var", "unset", "infra-demo/nope", "HOST"])
        .show(&["var", "get", "infra-demo/dev", "HOST"])
        .show(&["var", "get", "infra-demo/nope", "HOST"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr var set infra-demo/dev HOST=db-1 PORT=5432
    Set 2 variables in infra-demo/dev, now at revision 2.
    $ ktr var set infra-demo/dev HOST=db-2 PORT=5432
    Set 1 variable in infra-demo/dev, now at revision 3; 1 unchanged.
    $ ktr var set infra-demo/dev HOST=db-2
    No changes: infra-demo/dev is still at revision 3.
    $ ktr var get infra-demo/dev HOST
    db-2
    $ ktr var get infra-demo/dev HOS
    error: variable HOS does not exist in infra-demo/dev
    hint: List variables with `ktr env show infra-demo/dev`.
    [exit 3]
    $ ktr var unset infra-demo/dev HOST HOST NOPE
    Deleted 1 variable from infra-demo/dev, now at revision 4.
    NOPE was not set in infra-demo/dev.
    $ ktr var unset infra-demo/dev HOST
    HOST was not set in infra-demo/dev.
    $ ktr var unset infra-demo/nope HOST
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr var get infra-demo/dev HOST
    error: variable HOST does not exist in infra-demo/dev
    hint: List variables with `ktr env show infra-demo/dev`.
    [exit 3]
    $ ktr var get infra-demo/nope HOST
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    "#);
}

#[test]
fn a_typo_does_not_create_an_environment() {
    let mut world = World::with_environment();
    world
        .show(&["var", "set", "infra-demo/dve", "A=1"])
        .show(&["var", "set", "infra-dmeo/dev", "A=1"])
        .show(&["env", "list"])
        .show(&["var", "set", "new/dev", "A=1", "--create"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr var set infra-demo/dve A=1
    error: environment "infra-demo/dve" does not exist
    hint: Create the environment with `ktr env create infra-demo/dve`, or add --create.
    [exit 3]
    $ ktr var set infra-dmeo/dev A=1
    error: project "infra-dmeo" does not exist
    hint: Create the environment with `ktr env create infra-dmeo/dev`, or add --create.
    [exit 3]
    $ ktr env list
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  CREATED  DESCRIPTION
    infra-demo/dev  0  1  no  TIME
    $ ktr var set new/dev A=1 --create
    Set 1 variable in new/dev, now at revision 1.
    "#);
}

#[test]
fn a_key_keeps_its_type_and_description() {
    let mut world = World::with_environment();
    world.ok(&[
        "var",
        "set",
        "infra-demo/dev",
        "PORT=5432",
        "--type",
        "number",
        "--description",
        "Of the database",
    ]);
    world
        .show(&["var", "set", "infra-demo/dev", "PORT=5.4330e3"])
        .show(&["var", "set", "infra-demo/dev", "PORT=none"])
        .show(&["var", "set", "infra-demo/dev", "NEW=1", "PORT=none", "--type", "string"])
        .show(&["var", "get", "infra-demo/dev", "PORT"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr var set infra-demo/dev PORT=5.4330e3
    Set 1 variable in infra-demo/dev, now at revision 3.
    $ ktr var set infra-demo/dev PORT=none
    error: PORT: value is not a number; write digits with an optional "-", fraction and exponent, as in -12.5 or 1e3, without spaces, leading zeros or a leading "+"
    hint: Add --type string to change the type of PORT, which is number.
    [exit 2]
    $ ktr var set infra-demo/dev NEW=1 PORT=none --type string
    Set 2 variables in infra-demo/dev, now at revision 4.
    $ ktr var get infra-demo/dev PORT
    none
    "#);
    let port = world.json(&["var", "get", "infra-demo/dev", "PORT", "--output", "json"]);
    assert_eq!((&port["type"], &port["description"]), (&"string".into(), &"Of the database".into()));
}

#[test]
fn all_variables_are_set_or_none() {
    let world = World::with_environment();
    let run = world.run(&["var", "set", "infra-demo/dev", "A=1", "B=two", "--type", "number"]);
    assert_eq!(run.code, 2);
    assert_eq!(
        world.json(&["env", "show", "infra-demo/dev", "--output", "json"])["variables"],
        serde_json::json!([])
    );
    assert_eq!(world.run(&["var", "set", "infra-demo/dev", "A=1", "A=2"]).code, 2);
}

#[test]
fn every_type_is_stored_in_its_canonical_form() {
    let world = World::with_environment();
    for (value_type, written, stored) in [
        ("string", "e\u{301}", "é"),
        ("number", "1.50e1", "15"),
        ("bool", "true", "true"),
        ("json", "{\"b\": 1.0, \"a\": [ ]}", "{\"a\":[],\"b\":1}"),
    ] {
        world.ok(&["var", "set", "infra-demo/dev", &format!("V={written}"), "--type", value_type]);
        assert_eq!(world.ok(&["var", "get", "infra-demo/dev", "V"]), format!("{stored}\n"), "{value_type}");
    }
}

#[test]
fn values_from_files_and_standard_input_are_kept_byte_for_byte() {
    let world = World::with_environment();
    fs::write(world.path("key.pem"), "-----BEGIN-----\r\nabc\n").expect("written");
    let run =
        world.run_with(&["var", "set", "infra-demo/dev", "PEM=@key.pem", "IN=-", "EMPTY="], b"one\ntwo\n");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let get = |key| world.ok(&["var", "get", "infra-demo/dev", key, "--no-newline"]);
    assert_eq!(get("PEM"), "-----BEGIN-----\r\nabc\n");
    assert_eq!(get("IN"), "one\ntwo\n");
    assert_eq!(get("EMPTY"), "");
    assert_eq!(world.ok(&["var", "get", "infra-demo/dev", "EMPTY"]), "\n");

    world.ok(&["var", "set", "infra-demo/dev", "--literal", "PEM=@key.pem", "IN=-"]);
    assert_eq!((get("PEM").as_str(), get("IN").as_str()), ("@key.pem", "-"));
}

#[test]
fn invalid_values_are_refused_before_anything_is_written() {
    let mut world = World::with_environment();
    fs::write(world.path("binary"), b"a\xff").expect("written");
    fs::write(world.path("nul"), b"a\0").expect("written");
    fs::write(world.path("big"), vec![b'x'; 65_537]).expect("written");
    world
        .show(&["var", "set", "infra-demo/dev", "A=1", "B=@binary"])
        .show(&["var", "set", "infra-demo/dev", "A=1", "B=@nul"])
        .show(&["var", "set", "infra-demo/dev", "A=1", "B=@big"])
        .show(&["var", "set", "infra-demo/dev", "A=1", "B=@missing"])
        .show(&["var", "set", "infra-demo/dev", "A=-", "B=-"])
        .show(&["var", "set", "infra-demo/dev", "A={\"a\":1,\"a\":2}", "--type", "json"])
        .show(&["env", "show", "infra-demo/dev"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr var set infra-demo/dev A=1 B=@binary
    error: B: binary is not valid UTF-8 at byte 1
    hint: Encode the value, for example in base64.
    [exit 2]
    $ ktr var set infra-demo/dev A=1 B=@nul
    error: B: value contains a NUL character at byte 1; remove it
    [exit 2]
    $ ktr var set infra-demo/dev A=1 B=@big
    error: B: big is too long; the limit for a value is 65536 bytes
    [exit 2]
    $ ktr var set infra-demo/dev A=1 B=@missing
    error: B: cannot open missing: No such file or directory (os error 2)
    hint: Add --literal to use every VALUE as it is written.
    [exit 2]
    $ ktr var set infra-demo/dev A=- B=-
    error: only one value can be read from standard input
    hint: Add --literal to use every VALUE as it is written.
    [exit 2]
    $ ktr var set infra-demo/dev "A={\"a\":1,\"a\":2}" --type json
    error: A: value has the same key twice in one JSON object, the second time before line 1 column 12; keep one of them
    [exit 2]
    $ ktr env show infra-demo/dev
    No variables in infra-demo/dev at revision 1.
    "#);
    let long = "x".repeat(1025);
    let run = world.run(&["var", "set", "infra-demo/dev", "A=1", "--description", &long]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("the limit is 1024 bytes"), "{}", run.stderr);
}

#[test]
fn concurrent_writers_of_the_same_key_all_succeed() {
    let world = World::with_environment();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|index| {
                let world = &world;
                scope.spawn(move || {
                    world.run(&[
                        "var",
                        "set",
                        "infra-demo/dev",
                        &format!("A={index}"),
                        &format!("B{index}=x"),
                    ])
                })
            })
            .collect();
        for run in runs {
            let run = run.join().expect("no panic");
            assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        }
    });
    assert_eq!(world.json(&["env", "list", "--output", "json"])["environments"][0]["variable_count"], 5);
}

#[test]
fn a_shell_sources_what_is_printed_for_it() {
    let world = World::with_environment();
    let value = "it's $HOME `id` \"x\" \\ #\nsecond\n";
    world.ok(&["var", "set", "infra-demo/dev", &format!("V={value}")]);
    let run = world.run(&["env", "show", "infra-demo/dev", "--output", "shell"]);
    assert_eq!(run.stderr, "");
    fs::write(world.path("dotenv"), run.stdout).expect("written");
    let output = std::process::Command::new("sh")
        .args(["-c", "set -eu; . ./dotenv; printf '%s' \"$V\""])
        .current_dir(world.path(""))
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), value);
}
