//! The functions, in a process that is not configured.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire;
use tfplugin_proto::wire::provider_server::Provider as _;
use tonic::Request;

use super::text;
use crate::framework::{Provider as _, Server};
use crate::{Kontraktor, Settings};

/// Calls the function as a host does. An error comes with the position of the argument to blame.
async fn call(name: &str, argument: &Value) -> Result<Value, (String, Option<i64>)> {
    call_with(name, argument, &[]).await
}

/// The same with further texts as variadic arguments.
async fn call_with(name: &str, argument: &Value, more: &[&str]) -> Result<Value, (String, Option<i64>)> {
    let provider = Kontraktor::new(Settings::default());
    let catalog = provider.catalog();
    let (_, signature) =
        catalog.function_signatures().find(|(known, _)| *known == name).expect("the function is offered");
    let (takes, returns) = (signature.parameters[0].ty.clone(), signature.returns.clone());
    let request = wire::call_function::Request {
        name: name.to_owned(),
        arguments: [argument.to_dynamic(&takes)]
            .into_iter()
            .chain(more.iter().map(|more| text(more).to_dynamic(&Type::String)))
            .collect::<Result<_, _>>()
            .expect("the arguments fit"),
    };
    let server = Server::new(Kontraktor::new(Settings::default()));
    let answer = server.call_function(Request::new(request)).await.unwrap().into_inner();
    match answer.error {
        Some(error) => Err((error.text, error.function_argument)),
        None => Ok(Value::from_dynamic(answer.result.as_ref(), &returns).expect("the result fits")),
    }
}

async fn refusal(name: &str, argument: Value) -> String {
    let (diagnostics, position) = call(name, &argument).await.expect_err("it is refused");
    assert_eq!(position, Some(0), "{diagnostics}");
    diagnostics
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::object(entries.map(|(key, value)| (key, text(value))))
}

#[tokio::test]
async fn dotenv_decode_gives_a_map() {
    let file = "# said\nexport A=1 # one\nB='two\nlines'\nC=\n";
    assert_eq!(
        call("dotenv_decode", &text(file)).await,
        Ok(map([("A", "1"), ("B", "two\nlines"), ("C", "")]))
    );
    assert_eq!(call("dotenv_decode", &text("")).await, Ok(map([])));
}

#[tokio::test]
async fn dotenv_decode_says_where_and_never_what() {
    insta::assert_snapshot!(refusal("dotenv_decode", text("A=1\nB='hunter2\n")).await, @"line 2, column 3: unclosed quote; add the closing quote");
    insta::assert_snapshot!(refusal("dotenv_decode", text("A=1\nA=hunter2")).await, @"line 2, column 1: duplicate key A, first set in line 1; keep one of them");
}

#[tokio::test]
async fn dotenv_encode_sorts_and_quotes() {
    let argument = map([("B", "it's 5"), ("A", "plain"), ("C", "one\ntwo")]);
    let encoded = call("dotenv_encode", &argument).await.expect("it can be written");
    insta::assert_snapshot!(encoded.as_str().expect("a text"), @r#"
    A=plain
    B="it's 5"
    C='one
    two'
    "#);
    assert_eq!(call_with("dotenv_encode", &argument, &["dotenv"]).await, Ok(encoded));
    let argument = map([("A", "it's \"$5\"")]);
    let mut written = Vec::new();
    for dialect in ["compose", "shell", "docker"] {
        let encoded = call_with("dotenv_encode", &argument, &[dialect]).await.expect("it can be written");
        written.push(encoded.as_str().expect("a text").to_owned());
    }
    insta::assert_snapshot!(written.concat(), @r#"
    A="it's \"\$5\""
    A="it's \"\$5\""
    A=it's "$5"
    "#);
    insta::assert_snapshot!(refusal("dotenv_encode", argument.clone()).await, @r#"A cannot be written in the dialect dotenv: a value with a single quote is written in double quotes, in which libraries read ", \ and $ in different ways. Choose another dialect, or leave A out"#);
    for (dialects, position, message) in [
        (&["bash"][..], 1, "dialect must be one of dotenv, docker, compose, shell"),
        (&["shell", "docker"], 2, "at most one dialect can be set. Remove the others"),
    ] {
        let refused = call_with("dotenv_encode", &argument, dialects).await;
        assert_eq!(refused, Err((message.to_owned(), Some(position))));
    }
}

#[tokio::test]
async fn dotenv_encode_names_the_key_it_cannot_write() {
    let null = Value::object([("A", Value::Null)]);
    insta::assert_snapshot!(refusal("dotenv_encode", null).await, @"the value of A is null. Remove the key, or set it to a string, which may be empty");
    insta::assert_snapshot!(refusal("dotenv_encode", map([("a b", "hunter2")])).await, @r#"key has ' ' at character 2; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_""#);
}

#[tokio::test]
async fn reference_parse_takes_a_reference_apart() {
    let parts = call("reference_parse", &text("vault://team/kv%2Fapp/db/main?version=3#password")).await;
    let expected = Value::object([
        ("scheme", text("vault")),
        ("vault", text("team")),
        ("mount", text("kv/app")),
        ("path", text("db/main")),
        ("name", Value::Null),
        ("version", text("3")),
        ("stage", Value::Null),
        ("field", text("password")),
    ]);
    assert_eq!(parts, Ok(expected));
    for (url, present) in [
        ("aws-sm://prod/app/db?stage=AWSPREVIOUS#user", vec!["field", "name", "scheme", "stage", "vault"]),
        ("aws-sm://prod/app/db?version=x", vec!["name", "scheme", "vault", "version"]),
        ("azure-kv://kv/db-password", vec!["name", "scheme", "vault"]),
    ] {
        let parts = call("reference_parse", &text(url)).await.expect("a reference");
        let parts = parts.as_map().expect("an object");
        let known: Vec<&str> =
            parts.iter().filter(|(_, part)| !part.is_null()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(known, present, "{url}");
    }
}

/// Infisical #3844: an empty reference was accepted.
#[tokio::test]
async fn reference_parse_refuses_empty_parts() {
    insta::assert_snapshot!(refusal("reference_parse", text("")).await, @"invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name");
    insta::assert_snapshot!(refusal("reference_parse", text("vault:///secret/app#password")).await, @"invalid reference at column 9: the vault's name is missing");
    insta::assert_snapshot!(refusal("reference_parse", text("vault://team/secret/app#")).await, @"invalid reference at column 25: the field is empty; give one, or remove its separator");
}

#[test]
fn what_is_unknown_or_null_is_the_hosts_matter() {
    let provider = Kontraktor::new(Settings::default());
    for (name, signature) in provider.catalog().function_signatures() {
        let parameter = &signature.parameters[0];
        assert!(!parameter.allow_null && !parameter.allow_unknown, "{name}");
        assert!(
            signature.variadic.as_ref().is_none_or(|more| !more.allow_null && !more.allow_unknown),
            "{name}"
        );
        assert!(matches!(parameter.ty, Type::String | Type::Map(_)), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_encoded_is_decoded(
        variables in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,5}", "[a'\"\\\\$`#\r\n ]{0,8}|[ -~]{0,12}", 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let map = |variables: &BTreeMap<String, String>| {
            Value::object(variables.iter().map(|(key, value)| (key.as_str(), text(value))))
        };
        let decoded = runtime.block_on(async {
            let encoded = call_with("dotenv_encode", &map(&variables), &["shell"]).await?;
            call("dotenv_decode", &encoded).await
        });
        prop_assert_eq!(decoded, Ok(map(&variables)));
    }
}
