//! Secrets through the calls of a host: ephemeral resources are opened, renewed and closed, and a data source reads.

mod environment;

use std::sync::atomic::Ordering;

use kontraktor_model::{
    limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES},
    value::ValueType,
};
use tfplugin_proto::value::Value;

use super::{
    Harness, Open,
    fake::secrets::{Stored, count, renewal},
    fields, text,
};
use crate::framework::Fields;

const SECRET: &str = "kontraktor_secret";
const ENVIRONMENT: &str = "kontraktor_environment";
const URL: &str = "vault://team/secret/app/db#password";
const LEASED: &str = "vault://team/database/creds/app#password";

fn by_key(key: &str) -> Fields {
    fields([("project", text("demo")), ("env", text("dev")), ("key", text(key))])
}

fn by_reference(reference: &str) -> Fields {
    fields([("reference", text(reference))])
}

fn dev<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([("project", text("demo")), ("env", text("dev"))]);
    config.extend(fields(attributes));
    config
}

fn leased(value: &str) -> Stored {
    Stored { value: value.as_bytes().to_vec(), dynamic: true, ..Stored::default() }
}

async fn harness() -> Harness {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, "s3cret", "7");
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    harness
}

impl Harness {
    async fn opened(&self, config: &Fields) -> Open {
        let open = self.open(SECRET, config).await;
        assert!(open.diagnostics.is_empty(), "{:?}", open.diagnostics);
        open
    }
}

#[tokio::test]
async fn a_secret_is_named_by_key_by_reference_or_by_id() {
    let harness = harness().await;
    let by_id = fields([("id", text("demo/dev/DB_PASSWORD"))]);
    for config in [by_key("DB_PASSWORD"), by_reference(URL), by_id] {
        assert_eq!(harness.validate_ephemeral(SECRET, &config).await, [""; 0]);
        let open = harness.opened(&config).await;
        let result = open.result.clone().unwrap();
        assert_eq!((&result["value"], &result["value_base64"]), (&text("s3cret"), &text("czNjcmV0")));
        assert_eq!((&result["version"], &result["vault"]), (&text("7"), &text("team")));
        assert_eq!(result["stale"], false.into());
        for (name, value) in &config {
            assert_eq!(result[name], *value, "the arguments are as they were");
        }
        // Nothing is held of what has no lease.
        assert_eq!((open.renew_at, harness.daemon.holds().len()), (None, 0));
        assert_eq!(harness.close(SECRET, &open).await, [""; 0]);
    }
    assert_eq!(count(&harness.daemon.secrets.releases), 0);
}

