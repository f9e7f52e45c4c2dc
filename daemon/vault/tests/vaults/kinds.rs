//! A kind of vault that only this test knows, through the same door as the others: the configuration, a reference, the
//! broker.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use kontraktor_model::reference::{
    FieldRule, Parameter, PathRule, Reference, SCHEMES, Scheme, Secret, Selector,
};
use kontraktor_vault::{
    Broker, Bytes, ConfiguredVault, Content, Fetched, KINDS, KindSettings, Lease, LeaseId, Vault, VaultError,
    VaultErrorKind, VaultKind, VaultTable, build_with, read_config,
};
use serde::Deserialize;

static SCHEME: Scheme = Scheme {
    name: "memo",
    form: "memo://NAME/title",
    path: PathRule::Name,
    parameters: &[Parameter { selector: Selector::Version, placeholder: "DATE", rule: None }],
    field: FieldRule::Optional,
};

static KIND: VaultKind = VaultKind {
    scheme: &SCHEME,
    build: |_, settings: &KindSettings| Ok(Arc::new(settings.read::<Memos>()?)),
};

/// The settings, and at the same time the vault: what is written in the configuration is what is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memos {
    memos: BTreeMap<String, String>,
}

#[async_trait]
impl Vault for Memos {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        let text = self.memos.get(secret.path());
        let text = text.ok_or_else(|| VaultError::new(VaultErrorKind::NotFound, "there is no such memo"))?;
        let version = secret.pinned_version().unwrap_or("today").to_owned();
        let content = Content::Whole(Bytes::from(text.clone()));
        Ok(Fetched { content, version: Some(version), lease: None })
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        self.fetch(secret).await.map(|fetched| fetched.version)
    }

    async fn renew(&self, _: &LeaseId, _: Duration) -> Result<Lease, VaultError> {
        Err(VaultError::new(VaultErrorKind::LeaseGone, "memos have no leases"))
    }

    async fn revoke(&self, _: &LeaseId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        Ok(Vec::new())
    }
}

fn build(toml: &str) -> Result<Vec<ConfiguredVault>, String> {
    #[derive(Deserialize)]
    struct File {
        vault: Vec<VaultTable>,
    }
    let file: File = read_config(toml).unwrap();
    let kinds: Vec<&VaultKind> = KINDS.iter().copied().chain([&KIND]).collect();
    build_with(&file.vault, &kinds)
}

fn reference(text: &str) -> Reference {
    let schemes: Vec<&'static Scheme> = SCHEMES.iter().copied().chain([&SCHEME]).collect();
    Reference::parse(text, &schemes).unwrap()
}

#[tokio::test]
async fn a_new_kind_is_configured_referred_to_and_read_like_the_others() {
    let desk = "[[vault]]\nname = 'desk'\nkind = 'memo'\ntimeout = '1s'\nmemos = { lunch = '{\"dish\": \"soup\"}' }\n";
    let aws = "[[vault]]\nname = 'prod'\nkind = 'aws-sm'\nregion = 'eu-central-1'\n";
    let broker = Broker::new(build(&format!("{desk}{aws}")).unwrap(), Arc::new(|| Timestamp::UNIX_EPOCH));
    let kinds: Vec<_> =
        broker.vaults().into_iter().map(|vault| (vault.name.to_string(), vault.kind)).collect();
    assert_eq!(kinds, [("desk".to_owned(), "memo"), ("prod".to_owned(), "aws-sm")]);

    let references = [
        "memo://desk/lunch?version=monday#dish",
        "memo://desk/lunch",
        "memo://desk/dinner",
        "memo://prod/lunch",
        "aws-sm://desk/lunch",
    ]
    .map(reference);
    let answers = broker.read(&references, &"unix:ada".into(), false).await.secrets;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer {
            Ok(read) => {
                let value = String::from_utf8(read.value.expose().to_vec()).unwrap();
                format!("{value} of {}", read.version.unwrap_or_default())
            }
            Err(error) => error.to_string(),
        })
        .collect();
    insta::assert_snapshot!(answers.join("\n"), @r#"
    soup of monday
    {"dish": "soup"} of today
    there is no such memo
    no vault "prod" of kind "memo" is configured
    no vault "desk" of kind "aws-sm" is configured
    "#);
}

#[test]
fn a_kind_that_is_not_registered_is_unknown() {
    let error = build("[[vault]]\nname = 'desk'\nkind = 'note'\n").err().unwrap();
    insta::assert_snapshot!(error, @r#"vault "desk": unknown kind; expected one of vault, aws-sm, azure-kv, memo"#);
    let error = build("[[vault]]\nname = 'desk'\nkind = 'memo'\nmemos = {}\npen = 'blue'\n").err().unwrap();
    insta::assert_snapshot!(error, @r#"vault "desk": unknown setting `pen`; expected memos"#);
}
