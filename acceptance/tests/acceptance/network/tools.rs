//! curl and grpcurl, which others wrote, against TLS: with a token, with a client certificate, with neither, with another authority.

use std::process::Command;

use serde_json::{Value, json};
use testkit::{Run, repository, servers::Authority};

use super::Site;

const GET: &str = r#"{"environment":{"project":"shop","env":"dev"},"key":"KEY"}"#;
const METHOD: &str = "kontraktor.v1.Variables/GetVariable";
const PATH: &str = "/api/v1/environments/shop/dev/variables/KEY";

/// Starts a daemon that accepts client certificates, with one variable that `service-account:reader` and `cert:reader` may read.
/// Returns a token of the one and the certificate of the other.
fn start() -> (Site, String, [String; 2]) {
    let site = Site::new();
    let tls = format!("client_ca = '{}'", site.path("ca.pem").display());
    let site = site.start(&tls, "[[client-certificate]]\ncommon_name = 'reader'\n");
    site.world.ktr(&["var", "set", "--create", "shop/dev", "KEY=value"]).ok();
    let account = site.account("reader", &["env.read"]);
    for subject in ["service-account:reader", "cert:reader"] {
        site.grant("viewer", subject, "shop/dev");
    }
    let bearer = format!("authorization: Bearer {}", site.token(&account));
    let certificate = site.certificate("reader", &site.authority.client("reader"));
    (site, bearer, certificate)
}

#[test]
fn grpcurl_finds_out_what_there_is_and_calls_it() {
    let program = Run::of(&mut Command::new(repository().join("acceptance/grpcurl/build.sh"))).ok();
    let (site, bearer, [certificate, key]) = start();
    let ca = site.path("ca.pem").display().to_string();
    let grpcurl = |authority: &str, more: &[&str], what: &[&str]| {
        let mut command = Command::new(program.stdout.trim());
        command.args(["-connect-timeout", "30", "-max-time", "60", "-cacert", authority]);
        Run::of(command.args(more).arg(&site.address).args(what))
    };
    let credentials = [vec!["-H", &bearer], vec!["-cert", &certificate, "-key", &key]];
    for credentials in &credentials {
        let listed = grpcurl(&ca, credentials, &["list"]).ok().stdout;
        let services: Vec<_> = listed.lines().collect();
        for service in
            ["Access", "Audit", "Environments", "Projects", "Schemas", "Secrets", "System", "Variables"]
        {
            assert!(services.contains(&format!("kontraktor.v1.{service}").as_str()), "{listed}");
        }
        assert!(services.contains(&"grpc.health.v1.Health"), "{listed}");
        let described =
            grpcurl(&ca, credentials, &["describe", "kontraktor.v1.GetVariableRequest"]).ok().stdout;
        assert!(described.contains("string key"), "{described}");

        let read = [&credentials[..], &["-d", GET]].concat();
        let answer: Value = serde_json::from_str(&grpcurl(&ca, &read, &[METHOD]).ok().stdout).expect("JSON");
        assert_eq!((&answer["key"], &answer["value"]), (&json!("KEY"), &json!("value")));
        let health = grpcurl(&ca, credentials, &["grpc.health.v1.Health/Check"]).ok().stdout;
        assert!(health.contains("SERVING"), "{health}");
        let denied = [&credentials[..], &["-d", "{\"name\":\"shop\"}"]].concat();
        let denied = grpcurl(&ca, &denied, &["kontraktor.v1.Projects/DeleteProject"]).fails();
        denied.says(&["PermissionDenied"]);
    }

    // Reflection is a request like others: it needs credentials, and no role.
    for what in [&["list"][..], &[METHOD]] {
        grpcurl(&ca, &[], what).fails().says(&["Unauthenticated"]);
    }
    let other = site.path("other.pem");
    std::fs::write(&other, Authority::new().pem()).expect("a file");
    let stranger = grpcurl(&other.display().to_string(), &credentials[0], &["list"]).fails();
    stranger.says(&["certificate signed by unknown authority"]);
    let foreign = site.certificate("foreign", &Authority::new().client("reader"));
    grpcurl(&ca, &["-cert", &foreign[0], "-key", &foreign[1]], &["list"]).fails();
}

#[test]
fn curl_reads_with_a_token_or_a_certificate() {
    let (site, bearer, [certificate, key]) = start();
    for credentials in [&["--header", &bearer][..], &["--cert", &certificate, "--key", &key]] {
        let answer = site.curl(credentials, PATH).ok().stdout;
        let (body, status) = answer.rsplit_once(' ').expect("a status");
        assert_eq!(status, "200", "{body}");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["value"], "value");
        let denied = [credentials, &["--request", "DELETE"]].concat();
        let denied = site.curl(&denied, PATH).ok().stdout;
        assert!(denied.ends_with(" 403") && denied.contains("requires the "), "{denied}");
    }
    let anonymous = site.curl(&["--dump-header", "-"], PATH).ok().stdout;
    assert!(anonymous.ends_with(" 401") && anonymous.contains("www-authenticate: Bearer"), "{anonymous}");
    // What a client needs before it has credentials is there for all.
    for public in ["/healthz", "/readyz", "/openapi.json", "/.well-known/oauth-authorization-server"] {
        assert!(site.curl(&[], public).ok().stdout.ends_with(" 200"), "{public}");
    }
    let foreign = site.certificate("foreign", &Authority::new().client("reader"));
    site.curl(&["--cert", &foreign[0], "--key", &foreign[1]], PATH).fails();
    // The second authority replaces the first.
    let other = site.path("other.pem");
    std::fs::write(&other, Authority::new().pem()).expect("a file");
    let refused = site.curl(&["--cacert", &other.display().to_string()], PATH).fails();
    assert_eq!(refused.code, 60, "curl says that it does not trust the certificate: {refused:?}");
}