#[tokio::test]
async fn exactly_one_way_names_a_secret() {
    let harness = Harness::new().await;
    let key = || by_key("A");
    let with = |mut config: Fields, name: &str, value: Value| {
        config.insert(name.to_owned(), value);
        config
    };
    let mut messages = Vec::new();
    for config in [
        Fields::new(),
        fields([("env", text("dev")), ("key", text("A"))]),
        fields([("project", text("demo"))]),
        with(key(), "reference", text(URL)),
        with(key(), "id", Value::Unknown),
        with(by_reference(URL), "id", text("demo/dev/A")),
        with(with(key(), "reference", text(URL)), "id", text("demo/dev/A")),
        fields([("id", text("demo/dev"))]),
        fields([("id", text("Demo/dev/A"))]),
        by_reference("hunter2"),
        by_key("9"),
    ] {
        let diagnostics = harness.validate_ephemeral(SECRET, &config).await;
        assert!(!diagnostics.is_empty(), "{config:?}");
        // The data source has the same rules.
        assert_eq!(harness.validate_data(SECRET, &config).await, diagnostics);
        messages.extend(diagnostics);
    }
    assert!(!messages.concat().contains("hunter2"));
    insta::assert_snapshot!(messages.join("\n\n"), @r#"
    Error: Missing secret
    The arguments name no secret. Set either project, env and key, or reference, or id.

    Error at project: Missing project
    project, env and key together name a secret. Set project as well, or use only reference or id.

    Error at env: Missing env
    project, env and key together name a secret. Set env as well, or use only reference or id.

    Error at key: Missing key
    project, env and key together name a secret. Set key as well, or use only reference or id.

    Error at reference: Conflicting arguments
    project, env and key, and reference are set, which can name different secrets. Set either project, env and key, or reference, or id.

    Error at id: Conflicting arguments
    project, env and key, and id are set, which can name different secrets. Set either project, env and key, or reference, or id.

    Error at id: Conflicting arguments
    reference, and id are set, which can name different secrets. Set either project, env and key, or reference, or id.

    Error at id: Conflicting arguments
    project, env and key, and reference, and id are set, which can name different secrets. Set either project, env and key, or reference, or id.

    Error at id: Invalid id
    id must be the ID of a kontraktor_secret_reference, in the form PROJECT/ENV/KEY.

    Error at id: Invalid id
    In id, project has 'D' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end.

    Error at reference: Invalid reference
    invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name.

    Error at key: Invalid key
    key begins with '9'; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_".
    "#);
    for config in [
        fields([("project", Value::Unknown), ("env", Value::Unknown), ("key", Value::Unknown)]),
        by_reference(URL),
        fields([("reference", Value::Unknown)]),
        fields([("id", Value::Unknown)]),
    ] {
        assert_eq!(harness.validate_ephemeral(SECRET, &config).await, [""; 0], "{config:?}");
    }
    // What turned out to be null when all was known.
    let open = harness.open(SECRET, &Fields::new()).await;
    assert!(open.message().starts_with("Error: Missing secret\n"), "{open:?}");
    assert_eq!(harness.daemon.secrets.request(), 0);
}

#[tokio::test]
async fn a_lease_is_renewed_when_it_is_due_and_given_back_at_the_end() {
    let harness = Harness::new().await;
    harness.daemon.keep_secret(LEASED, leased("pw"));
    let mut open = harness.opened(&by_reference(LEASED)).await;
    assert_eq!(open.result.as_ref().unwrap()["value"], text("pw"));
    assert_eq!(open.result.as_ref().unwrap()["version"], Value::Null);
    assert_eq!((open.renew_at, harness.daemon.holds().len()), (Some(renewal(0)), 1));
    let private = String::from_utf8(open.private.clone().unwrap()).unwrap();
    assert!(private.contains("hold-1") && !private.contains("pw"), "{private}");
    for times in 1..3 {
        harness.renew(SECRET, &mut open).await;
        assert_eq!((open.renew_at, open.diagnostics.len()), (Some(renewal(times)), 0));
    }
    assert_eq!(harness.close(SECRET, &open).await, [""; 0]);
    assert_eq!((harness.daemon.holds().len(), count(&harness.daemon.secrets.releases)), (0, 1));
    // One that is over already is no error.
    assert_eq!(harness.close(SECRET, &open).await, [""; 0]);
}

#[tokio::test]
async fn a_lease_that_cannot_be_kept_is_an_error_and_one_that_cannot_be_given_back_a_warning() {
    let harness = Harness::new().await;
    harness.daemon.keep_secret(LEASED, leased("pw"));
    let mut open = harness.opened(&by_reference(LEASED)).await;
    harness.daemon.expire_holds();
    let private = open.private.clone();
    harness.renew(SECRET, &mut open).await;
    insta::assert_snapshot!(open.message(), @"
    Error: Lease has ended
    Failed to renew lease of secret in vault team. There is no such hold.

    Run Terraform again to read the secret anew. If the run takes longer than the vault's longest lease, ask the vault's operator to raise that limit.
    ");
    assert_eq!(open.private, private, "closing still knows what to give back");
    harness.daemon.deny.store(true, Ordering::SeqCst);
    let diagnostics = harness.close(SECRET, &open).await;
    insta::assert_snapshot!(diagnostics.join("\n"), @"
    Warning: Failed to release lease of secret in vault team
    You may not read this.

    The daemon lets the lease expire, at the latest at the end of the vault's own lease time.
    ");
    open.private = Some(b"{\"holds\": \"?\"}".to_vec());
    assert!(harness.close(SECRET, &open).await[0].starts_with("Error: Invalid private state"));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_there_in_base64() {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, [0xff, 0x00, 0xfe], "1");
    for result in [
        harness.open(SECRET, &by_reference(URL)).await.success(),
        harness.data(SECRET, &by_reference(URL)).await.success().unwrap(),
    ] {
        assert_eq!((&result["value"], &result["value_base64"]), (&Value::Null, &text("/wD+")));
    }
    // Empty is a value.
    harness.daemon.keep_value(URL, "", "2");
    let empty = harness.open(SECRET, &by_reference(URL)).await.success();
    assert_eq!((&empty["value"], &empty["value_base64"]), (&text(""), &text("")));
}

#[tokio::test]
async fn a_text_that_terraform_would_change_is_reported() {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, "pa\u{75}\u{308}word", "1");
    let open = harness.open(SECRET, &by_reference(URL)).await;
    insta::assert_snapshot!(open.message(), @"
    Warning at reference: Secret text is not normalized
    Terraform stores strings in Unicode normalization form C (NFC), and the secret in vault team is not in that form, so value differs from what the vault holds. Use value_base64, or store the secret in that form.
    ");
    let result = open.result.unwrap();
    assert_eq!((&result["value"], &result["value_base64"]), (&text("pa\u{fc}word"), &text("cGF1zIh3b3Jk")));
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    assert!(open.message().contains("differ from what the vault holds: DB_PASSWORD."), "{open:?}");
}

#[tokio::test]
async fn a_value_of_a_vault_that_does_not_answer_comes_with_a_warning() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    let stale = Stored { value: b"old".to_vec(), stale: true, ..Stored::default() };
    harness.daemon.keep_secret(URL, stale);
    let open = harness.open(SECRET, &by_key("DB_PASSWORD")).await;
    insta::assert_snapshot!(open.message(), @r#"
    Warning at key: Secret may be out of date
    The vault "team" does not respond, so the secret demo/dev/DB_PASSWORD has the value that was last read, at 2023-11-14T22:13:20Z. Later changes are missing. Run Terraform again when the vault responds; `kontraktord vault check team` finds the cause.
    "#);
    let result = open.result.unwrap();
    assert_eq!((&result["value"], &result["stale"]), (&text("old"), &true.into()));
    let data = harness.data(SECRET, &by_key("DB_PASSWORD")).await;
    assert!(data.message().starts_with("Warning at key: Secret may be out of date\n"));
    assert!(data.message().contains("the secret demo/dev/DB_PASSWORD has"));
    assert_eq!(data.state.unwrap()["stale"], true.into());
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    assert!(open.message().starts_with("Warning at env: Secret may be out of date\n"), "{open:?}");
    assert!(open.message().contains("the secret demo/dev/DB_PASSWORD has"), "{open:?}");
}

#[tokio::test]
async fn what_is_too_large_for_a_message_is_streamed() {
    // Long enough for 16 MiB on a machine that has other things to do.
    let harness = Harness::with([("timeout", text("60s"))]).await;
    for (size, streams) in
        [(MAX_SECRET_MESSAGE_BYTES, 0), (MAX_SECRET_MESSAGE_BYTES + 1, 1), (MAX_SECRET_BYTES, 2)]
    {
        let value = "k".repeat(size);
        harness.daemon.keep_secret(LEASED, leased(&value));
        let open = harness.opened(&by_reference(LEASED)).await;
        assert!(open.result.as_ref().unwrap()["value"] == text(&value), "{size}");
        assert_eq!(count(&harness.daemon.secrets.streams), streams);
        assert_eq!((open.renew_at, harness.daemon.holds().len()), (Some(renewal(0)), 1));
        harness.close(SECRET, &open).await;
        let data = harness.data(SECRET, &by_reference(LEASED)).await.success().unwrap();
        assert!(data["value"] == text(&value));
        harness.daemon.secrets.streams.store(streams, Ordering::SeqCst);
    }
    harness.daemon.keep_value(URL, vec![0; MAX_SECRET_BYTES + 1], "1");
    let open = harness.open(SECRET, &by_reference(URL)).await;
    insta::assert_snapshot!(open.message(), @"
    Error at reference: Secret is too large
    Failed to read secret in vault team. The secret is larger than 16777216 bytes (16 MiB).

    Keep the secret within 16 MiB (16,777,216 bytes).
    ");
    assert_eq!(harness.daemon.holds().len(), 0);
}

#[tokio::test]
async fn a_reference_that_is_not_there_recommends_the_id() {
    let harness = harness().await;
    let open = harness.open(SECRET, &by_key("NONE")).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at key: Failed to read secret demo/dev/NONE
    Environment demo/dev has no key "NONE".

    If this configuration creates the reference with a kontraktor_secret_reference, replace project, env and key with that resource's id:

      id = kontraktor_secret_reference.NAME.id

    Terraform opens an ephemeral resource as soon as its arguments are known, even during a plan, and depends_on does not delay that. The id of a new reference is unknown, so Terraform waits for it.
    "#);
    let mut nowhere = by_key("NONE");
    nowhere.insert("env".to_owned(), text("prod"));
    let open = harness.open(SECRET, &nowhere).await;
    assert!(open.message().contains("id = kontraktor_secret_reference.NAME.id"), "{open:?}");
    // By its id, it was there once.
    let open = harness.open(SECRET, &fields([("id", text("demo/dev/NONE"))])).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at id: Failed to read secret demo/dev/NONE
    Environment demo/dev has no key "NONE".

    The reference with this id was deleted after the state was last read. Run `terraform plan` again: it plans to create the reference, and opens it afterwards.
    "#);
    // A data source waits for depends_on.
    let data = harness.data(SECRET, &by_key("NONE")).await;
    assert!(!data.message().contains("NAME.id"), "{data:?}");
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_can_be_corrected_in_a_first_step() {
    let harness = harness().await;
    harness.daemon.refer("demo/dev/TYPO", "vault://team/secret/app/bd#password");
    let open = harness.open(SECRET, &fields([("id", text("demo/dev/TYPO"))])).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at id: Secret not found
    Failed to read secret demo/dev/TYPO. Vault "team" has no such secret.

    Create the secret in the vault, or correct the reference.

    If the configuration already corrects the reference, apply that first with `terraform apply -target=kontraktor_secret_reference.NAME`: a plan opens the reference that is stored now.
    "#);
    harness.daemon.write("demo/dev/PLAIN", ValueType::String, "p");
    let open = harness.open(SECRET, &by_key("PLAIN")).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at key: Key holds a plain variable
    Failed to read secret demo/dev/PLAIN. Key "PLAIN" holds a plain value.

    Read it with data.kontraktor_variable, or name the key of a secret reference.
    "#);
}

#[tokio::test]
async fn a_data_source_holds_no_lease() {
    let harness = Harness::new().await;
    harness.daemon.keep_secret(LEASED, leased("pw"));
    let state = harness.data(SECRET, &by_reference(LEASED)).await.success().unwrap();
    assert_eq!((&state["value"], harness.daemon.holds().len()), (&text("pw"), 0));
    // It is read anew each time.
    harness.daemon.keep_secret(LEASED, leased("other"));
    let state = harness.data(SECRET, &by_reference(LEASED)).await.success().unwrap();
    assert_eq!(state["value"], text("other"));
}

#[tokio::test]
async fn values_are_marked_as_sensitive_and_the_data_source_warns_where_they_end_up() {
    use crate::framework::Provider as _;
    let provider = crate::Kontraktor::new(crate::Settings::default());
    let catalog = provider.catalog();
    let sensitive = |schema: &crate::framework::Schema| -> Vec<&str> {
        let marked = schema.attributes.iter().filter(|attribute| attribute.sensitive);
        marked.map(|attribute| attribute.name).collect()
    };
    for (name, schema) in catalog.ephemeral_schemas() {
        let expected: &[&str] = match name {
            SECRET => &["value", "value_base64"],
            _ => &["secrets", "secrets_base64", "all"],
        };
        assert_eq!(sensitive(schema), expected, "{name}");
    }
    let (_, data) = catalog.data_source_schemas().find(|(name, _)| *name == SECRET).expect("it is offered");
    assert_eq!(sensitive(data), ["value", "value_base64"]);
    let warning = data.description.split("\n\n").nth(1).expect("a second paragraph");
    assert!(warning.starts_with("!> **Warning:** The value is stored in the state"), "{warning}");
    let (_, reference) = catalog
        .resource_schemas()
        .find(|(name, _)| *name == "kontraktor_secret_reference")
        .expect("it is offered");
    assert_eq!(sensitive(reference), [""; 0], "references are configuration");
}
