//! `ktr` over TLS: as a service account, with a client certificate, with neither; what its hints say to set.

use std::process::Command;

use testkit::{Run, binary, servers::Authority};

use super::Site;

/// Runs `ktr` on the daemon's port, with these variables of the environment.
fn ktr(site: &Site, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = Command::new(binary("ktr"));
    command.env_clear().env("NO_COLOR", "1").env("HOME", site.world.path());
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.args(["--host", &site.url()]).args(arguments).envs(variables.iter().copied());
    Run::of(&mut command)
}

#[test]
fn an_account_and_a_certificate_do_what_they_may() {
    let site = Site::new();
    let tls = format!("client_ca = '{}'", site.path("ca.pem").display());
    let site = site.start(&tls, "[[client-certificate]]\ncommon_name = 'reader'\n");
    let account = site.account("writer", &["env.read", "env.write"]);
    site.grant("editor", "service-account:writer", "shop/*");
    site.grant("viewer", "cert:reader", "shop/dev");
    let ca = site.path("ca.pem").display().to_string();
    let secret = [("KONTRAKTOR_CLIENT_SECRET", account.secret.as_str())];
    let writer = ["--ca-certificate", &ca, "--client-id", &account.id];
    let write = |pair: &str| {
        let arguments = [&writer[..], &["var", "set", "--create", "shop/dev", pair]].concat();
        ktr(&site, &secret, &arguments)
    };
    write("KEY=one").ok();

    let [certificate, key] = site.certificate("reader", &site.authority.client("reader"));
    let reader = ["--ca-certificate", &ca, "--client-certificate", &certificate, "--client-key", &key];
    let read = |more: &[&str]| ktr(&site, &[], &[&reader[..], more].concat());
    read(&["var", "get", "shop/dev", "KEY"]).ok().says(&["one"]);
    read(&["status"]).ok().says(&["actor cert:reader"]);
    read(&["var", "set", "shop/dev", "KEY=two"]).fails().says(&[
        "error: permission denied: variable.write requires the role editor on shop/dev",
        "hint: Ask an owner of shop/dev to grant it: `ktr role grant editor --to cert:reader --on 'shop/dev'`.",
    ]);
    // What it may not see does not exist.
    site.world.ktr(&["var", "set", "--create", "shop/prod", "KEY=hidden"]).ok();
    let hidden = read(&["var", "get", "shop/prod", "KEY"]).fails();
    assert_eq!(
        hidden.text().replace("prod", "none"),
        read(&["var", "get", "shop/none", "KEY"]).fails().text()
    );
}

#[test]
fn hints_name_the_options_and_variables_of_ktr() {
    let site = Site::new();
    let tls = format!("client_ca = '{}'\nclient_auth = 'required'", site.path("ca.pem").display());
    let site = site.start(&tls, "[[client-certificate]]\ncommon_name = 'reader'\n");
    let ca = site.path("ca.pem").display().to_string();
    let list = |variables: &[(&str, &str)], options: &[&str]| {
        let run = ktr(&site, variables, &[options, &["project", "list"]].concat()).fails();
        let error = run.stderr.lines().find(|line| line.starts_with("error: ")).map(str::to_owned);
        let hint = run.stderr.lines().find(|line| line.starts_with("hint: "));
        let text = format!("{}\n{}", error.unwrap_or_default(), hint.unwrap_or_default());
        text.replace(&site.url(), "URL").trim_end().to_owned()
    };
    let [reader, reader_key] = site.certificate("reader", &site.authority.client("reader"));
    let [other, other_key] = site.certificate("other", &site.authority.client("other"));
    let as_reader = ["--ca-certificate", &ca, "--client-certificate", &reader, "--client-key", &reader_key];
    let foreign = site.path("foreign.pem").display().to_string();
    std::fs::write(&foreign, Authority::new().pem()).expect("a file");
    let messages = [
        list(&[], &["--ca-certificate", &foreign]),
        list(&[], &["--ca-certificate", &ca]),
        list(&[], &["--ca-certificate", &ca, "--client-certificate", &other, "--client-key", &other_key]),
        list(&[], &["--ca-certificate", &ca, "--client-certificate", &other]),
        list(&[("KONTRAKTOR_TOKEN", "wrong")], &as_reader),
        list(&[("KONTRAKTOR_CLIENT_SECRET", "wrong")], &[&as_reader[..], &["--client-id", "sa-1"]].concat()),
        list(&[], &[&as_reader[..], &["--client-id", "sa-1"]].concat()),
    ];
    insta::assert_snapshot!(messages.join("\n"), @"
    error: cannot reach kontraktord at URL: its certificate is signed by an unknown authority
    hint: Set --ca-certificate or KONTRAKTOR_CA_CERTIFICATE to the certificate of the authority that signed the daemon's; a daemon that was started with `--tls self-signed` prints where it is, by default DATA_DIR/tls/ca.pem.
    error: cannot reach kontraktord at URL: it requires a client certificate
    hint: Set --client-certificate and --client-key, or KONTRAKTOR_CLIENT_CERTIFICATE and KONTRAKTOR_CLIENT_KEY.
    error: kontraktord at URL does not accept the client certificate as credentials
    hint: Check the rules for client certificates in the daemon's configuration.
    error: invalid --client-certificate: --client-key is missing; set both, or neither
    error: kontraktord at URL rejected the token
    hint: Check that KONTRAKTOR_TOKEN is an access token for this daemon, and has not expired.
    error: cannot get an access token from URL/oauth/token: it rejected client_id and client_secret
    hint: Check both, and that the secret has not expired: `ktr service-account show NAME`.
    error: invalid --client-id: KONTRAKTOR_CLIENT_SECRET is missing; set --client-id and KONTRAKTOR_CLIENT_SECRET together
    ");
}
