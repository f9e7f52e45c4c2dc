//! Terraform as a service account: `client_id` and `client_secret`, and access tokens that end while it works.

use std::{fs, thread, time::Duration};

use testkit::Run;

use super::{Site, apply_to_the_gate, gated};

const SCOPES: &[&str] = &["env.read", "env.write"];

const VARIABLE: &str = r#"
resource "kontraktor_variable" "v" {
  project = "shop"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}
"#;

#[test]
fn a_token_that_expires_in_mid_apply_is_renewed_even_when_the_daemon_is_restarted_just_then() {
    const LIFETIME: Duration = Duration::from_secs(10);
    let mut site = Site::new().start("", "[tokens]\nlifetime = '10s'\n");
    let account = site.account("pipeline", SCOPES);
    site.grant("editor", "service-account:pipeline", "shop/*");
    let workspace = site.account_workspace(&account, &gated(3));
    let apply = apply_to_the_gate(&site, &workspace, 3);
    let before = site.count("token_issued");
    thread::sleep(LIFETIME);
    site.world.stop();
    workspace.write("open", "");
    // Terraform asks for a token in vain for a while.
    thread::sleep(Duration::from_secs(1));
    site.world.start();
    apply.join().expect("terraform ran").ok().says(&["7 added"]);
    assert_eq!(site.count("token_issued"), before + 1);
    let writes = site.audit().into_iter().filter(|entry| entry["operation"] == "variable_created");
    let authors: Vec<_> = writes.map(|entry| entry["written"].clone()).collect();
    assert_eq!(authors.len(), 6);
    for author in authors {
        assert_eq!(
            (&author["actor"], &author["via"]),
            (&"service-account:pipeline".into(), &"terraform".into())
        );
    }
    workspace.settled();
    let log = site.world.daemon_log();
    assert!(!log.contains(&account.secret) && !log.contains("eyJ"), "no secret and no token is logged");
    assert!(!workspace.state().contains(&account.secret));
}

/// As after a restore from a backup that has no `keys/`, or when somebody has removed a key that was stolen.
#[test]
fn a_token_that_is_refused_in_mid_apply_is_replaced() {
    let mut site = Site::new().start("", "");
    let account = site.account("pipeline", SCOPES);
    site.grant("editor", "service-account:pipeline", "shop/*");
    let workspace = site.account_workspace(&account, &gated(3));
    let apply = apply_to_the_gate(&site, &workspace, 3);
    site.world.stop();
    fs::remove_dir_all(site.world.data().join("keys")).expect("the keys are there");
    site.world.start();
    workspace.write("open", "");
    apply.join().expect("terraform ran").ok().says(&["7 added"]);
    let log = site.world.daemon_log();
    assert!(log.contains("the issuer has no key for the token"), "{log}");
    workspace.settled();
}

#[test]
fn env_write_alone_is_enough_for_the_life_of_a_variable() {
    const VARIABLE: &str = r#"
resource "kontraktor_variable" "v" {
  project     = "shop"
  env         = "dev"
  key         = "KEY"
  value       = "one"
  description = "a first text"
}
"#;
    const IMPORT: &str = "import {\n  to = kontraktor_variable.v\n  id = \"shop/dev/KEY\"\n}\n";
    const READ: &str = "data \"kontraktor_environment\" \"e\" {\n  project = \"shop\"\n  env = \"dev\"\n}\n";
    let site = Site::new().start("", "");
    let account = site.account("writer", &["env.write"]);
    site.grant("editor", "service-account:writer", "shop/dev");
    let workspace = site.account_workspace(&account, VARIABLE);
    workspace.apply(&[]).ok().says(&["1 added"]);
    workspace.settled();
    workspace.terraform(&["apply", "-refresh-only", "-auto-approve", "-no-color"]).ok();

    // Another one takes it over, and changes all that can change.
    let other = VARIABLE
        .replace("one", "2")
        .replace("first", "second")
        .replace("value  ", "type = \"number\"\n  value  ");
    let other = site.account_workspace(&account, &format!("{IMPORT}{other}"));
    other.apply(&[]).ok().says(&["1 imported, 0 added, 1 changed"]);
    other.settled();
    site.world.ktr(&["var", "get", "shop/dev", "KEY"]).ok().says(&["2"]);
    let drifted = workspace.plan(&[]);
    assert_eq!(drifted.code, 2, "{}", drifted.text());
    drifted.says(&["a second text"]);
    other.destroy().ok();
    site.world.ktr(&["var", "get", "shop/dev", "KEY"]).fails();
    workspace.apply(&[]).ok().says(&["1 added"]);
    workspace.destroy().ok();

    // It is enough for nothing else.
    let reader = site.account_workspace(&account, READ);
    reader.plan(&[]).fails().says(&["requires the scope env.read", "the daemon's operator"]);
}

/// As the provider's page shows it: the id in the configuration, the secret in the environment.
#[test]
fn the_secret_can_come_from_the_environment() {
    let site = Site::new().start("", "");
    let account = site.account("pipeline", SCOPES);
    site.grant("editor", "service-account:pipeline", "shop/*");
    let workspace = site.workspace(&[("client_id", &account.id)], VARIABLE);
    workspace
        .apply(&[])
        .fails()
        .says(&["client_secret is missing", "set client_id and client_secret together"]);
    let mut apply = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    apply.env("KONTRAKTOR_CLIENT_SECRET", &account.secret);
    // A token in the environment is another credential, and the configuration wins.
    apply.env("KONTRAKTOR_TOKEN", "another");
    Run::of(&mut apply).ok().says(&["1 added"]);
}

#[test]
fn an_account_that_cannot_sign_in_is_reported_with_what_to_check() {
    let site = Site::new().start("", "");
    let account = site.account("pipeline", SCOPES);
    let endpoint = format!("{}/oauth/token", site.url());

    let wrong = [("client_id", account.id.as_str()), ("client_secret", "hunter2-hunter2")];
    let refused = site.workspace(&wrong, VARIABLE).apply(&[]).fails();
    assert!(!refused.text().contains("hunter2"), "{}", refused.text());
    refused.says(&[&endpoint, "rejected client_id and client_secret", "ktr service-account show NAME"]);

    let refused = site.account_workspace(&account, VARIABLE).apply(&[]).fails();
    refused.says(&[
        "requires the role editor on shop/dev",
        "`ktr role grant editor --to service-account:pipeline --on 'shop/dev'`",
    ]);

    // Another authority signed the daemon's certificate: nothing is sent, no secret above all.
    fs::write(site.path("ca.pem"), testkit::servers::Authority::new().pem()).expect("a file");
    let before = site.audit().len();
    let stranger = site.account_workspace(&account, VARIABLE).apply(&[]).fails();
    stranger.says(&["signed by an unknown authority", "ca_certificate"]);
    assert_eq!(site.audit().len(), before);
}
