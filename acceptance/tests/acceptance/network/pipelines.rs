//! Terraform in a pipeline of GitHub Actions: with the token that the job gets, which says what repository and branch it is.

use serde_json::{Value, json};
use testkit::{Workspace, servers::Oidc};

use super::Site;

const ACTOR: &str = "github:repo:octo-org/octo-repo:ref:refs/heads/main";

const VARIABLE: &str = r#"
resource "kontraktor_variable" "v" {
  project = "shop"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}
"#;

/// A daemon that trusts an issuer with the settings that `AUTHENTICATION.md` has for GitHub Actions.
struct Pipelines {
    site: Site,
    issuer: Oidc,
}

impl Pipelines {
    fn start() -> Self {
        let issuer = Oidc::start();
        let table = format!(
            r#"
[[issuer]]
url = "{}"
name = "github"
audience = "kontraktor"
groups_claim = "repository"
name_claim = "workflow_ref"
scopes = ["env.read", "env.write"]
"#,
            issuer.url()
        );
        Self { site: Site::new().start("", &table), issuer }
    }

    /// Returns the token of a job on this ref, with the claims that GitHub documents.
    fn token(&self, reference: &str, change: &Value) -> String {
        let seconds = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        let mut claims = json!({
            "jti": "0b7ad5bc-5e0a-4b1c-8c3a-7c9d9f6d8b53",
            "sub": format!("repo:octo-org/octo-repo:ref:{reference}"),
            "aud": "kontraktor",
            "ref": reference,
            "sha": "9d0d4d1e1e5c2b1a0f3f5e6a7b8c9d0e1f2a3b4c",
            "repository": "octo-org/octo-repo",
            "repository_owner": "octo-org",
            "repository_owner_id": "65",
            "run_id": "4719",
            "run_number": "10",
            "run_attempt": "2",
            "repository_visibility": "private",
            "repository_id": "74",
            "actor_id": "12",
            "actor": "octocat",
            "workflow": "deploy",
            "head_ref": "",
            "base_ref": "",
            "event_name": "push",
            "ref_type": "branch",
            "job_workflow_ref": format!("octo-org/octo-repo/.github/workflows/deploy.yml@{reference}"),
            "workflow_ref": format!("octo-org/octo-repo/.github/workflows/deploy.yml@{reference}"),
            "iss": self.issuer.url(),
            "nbf": seconds - 300,
            "iat": seconds,
            "exp": seconds + 600,
        });
        for (name, value) in change.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        let header =
            json!({ "typ": "JWT", "alg": "RS256", "x5t": "eBZ_cn3sXYAd0ch4THBKHIgOwOE", "kid": "first" });
        self.issuer.sign("first", &header, &claims)
    }

    /// Returns the denials in the audit log, after a restart: the daemon counts equal ones before it writes them.
    fn denials(&mut self) -> Vec<Value> {
        self.site.world.stop();
        self.site.world.start();
        let entries = self.site.audit().into_iter();
        entries.filter(|entry| entry["operation"] == "access_denied").collect()
    }

    fn workspace(&self, token: &str, main: &str) -> Workspace {
        self.site.workspace(&[("oauth_token", token)], main)
    }
}

