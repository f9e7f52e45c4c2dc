//! What a Terraform author does with secrets.

use testkit::{Run, Workspace};

use super::{SECRET, Scene, traces};

/// A reference, an ephemeral resource that depends on it, and a provisioner that uses the value without storing it.
const USE: &str = r#"
resource "kontraktor_secret_reference" "db" {
  project   = "shop"
  env       = "dev"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/app/db#password"
}

ephemeral "kontraktor_secret" "db" {
  id = kontraktor_secret_reference.db.id
}

resource "terraform_data" "use" {
  triggers_replace = [kontraktor_secret_reference.db.revision]
  provisioner "local-exec" {
    command     = "printf %s \"$PASSWORD\" | sha256sum >> used"
    environment = { PASSWORD = ephemeral.kontraktor_secret.db.value }
  }
}
"#;

fn used(workspace: &Workspace) -> String {
    std::fs::read_to_string(workspace.path().join("used")).unwrap_or_default()
}

/// SHA-256 of a text, as sha256sum prints it.
fn digest(text: &str) -> String {
    let mut command = std::process::Command::new("sh");
    let run = Run::of(command.args(["-c", "printf %s \"$1\" | sha256sum", "sh", text])).ok();
    run.stdout
}

#[test]
fn an_ephemeral_secret_is_used_and_leaves_no_trace() {
    let mut scene = Scene::new();
    let workspace = scene.world.workspace(USE);
    let run = |arguments: &[&str]| Run::of(workspace.command(arguments).env("TF_LOG", "trace"));
    let planned = run(&["plan", "-no-color", "-out=saved"]).ok();
    let applied = run(&["apply", "-no-color", "saved"]).ok();
    assert_eq!(used(&workspace), digest(SECRET), "the value came through");
    assert!(applied.stderr.contains("terraform-provider-kontraktor"), "the log was on");
    let again = run(&["plan", "-no-color", "-detailed-exitcode", "-out=again"]).ok();
    assert_eq!(again.code, 0);
    let shown = scene.world.ktr(&["env", "show", "shop/dev"]).ok();
    let audited = scene.world.ktr(&["audit", "--project", "shop", "--output", "json"]).ok();
    for printed in [&planned, &applied, &again, &shown, &audited] {
        assert!(!printed.stdout.contains(SECRET) && !printed.stderr.contains(SECRET), "{}", printed.line);
    }
    assert!(audited.stdout.contains("vault://team/secret/app/db#password"), "{}", audited.stdout);
    scene.world.stop();
    scene.no_trace();
}

#[test]
fn the_whole_environment_comes_as_one_map() {
    let scene = Scene::new();
    let workspace = scene.world.workspace(
        r#"
resource "kontraktor_variable" "host" {
  project = "shop"
  env     = "dev"
  key     = "DB_HOST"
  value   = "db.internal"
}

resource "kontraktor_secret_reference" "db" {
  project   = "shop"
  env       = "dev"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/app/db#password"
}

ephemeral "kontraktor_environment" "dev" {
  project = kontraktor_variable.host.project
  env     = split("/", kontraktor_secret_reference.db.id)[1]
}

resource "terraform_data" "use" {
  provisioner "local-exec" {
    command     = "printf %s \"$HOST:$PASSWORD\" | sha256sum >> used"
    environment = {
      HOST     = ephemeral.kontraktor_environment.dev.all["DB_HOST"]
      PASSWORD = ephemeral.kontraktor_environment.dev.secrets["DB_PASSWORD"]
    }
  }
}
"#,
    );
    workspace.apply(&[]).ok();
    assert_eq!(used(&workspace), digest(&format!("db.internal:{SECRET}")));
    scene.no_trace();
}

