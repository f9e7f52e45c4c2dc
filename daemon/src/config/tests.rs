use std::path::PathBuf;

use super::*;

fn printed(flags: &Flags, env: &ProcessEnv) -> String {
    let mut out = Vec::new();
    Config::load(flags, env).unwrap().print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn refused(flags: &Flags, variables: &[(&str, &str)]) -> String {
    Config::load(flags, &ProcessEnv::for_test(variables)).unwrap_err().to_string()
}

#[test]
fn nothing_set_means_the_defaults() {
    insta::assert_snapshot!(printed(&Flags::default(), &ProcessEnv::for_test(&[])), @r#"
    data-dir = "/home/ada/.local/state/kontraktor"  # default
    socket = "/run/user/1/kontraktor/kontraktord.sock"  # default
    log = "info"  # default
    log-format = "auto"  # default
    listen = []  # default
    connections.max = 8192  # default
    connections.max_per_address = 1024  # default
    connections.handshake_timeout = "10s"  # default
    connections.header_timeout = "20s"  # default
    connections.idle_timeout = "5m"  # default
    connections.stall_timeout = "1m"  # default
    cors-origins = []  # default
    public-url = "https://localhost:8743"  # default
    tokens.lifetime = "15m"  # default
    limits = { requests_per_second = 2000, burst = 20000, address_requests_per_second = 4000, address_burst = 40000, failure_cost = 400 }  # default
    "#);
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    std::fs::write(&file, "data-dir = '/file'\nsocket = '/file.sock'\nlog = 'warn'\n").unwrap();
    let flags = Flags { data_dir: Some("/flag".into()), config: Some(file.clone()), ..Flags::default() };
    let env = ProcessEnv::for_test(&[
        ("KONTRAKTOR_DATA_DIR", "/variable"),
        ("KONTRAKTOR_SOCKET", "/variable.sock"),
        ("KONTRAKTOR_LOG_FORMAT", "json"),
    ]);
    let config = Config::load(&flags, &env).unwrap();
    assert_eq!(config.data_dir, Setting { value: "/flag".into(), source: Source::Flag("data-dir") });
    assert_eq!(
        config.socket,
        Setting { value: "/variable.sock".into(), source: Source::Variable("KONTRAKTOR_SOCKET") }
    );
    assert_eq!(config.log, Setting { value: "warn".into(), source: Source::File(file) });
    assert_eq!(config.log_format.value, LogFormat::Json);
}

#[test]
fn an_empty_variable_counts_as_absent_and_a_relative_xdg_directory_is_ignored() {
    let env = ProcessEnv::for_test(&[("KONTRAKTOR_DATA_DIR", ""), ("XDG_STATE_HOME", "relative")]);
    let config = Config::load(&Flags::default(), &env).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/home/ada/.local/state/kontraktor"));
}

#[test]
fn relative_paths_start_in_the_working_directory() {
    let flags = Flags { data_dir: Some("data".into()), socket: Some("s".into()), ..Flags::default() };
    let config = Config::load(&flags, &ProcessEnv::for_test(&[])).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/srv/data"));
    assert_eq!(config.socket.value, PathBuf::from("/srv/s"));
}

#[test]
fn errors_name_the_setting_the_source_and_the_rule() {
    let long = Flags { socket: Some(format!("/{}", "s".repeat(107)).into()), ..Flags::default() };
    insta::assert_snapshot!(refused(&long, &[]).replace(&"s".repeat(107), "sss"),
        @"invalid value for `socket` from flag --socket: /sss is 108 bytes long; the system allows at most 107. Choose a shorter path with `--socket` or KONTRAKTOR_SOCKET");
    insta::assert_snapshot!(refused(&Flags::default(), &[("KONTRAKTOR_LOG_FORMAT", "xml")]),
        @"invalid value for `log-format` from environment variable KONTRAKTOR_LOG_FORMAT: expected `auto`, `text` or `json`");
    insta::assert_snapshot!(refused(&Flags::default(), &[("KONTRAKTOR_LOG", "info,kontraktord=loud")]),
        @"invalid value for `log` from environment variable KONTRAKTOR_LOG: expected `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,kontraktor_api=debug`");
    let empty = Flags { data_dir: Some("".into()), ..Flags::default() };
    insta::assert_snapshot!(refused(&empty, &[]), @"invalid value for `data-dir` from flag --data-dir: it is empty");
    let directory = Flags { socket: Some("/run/..".into()), ..Flags::default() };
    insta::assert_snapshot!(refused(&directory, &[]),
        @"invalid value for `socket` from flag --socket: expected a file in a directory, found /run/..");
}

#[test]
fn a_named_file_must_exist_and_hold_only_known_names() {
    let flags = Flags { config: Some("/does/not/exist.toml".into()), ..Flags::default() };
    insta::assert_snapshot!(refused(&flags, &[]),
        @"cannot read the configuration file /does/not/exist.toml: No such file or directory (os error 2)");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let flags = Flags { config: Some(file.clone()), ..Flags::default() };
        refused(&flags, &[]).replace(&file.display().to_string(), "k.toml")
    };
    insta::assert_snapshot!(refused("datadir = '/x'"), @"k.toml: unknown setting `datadir`; expected one of data-dir, socket, log, log-format, listen, cors-origins, tls, connections, public-url, tokens, limits, issuer, client-certificate, vault");
    insta::assert_snapshot!(refused("socket = 7"), @"k.toml: invalid value for `socket`: expected a path, found a number");
    insta::assert_snapshot!(refused("socket ="), @"k.toml: TOML parse error at line 1, column 9");
    let broken = refused("[vault.a]\ntoken = \"hunter2-leak");
    assert!(broken.contains("line 2") && !broken.contains("hunter2"), "{broken}");
}

/// Each of these has a value that would be recognized.
#[test]
fn an_invalid_value_is_never_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let flags = Flags { config: Some(file.clone()), ..Flags::default() };
        let config = Config::load(&flags, &ProcessEnv::for_test(&[]));
        let message = config
            .and_then(|config| {
                config.identities.issuers()?;
                config.identities.certificates()?;
                config.vaults().map(|_| ())
            })
            .expect_err(text)
            .to_string();
        let message = message.replace(&file.display().to_string(), "k.toml");
        let text = message.strip_prefix("k.toml: ").or_else(|| message.strip_prefix("k.toml, "));
        text.unwrap_or(&message).to_owned()
    };
    let vault = |kind: &str, more: &str| {
        refused(&format!(
            "[[vault]]\nname = 'a'\nkind = 'aws-sm'\n[[vault]]\nname = 'b'\nkind = '{kind}'\n{more}\n"
        ))
    };
    let token = |address: &str| {
        vault("vault", &format!("address = '{address}'\nauth = {{ method = 'token', token_file = '/t' }}"))
    };
    let azure = |more: &str| vault("azure-kv", &format!("auth = {{ method = 'workload_identity' }}\n{more}"));
    let messages = [
        refused("data-dir = 8675309"),
        refused("socket = ['hunter2']"),
        refused("log = { token = 'hunter2' }"),
        refused("log = '[{x=hunter2(}]=info'"),
        refused("log-format = 'hunter2'"),
        refused("public-url = 'hunter2'"),
        refused("tokens = { lifetime = 8675309 }"),
        refused("tokens = { lifetime = 'hunter2' }"),
        refused("limits = 'hunter2'"),
        refused("limits = { burst = -8675309 }"),
        refused("issuer = 'hunter2'"),
        refused("[[issuer]]\nurl = 8675309"),
        refused("[[issuer]]\naudience = { a = 'hunter2' }"),
        refused("[[issuer]]\npassword = 'hunter2'"),
        refused("[[issuer]]\nurl = 'https://user:hunter2@login.example.com'"),
        refused("[[client-certificate]]\ncommon_name = 8675309"),
        refused("[[client-certificate]]\nscopes = ['hunter2']\ndns = 'a'"),
        refused("vault = 'hunter2'"),
        refused("vault = ['hunter2']"),
        refused("[[vault]]\nname = 8675309"),
        vault("hunter2", ""),
        vault("aws-sm", "timeout = 8675309"),
        vault("aws-sm", "timeout = 'hunter2'"),
        vault("aws-sm", "concurrency = 'hunter2'"),
        vault("aws-sm", "concurrency = -8675309"),
        vault("aws-sm", "cache = 'hunter2'"),
        vault("aws-sm", "cache = { ttl = 'hunter2' }"),
        vault("aws-sm", "auth = 'hunter2'"),
        vault("aws-sm", "auth = { method = 'hunter2' }"),
        vault("aws-sm", "auth = { method = 'profile', profile = 8675309 }"),
        vault("aws-sm", "region = 8675309"),
        vault("aws-sm", "region = 'Hunter2 hunter2'"),
        vault("aws-sm", "assume_role = { arn = 'hunter2' }"),
        vault("aws-sm", "assume_role = { arn = 'arn:aws:iam::1:role/r', session_name = '~hunter2~' }"),
        vault("aws-sm", "address = 8675309"),
        vault("aws-sm", "address = 'https://user:hunter2@sm.example.com'"),
        vault("aws-sm", "address = 'https://sm.example.com?token=hunter2'"),
        vault("aws-sm", "address = 'https://sm.example.com#hunter2'"),
        vault("aws-sm", "address = 'hunter2'"),
        azure("address = 'https://user:hunter2@kv.example.com'"),
        azure("address = 'https://kv.example.com?token=hunter2'"),
        azure("address = 'https://kv.example.com#hunter2'"),
        azure("address = 'https://kv.example.com'\nauthority = 'https://user:hunter2@login.example.com'"),
        azure("address = 'https://kv.example.com'\nauthority = 'https://login.example.com?token=hunter2'"),
        azure("address = 'https://kv.example.com'\nauthority = 'https://login.example.com#hunter2'"),
        azure("address = 'https://kv.example.com'\nauthority = 'hunter2'"),
        azure("address = 'https://kv.example.com'\nverify_challenge_resource = 'hunter2'"),
        vault(
            "azure-kv",
            "address = 'https://kv.example.com'\nauth = { method = 'workload_identity', tenant_id = '~hunter2' }",
        ),
        token("https://user:hunter2@vault.example.com"),
        token("https://vault.example.com?token=hunter2"),
        token("https://vault.example.com#hunter2"),
        token("hunter2"),
    ]
    .join("\n");
    assert!(!["hunter2", "Hunter2", "8675309"].iter().any(|value| messages.contains(value)), "{messages}");
    insta::assert_snapshot!(messages, @r##"
    invalid value for `data-dir`: expected a path, found a number
    invalid value for `socket`: expected a path, found an array
    invalid value for `log`: expected a string, found a table
    invalid value for `log` from k.toml: expected `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,kontraktor_api=debug`
    invalid value for `log-format` from k.toml: expected `auto`, `text` or `json`
    invalid value for `public-url` from k.toml: expected https://HOST or https://HOST:PORT (http:// only for this machine)
    invalid value for `tokens.lifetime`: expected a string, found a number
    invalid value for `tokens.lifetime` from k.toml: expected a duration such as "15m", of 10s to 1h
    invalid value for `limits`: expected a table, found a string
    invalid value for `limits.burst`: expected an integer from 0 to 4294967295
    invalid value for `issuer`: expected an array, found a string
    [[issuer]] number 1: invalid value for `url`: expected a string, found a number
    [[issuer]] number 1: invalid value for `audience`: expected a string or an array of strings, found a table
    [[issuer]] number 1: unknown setting `password`; expected one of url, name, audience, actor_claim, groups_claim, name_claim, algorithms, scopes, token_type, jwks_url, ca_file
    [[issuer]] number 1: invalid value for `url`: it contains a user or a password; remove it
    [[client-certificate]] number 1: invalid value for `common_name`: expected a string, found a number
    [[client-certificate]] number 1: invalid value for `scopes`: expected some of env.read, env.write, secret.read, admin
    invalid value for `vault`: expected an array, found a string
    [[vault]] number 1: invalid value: expected a table, found a string
    [[vault]] number 1: invalid value for `name`: expected a string, found a number
    vault "b": unknown kind; expected one of vault, aws-sm, azure-kv
    [[vault]] number 2: invalid value for `timeout`: expected a duration such as "5s", "10m" or "1h 30m", found a number
    [[vault]] number 2: invalid value for `timeout`: expected a duration such as "5s", "10m" or "1h 30m"
    [[vault]] number 2: invalid value for `concurrency`: expected an integer of at least 0, found a string
    [[vault]] number 2: invalid value for `concurrency`: expected an integer of at least 0
    [[vault]] number 2: invalid value for `cache`: expected a table, found a string
    [[vault]] number 2: invalid value for `cache.ttl`: expected a duration such as "5s", "10m" or "1h 30m"
    vault "b": invalid value for `auth`: expected a table, found a string
    vault "b": invalid value for `auth.method`: expected `chain` or `profile`
    vault "b": invalid value for `auth`: expected a string, found a number
    vault "b": invalid value for `region`: expected a string, found a number
    vault "b": invalid value for `region`: expected a region such as eu-central-1
    vault "b": invalid value for `assume_role.arn`: expected a role as in arn:aws:iam::123456789012:role/NAME
    vault "b": invalid value for `assume_role.session_name`: expected 2 to 64 letters, digits and _=,.@-
    vault "b": invalid value for `address`: expected a string, found a number
    vault "b": invalid value for `address`: it contains a user or a password; remove it, and set `auth`
    vault "b": invalid value for `address`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `address`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `address`: expected a URL such as https://vault.example.com
    vault "b": invalid value for `address`: it contains a user or a password; remove it, and set `auth`
    vault "b": invalid value for `address`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `address`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `authority`: it contains a user or a password; remove it, and set `auth`
    vault "b": invalid value for `authority`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `authority`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `authority`: expected a URL such as https://vault.example.com
    vault "b": invalid value for `verify_challenge_resource`: expected a boolean, found a string
    vault "b": invalid value for `auth.tenant_id`: expected the tenant's id or one of its domains
    vault "b": invalid value for `address`: it contains a user or a password; remove it, and set `auth`
    vault "b": invalid value for `address`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `address`: it contains "?" or "#"; remove that and what follows
    vault "b": invalid value for `address`: expected a URL such as https://vault.example.com:8200
    "##);
}

