//! Roles that terraform grants over the network, as the owner of one project.

use super::Site;

fn binding(pattern: &str) -> String {
    format!(
        r#"
resource "kontraktor_role_binding" "b" {{
  role    = "viewer"
  subject = "group:idp:developers"
  pattern = "{pattern}"
}}
"#
    )
}

#[test]
fn the_owner_of_a_project_grants_its_roles_and_no_others() {
    let site = Site::new().start("", "");
    let account = site.account("lead", &["admin", "env.read"]);
    site.grant("owner", "service-account:lead", "shop/*");
    let workspace = site.account_workspace(&account, &binding("shop/dev"));
    workspace.apply(&[]).ok().says(&["1 added"]);
    workspace.settled();
    let import =
        "import {\n  to = kontraktor_role_binding.b\n  id = \"viewer shop/dev group:idp:developers\"\n}\n";
    let other = site.account_workspace(&account, &format!("{import}{}", binding("shop/dev")));
    other.apply(&[]).ok().says(&["1 imported, 0 added, 0 changed"]);

    for pattern in ["billing/*", "*/dev", "*"] {
        let refused = site.account_workspace(&account, &binding(pattern)).apply(&[]).fails();
        refused.says(&[
            &format!("requires the role owner on {pattern}"),
            &format!("`ktr role grant owner --to service-account:lead --on '{pattern}'`"),
        ]);
    }
    // A role without the scope is not enough.
    let plain = site.account("plain", &["env.read", "env.write"]);
    site.grant("owner", "service-account:plain", "shop/*");
    let refused = site.account_workspace(&plain, &binding("shop/prod")).apply(&[]).fails();
    refused.says(&["requires the scope admin", "Ask the daemon's operator for the scope admin"]);

    workspace.destroy().ok();
    let roles = site.world.ktr(&["role", "list"]).ok().stdout;
    assert!(roles.contains("service-account:lead") && !roles.contains("developers"), "{roles}");
    // Terraform finds out, and grants it again.
    let again = other.plan(&[]);
    assert_eq!(again.code, 2, "{}", again.text());
}
