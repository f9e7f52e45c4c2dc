use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    text.parse::<Reference>().expect_err("it is no reference").to_string()
}

fn name(text: &str) -> VaultName {
    text.parse().expect("a good name")
}

#[test]
fn each_kind_is_read() {
    let secret = VaultSecret {
        mount: "secret".to_owned(),
        path: "app/db".to_owned(),
        version: NonZeroU64::new(3),
        field: "password".to_owned(),
    };
    let expected = Reference { vault: name("team"), secret: Secret::Vault(secret) };
    assert_eq!(parsed("vault://team/secret/app/db?version=3#password"), expected);

    let aws = |version, field: Option<&str>| Reference {
        vault: name("prod"),
        secret: Secret::AwsSm(AwsSecret {
            name: "app/db".to_owned(),
            version,
            field: field.map(str::to_owned),
        }),
    };
    assert_eq!(parsed("aws-sm://prod/app/db"), aws(None, None));
    let stage = AwsVersion::Stage("AWSCURRENT".to_owned());
    assert_eq!(parsed("aws-sm://prod/app/db?stage=AWSCURRENT#user"), aws(Some(stage), Some("user")));
    let id = AwsVersion::Id("a1b2".to_owned());
    assert_eq!(parsed("aws-sm://prod/app/db?version=a1b2"), aws(Some(id), None));

    let secret = AzureSecret { name: "db-password".to_owned(), version: Some("0a1b".to_owned()) };
    let expected = Reference { vault: name("kv"), secret: Secret::AzureKv(secret) };
    assert_eq!(parsed("azure-kv://kv/db-password?version=0a1b"), expected);
}

#[test]
fn what_is_encoded_belongs_to_the_name() {
    let reference = parsed("vault://team/kv%2Fteam/a%3Fb/100%25#f%23%3f");
    let Secret::Vault(secret) = reference.secret() else { panic!("another kind") };
    assert_eq!((&*secret.mount, &*secret.path, &*secret.field), ("kv/team", "a?b/100%", "f#?"));
    assert_eq!(reference.to_string(), "vault://team/kv%2Fteam/a%3Fb/100%25#f%23%3F");

    let reference =
        parsed("aws-sm://prod/arn:aws:secretsmanager:eu-west-1:1:secret:a%20b-Ab?stage=x%26y=1#ä");
    let Secret::AwsSm(secret) = reference.secret() else { panic!("another kind") };
    assert_eq!(secret.name, "arn:aws:secretsmanager:eu-west-1:1:secret:a b-Ab");
    assert_eq!(secret.version, Some(AwsVersion::Stage("x&y=1".to_owned())));
    assert_eq!(secret.field.as_deref(), Some("ä"));
}

/// Infisical #3844: an empty reference went out as it stood.
#[test]
fn an_empty_part_is_refused_and_never_inlined() {
    insta::assert_snapshot!(refusal(""), @"reference, column 1: it does not begin with a known scheme: write vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name");
    insta::assert_snapshot!(refusal("vault://"), @"reference, column 9: the vault's name is missing");
    insta::assert_snapshot!(refusal("vault:///secret/app#f"), @"reference, column 9: the vault's name is missing");
    insta::assert_snapshot!(refusal("vault://team"), @"reference, column 13: the mount is missing");
    insta::assert_snapshot!(refusal("vault://team//app#f"), @"reference, column 14: the mount is missing");
    insta::assert_snapshot!(refusal("vault://team/secret"), @"reference, column 20: the path is missing");
    insta::assert_snapshot!(refusal("vault://team/secret/#f"), @"reference, column 21: the path is missing");
    insta::assert_snapshot!(refusal("vault://team/secret/app//db#f"), @"reference, column 25: the path has an empty segment: write single slashes, and none at the end");
    insta::assert_snapshot!(refusal("vault://team/secret/app/#f"), @"reference, column 25: the path has an empty segment: write single slashes, and none at the end");
    insta::assert_snapshot!(refusal("vault://team/secret/app"), @"reference, column 24: the field is missing: a Vault secret is a map, so add which one, as in #password");
    insta::assert_snapshot!(refusal("vault://team/secret/app#"), @"reference, column 25: the field is empty: fill it in, or remove what leads to it");
    insta::assert_snapshot!(refusal("vault://team/secret/app?#f"), @"reference, column 25: there is no such parameter: vault references know version=NUMBER");
    insta::assert_snapshot!(refusal("vault://team/secret/app?version=#f"), @"reference, column 33: the version is empty: fill it in, or remove what leads to it");
    insta::assert_snapshot!(refusal("aws-sm://prod/"), @"reference, column 15: the secret's name is missing");
    insta::assert_snapshot!(refusal("aws-sm://prod/a#"), @"reference, column 17: the field is empty: fill it in, or remove what leads to it");
    insta::assert_snapshot!(refusal("azure-kv://kv"), @"reference, column 14: the secret's name is missing");
}

