//! What a developer does with secrets at a shell.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testkit::{
    eventually,
    servers::{Moto, Vault},
};

use super::{SECRET, shop as scene};

#[test]
fn references_are_shown_and_values_are_not() {
    let scene = scene();
    let shown = scene.world.ktr(&["env", "show", "shop/dev"]).ok();
    assert!(shown.stdout.contains("vault://team/secret/app/db#password"), "{}", shown.stdout);
    let resolved = scene.world.ktr(&["env", "show", "shop/dev", "--resolve"]).ok();
    assert!(resolved.stdout.contains(SECRET) && resolved.stdout.contains("db.internal"));
    let audit = scene.world.ktr(&["audit", "--project", "shop"]).ok();
    assert!(audit.text().contains("DB_PASSWORD") && !audit.text().contains(SECRET), "{}", audit.stdout);
    let history = scene.world.ktr(&["var", "history", "shop/dev", "DB_PASSWORD"]).ok();
    assert!(history.text().contains("vault://team/secret/app/db#password"), "{}", history.stdout);
    let vaults = scene.world.ktr(&["vault", "list"]).ok();
    assert!(vaults.text().contains("team"), "{}", vaults.stdout);
    scene.no_trace();
}

#[test]
fn a_purge_makes_the_next_read_a_fresh_one() {
    let scene = scene();
    let get =
        || scene.world.ktr(&["secret", "get", "shop/dev", "DB_PASSWORD"]).ok().stdout.trim_end().to_owned();
    assert_eq!(get(), SECRET);
    scene.rotate("another");
    assert_eq!(get(), SECRET, "it is cached");
    scene.world.ktr(&["secret", "purge", "team"]).ok();
    assert_eq!(get(), "another");
    scene.rotate("a third");
    scene.world.daemon().signal(Signal::SIGHUP);
    // Until the daemon handles the signal, the cached value is right.
    eventually("SIGHUP purges the cache", || get() == "a third");
    scene.world.ktr(&["secret", "purge", "nobody"]).fails().says(&["nobody", "team"]);
}

/// An SSH key ring, a keystore: larger than a message, and not text.
#[test]
fn a_large_secret_is_streamed_and_a_larger_one_refused() {
    let scene = scene();
    let large = "0123456789abcdef".repeat(40_000);
    scene.vault.put("secret/data/large", &json!({"data": {"ring": large}}));
    let got = scene.world.ktr(&["secret", "get", "vault://team/secret/large#ring"]).ok();
    assert_eq!(got.stdout.trim_end(), large);
    scene.world.ktr(&["secret", "set", "shop/dev", "RING=vault://team/secret/large#ring"]).ok();
    let resolved = scene.world.ktr(&["env", "show", "shop/dev", "--resolve"]).fails();
    assert!(resolved.text().contains("64 KiB"), "{}", resolved.stderr);
}

/// A rollback restores references, not what vaults hold; ktr names the secrets that changed meanwhile.
#[test]
fn a_rotated_secret_is_named_when_points_in_time_are_compared() {
    let scene = scene();
    let get = || scene.world.ktr(&["secret", "get", "shop/dev", "DB_PASSWORD"]).ok();
    get();
    scene.world.ktr(&["var", "set", "shop/dev", "PORT=1"]).ok();
    scene.rotate("another");
    scene.world.ktr(&["secret", "purge"]).ok();
    get();
    let diff = scene.world.ktr(&["env", "diff", "shop/dev@2", "shop/dev"]).ok();
    diff.says(&[
        "+ PORT",
        "Unchanged references that last resolved to different versions:",
        "DB_PASSWORD 1 → 2",
    ]);
    let json = scene.world.ktr(&["env", "diff", "shop/dev@2", "shop/dev", "--output", "json"]).ok();
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let versions = json!([{"key": "DB_PASSWORD", "from": "1", "to": "2"}]);
    assert_eq!(json["secret_versions"], versions);
    let rollback = scene.world.ktr(&["env", "rollback", "shop/dev", "--to", "2", "--yes"]).ok();
    rollback.says(&["DB_PASSWORD (then 1, now 2)", "pin it with `ktr secret set --pin`"]);
}

/// AWS stores bytes, and Vault texts with a NUL; neither can be passed everywhere.
#[test]
fn a_binary_secret_is_passed_on_where_possible_and_named_where_not() {
    let (vault, moto) = (Vault::start(), Moto::start());
    moto.create_binary("raw", b"\xff\xfe-raw-bytes");
    vault.put("secret/data/nul", &json!({"data": {"value": "with\u{0}nul"}}));
    let world = super::kinds::world(&vault, &moto);
    world.ktr(&["secret", "set", "--create", "shop/dev", "RAW=aws-sm://prod/raw"]).ok();
    let script = "printf %s \"$RAW\" | od -An -tx1 | tr -d ' \\n'";
    // Its hexadecimal digits are masked too.
    let run = world.ktr(&["run", "shop/dev", "--no-mask", "--", "sh", "-c", script]).ok();
    assert_eq!(run.stdout, "fffe2d7261772d6279746573");

    world.ktr(&["secret", "set", "shop/dev", "NUL=vault://team/secret/nul#value"]).ok();
    world.ktr(&["var", "set", "shop/dev", "PORT=1"]).ok();
    let dotenv = world.ktr(&["env", "show", "shop/dev", "--resolve", "--output", "dotenv"]).ok();
    let lines: Vec<_> = dotenv.stdout.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["PORT=1"]);
    assert!(!dotenv.stdout.contains('\0'));
    assert!(
        dotenv.stderr.contains("2 secrets omitted") && dotenv.stderr.contains("NUL, RAW"),
        "{}",
        dotenv.stderr
    );
    let json = world.ktr(&["env", "show", "shop/dev", "--resolve", "--output", "json"]).ok();
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let secrets = &json["secret_references"];
    assert_eq!(
        (&secrets[0]["secret"]["value"], &secrets[1]["secret"]["value"]),
        (&json!("with\u{0}nul"), &Value::Null)
    );
    assert_eq!(secrets[1]["secret"]["value_base64"], "//4tcmF3LWJ5dGVz");
    let refused = world.ktr(&["run", "shop/dev", "--", "true"]);
    assert_eq!(refused.code, 125);
    refused.says(&["NUL contains a NUL byte", "the command was not started"]);
}
