//! The provider's functions, called by the real terraform.

use serde_json::json;
use testkit::{World, repository};

fn example(name: &str) -> String {
    let path = repository().join("examples/functions").join(name).join("function.tf");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Functions are pure: they need no daemon.
#[test]
fn functions_work_without_a_daemon_and_without_a_provider_block() {
    let world = World::without_daemon();
    let workspace = world.workspace(&example("dotenv_decode"));
    workspace.apply(&[]).ok();
    let expected = json!({
        "DB_HOST": "db.billing.internal",
        "DB_PORT": "5432",
        "GREETING": "Hello, # and welcome",
        "MOTD": "two\nlines",
    });
    assert_eq!(workspace.output("variables"), expected);
    let workspace = world.workspace(&example("dotenv_encode"));
    workspace.apply(&[]).ok();
    let expected = "DB_HOST=db.billing.internal\nGREETING='Hello, # and welcome'\nMOTD='two\nlines'\n";
    assert_eq!(workspace.output("dotenv"), json!(expected));
    let workspace = world.workspace(&example("reference_parse"));
    workspace.apply(&[]).ok();
    let expected = json!({
        "scheme": "vault", "vault": "team", "mount": "secret", "path": "app/db", "name": null,
        "version": "3", "stage": null, "field": "password",
    });
    assert_eq!(workspace.output("parts"), expected);
    workspace.apply(&["-var=db_password=hunter2"]).fails().says(&["db_password must be a secret reference"]);
}

/// Infisical #3992: values of several lines came back in one.
#[test]
fn a_private_key_goes_through_a_dotenv_file_and_back() {
    let world = World::new();
    let workspace = world.workspace(
        r#"locals {
          key  = "-----BEGIN KEY-----\nMIIE+/a'b\"c$d\\==\n-----END KEY-----\n"
          text = provider::kontraktor::dotenv_encode({ KEY = local.key, EMPTY = "" }, "shell")
        }
        resource "kontraktor_variable" "all" {
          for_each = provider::kontraktor::dotenv_decode(local.text)
          project  = "demo"
          env      = "dev"
          key      = each.key
          value    = each.value
        }
        output "same" {
          value = kontraktor_variable.all["KEY"].value == local.key && kontraktor_variable.all["EMPTY"].value == ""
        }"#,
    );
    workspace.apply(&[]).ok().says(&["2 added"]);
    assert_eq!(workspace.output("same"), json!(true));
    workspace.settled();
}

#[test]
fn errors_name_the_argument_and_the_place_and_never_the_value() {
    let world = World::without_daemon();
    for (call, expected) in [
        (r#"dotenv_decode("A=1\nB='hunter2")"#, vec!["\"text\"", "line 2, column 3: unclosed quote"]),
        (r#"dotenv_decode("A=1\nA=hunter2")"#, vec!["\"text\"", "duplicate key A, first set in line 1"]),
        (r#"dotenv_encode({ "A B" = "hunter2" })"#, vec!["\"variables\"", "key has ' ' at character 2"]),
        (
            r#"dotenv_encode({ A = "$${hunter2}" })"#,
            vec!["\"variables\"", "A cannot be written in the dialect dotenv", "Choose another dialect"],
        ),
        ("dotenv_encode({ A = null })", vec!["\"variables\"", "the value of A is null"]),
        // Infisical #3844: an empty reference was accepted as text.
        (
            r#"reference_parse("vault://team/secret/#hunter2")"#,
            vec!["\"url\"", "invalid reference at column 21: the path is missing"],
        ),
        (r#"reference_parse("hunter2")"#, vec!["\"url\"", "unknown scheme"]),
    ] {
        let workspace =
            world.workspace(&format!("output \"o\" {{\n  value = provider::kontraktor::{call}\n}}\n"));
        let text = workspace.plan(&[]).fails().says(&expected).text();
        // The text before is the configuration, as terraform shows it.
        let (_, message) = text.split_once("parameter: ").expect("the argument is named");
        assert!(!message.contains("hunter2"), "{message}");
    }
}
