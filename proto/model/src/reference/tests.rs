use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    text.parse::<Reference>().expect_err("not a reference").to_string()
}

fn name(text: &str) -> VaultName {
    text.parse().expect("a valid name")
}

/// The parts of a secret, as in its accessors.
type Parts<'a> = (Option<&'a str>, &'a str, Option<Version>, Option<&'a str>);

fn parts(reference: &Reference) -> Parts<'_> {
    let secret = reference.secret();
    (secret.mount(), secret.path(), secret.version().cloned(), secret.field())
}

fn id(text: &str) -> Version {
    Version::Id(text.to_owned())
}

fn stage(text: &str) -> Version {
    Version::Stage(text.to_owned())
}

#[test]
fn each_scheme_is_parsed() {
    for (text, vault, scheme, expected) in [
        (
            "vault://team/secret/app/db?version=3#password",
            "team",
            "vault",
            (Some("secret"), "app/db", Some(id("3")), Some("password")),
        ),
        ("aws-sm://prod/app/db", "prod", "aws-sm", (None, "app/db", None, None)),
        (
            "aws-sm://prod/app/db?stage=AWSCURRENT#user",
            "prod",
            "aws-sm",
            (None, "app/db", Some(stage("AWSCURRENT")), Some("user")),
        ),
        ("aws-sm://prod/app/db?version=a1b2", "prod", "aws-sm", (None, "app/db", Some(id("a1b2")), None)),
        (
            "azure-kv://kv/db-password?version=0a1b",
            "kv",
            "azure-kv",
            (None, "db-password", Some(id("0a1b")), None),
        ),
    ] {
        let reference = parsed(text);
        assert_eq!((reference.vault(), reference.secret().scheme().name), (&name(vault), scheme), "{text}");
        assert_eq!(parts(&reference), expected, "{text}");
        assert_eq!(reference.to_string(), text);
    }
    assert_eq!(parsed("vault://team/secret/a?version=03#f"), parsed("vault://team/secret/a?version=3#f"));
}

#[test]
fn what_is_encoded_belongs_to_the_name() {
    let reference = parsed("vault://team/kv%2Fteam/a%3Fb/100%25#f%23%3f");
    assert_eq!(parts(&reference), (Some("kv/team"), "a?b/100%", None, Some("f#?")));
    assert_eq!(reference.to_string(), "vault://team/kv%2Fteam/a%3Fb/100%25#f%23%3F");

    let reference =
        parsed("aws-sm://prod/arn:aws:secretsmanager:eu-west-1:1:secret:a%20b-Ab?stage=x%26y=1#ä");
    let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:a b-Ab";
    assert_eq!(parts(&reference), (None, arn, Some(stage("x&y=1")), Some("ä")));
}

/// A scheme that only this test knows.
static MADE_UP: Scheme = Scheme {
    name: "made-up",
    form: "made-up://NAME/letters",
    path: PathRule::NameOf(TextRule {
        canonical: |text| text.bytes().all(|byte| byte.is_ascii_alphabetic()).then(|| text.to_lowercase()),
        expected: "letters",
    }),
    parameters: &[],
    field: FieldRule::Required,
};

#[test]
fn a_new_scheme_needs_no_more_than_its_rules() {
    let parse = |text: &str| Reference::parse(text, &[&MADE_UP]);
    let reference = parse("made-up://kv/ABC#f").unwrap();
    assert_eq!(parts(&reference), (None, "abc", None, Some("f")));
    assert_eq!(reference.to_string(), "made-up://kv/abc#f");
    assert!(reference.at_version("1").is_err());
    let refusal = |text: &str| parse(text).unwrap_err().to_string();
    insta::assert_snapshot!(refusal("made-up://kv/1#f"), @"invalid reference at column 14: the secret's name must be letters");
    insta::assert_snapshot!(refusal("made-up://kv/a?version=1#f"), @"invalid reference at column 16: unknown parameter; expected none");
    insta::assert_snapshot!(refusal("vault://team/secret/app#f"), @"invalid reference at column 1: unknown scheme; expected made-up://NAME/letters");
    assert!("made-up://kv/abc#f".parse::<Reference>().is_err());
}

