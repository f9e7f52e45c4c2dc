//! A token goes to the daemon and nowhere else: not into logs, state, plans, the daemon's files, or messages.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use testkit::{Run, World};

/// Returns an access token of a service account that may write `secrets/dev`.
fn token(world: &World) -> String {
    let created = world.ktr(&["service-account", "create", "ci", "--output", "json"]).ok().stdout;
    let created: Value = serde_json::from_str(&created).expect("ktr prints JSON");
    world.ktr(&["role", "grant", "editor", "--to", "service-account:ci", "--on", "secrets/*"]).ok();
    let text = |name: &str| created[name].as_str().expect("the credentials of the account").to_owned();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--data", "grant_type=client_credentials"]);
    command.arg("--user").arg(format!("{}:{}", text("client_id"), text("client_secret")));
    command.arg("--unix-socket").arg(world.socket()).arg("http://localhost/oauth/token");
    let answer: Value = serde_json::from_str(&Run::of(&mut command).ok().stdout).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// The files under a folder that hold the token.
fn leaks(folder: &Path, token: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut stack = vec![folder.to_path_buf()];
    while let Some(next) = stack.pop() {
        for entry in fs::read_dir(&next).expect("a folder of ours") {
            let path = entry.expect("a folder of ours").path();
            // Links lead to our binaries.
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                stack.push(path);
            } else if let Ok(bytes) = fs::read(&path)
                && bytes.windows(token.len()).any(|window| window == token.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

const ONE: &str = r#"resource "kontraktor_variable" "v" {
  project = "secrets"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}"#;

#[test]
fn a_token_from_the_environment_leaves_no_trace() {
    let mut world = World::new();
    let token = token(&world);
    let workspace = world.workspace(ONE);
    let run = |arguments: &[&str]| {
        let mut command = workspace.command(arguments);
        Run::of(command.env("KONTRAKTOR_TOKEN", &token).env("TF_LOG", "trace"))
    };
    let applied = run(&["apply", "-auto-approve", "-no-color"]).ok();
    assert!(applied.stderr.contains("terraform-provider-kontraktor"), "the log was on");
    let planned = run(&["plan", "-no-color", "-out=saved"]).ok();
    world.stop();
    // Without a daemon, check the errors, too.
    let failed = run(&["apply", "-auto-approve", "-no-color", "-replace=kontraktor_variable.v"]).fails();
    for printed in [&applied, &planned, &failed] {
        assert!(!printed.stdout.contains(&token) && !printed.stderr.contains(&token), "{}", printed.line);
    }
    assert_eq!(leaks(world.path(), &token), Vec::<String>::new());
}

#[test]
fn a_token_in_the_provider_block_stays_there() {
    let world = World::new();
    let token = token(&world);
    let workspace = world.workspace(&format!(
        "variable \"token\" {{\n  type = string\n  sensitive = true\n}}\n\
         provider \"kontraktor\" {{\n  oauth_token = var.token\n}}\n{ONE}\n"
    ));
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    let applied = Run::of(command.env("TF_VAR_token", &token).env("TF_LOG_PROVIDER", "trace")).ok();
    assert!(!applied.stdout.contains(&token) && !applied.stderr.contains(&token));
    assert_eq!(leaks(world.path(), &token), Vec::<String>::new());
}