#[test]
fn refusals_point_at_the_column() {
    insta::assert_snapshot!(refusal("vualt://team/secret/app#f"), @"reference, column 1: it does not begin with a known scheme: write vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name");
    insta::assert_snapshot!(refusal("vault://Team/secret/app#f"), @r#"reference, column 9: vault has 'T' at character 1: use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
    insta::assert_snapshot!(refusal("vault://team/secret/ap p#f"), @"reference, column 23: there is a blank or a control character: remove it, or write it percent-encoded, as in %20");
    insta::assert_snapshot!(refusal("vault://team/secret/app#f\n"), @"reference, column 26: there is a blank or a control character: remove it, or write it percent-encoded, as in %20");
    insta::assert_snapshot!(refusal("vault://team/secret/50%#f"), @r#"reference, column 23: "%" is not followed by two hexadecimal digits: a percent sign itself is written %25"#);
    insta::assert_snapshot!(refusal("vault://team/secret/ä%+1#f"), @r#"reference, column 22: "%" is not followed by two hexadecimal digits: a percent sign itself is written %25"#);
    insta::assert_snapshot!(refusal("vault://team/secret/%ff#f"), @"reference, column 21: the path is not UTF-8 when decoded, or holds a NUL character");
    insta::assert_snapshot!(refusal("vault://team/secret/a#f%00"), @"reference, column 23: the field is not UTF-8 when decoded, or holds a NUL character");
    insta::assert_snapshot!(refusal("vault://team/secret/../sys/raw#f"), @"reference, column 21: the path has a segment of dots, which would lead elsewhere: remove it");
    insta::assert_snapshot!(refusal("vault://team/secret/a%2F%2E%2e#f"), @"reference, column 21: the path has a segment of dots, which would lead elsewhere: remove it");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=0#f"), @"reference, column 31: the version is not a whole number from 1: leave it out for the newest");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=+1#f"), @"reference, column 31: the version is not a whole number from 1: leave it out for the newest");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version#f"), @"reference, column 30: a parameter has no value: vault references know version=NUMBER");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=1&version=2#f"), @"reference, column 33: a parameter is there twice, and one version can be meant: keep one");
    insta::assert_snapshot!(refusal("vault://team/secret/a?stage=x#f"), @"reference, column 23: there is no such parameter: vault references know version=NUMBER");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=1?x#f"), @r#"reference, column 32: there is a second "?": one that belongs to a name is written %3F"#);
    insta::assert_snapshot!(refusal("vault://team/secret/a#f#g"), @r##"reference, column 24: there is a second "#": one that belongs to a name is written %23"##);
    insta::assert_snapshot!(refusal("vault://team/secret/a#f?version=1"), @r##"reference, column 24: there is a "?" behind the "#": what asks for a version stands before the field, as in ?version=3#field; a question mark in the field is written %3F"##);
    insta::assert_snapshot!(refusal("aws-sm://prod/a?stage=S&version=V"), @"reference, column 33: version and stage exclude each other: keep one");
    insta::assert_snapshot!(refusal("aws-sm://prod/a?region=x"), @"reference, column 17: there is no such parameter: aws-sm references know version=ID or stage=STAGE");
    insta::assert_snapshot!(refusal("azure-kv://kv/a/b"), @r#"reference, column 15: the secret's name must be 1 to 127 characters of A-Z, a-z, 0-9 and "-""#);
    insta::assert_snapshot!(refusal("azure-kv://kv/a?version=a/b"), @"reference, column 25: the version must be letters and digits: it is the identifier at the end of the secret's address");
    insta::assert_snapshot!(refusal("azure-kv://kv/a#f"), @r##"reference, column 16: azure-kv references have no field: a Key Vault secret is one text; remove the "#" and what follows"##);
    insta::assert_snapshot!(refusal(&format!("aws-sm://prod/{}", "a".repeat(5000))), @"reference, column 1: it is 5014 bytes long: at most 4096 bytes of UTF-8 are allowed");
}

/// Someone puts the secret itself where its reference belongs.
#[test]
fn no_refusal_repeats_what_it_was_given() {
    for text in [
        "postgres://u:hunter2@db",
        "vault://hunter2hunter2 ",
        "vault://team/a/b?hunter2=1#hunter2",
        "hunter2",
    ] {
        assert!(!refusal(text).contains("hunter2"), "{}", refusal(text));
    }
}

/// A text that is not empty, with all that is awkward.
fn text() -> impl Strategy<Value = String> {
    "[^/\0]{1,8}|[a-z?#%&=+ \n.ä]{1,8}".prop_filter("dots lead elsewhere", |text| text != "." && text != "..")
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(text(), 1..4).prop_map(|segments| segments.join("/"))
}

fn secret() -> impl Strategy<Value = Secret> {
    let field = || (text(), text()).prop_map(|(a, b)| format!("{a}/{b}"));
    let version = prop::option::of(1..=u64::MAX).prop_map(|version| version.and_then(NonZeroU64::new));
    let vault = (path(), path(), version, field())
        .prop_map(|(mount, path, version, field)| Secret::Vault(VaultSecret { mount, path, version, field }));
    let version = prop_oneof![text().prop_map(AwsVersion::Id), text().prop_map(AwsVersion::Stage)];
    let aws = (path(), prop::option::of(version), prop::option::of(field()))
        .prop_map(|(name, version, field)| Secret::AwsSm(AwsSecret { name, version, field }));
    let azure = ("[A-Za-z0-9-]{1,127}", prop::option::of("[a-f0-9]{1,32}"))
        .prop_map(|(name, version)| Secret::AzureKv(AzureSecret { name, version }));
    prop_oneof![vault, aws, azure]
}

proptest! {
    #[test]
    fn what_is_written_is_read(vault in "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", secret in secret()) {
        let reference = Reference { vault: name(&vault), secret };
        prop_assert_eq!(parsed(&reference.to_string()), reference);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_column_in_it(text in "(vault|aws-sm|azure-kv)://[a-z/?#%&=.ä0-9]{0,20}|.{0,20}") {
        match text.parse::<Reference>() {
            // In its one spelling it is the same.
            Ok(reference) => prop_assert_eq!(parsed(&reference.to_string()), reference),
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column())),
        }
    }
}