/// Infisical #3844: an empty reference was inlined as it was.
#[test]
fn an_empty_part_is_an_error() {
    insta::assert_snapshot!(refusal(""), @"invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name");
    insta::assert_snapshot!(refusal("vault://"), @"invalid reference at column 9: the vault's name is missing");
    insta::assert_snapshot!(refusal("vault:///secret/app#f"), @"invalid reference at column 9: the vault's name is missing");
    insta::assert_snapshot!(refusal("vault://team"), @"invalid reference at column 13: the mount is missing");
    insta::assert_snapshot!(refusal("vault://team//app#f"), @"invalid reference at column 14: the mount is missing");
    insta::assert_snapshot!(refusal("vault://team/secret"), @"invalid reference at column 20: the path is missing");
    insta::assert_snapshot!(refusal("vault://team/secret/#f"), @"invalid reference at column 21: the path is missing");
    insta::assert_snapshot!(refusal("vault://team/secret/app//db#f"), @"invalid reference at column 25: the path has an empty segment; use single slashes, and none at the end");
    insta::assert_snapshot!(refusal("vault://team/secret/app/#f"), @"invalid reference at column 25: the path has an empty segment; use single slashes, and none at the end");
    insta::assert_snapshot!(refusal("vault://team/secret/app"), @"invalid reference at column 24: the field is missing; add one, as in #password");
    insta::assert_snapshot!(refusal("vault://team/secret/app#"), @"invalid reference at column 25: the field is empty; give one, or remove its separator");
    insta::assert_snapshot!(refusal("vault://team/secret/app?#f"), @"invalid reference at column 25: unknown parameter; expected version=NUMBER");
    insta::assert_snapshot!(refusal("vault://team/secret/app?version=#f"), @"invalid reference at column 33: the version is empty; give one, or remove its separator");
    insta::assert_snapshot!(refusal("aws-sm://prod/"), @"invalid reference at column 15: the secret's name is missing");
    insta::assert_snapshot!(refusal("aws-sm://prod/a#"), @"invalid reference at column 17: the field is empty; give one, or remove its separator");
    insta::assert_snapshot!(refusal("azure-kv://kv"), @"invalid reference at column 14: the secret's name is missing");
}