/// A rotation in the vault shows as another version, and a pinned reference stays where it is.
#[test]
fn the_lockfile_says_which_version_each_secret_means() {
    let scene = Scene::with("cache = { ttl = \"0s\" }");
    let config = |pin: &str| {
        format!(
            r#"
resource "kontraktor_secret_reference" "db" {{
  project     = "shop"
  env         = "dev"
  key         = "DB_PASSWORD"
  reference   = "vault://team/secret/app/db#password"
  {pin}
}}

data "kontraktor_environment" "dev" {{
  project    = "shop"
  env        = "dev"
  depends_on = [kontraktor_secret_reference.db]
}}

output "references" {{
  value = data.kontraktor_environment.dev.secret_references
}}

output "plain" {{
  value = data.kontraktor_environment.dev.variables
}}
"#
        )
    };
    let workspace = scene.world.workspace(&config(""));
    workspace.apply(&[]).ok();
    let version = || workspace.output("references")["DB_PASSWORD"]["version"].clone();
    assert!(version().is_null() || version() == "", "nobody resolved it yet: {}", version());
    assert_eq!(workspace.output("plain"), serde_json::json!({}), "a reference is no plain variable");

    let get = || scene.world.ktr(&["secret", "get", "shop/dev", "DB_PASSWORD"]).ok().stdout;
    assert_eq!(get().trim_end(), SECRET);
    workspace.apply(&[]).ok();
    assert_eq!(version(), "1");
    scene.rotate("another");
    assert_eq!(get().trim_end(), "another");
    workspace.apply(&[]).ok();
    assert_eq!(version(), "2");

    workspace.main(&config("pin_version = \"1\""));
    workspace.apply(&[]).ok();
    assert_eq!(get().trim_end(), SECRET, "the pinned version is read");
    workspace.apply(&[]).ok();
    assert_eq!(version(), "1");
    workspace.settled();
    scene.no_trace();
}

#[test]
fn verifying_warns_at_plan_and_fails_before_the_write() {
    let scene = Scene::with("cache = { ttl = \"0s\", negative_ttl = \"0s\" }");
    let workspace = scene.world.workspace(
        r#"
resource "kontraktor_secret_reference" "new" {
  project   = "shop"
  env       = "dev"
  key       = "TOKEN"
  reference = "vault://team/secret/app/new#token"
  verify    = true
}
"#,
    );
    let planned = workspace.terraform(&["plan", "-no-color"]).ok();
    planned.says(&["Warning:", "TOKEN"]);
    workspace.terraform(&["apply", "-auto-approve", "-no-color"]).fails().says(&["Error:", "TOKEN"]);
    scene.world.ktr(&["env", "show", "shop/dev"]).fails();
    scene.vault.put("secret/data/app/new", &serde_json::json!({"data": {"token": SECRET}}));
    workspace.apply(&[]).ok();
    workspace.settled();
    scene.no_trace();
}

#[test]
fn a_data_source_is_there_for_those_who_must_and_is_marked_sensitive() {
    let scene = Scene::new();
    scene.world.ktr(&["secret", "set", "--create", "shop/dev", "DB=vault://team/secret/app/db#user"]).ok();
    let workspace = scene.world.workspace(
        r#"
data "kontraktor_secret" "user" {
  project = "shop"
  env     = "dev"
  key     = "DB"
}

output "user" {
  value     = data.kontraktor_secret.user.value
  sensitive = true
}
"#,
    );
    workspace.apply(&[]).ok();
    assert_eq!(workspace.output("user"), "app");
    // As its documentation warns.
    assert!(!traces(workspace.path(), "\"app\"").is_empty(), "the value is in the state");
    let bare = workspace.main("data \"kontraktor_secret\" \"user\" {\n  project = \"shop\"\n  env = \"dev\"\n  key = \"DB\"\n}\noutput \"user\" { value = data.kontraktor_secret.user.value }\n");
    bare.apply(&[]).fails().says(&["sensitive"]);
}

/// Errors are reported with a remedy, and without a byte of the secret.
#[test]
fn each_fault_has_its_message_and_remedy() {
    let scene = Scene::new();
    scene.vault.put("secret/data/text", &serde_json::json!({"data": {"blob": SECRET}}));
    for (reference, parts) in [
        ("vault://other/secret/app/db#password", ["other", "team"]),
        ("vault://team/secret/app/db#pasword", ["pasword", "field"]),
        ("vault://team/secret/none#x", ["team", "no such secret"]),
        ("vault://team/secret/app/db?version=9#password", ["version", "team"]),
        ("aws-sm://team/name", ["team", "aws-sm"]),
        ("vault://team/secret/app", ["column", "field"]),
    ] {
        let workspace = scene.world.workspace(&format!(
            "ephemeral \"kontraktor_secret\" \"s\" {{ reference = \"{reference}\" }}\n\
             resource \"terraform_data\" \"use\" {{\n  provisioner \"local-exec\" {{\n    command = \"true\"\n    \
             environment = {{ S = ephemeral.kontraktor_secret.s.value }}\n  }}\n}}\n"
        ));
        let failed = workspace.apply(&[]).fails().says(&parts);
        assert!(!failed.text().contains(SECRET));
        let error = scene.world.ktr(&["secret", "get", reference]).fails().says(&parts);
        assert!(!error.text().contains(SECRET));
    }
    scene.no_trace();
}
