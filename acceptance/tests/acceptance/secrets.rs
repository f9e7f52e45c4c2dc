//! A token goes to the daemon and nowhere else: not into logs, state, plans, the daemon's files, or messages.

use std::{fs, path::Path};

use testkit::{Run, World};

const TOKEN: &str = "tok-5f1d0c7e-must-not-appear";

/// The files under a folder that hold the token.
fn leaks(folder: &Path) -> Vec<String> {
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
                && bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes())
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
    let workspace = world.workspace(ONE);
    let run = |arguments: &[&str]| {
        let mut command = workspace.command(arguments);
        Run::of(command.env("KONTRAKTOR_TOKEN", TOKEN).env("TF_LOG", "trace"))
    };
    let applied = run(&["apply", "-auto-approve", "-no-color"]).ok();
    assert!(applied.stderr.contains("terraform-provider-kontraktor"), "the log was on");
    let planned = run(&["plan", "-no-color", "-out=saved"]).ok();
    world.stop();
    // Without a daemon, check the errors, too.
    let failed = run(&["apply", "-auto-approve", "-no-color", "-replace=kontraktor_variable.v"]).fails();
    for printed in [&applied, &planned, &failed] {
        assert!(!printed.stdout.contains(TOKEN) && !printed.stderr.contains(TOKEN), "{}", printed.line);
    }
    assert_eq!(leaks(world.path()), Vec::<String>::new());
}

#[test]
fn a_token_in_the_provider_block_stays_there() {
    let world = World::new();
    let workspace = world.workspace(&format!(
        "variable \"token\" {{\n  type = string\n  sensitive = true\n}}\n\
         provider \"kontraktor\" {{\n  oauth_token = var.token\n}}\n{ONE}\n"
    ));
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    let applied = Run::of(command.env("TF_VAR_token", TOKEN).env("TF_LOG_PROVIDER", "trace")).ok();
    assert!(!applied.stdout.contains(TOKEN) && !applied.stderr.contains(TOKEN));
    assert_eq!(leaks(world.path()), Vec::<String>::new());
}
