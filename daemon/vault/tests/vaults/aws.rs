//! AWS Secrets Manager: the SDK against moto.

use std::{fs, os::unix::fs::PermissionsExt as _};

use kontraktor_model::reference::Secret;
use kontraktor_vault::{AwsAuth, AwsRole, AwsSettings, AwsVault, Vault as _, VaultErrorKind};
use serde_json::json;
use tempfile::TempDir;
use testkit::servers::Moto;

use crate::clouds::{Asked, VALUE, clean, described, is, secret, value};

/// A vault at this endpoint, with keys from a file of its own.
pub(crate) struct Aws {
    pub(crate) asked: Asked<AwsVault>,
    folder: TempDir,
}

impl std::ops::Deref for Aws {
    type Target = Asked<AwsVault>;

    fn deref(&self) -> &Self::Target {
        &self.asked
    }
}

impl Aws {
    pub(crate) fn at(address: &str) -> Self {
        Self::with(address, |_| {})
    }

    pub(crate) fn with(address: &str, change: impl FnOnce(&mut AwsSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = AwsSettings {
            address: Some(address.to_owned()),
            region: Some(Moto::REGION.to_owned()),
            auth: AwsAuth::Profile {
                profile: None,
                credentials_file: Some(folder.path().join("credentials")),
            },
            ..AwsSettings::default()
        };
        change(&mut settings);
        let vault = AwsVault::new(&"team".parse().unwrap(), settings).unwrap();
        let aws = Self { asked: Asked::new(vault), folder };
        aws.key("AKIAFIRST", "");
        aws
    }

    /// Writes the file with the key.
    pub(crate) fn key(&self, id: &str, more: &str) {
        let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {VALUE}\n{more}\n");
        fs::write(self.folder.path().join("credentials"), text).unwrap();
    }
}

#[test]
fn a_secret_is_read_by_name_by_arn_by_version_and_by_stage() {
    let moto = Moto::start();
    let arn = moto.create("app/db", r#"{"user": "first"}"#);
    let aws = Aws::at(&moto.address());
    let first = aws.fetch("aws-sm://team/app/db").unwrap().version.unwrap();
    let second = moto.put("app/db", r#"{"user": "second", "port": 5432}"#, &[]);

    let newest = aws.fetch("aws-sm://team/app/db").unwrap();
    assert_eq!(newest.version.as_ref(), Some(&second));
    assert_eq!(newest.lease, None);
    assert_eq!(aws.read("aws-sm://team/app/db#user"), "second");
    assert_eq!(aws.read("aws-sm://team/app/db#port"), "5432");
    assert_eq!(aws.read(&format!("aws-sm://team/{arn}#user")), "second");
    assert_eq!(aws.read("aws-sm://team/app/db?stage=AWSPREVIOUS#user"), "first");
    assert_eq!(aws.read("aws-sm://team/app/db?stage=AWSCURRENT#user"), "second");
    assert_eq!(aws.read(&format!("aws-sm://team/app/db?version={first}#user")), "first");
    assert_eq!(aws.read("aws-sm://team/app/db"), r#"{"user": "second", "port": 5432}"#);
}

#[test]
fn a_secret_that_is_not_text_is_what_it_is() {
    let moto = Moto::start();
    let bytes: Vec<u8> = (0..=255).collect();
    moto.create_binary("keystore", &bytes);
    let aws = Aws::at(&moto.address());
    assert_eq!(value(&aws.fetch("aws-sm://team/keystore").unwrap(), None), bytes);
}

#[test]
fn a_missing_secret_is_not_a_missing_version() {
    let moto = Moto::start();
    moto.create("app/db", VALUE);
    let aws = Aws::at(&moto.address());
    let unknown = "00000000-0000-0000-0000-000000000000";
    for missing in ["nowhere", "nowhere?stage=AWSPREVIOUS", &format!("nowhere?version={unknown}")] {
        is(&aws.refused(&format!("aws-sm://team/{missing}")), VaultErrorKind::NotFound);
    }
    for gone in ["stage=AWSPENDING", &format!("version={unknown}")] {
        is(&aws.refused(&format!("aws-sm://team/app/db?{gone}")), VaultErrorKind::VersionGone);
    }
    insta::assert_snapshot!(described(&aws.refused("aws-sm://team/nowhere")), @r#"
    NotFound: vault "team" has no such secret in region eu-central-1
    check the name, and that the secret is in this region and account
    "#);
    insta::assert_snapshot!(described(&aws.refused("aws-sm://team/app/db?stage=AWSPENDING")), @r#"
    VersionGone: vault "team" has the secret, but not this version
    list the versions and stages: aws secretsmanager list-secret-version-ids
    "#);
}

#[test]
fn a_secret_scheduled_for_deletion_is_disabled_and_one_that_is_deleted_is_gone() {
    let moto = Moto::start();
    moto.create("soon", VALUE);
    moto.create("now", VALUE);
    let aws = Aws::at(&moto.address());
    assert_eq!(aws.read("aws-sm://team/now"), VALUE);
    moto.call("DeleteSecret", &json!({ "SecretId": "soon", "RecoveryWindowInDays": 7 })).ok();
    moto.delete("now");
    is(&aws.refused("aws-sm://team/soon"), VaultErrorKind::Disabled);
    is(&aws.refused("aws-sm://team/soon?stage=AWSPREVIOUS"), VaultErrorKind::Disabled);
    is(&clean(aws.version("aws-sm://team/soon").unwrap_err()), VaultErrorKind::Disabled);
    is(&aws.refused("aws-sm://team/now"), VaultErrorKind::NotFound);
}

#[test]
fn forty_five_secrets_take_three_requests_and_each_has_its_own_answer() {
    let moto = Moto::start();
    let names: Vec<String> = (0..45).map(|n| format!("batch/{n}")).collect();
    for (n, name) in names.iter().enumerate().filter(|(n, _)| n % 10 != 3) {
        moto.create(name, &format!(r#"{{"n": "{n}"}}"#));
    }
    moto.call("DeleteSecret", &json!({ "SecretId": "batch/7", "RecoveryWindowInDays": 7 })).ok();
    let aws = Aws::at(&moto.address());
    moto.record();

    let secrets: Vec<Secret> = names.iter().map(|name| secret(&format!("aws-sm://team/{name}"))).collect();
    let answers = aws.wait(aws.vault.fetch_many(&secrets.iter().collect::<Vec<_>>()));
    assert_eq!(answers.len(), 45);
    for (n, answer) in answers.into_iter().enumerate() {
        match (n, answer) {
            (7, Err(error)) => is(&clean(error), VaultErrorKind::Disabled),
            (n, Err(error)) if n % 10 == 3 => is(&clean(error), VaultErrorKind::NotFound),
            (n, Ok(fetched)) => {
                assert_eq!(value(&fetched, Some("n")), n.to_string().into_bytes());
                assert!(fetched.version.is_some());
            }
            (n, Err(error)) => panic!("{n}: {error:?}"),
        }
    }
    assert_eq!(count(&moto, "BatchGetSecretValue"), 3, "{:?}", moto.actions());
}

#[test]
fn a_batch_takes_what_it_can_and_the_rest_is_read_singly() {
    let moto = Moto::start();
    let arn = moto.create("one", r#"{"a": "1", "b": "2"}"#);
    moto.create("two", "old");
    moto.put("two", "new", &[]);
    let aws = Aws::at(&moto.address());
    moto.record();
    let references = [
        "aws-sm://team/one#a".to_owned(),
        "aws-sm://team/two?stage=AWSPREVIOUS".to_owned(),
        "aws-sm://team/one#b".to_owned(),
        "aws-sm://team/two?stage=AWSCURRENT".to_owned(),
        format!("aws-sm://team/{arn}"),
    ];
    let secrets: Vec<Secret> = references.iter().map(|reference| secret(reference)).collect();
    let answers = aws.wait(aws.vault.fetch_many(&secrets.iter().collect::<Vec<_>>()));
    let values: Vec<_> = answers.iter().map(|answer| value(answer.as_ref().unwrap(), None)).collect();
    let whole = br#"{"a": "1", "b": "2"}"#.to_vec();
    assert_eq!(values, [whole.clone(), b"old".to_vec(), whole.clone(), b"new".to_vec(), whole]);
    assert_eq!(moto.actions(), ["BatchGetSecretValue", "GetSecretValue"]);
}

#[test]
fn the_version_is_reported_without_a_read_where_possible() {
    let moto = Moto::start();
    moto.create("app/db", "first");
    let aws = Aws::at(&moto.address());
    let first = aws.version("aws-sm://team/app/db").unwrap();
    let second = Some(moto.put("app/db", "second", &[]));
    assert_ne!(first, second);
    moto.record();
    assert_eq!(aws.version("aws-sm://team/app/db").unwrap(), second);
    assert_eq!(aws.version("aws-sm://team/app/db?stage=AWSPREVIOUS").unwrap(), first);
    let pinned = format!("aws-sm://team/app/db?version={}", first.clone().unwrap());
    assert_eq!(aws.version(&pinned).unwrap(), first);
    assert_eq!(count(&moto, "GetSecretValue"), 0);
    is(&clean(aws.version("aws-sm://team/nowhere").unwrap_err()), VaultErrorKind::NotFound);
    is(&clean(aws.version("aws-sm://team/app/db?stage=OTHER").unwrap_err()), VaultErrorKind::VersionGone);
}

#[test]
fn a_vault_that_comes_back_is_read_from_again() {
    let mut moto = Moto::start();
    moto.create("app/db", VALUE);
    let aws = Aws::at(&moto.address());
    assert_eq!(aws.read("aws-sm://team/app/db"), VALUE);
    moto.stop();
    is(&aws.refused("aws-sm://team/app/db"), VaultErrorKind::Unavailable);
    insta::assert_snapshot!(described(&aws.refused("aws-sm://team/app/db")), @r#"
    Unavailable: vault "team" cannot be reached
    check the network between this machine and AWS, and `address` and `region` of the vault
    "#);
    moto.start_again();
    moto.create("app/db", VALUE);
    assert_eq!(aws.read("aws-sm://team/app/db"), VALUE);
}

#[test]
fn a_role_is_assumed_with_the_credentials() {
    let moto = Moto::start();
    moto.create("app/db", VALUE);
    let aws = Aws::with(&moto.address(), |settings| {
        settings.assume_role = Some(AwsRole {
            arn: "arn:aws:iam::123456789012:role/reader".to_owned(),
            external_id: Some("theirs".to_owned()),
            session_name: None,
        });
    });
    // The role is requested from another service, whose endpoint is in the profile.
    aws.key("AKIAFIRST", &format!("endpoint_url = {}", moto.address()));
    assert_eq!(aws.read("aws-sm://team/app/db"), VALUE);
    let findings = aws.wait(aws.vault.check()).unwrap().join("\n");
    assert!(findings.contains("role: arn:aws:iam::123456789012:role/reader"), "{findings}");
    assert!(findings.contains("temporary") && !findings.contains("long-lived"), "{findings}");
}

/// The addresses are of TEST-NET-1 (RFC 5737), where nobody answers: only what is not sent fails at once.
#[test]
fn nothing_is_sent_in_the_clear_to_an_endpoint_of_a_profile() {
    let aws = Aws::with("", |settings| settings.address = None);
    aws.key("AKIAFIRST", "endpoint_url = http://192.0.2.1");
    insta::assert_snapshot!(described(&aws.refused("aws-sm://team/app/db")), @r#"SignIn: vault "team": the endpoint of Secrets Manager in the AWS profile: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts"#);
    assert!(aws.wait(aws.vault.check()).is_err());

    let aws = Aws::with("https://192.0.2.2", |settings| {
        settings.assume_role = Some(AwsRole {
            arn: "arn:aws:iam::123456789012:role/reader".to_owned(),
            external_id: None,
            session_name: None,
        });
    });
    aws.key("AKIAFIRST", "endpoint_url = http://192.0.2.1");
    let refused = described(&aws.refused("aws-sm://team/app/db"));
    assert!(refused.contains("in the AWS profile: http:// would send secrets in the clear"), "{refused}");
}

#[test]
fn an_endpoint_of_a_profile_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let build = |profile: &str, allow_plain_http: bool| {
        let settings = AwsSettings {
            auth: AwsAuth::Profile {
                profile: Some(profile.to_owned()),
                credentials_file: Some(file.clone()),
            },
            allow_plain_http,
            ..AwsSettings::default()
        };
        AwsVault::new(&"team".parse().unwrap(), settings).map(|_| ())
    };
    assert_eq!(build("team", false), Ok(()), "a file that is missing is reported when it is used");
    let text = "[team]\nendpoint_url = http://me:hunter2@192.0.2.1\n[other]\nendpoint_url = http://127.0.0.1:5000\n\
                [ignores]\nignore_configured_endpoint_urls = true\nendpoint_url = http://192.0.2.1\n";
    fs::write(&file, text).unwrap();
    insta::assert_snapshot!(build("team", false).unwrap_err(), @"the endpoint of Secrets Manager in the AWS profile: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts");
    assert_eq!(build("team", true), Ok(()));
    for profile in ["other", "ignores", "missing"] {
        assert_eq!(build(profile, false), Ok(()), "{profile}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o660)).unwrap();
    assert_eq!(
        build("team", false),
        Ok(()),
        "a file that others can write is reported, and refused when it is used"
    );
}

#[test]
fn a_check_says_where_and_as_whom_and_reads_nothing() {
    let moto = Moto::start();
    let aws = Aws::at(&moto.address());
    moto.record();
    let findings = aws.wait(aws.vault.check()).unwrap().join("\n");
    let shown = findings
        .replace(&moto.address(), "ADDRESS")
        .replace(&aws.folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(shown, @r#"
    region: eu-central-1
    endpoint: ADDRESS
    credentials: profile "default" of FOLDER/credentials; access key …IRST, long-lived
    signed in: AWS accepts the credentials
    batches: allowed, 20 secrets in one request
    readable secrets: this depends on each secret and on the identity's policy
    "#);
    assert_eq!(moto.actions(), ["ListSecrets", "BatchGetSecretValue"]);
}

fn count(moto: &Moto, action: &str) -> usize {
    moto.actions().iter().filter(|one| *one == action).count()
}