#[test]
fn errors_point_at_the_column() {
    insta::assert_snapshot!(refusal("vualt://team/secret/app#f"), @"invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name");
    insta::assert_snapshot!(refusal("vault://Team/secret/app#f"), @r#"invalid reference at column 9: vault has 'T' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
    insta::assert_snapshot!(refusal("vault://team/secret/ap p#f"), @"invalid reference at column 23: blanks and control characters must be percent-encoded, as in %20");
    insta::assert_snapshot!(refusal("vault://team/secret/app#f\n"), @"invalid reference at column 26: blanks and control characters must be percent-encoded, as in %20");
    insta::assert_snapshot!(refusal("vault://team/secret/50%#f"), @r#"invalid reference at column 23: "%" must be followed by two hexadecimal digits; write a literal one as %25"#);
    insta::assert_snapshot!(refusal("vault://team/secret/ä%+1#f"), @r#"invalid reference at column 22: "%" must be followed by two hexadecimal digits; write a literal one as %25"#);
    insta::assert_snapshot!(refusal("vault://team/secret/%ff#f"), @"invalid reference at column 21: the path must be UTF-8 without NUL when decoded");
    insta::assert_snapshot!(refusal("vault://team/secret/a#f%00"), @"invalid reference at column 23: the field must be UTF-8 without NUL when decoded");
    insta::assert_snapshot!(refusal("vault://team/secret/../sys/raw#f"), @r#"invalid reference at column 21: the path has a segment "." or ".."; remove it"#);
    insta::assert_snapshot!(refusal("vault://team/secret/a%2F%2E%2e#f"), @r#"invalid reference at column 21: the path has a segment "." or ".."; remove it"#);
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=0#f"), @"invalid reference at column 31: the version must be a whole number of at least 1; leave it out for the newest");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=+1#f"), @"invalid reference at column 31: the version must be a whole number of at least 1; leave it out for the newest");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version#f"), @"invalid reference at column 30: parameter without a value; expected version=NUMBER");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=1&version=2#f"), @"invalid reference at column 33: duplicate parameter; remove one");
    insta::assert_snapshot!(refusal("vault://team/secret/a?stage=x#f"), @"invalid reference at column 23: unknown parameter; expected version=NUMBER");
    insta::assert_snapshot!(refusal("vault://team/secret/a?version=1?x#f"), @r#"invalid reference at column 32: second "?"; write a literal one as %3F"#);
    insta::assert_snapshot!(refusal("vault://team/secret/a#f#g"), @r##"invalid reference at column 24: second "#"; write a literal one as %23"##);
    insta::assert_snapshot!(refusal("vault://team/secret/a#f?version=1"), @r##"invalid reference at column 24: "?" after "#"; put the version before the field, as in ?version=3#field, or write a literal "?" as %3F"##);
    insta::assert_snapshot!(refusal("aws-sm://prod/a?stage=S&version=V"), @"invalid reference at column 33: version and stage are mutually exclusive; remove one");
    insta::assert_snapshot!(refusal("aws-sm://prod/a?region=x"), @"invalid reference at column 17: unknown parameter; expected version=ID or stage=STAGE");
    insta::assert_snapshot!(refusal("azure-kv://kv/a/b"), @r#"invalid reference at column 15: the secret's name must be 1 to 127 characters from A-Z, a-z, 0-9 and "-""#);
    insta::assert_snapshot!(refusal("azure-kv://kv/a?version=a/b"), @"invalid reference at column 25: the version must be letters and digits, as at the end of the secret's identifier");
    insta::assert_snapshot!(refusal("azure-kv://kv/a#f"), @r##"invalid reference at column 16: azure-kv references have no field; remove "#" and what follows"##);
    insta::assert_snapshot!(refusal(&format!("aws-sm://prod/{}", "a".repeat(5000))), @"invalid reference at column 1: 5014 bytes are too long; the limit is 4096");
}

/// Somebody pastes the secret itself in place of its reference.
#[test]
fn no_error_repeats_a_part_of_the_text() {
    for text in [
        "postgres://u:hunter2@db",
        "vault://hunter2hunter2 ",
        "vault://team/a/b?hunter2=1#hunter2",
        "hunter2",
    ] {
        assert!(!refusal(text).contains("hunter2"), "{}", refusal(text));
    }
}

/// A text that is not empty, with characters that need care.
fn text() -> impl Strategy<Value = String> {
    "[^/\0]{1,8}|[a-z?#%&=+ \n.ä]{1,8}".prop_filter("dots lead elsewhere", |text| text != "." && text != "..")
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(text(), 1..4).prop_map(|segments| segments.join("/"))
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![text().prop_map(Version::Id), text().prop_map(Version::Stage)]
}

fn secret() -> impl Strategy<Value = Secret> {
    let field = || (text(), text()).prop_map(|(a, b)| format!("{a}/{b}"));
    let id = prop::option::of((1..=u64::MAX).prop_map(|number| Version::Id(number.to_string())));
    let vault = (path(), path(), id, field()).prop_map(|(mount, path, version, field)| Secret {
        scheme: &hashicorp::SCHEME,
        mount: Some(mount),
        path,
        version,
        field: Some(field),
    });
    let aws = (path(), prop::option::of(version()), prop::option::of(field())).prop_map(
        |(path, version, field)| Secret { scheme: &aws::SCHEME, mount: None, path, version, field },
    );
    let id = prop::option::of("[a-f0-9]{1,32}".prop_map(Version::Id));
    let azure = ("[A-Za-z0-9-]{1,127}", id).prop_map(|(path, version)| Secret {
        scheme: &azure::SCHEME,
        mount: None,
        path,
        version,
        field: None,
    });
    prop_oneof![vault, aws, azure]
}

proptest! {
    #[test]
    fn what_is_written_is_parsed(vault in "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", secret in secret()) {
        let reference = Reference { vault: name(&vault), secret };
        prop_assert_eq!(parsed(&reference.to_string()), reference);
    }

    #[test]
    fn any_text_is_parsed_or_refused_at_a_column_in_it(text in "(vault|aws-sm|azure-kv)://[a-z/?#%&=.ä0-9]{0,20}|.{0,20}") {
        match text.parse::<Reference>() {
            // Its canonical spelling is parsed to the same.
            Ok(reference) => prop_assert_eq!(parsed(&reference.to_string()), reference),
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column())),
        }
    }
}
