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
        assert!(open.told.is_empty(), "{:?}", open.told);
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
        let told = harness.validate_ephemeral(SECRET, &config).await;
        assert!(!told.is_empty(), "{config:?}");
        // The data source has the same rules.
        assert_eq!(harness.validate_data(SECRET, &config).await, told);
        messages.extend(told);
    }
    assert!(!messages.concat().contains("hunter2"));
    insta::assert_snapshot!(messages.join("\n\n"), @r#"
    Error: No secret is named
    Name one secret: by project, env and key, or by reference, or by id.

    Error at project: Missing project
    project, env and key name a secret together, so set project too; or name it by reference or id alone.

    Error at env: Missing env
    project, env and key name a secret together, so set env too; or name it by reference or id alone.

    Error at key: Missing key
    project, env and key name a secret together, so set key too; or name it by reference or id alone.

    Error at reference: A secret is named in more than one way
    project, env and key, and reference are set, and may name different secrets. Name one secret: by project, env and key, or by reference, or by id.

    Error at id: A secret is named in more than one way
    project, env and key, and id are set, and may name different secrets. Name one secret: by project, env and key, or by reference, or by id.

    Error at id: A secret is named in more than one way
    reference, and id are set, and may name different secrets. Name one secret: by project, env and key, or by reference, or by id.

    Error at id: A secret is named in more than one way
    project, env and key, and reference, and id are set, and may name different secrets. Name one secret: by project, env and key, or by reference, or by id.

    Error at id: Invalid id
    id must be the id of a kontraktor_secret_reference, PROJECT/ENV/KEY. Names hold no slash.

    Error at id: Invalid id
    In id, project has 'D' at character 1: use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end.

    Error at reference: Invalid reference
    reference, column 1: it does not begin with a known scheme: write vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name.

    Error at key: Invalid key
    key begins with '9': use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_".
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
    assert!(open.message().starts_with("Error: No secret is named"), "{open:?}");
    assert_eq!(harness.daemon.secrets.asked(), 0);
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
        assert_eq!((open.renew_at, open.told.len()), (Some(renewal(times)), 0));
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
    insta::assert_snapshot!(open.message(), @r"
    Error: Cannot keep the lease of the secret vault://team/database/creds/app#password: its lease is over
    There is no such hold.

    Run it again, and the secret is read anew; where the run takes longer than the vault lets a lease live, have the vault's operator raise that limit.
    ");
    assert_eq!(open.private, private, "closing still knows what to give back");
    harness.daemon.deny.store(true, Ordering::SeqCst);
    let told = harness.close(SECRET, &open).await;
    insta::assert_snapshot!(told.join("\n"), @r"
    Warning: Cannot give the lease of the secret vault://team/database/creds/app#password back
    You may not read this.

    The daemon lets it expire, at the latest when the vault's own time for it is over.
    ");
    open.private = Some(b"{\"holds\": \"?\"}".to_vec());
    assert!(harness.close(SECRET, &open).await[0].starts_with("Error: The private state cannot be read"));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_there_in_base64() {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, [0xff, 0x00, 0xfe], "1");
    for result in [
        harness.open(SECRET, &by_reference(URL)).await.good(),
        harness.data(SECRET, &by_reference(URL)).await.good().unwrap(),
    ] {
        assert_eq!((&result["value"], &result["value_base64"]), (&Value::Null, &text("/wD+")));
    }
    // Empty is a value.
    harness.daemon.keep_value(URL, "", "2");
    let empty = harness.open(SECRET, &by_reference(URL)).await.good();
    assert_eq!((&empty["value"], &empty["value_base64"]), (&text(""), &text("")));
}

#[tokio::test]
async fn a_text_that_terraform_would_change_is_told() {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, "pa\u{75}\u{308}word", "1");
    let open = harness.open(SECRET, &by_reference(URL)).await;
    insta::assert_snapshot!(open.message(), @r"
    Warning at reference: Terraform changes the text of the secret vault://team/secret/app/db#password
    Terraform keeps every text in Unicode's normalisation form C, and this one is not in it, so value is not what the vault holds. Use value_base64, which is, or store the secret in that form.
    ");
    let result = open.result.unwrap();
    assert_eq!((&result["value"], &result["value_base64"]), (&text("pa\u{fc}word"), &text("cGF1zIh3b3Jk")));
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    assert!(open.message().contains("not what the vault holds: DB_PASSWORD."), "{open:?}");
}

#[tokio::test]
async fn a_value_of_a_vault_that_does_not_answer_comes_with_a_warning() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    let stale = Stored { value: b"old".to_vec(), stale: true, ..Stored::default() };
    harness.daemon.keep_secret(URL, stale);
    let open = harness.open(SECRET, &by_key("DB_PASSWORD")).await;
    insta::assert_snapshot!(open.message(), @r#"
    Warning at key: The secret demo/dev/DB_PASSWORD may be out of date
    The vault "team" does not answer, so this is the last value that it gave, from 2023-11-14T22:13:20Z. What was changed there since is not in it.

    Run again when the vault answers; `kontraktord vault check team` says what is wrong with it.
    "#);
    let result = open.result.unwrap();
    assert_eq!((&result["value"], &result["stale"]), (&text("old"), &true.into()));
    let data = harness.data(SECRET, &by_key("DB_PASSWORD")).await;
    assert!(data.message().starts_with("Warning at key: The secret demo/dev/DB_PASSWORD may be out of date"));
    assert_eq!(data.state.unwrap()["stale"], true.into());
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    assert!(open.message().starts_with("Warning at env: The secret demo/dev/DB_PASSWORD may be"), "{open:?}");
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
        let data = harness.data(SECRET, &by_reference(LEASED)).await.good().unwrap();
        assert!(data["value"] == text(&value));
        harness.daemon.secrets.streams.store(streams, Ordering::SeqCst);
    }
    harness.daemon.keep_value(URL, vec![0; MAX_SECRET_BYTES + 1], "1");
    let open = harness.open(SECRET, &by_reference(URL)).await;
    insta::assert_snapshot!(open.message(), @r"
    Error at reference: Cannot read the secret vault://team/secret/app/db#password: it is too large
    The secret is larger than 16777216 bytes (16 MiB).

    Keep it at 16 MiB (16,777,216 bytes) at most: what is larger belongs elsewhere.
    ");
    assert_eq!(harness.daemon.holds().len(), 0);
}

#[tokio::test]
async fn a_reference_that_is_not_there_recommends_the_id() {
    let harness = harness().await;
    let open = harness.open(SECRET, &by_key("NONE")).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at key: Cannot read the secret demo/dev/NONE
    Environment demo/dev has no key "NONE".

    Where a kontraktor_secret_reference of this configuration creates it, pass that resource's id in the place of project, env and key:

      id = kontraktor_secret_reference.NAME.id

    Terraform opens an ephemeral resource as soon as it knows the arguments, also while planning, and depends_on does not delay that. The id of a reference that is still to be created is not known, so Terraform waits for it.
    "#);
    let mut nowhere = by_key("NONE");
    nowhere.insert("env".to_owned(), text("prod"));
    let open = harness.open(SECRET, &nowhere).await;
    assert!(open.message().contains("id = kontraktor_secret_reference.NAME.id"), "{open:?}");
    // By its id, it was there once.
    let open = harness.open(SECRET, &fields([("id", text("demo/dev/NONE"))])).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at id: Cannot read the secret demo/dev/NONE
    Environment demo/dev has no key "NONE".

    The reference that this id names does not stand, so it was deleted after it was last read. Plan again: what is missing is planned, and opened after it is created.
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
    Error at id: Cannot read the secret demo/dev/TYPO: the vault has no such secret
    Vault "team" has no such secret. The reference is vault://team/secret/app/bd#password

    Create it in the vault, or correct the reference.

    Where the configuration corrects the reference already, apply that alone first (`terraform apply -target=kontraktor_secret_reference.NAME`): a plan opens what is stored now.
    "#);
    harness.daemon.write("demo/dev/PLAIN", ValueType::String, "p");
    let open = harness.open(SECRET, &by_key("PLAIN")).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at key: Cannot read the secret demo/dev/PLAIN: the key holds a plain variable
    Key "PLAIN" holds a plain value.

    Read it with data.kontraktor_variable, or name the key of a secret reference.
    "#);
}

#[tokio::test]
async fn a_data_source_holds_no_lease() {
    let harness = Harness::new().await;
    harness.daemon.keep_secret(LEASED, leased("pw"));
    let state = harness.data(SECRET, &by_reference(LEASED)).await.good().unwrap();
    assert_eq!((&state["value"], harness.daemon.holds().len()), (&text("pw"), 0));
    // It is read anew each time.
    harness.daemon.keep_secret(LEASED, leased("other"));
    let state = harness.data(SECRET, &by_reference(LEASED)).await.good().unwrap();
    assert_eq!(state["value"], text("other"));
}

#[tokio::test]
async fn values_are_marked_as_sensitive_and_the_data_source_says_first_where_they_end_up() {
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
    assert!(data.description.starts_with("The value enters the state"));
    let (_, reference) = catalog
        .resource_schemas()
        .find(|(name, _)| *name == "kontraktor_secret_reference")
        .expect("it is offered");
    assert_eq!(sensitive(reference), [""; 0], "references are configuration");
}
