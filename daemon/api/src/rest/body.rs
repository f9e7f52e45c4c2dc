//! The body of a request: JSON, bounded, with errors that say where and never repeat a value.

mod objects;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kontraktor_domain::{Code, Refusal};
use kontraktor_model::limits::MAX_MESSAGE_BYTES;
use serde::de::DeserializeOwned;

use self::objects::Objects;
use super::problem::Problem;

/// The longest name of a member that an error repeats, in characters.
const MAX_SHOWN_CHARS: usize = 64;

/// A request's body out of JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        let bytes = read(request).await?;
        parse(&bytes).map(Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let refusal = Refusal::new(Code::Invalid, "the request's body is not declared as JSON")
        .remedy("send the header Content-Type: application/json");
    Err(Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, refusal))
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_MESSAGE_BYTES as u64) {
        return Err(too_large());
    }
    let body = Limited::new(request.into_body(), MAX_MESSAGE_BYTES);
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Refusal::new(Code::Invalid, "the request's body is incomplete")
            .remedy("send the whole body")
            .into()),
    }
}

fn too_large() -> Problem {
    let refusal = Refusal::new(
        Code::Invalid,
        format!("the request's body is larger than {MAX_MESSAGE_BYTES} bytes (64 MiB), the maximum"),
    )
    .remedy("send it in several smaller batches");
    Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, refusal)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut document = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(Objects(&mut document)).map_err(|error| {
        let path = error.path().to_string();
        refusal(error.inner(), Some(path).filter(|path| path != "." && path != "?"))
    })?;
    document.end().map_err(|error| refusal(&error, None))?;
    Ok(value)
}

/// Returns what is wrong with a document: the line and column, and no value of it.
fn refusal(error: &serde_json::Error, path: Option<String>) -> Problem {
    let place = format!("at line {} column {}", error.line(), error.column());
    let member = path.map(|path| format!(" in `{}`", shortened(&path))).unwrap_or_default();
    let what = if error.is_data() { described(&error.to_string()) } else { "invalid JSON".to_owned() };
    Refusal::new(Code::Invalid, format!("{what}{member} {place} of the request's body"))
        .remedy("send a JSON document of the form that /openapi.json describes")
        .into()
}

/// Rewrites serde's description of an error, which may repeat what the client sent.
fn described(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    // What is expected is our own text and comes last.
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    for kind in ["invalid type", "invalid value", "invalid length", "unknown variant"] {
        if message.starts_with(kind) {
            let expected =
                expected.map(|expected| format!(", expected {}", in_json(expected))).unwrap_or_default();
            return format!("{kind}{expected}");
        }
    }
    for kind in ["unknown field", "missing field", "duplicate field"] {
        if let Some(rest) = message.strip_prefix(kind) {
            let name = rest.trim_start().trim_start_matches('`').split('`').next().unwrap_or_default();
            return format!("{kind} `{}`", shortened(name));
        }
    }
    "invalid content".to_owned()
}

/// Returns what serde expects in the words of JSON.
fn in_json(expected: &str) -> &str {
    match expected {
        "u32" | "u64" => "a whole number",
        "a sequence" => "an array",
        name if name.starts_with("struct ") => "an object",
        other => other,
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_SHOWN_CHARS {
        return name.to_owned();
    }
    name.chars().take(MAX_SHOWN_CHARS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Outer {
        count: u32,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Inner {
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Two,
    }

    #[test]
    fn an_error_says_where_and_repeats_no_value() {
        let shown_for = |text: &str| {
            let body = parse::<Outer>(text.as_bytes()).unwrap_err().into_body();
            let shown = serde_json::to_value(&body).unwrap();
            assert!(!shown.to_string().contains("hunter2"), "{shown}");
            shown["detail"].as_str().unwrap().to_owned()
        };
        let documents = [
            "",
            "{",
            "hunter2",
            "{\"count\": 1} hunter2",
            "{\n  \"count\": \"hunter2, expected x\"}",
            "{\"count\": 1, \"inner\": [{\"kind\": \"hunter2\"}]}",
            "{\"count\": -1}",
            "{\"count\": 1, \"other\": \"hunter2\"}",
            "{}",
            "{\"count\": 1, \"count\": 2}",
            "[\"hunter2\"]",
            "[1]",
            "{\"count\": 1, \"inner\": [[\"one\"]]}",
            "{\"count\": 1, \"inner\": [{\"kind\": [\"hunter2\"]}]}",
        ];
        insta::assert_snapshot!(documents.map(shown_for).join("\n"), @r#"
        invalid JSON at line 1 column 0 of the request's body
        invalid JSON at line 1 column 1 of the request's body
        invalid JSON at line 1 column 1 of the request's body
        invalid JSON at line 1 column 14 of the request's body
        invalid type, expected a whole number in `count` at line 2 column 32 of the request's body
        unknown variant, expected `one` or `two` in `inner[0].kind` at line 1 column 41 of the request's body
        invalid value, expected a whole number in `count` at line 1 column 12 of the request's body
        unknown field `other` in `other` at line 1 column 20 of the request's body
        missing field `count` at line 1 column 2 of the request's body
        duplicate field `count` at line 1 column 20 of the request's body
        invalid type, expected an object at line 1 column 0 of the request's body
        invalid type, expected an object at line 1 column 0 of the request's body
        invalid type, expected an object in `inner[0]` at line 1 column 23 of the request's body
        invalid JSON in `inner[0].kind` at line 1 column 33 of the request's body
        "#);
    }
}