/// Its author decides where secrets come from.
#[test]
fn a_file_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o664)).unwrap();
    let flags = Flags { config: Some(file.clone()), ..Flags::default() };
    insta::assert_snapshot!(refused(&flags, &[]).replace(&file.display().to_string(), "k.toml"),
        @"the configuration file k.toml has mode 0664, which lets other users change it. Check its content and run `chmod go-w` on it");
    // As a ConfigMap of Kubernetes is mounted.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for good in [file, link] {
        let flags = Flags { config: Some(good), ..Flags::default() };
        assert!(Config::load(&flags, &ProcessEnv::for_test(&[])).is_ok());
    }
}

#[test]
fn the_example_file_is_valid() {
    // A copy, because a checkout may belong to another user.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    std::fs::write(&file, include_str!("../../kontraktord.example.toml")).unwrap();
    let flags = Flags { config: Some(file), ..Flags::default() };
    let config = Config::load(&flags, &ProcessEnv::for_test(&[])).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/var/lib/kontraktor"));
    let vaults = config.vaults().unwrap();
    let kinds: Vec<_> = vaults.iter().map(|vault| (vault.name.as_str(), vault.kind)).collect();
    assert_eq!(kinds, [("team", "vault"), ("prod", "aws-sm"), ("kv", "azure-kv")]);
    let identities = &config.identities;
    assert_eq!(identities.public_url.value, "https://kontraktor.example.com:8743");
    assert_eq!(identities.issuers().unwrap()[0].name, "github");
    assert_eq!(identities.certificates().unwrap().len(), 1);
    assert_eq!(identities.limits.value, kontraktor_api::RateLimitSettings::default());
    assert_eq!(config.log_format.value, LogFormat::Json);
}
