use super::*;
use crate::config::Config;

/// Loads a configuration with this file, and returns the rows of `--check-config` that differ from the defaults.
fn loaded(text: &str, flags: Flags, variables: &[(&str, &str)]) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    std::fs::write(&file, text).unwrap();
    let flags = Flags { config: Some(file.clone()), data_dir: Some("/data".into()), ..flags };
    let shown = |text: String| text.replace(&file.display().to_string(), "k.toml");
    let config =
        Config::load(&flags, &ProcessEnv::for_test(variables)).map_err(|error| shown(error.to_string()))?;
    let rows = config.network.rows();
    let changed = rows.iter().filter(|(_, _, source)| **source != Source::Default);
    let lines: Vec<_> =
        changed.map(|(name, value, source)| format!("{name} = {value}  # {source}\n")).collect();
    Ok(shown(lines.concat()))
}

fn file(text: &str) -> String {
    loaded(text, Flags::default(), &[]).unwrap()
}

fn refused(text: &str) -> String {
    loaded(text, Flags::default(), &[]).unwrap_err()
}

#[test]
fn everything_can_be_set_in_the_file() {
    insta::assert_snapshot!(file(
        "listen = ['0.0.0.0:8743', '[::1]:0']
        cors-origins = ['https://console.example.com', 'http://[::1]:3000']
        [tls]
        cert = '/etc/k/server.pem'
        key = 'server.key'
        client_ca = '/etc/k/clients.pem'
        client_crl = '/etc/k/revoked.pem'
        client_auth = 'required'
        [connections]
        max = 100
        max_per_address = 10
        handshake_timeout = '500ms'
        header_timeout = '1s'
        idle_timeout = '10m 30s'
        stall_timeout = '2m'"
    ), @r#"
    listen = ["0.0.0.0:8743", "[::1]:0"]  # k.toml
    tls.mode = "files"  # k.toml
    tls.cert = "/etc/k/server.pem"  # k.toml
    tls.key = "/srv/server.key"  # k.toml
    tls.client_ca = "/etc/k/clients.pem"  # k.toml
    tls.client_crl = "/etc/k/revoked.pem"  # k.toml
    tls.client_auth = "required"  # k.toml
    connections.max = 100  # k.toml
    connections.max_per_address = 10  # k.toml
    connections.handshake_timeout = "500ms"  # k.toml
    connections.header_timeout = "1s"  # k.toml
    connections.idle_timeout = "10m 30s"  # k.toml
    connections.stall_timeout = "2m"  # k.toml
    cors-origins = ["https://console.example.com", "http://[::1]:3000"]  # k.toml
    "#);
}

#[test]
fn flags_and_variables_are_enough_for_a_certificate_of_the_daemons_own() {
    let flags = Flags {
        listen: vec!["10.0.0.5:8743".to_owned()],
        tls: Some("self-signed".to_owned()),
        tls_names: vec!["k.example.com".to_owned()],
        ..Flags::default()
    };
    let variables = [("KONTRAKTOR_LISTEN", "127.0.0.1:1, [::]:0"), ("KONTRAKTOR_TLS", "self-signed")];
    insta::assert_snapshot!(loaded("", flags, &variables).unwrap(), @r#"
    listen = ["10.0.0.5:8743"]  # flag --listen
    tls.mode = "self-signed"  # flag --tls
    tls.directory = "/data/tls"  # flag --tls
    tls.names = ["k.example.com", "10.0.0.5"]  # flag --tls
    "#);
    insta::assert_snapshot!(loaded("[tls]\nclient_ca = '/ca'", Flags::default(), &variables).unwrap(), @r#"
    listen = ["127.0.0.1:1", "[::]:0"]  # environment variable KONTRAKTOR_LISTEN
    tls.mode = "self-signed"  # environment variable KONTRAKTOR_TLS
    tls.directory = "/data/tls"  # environment variable KONTRAKTOR_TLS
    tls.names = ["127.0.0.1"]  # environment variable KONTRAKTOR_TLS
    tls.client_ca = "/ca"  # environment variable KONTRAKTOR_TLS
    tls.client_auth = "optional"  # environment variable KONTRAKTOR_TLS
    "#);
}

#[test]
fn without_tls_only_this_machine_may_reach_the_daemon() {
    for local in ["127.0.0.1:0", "127.8.9.1:80", "[::1]:8743", "[::ffff:127.0.0.1]:8743"] {
        assert!(file(&format!("listen = ['{local}']")).contains(local));
    }
    for open in ["0.0.0.0:8743", "[::]:8743", "10.0.0.1:8743", "[fe80::1]:8743"] {
        assert!(
            refused(&format!("listen = ['127.0.0.1:1', '{open}']")).contains("--tls self-signed"),
            "{open}"
        );
    }
    insta::assert_snapshot!(refused("listen = ['0.0.0.0:8743']"), @"invalid value for `listen` from k.toml: 0.0.0.0:8743 can be reached from other machines, and without TLS they could read secrets on the way; add `--tls self-signed` or a certificate (table [tls]), or listen on a loopback address such as 127.0.0.1");
}

#[test]
fn settings_that_do_not_fit_together_are_refused_with_the_remedy() {
    let messages = [
        refused("listen = ['localhost:8743']"),
        refused("listen = ['127.0.0.1']"),
        refused("listen = ['127.0.0.1:80', '127.0.0.1:80']"),
        refused("[tls]"),
        refused("[tls]\ncert = '/c'"),
        refused("[tls]\nmode = 'hunter2'"),
        refused("[tls]\nmode = 'self-signed'\ncert = '/c'"),
        refused("[tls]\nmode = 'self-signed'\nnames = ['hunter2 hunter2']"),
        refused("[tls]\ncert = '/c'\nkey = '/k'\nnames = ['a']"),
        refused("[tls]\ncert = '/c'\nkey = '/k'\nclient_crl = '/r'"),
        refused("[tls]\ncert = '/c'\nkey = '/k'\nclient_ca = '/a'\nclient_auth = 'hunter2'"),
        refused("[tls]\npassphrase = 'hunter2'"),
        refused("[connections]\nmax = 0"),
        refused("[connections]\nidle_timeout = 'hunter2'"),
        refused("[connections]\nidle_timeout = '50h'"),
        refused("cors-origins = ['*']"),
        refused("cors-origins = ['https://hunter2.example.com/']"),
        loaded("", Flags { tls: Some("files".to_owned()), ..Flags::default() }, &[]).unwrap_err(),
        loaded("", Flags { tls_names: vec!["a".to_owned()], ..Flags::default() }, &[]).unwrap_err(),
    ]
    .join("\n");
    assert!(!messages.contains("hunter2"), "{messages}");
    insta::assert_snapshot!(messages, @r#"
    invalid value for `listen` from k.toml: expected an IP address and a port such as `0.0.0.0:8743`, `127.0.0.1:8743` or `[::]:8743`
    invalid value for `listen` from k.toml: expected an IP address and a port such as `0.0.0.0:8743`, `127.0.0.1:8743` or `[::]:8743`
    invalid value for `listen` from k.toml: 127.0.0.1:80 is listed twice
    invalid value for `tls` from k.toml: missing setting `cert` in the table [tls]; set `cert` and `key`, or `mode = "self-signed"`
    invalid value for `tls` from k.toml: missing setting `key` in the table [tls]; set `cert` and `key`, or `mode = "self-signed"`
    invalid value for `tls` from k.toml: expected `self-signed` or `files`
    invalid value for `tls` from k.toml: `cert` and `key` cannot be used with `self-signed`; remove them, or use `files`
    invalid value for `tls-name` from k.toml: expected host names and IP addresses such as `kontraktor.example.com` or `10.0.0.5`
    invalid value for `tls` from k.toml: `names` and `tls-name` need `self-signed`; a certificate from a file has the names that it has
    invalid value for `tls` from k.toml: `client_crl` and `client_auth` need `client_ca`, the authorities of client certificates
    invalid value for `tls` from k.toml: `client_auth`: expected `optional` or `required`
    k.toml: unknown setting `tls.passphrase`; expected one of mode, cert, key, names, client_ca, client_crl, client_auth
    invalid value for `connections` from k.toml: `max`: expected 1 to 1000000
    invalid value for `connections` from k.toml: `idle_timeout`: expected a duration such as "10s" or "5m", of 100ms to 24h
    invalid value for `connections` from k.toml: `idle_timeout`: expected a duration such as "10s" or "5m", of 100ms to 24h
    invalid value for `cors-origins` from k.toml: expected origins as browsers send them, such as `https://console.example.com`: a scheme, a host in lower case, a port if it is not the usual one, and nothing after that
    invalid value for `cors-origins` from k.toml: expected origins as browsers send them, such as `https://console.example.com`: a scheme, a host in lower case, a port if it is not the usual one, and nothing after that
    invalid value for `tls` from flag --tls: `files` needs the settings `cert` and `key` in the table [tls] of the configuration file
    invalid value for `tls-name` from flag --tls-name: it needs a certificate of the daemon's own; add `--tls self-signed`
    "#);
}

#[test]
fn an_origin_is_what_browsers_send() {
    for good in ["https://a.example", "http://localhost:3000", "https://10.0.0.1", "http://[::1]:80"] {
        assert!(origins(vec![good.to_owned()]).is_ok(), "{good}");
    }
    for bad in [
        "",
        "a.example",
        "https://",
        "https://a.example/",
        "https://A.example",
        "https://a.example:0",
        "https://a.example:x",
        "https://*.example",
        "null",
        "ftp://a.example",
        "https://[::1",
        "https://u:p@a.example",
        "https://a.example?x",
    ] {
        assert!(origins(vec![bad.to_owned()]).is_err(), "{bad}");
    }
}
