use std::path::PathBuf;

use super::*;

fn printed(flags: &Options, surroundings: &Surroundings) -> String {
    let mut out = Vec::new();
    Config::load(flags, surroundings).unwrap().print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn refused(flags: &Options, variables: &[(&str, &str)]) -> String {
    Config::load(flags, &Surroundings::made_up(variables)).unwrap_err().to_string()
}

#[test]
fn nothing_set_means_the_defaults() {
    insta::assert_snapshot!(printed(&Options::default(), &Surroundings::made_up(&[])), @r#"
    data-dir = "/home/ada/.local/state/kontraktor"  # default
    socket = "/run/user/1/kontraktor/kontraktord.sock"  # default
    log = "info"  # default
    log-format = "auto"  # default
    "#);
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    std::fs::write(&file, "data-dir = '/file'\nsocket = '/file.sock'\nlog = 'warn'\n").unwrap();
    let flags = Options { data_dir: Some("/flag".into()), config: Some(file.clone()), ..Options::default() };
    let surroundings = Surroundings::made_up(&[
        ("KONTRAKTOR_DATA_DIR", "/variable"),
        ("KONTRAKTOR_SOCKET", "/variable.sock"),
        ("KONTRAKTOR_LOG_FORMAT", "json"),
    ]);
    let config = Config::load(&flags, &surroundings).unwrap();
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
    let surroundings = Surroundings::made_up(&[("KONTRAKTOR_DATA_DIR", ""), ("XDG_STATE_HOME", "relative")]);
    let config = Config::load(&Options::default(), &surroundings).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/home/ada/.local/state/kontraktor"));
}

#[test]
fn relative_paths_start_in_the_working_directory() {
    let flags = Options { data_dir: Some("data".into()), socket: Some("s".into()), ..Options::default() };
    let config = Config::load(&flags, &Surroundings::made_up(&[])).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/srv/data"));
    assert_eq!(config.socket.value, PathBuf::from("/srv/s"));
}

#[test]
fn refusals_name_the_setting_the_source_and_the_rule() {
    let long = Options { socket: Some(format!("/{}", "s".repeat(107)).into()), ..Options::default() };
    insta::assert_snapshot!(refused(&long, &[]).replace(&"s".repeat(107), "sss"),
        @"socket from flag --socket is 108 bytes long (/sss); a unix socket's path may have 107 bytes at most");
    insta::assert_snapshot!(refused(&Options::default(), &[("KONTRAKTOR_LOG_FORMAT", "xml")]),
        @"log-format from environment variable KONTRAKTOR_LOG_FORMAT is none that there is; it must be `auto`, `text` or `json`");
    insta::assert_snapshot!(refused(&Options::default(), &[("KONTRAKTOR_LOG", "info,kontraktord=loud")]),
        @"log from environment variable KONTRAKTOR_LOG is not understood; write error, warn, info, debug or trace, or directives such as `info,kontraktor_api=debug`");
    let empty = Options { data_dir: Some("".into()), ..Options::default() };
    insta::assert_snapshot!(refused(&empty, &[]), @"data-dir from flag --data-dir is empty; it must be a path");
    let directory = Options { socket: Some("/run/..".into()), ..Options::default() };
    insta::assert_snapshot!(refused(&directory, &[]),
        @"socket from flag --socket is /run/..; it must name a file in a directory");
}

#[test]
fn a_named_file_must_exist_and_hold_only_known_names() {
    let flags = Options { config: Some("/does/not/exist.toml".into()), ..Options::default() };
    insta::assert_snapshot!(refused(&flags, &[]),
        @"the configuration file /does/not/exist.toml cannot be read: No such file or directory (os error 2)");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let flags = Options { config: Some(file.clone()), ..Options::default() };
        refused(&flags, &[]).replace(&file.display().to_string(), "k.toml")
    };
    insta::assert_snapshot!(refused("datadir = '/x'"), @"the configuration file k.toml is wrong: datadir is no setting; there are data-dir, socket, log, log-format, vault");
    insta::assert_snapshot!(refused("socket = 7"), @"the configuration file k.toml is wrong: socket has a number where a path must stand");
    insta::assert_snapshot!(refused("socket ="), @"the configuration file k.toml is wrong: TOML parse error at line 1, column 9");
    let broken = refused("[vault.a]\ntoken = \"hunter2-leak");
    assert!(broken.contains("line 2") && !broken.contains("hunter2"), "{broken}");
}

/// Each of these has a value that would be known again.
#[test]
fn what_stands_in_the_wrong_place_is_never_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let flags = Options { config: Some(file.clone()), ..Options::default() };
        let config = Config::load(&flags, &Surroundings::made_up(&[]));
        let told = config.and_then(|config| config.vaults().map(|_| ())).expect_err(text).to_string();
        told.replace(&file.display().to_string(), "k.toml")
            .replace("the configuration file k.toml is wrong: ", "")
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
    let told = [
        refused("data-dir = 8675309"),
        refused("socket = ['hunter2']"),
        refused("log = { token = 'hunter2' }"),
        refused("log = '[{x=hunter2(}]=info'"),
        refused("log-format = 'hunter2'"),
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
    assert!(!["hunter2", "Hunter2", "8675309"].iter().any(|value| told.contains(value)), "{told}");
    insta::assert_snapshot!(told, @r##"
    data-dir has a number where a path must stand
    socket has a list where a path must stand
    log has a table where a text must stand
    log from k.toml is not understood; write error, warn, info, debug or trace, or directives such as `info,kontraktor_api=debug`
    log-format from k.toml is none that there is; it must be `auto`, `text` or `json`
    vault has a text where a list must stand
    [[vault]] number 1: this has a text where a table must stand
    [[vault]] number 1: name has a number where a text must stand
    vault "b": kind is none that there is: there are vault, aws-sm and azure-kv
    [[vault]] number 2: timeout has a number where a length of time such as "5s", "10m" or "1h 30m" must stand
    [[vault]] number 2: timeout must be a length of time such as "5s", "10m" or "1h 30m"
    [[vault]] number 2: concurrency has a text where a whole number from 0 must stand
    [[vault]] number 2: concurrency must be a whole number from 0
    [[vault]] number 2: cache has a text where a table must stand
    [[vault]] number 2: cache.ttl must be a length of time such as "5s", "10m" or "1h 30m"
    vault "b": auth has a text where a table must stand
    vault "b": auth.method is none that there is; there are chain, profile
    vault "b": auth has a number where a text must stand
    vault "b": region has a number where a text must stand
    vault "b": region is no region: write it as in eu-central-1
    vault "b": assume_role.arn is that of no role: write it as in arn:aws:iam::123456789012:role/NAME
    vault "b": assume_role.session_name must be 2 to 64 of letters, digits and _=,.@-
    vault "b": address has a number where a text must stand
    vault "b": address holds a user or a password: remove it; auth says who signs in
    vault "b": address holds a "?" or a "#": end it before
    vault "b": address holds a "?" or a "#": end it before
    vault "b": address is no URL: write it as in https://vault.example.com
    vault "b": address holds a user or a password: remove it; auth says who signs in
    vault "b": address holds a "?" or a "#": end it before
    vault "b": address holds a "?" or a "#": end it before
    vault "b": authority holds a user or a password: remove it; auth says who signs in
    vault "b": authority holds a "?" or a "#": end it before
    vault "b": authority holds a "?" or a "#": end it before
    vault "b": authority is no URL: write it as in https://vault.example.com
    vault "b": verify_challenge_resource has a text where true or false must stand
    vault "b": auth: tenant_id must be the tenant's id or one of its domains
    vault "b": address holds a user or a password, which Vault has no use for: remove it
    vault "b": address holds a "?" or a "#": end it before
    vault "b": address holds a "?" or a "#": end it before
    vault "b": address is no URL: write it as in https://vault.example.com:8200
    "##);
}

#[test]
fn the_file_that_ships_is_understood() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/kontraktord.example.toml");
    let flags = Options { config: Some(file.into()), ..Options::default() };
    let config = Config::load(&flags, &Surroundings::made_up(&[])).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/var/lib/kontraktor"));
    let vaults = config.vaults().unwrap();
    let kinds: Vec<_> = vaults.iter().map(|vault| (vault.name.as_str(), vault.kind)).collect();
    assert_eq!(kinds, [("team", "vault"), ("prod", "aws-sm"), ("kv", "azure-kv")]);
    assert_eq!(config.log_format.value, LogFormat::Json);
}