#[test]
fn a_job_does_what_its_repository_and_its_branch_may() {
    let mut pipelines = Pipelines::start();
    let site = &pipelines.site;
    let token = pipelines.token("refs/heads/main", &json!({}));
    let workspace = pipelines.workspace(&token, VARIABLE);
    let grant = format!("`ktr role grant editor --to {ACTOR} --on 'shop/dev'`");
    let denied = ["requires the role editor on shop/dev", "ask an owner of shop/dev", &grant];
    // Nothing is there, and a pipeline that may not see it does not learn that.
    workspace.apply(&[]).fails().says(&["Failed to", "Ask an owner of shop/dev", denied[0], &grant]);

    // Terraform grants the roles, over the socket: everybody of the repository reads, the main branch writes.
    let roles = format!(
        r#"
resource "kontraktor_role_binding" "repository" {{
  role    = "viewer"
  subject = "group:github:octo-org/octo-repo"
  pattern = "shop/dev"
}}
resource "kontraktor_role_binding" "main" {{
  role    = "editor"
  subject = "{ACTOR}"
  pattern = "shop/dev"
}}
"#
    );
    let owner = site.world.workspace(&roles);
    owner.apply(&["-target=kontraktor_role_binding.repository"]).ok();
    workspace.apply(&[]).fails().says(&[denied[0], &grant]);
    owner.apply(&[]).ok();
    workspace.apply(&[]).ok().says(&["1 added"]);
    workspace.settled();
    let created = site.audit().into_iter().find(|entry| entry["operation"] == "variable_created");
    let author = created.expect("an entry")["written"].clone();
    assert_eq!((&author["actor"], &author["via"]), (&ACTOR.into(), &"terraform".into()));
    // People read the name of the workflow beside it.
    let workflow = "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main";
    let shown = format!("{ACTOR} ({workflow})");
    site.world.ktr(&["audit", "--key", "KEY"]).ok().says(&[&shown]);
    site.world.ktr(&["var", "history", "shop/dev", "KEY"]).ok().says(&[&shown]);
    let history = site.world.ktr(&["var", "history", "shop/dev", "KEY", "--output", "json"]).ok().stdout;
    let history: Value = serde_json::from_str(&history).expect("ktr prints JSON");
    assert_eq!(history["entries"][0]["actor_display_name"], workflow);
    let named = site.audit().into_iter().find(|entry| entry["operation"] == "actor_named");
    assert_eq!(named.expect("an entry")["new_value"], workflow);

    // A branch reads what the repository may, and changes nothing.
    let branch = pipelines.token("refs/heads/idea", &json!({}));
    let branch = pipelines.workspace(&branch, &format!("{}{VARIABLE}", import("dev")));
    branch.plan(&[]).says(&["1 to import, 0 to add, 0 to change"]);
    branch.main(&format!(
        "{}{}{}",
        site.provider(&[("oauth_token", &pipelines.token("refs/heads/idea", &json!({})))]),
        import("dev"),
        VARIABLE.replace("one", "two")
    ));
    branch.apply(&[]).fails().says(&[
        "requires the role editor on shop/dev",
        "--to github:repo:octo-org/octo-repo:ref:refs/heads/idea --on",
    ]);
    site.world.ktr(&["var", "get", "shop/dev", "KEY"]).ok().says(&["one"]);
    let denials = pipelines.denials();
    let of = |actor: &str| {
        let entries = denials.iter().filter(|entry| entry["written"]["actor"] == actor);
        entries.map(|entry| entry["access"]["count"].as_u64().expect("a count")).sum::<u64>()
    };
    assert_eq!((of(ACTOR), of(&ACTOR.replace("main", "idea"))), (2, 1), "{denials:?}");
}

fn import(env: &str) -> String {
    format!("import {{\n  to = kontraktor_variable.v\n  id = \"shop/{env}/KEY\"\n}}\n")
}

#[test]
fn what_a_job_may_not_see_does_not_exist() {
    let mut pipelines = Pipelines::start();
    let site = &pipelines.site;
    for env in ["dev", "prod"] {
        site.world.ktr(&["var", "set", "--create", &format!("shop/{env}"), "KEY=secret"]).ok();
    }
    site.grant("editor", ACTOR, "shop/dev");
    let token = pipelines.token("refs/heads/main", &json!({}));
    let shown = |block: &str, env: &str| {
        let workspace = pipelines.workspace(&token, &block.replace("ENV", env));
        let run = workspace.plan(&[]).fails();
        let text = run.text();
        assert!(!text.contains("secret") && !text.contains("role"), "{text}");
        text.replace(env, "ENV")
    };
    let environment = "data \"kontraktor_environment\" \"e\" {\n  project = \"shop\"\n  env = \"ENV\"\n}\n";
    let variable =
        "data \"kontraktor_variable\" \"v\" {\n  project = \"shop\"\n  env = \"ENV\"\n  key = \"KEY\"\n}\n";
    let imported = format!("{}{}", import("ENV"), VARIABLE.replace("\"dev\"", "\"ENV\""));
    for block in [environment, variable, &imported] {
        let hidden = shown(block, "prod");
        assert_eq!(hidden, shown(block, "none"), "{block}");
        assert!(hidden.contains("ENV"), "{hidden}");
    }
    // In a list it is left out.
    let list = "data \"kontraktor_projects\" \"p\" {}\noutput \"projects\" {\n  value = data.kontraktor_projects.p\n}\n";
    site.world.ktr(&["var", "set", "--create", "billing/prod", "KEY=secret"]).ok();
    let listed = pipelines.workspace(&token, list).apply(&[]).ok();
    assert!(listed.stdout.contains("shop") && !listed.stdout.contains("billing"), "{}", listed.stdout);

    // The log has who asked for what.
    let denials = pipelines.denials();
    for env in ["prod", "none"] {
        let denied = denials.iter().find(|entry| entry["env"] == env);
        assert_eq!(denied.expect("a denial")["written"]["actor"], ACTOR);
    }
}

#[test]
fn a_token_that_is_not_for_the_daemon_is_refused_with_what_to_check() {
    let pipelines = Pipelines::start();
    pipelines.site.grant("editor", ACTOR, "shop/dev");
    let seconds = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    for (claims, cause) in [
        (json!({ "aud": "https://github.com/octo-org" }), "the token has another audience"),
        (json!({ "exp": seconds - 120 }), "the token has expired"),
    ] {
        let token = pipelines.token("refs/heads/main", &claims);
        let refused = pipelines.workspace(&token, VARIABLE).apply(&[]).fails();
        assert!(!refused.text().contains(&token), "the token is not shown");
        refused.says(&["rejected the token", "KONTRAKTOR_TOKEN is an access token for this daemon"]);
        pipelines.site.world.daemon().wait_for_log(cause);
    }
}
