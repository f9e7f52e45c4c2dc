//! Terraform with a client certificate.

use nix::sys::signal::Signal;
use testkit::servers::Authority;

use super::{Site, apply_to_the_gate, gated};

const VARIABLE: &str = r#"
resource "kontraktor_variable" "v" {
  project = "shop"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}
"#;

#[test]
fn a_client_certificate_is_an_actor_with_the_roles_of_its_group() {
    let site = Site::new();
    let tls = format!("client_ca = '{}'\nclient_auth = 'required'", site.path("ca.pem").display());
    let site = site.start(&tls, "[[client-certificate]]\ncommon_name = 'deploy-*'\ngroups = ['deployers']\n");
    let [certificate, key] = site.certificate("deploy-1", &site.authority.client("deploy-1"));
    let with = |certificate: &str, key: &str| {
        site.workspace(&[("client_certificate", certificate), ("client_key", key)], VARIABLE)
    };
    let workspace = with(&certificate, &key);
    workspace.apply(&[]).fails().says(&[
        "requires the role editor on shop/dev",
        "`ktr role grant editor --to cert:deploy-1 --on 'shop/dev'`",
    ]);
    site.grant("editor", "group:cert:deployers", "shop/*");
    workspace.apply(&[]).ok();
    workspace.settled();
    let created = site.audit().into_iter().find(|entry| entry["operation"] == "variable_created");
    let author = created.expect("an entry")["written"].clone();
    assert_eq!((&author["actor"], &author["via"]), (&"cert:deploy-1".into(), &"terraform".into()));

    // None, one that no rule knows, one of another authority, one that has expired.
    site.workspace(&[], VARIABLE)
        .apply(&[])
        .fails()
        .says(&["requires a client certificate", "client_certificate"]);
    let [certificate, key] = site.certificate("laptop", &site.authority.client("laptop"));
    with(&certificate, &key).apply(&[]).fails().says(&[
        "does not accept the client certificate as credentials",
        "the rules for client certificates",
    ]);
    for (name, identity) in [
        ("foreign", Authority::new().client("deploy-1")),
        ("expired", site.authority.expired_client("deploy-1")),
    ] {
        let [certificate, key] = site.certificate(name, &identity);
        with(&certificate, &key).apply(&[]).fails().says(&["client certificate"]);
    }
    workspace.destroy().ok();
}

/// As where certificates live for an hour. The daemon knows the certificate of a connection from its beginning, and refuses it
/// when it has expired, or when no rule matches it any more.
#[test]
fn a_certificate_that_is_replaced_in_mid_apply_is_used_from_then_on() {
    let site = Site::new();
    let tls = format!("client_ca = '{}'", site.path("ca.pem").display());
    let rule =
        |name: &str| format!("[[client-certificate]]\ncommon_name = '{name}'\ngroups = ['deployers']\n");
    let site = site.start(&tls, &rule("deploy-1"));
    site.grant("editor", "group:cert:deployers", "shop/*");
    let [certificate, key] = site.certificate("deploy", &site.authority.client("deploy-1"));
    let workspace = site.workspace(&[("client_certificate", &certificate), ("client_key", &key)], &gated(5));
    let apply = apply_to_the_gate(&site, &workspace, 5);

    site.certificate("deploy", &site.authority.client("deploy-2"));
    site.configure(&tls, &rule("deploy-2"));
    site.world.daemon().signal(Signal::SIGHUP);
    site.world.daemon().wait_for_log("SIGHUP: reloaded the configuration");
    workspace.write("open", "");
    apply.join().expect("terraform ran").ok().says(&["11 added"]);
    for (key, actor) in [("FIRST_4", "cert:deploy-1"), ("SECOND_0", "cert:deploy-2")] {
        let created = site.audit().into_iter().find(|entry| entry["key"] == key);
        assert_eq!(created.expect("an entry")["written"]["actor"], actor);
    }
    workspace.settled();
}
