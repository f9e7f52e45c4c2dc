//! `Prefer` (RFC 7240): what a client would like, and what of it was done.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use kontraktor_domain::{Code, Refusal};

use super::problem::Problem;

/// The request's header.
pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The answer's header.
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest wait, in seconds. Proxies end what is silent for longer.
const MAX_WAIT_SECONDS: u64 = 60;

/// What a write answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    Minimal,
    Representation,
}

/// The preferences of one request. What they do not say is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prefer {
    pub(super) returning: Option<Return>,
    pub(super) wait: Option<Duration>,
    pub(super) max_page_size: Option<u32>,
    handling: Option<Handling>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handling {
    Strict,
    Lenient,
}

impl Prefer {
    /// Reads the preferences. The first of a name counts; unknown ones are ignored, and malformed ones too unless the client
    /// asks for strict handling.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut prefer = Self::default();
        let mut malformed = None;
        let mut seen = Vec::new();
        for value in headers.get_all(PREFER) {
            let Ok(text) = value.to_str() else {
                malformed.get_or_insert("a preference is not text");
                continue;
            };
            for preference in split(text, ',') {
                let (name, value) = token_and_value(preference);
                if name.is_empty() || seen.contains(&name) {
                    continue;
                }
                let known = prefer.set(&name, &value);
                seen.push(name);
                if let Err(why) = known {
                    malformed.get_or_insert(why);
                }
            }
        }
        match malformed {
            Some(why) if prefer.handling == Some(Handling::Strict) => {
                Err(Refusal::new(Code::Invalid, format!("malformed header Prefer: {why}"))
                    .field("prefer")
                    .remedy("correct the preference, or leave handling=strict out to have it ignored")
                    .into())
            }
            _ => Ok(prefer),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match (name, value) {
            ("return", "minimal") => self.returning = Some(Return::Minimal),
            ("return", "representation") => self.returning = Some(Return::Representation),
            ("return", _) => return Err("return is minimal or representation"),
            ("handling", "strict") => self.handling = Some(Handling::Strict),
            ("handling", "lenient") => self.handling = Some(Handling::Lenient),
            ("handling", _) => return Err("handling is strict or lenient"),
            ("wait", seconds) => {
                let seconds = digits(seconds).ok_or("wait is a number of seconds")?;
                self.wait = Some(Duration::from_secs(seconds.min(MAX_WAIT_SECONDS)));
            }
            ("max-page-size" | "maxpagesize" | "odata.maxpagesize", size) => {
                let size = digits(size).filter(|size| *size > 0).ok_or("max-page-size is a number from 1")?;
                self.max_page_size = Some(u32::try_from(size).unwrap_or(u32::MAX));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a write answers without the resource.
    pub(super) fn is_minimal(&self) -> bool {
        self.returning == Some(Return::Minimal)
    }

    /// The same preferences for an answer that must have the whole document.
    pub(super) fn with_representation(self) -> Self {
        Self { returning: None, ..self }
    }

    /// Names in an answer what was done.
    pub(super) fn applied(&self, headers: &mut HeaderMap, what: Applied) {
        let mut names: Vec<String> = Vec::new();
        match (what.returning, self.returning) {
            (true, Some(Return::Minimal)) => names.push("return=minimal".to_owned()),
            (true, Some(Return::Representation)) => names.push("return=representation".to_owned()),
            _ => {}
        }
        if let (true, Some(wait)) = (what.wait, self.wait) {
            names.push(format!("wait={}", wait.as_secs()));
        }
        if let (Some(size), Some(_)) = (what.page_size, self.max_page_size) {
            names.push(format!("max-page-size={size}"));
        }
        match self.handling {
            Some(Handling::Strict) => names.push("handling=strict".to_owned()),
            Some(Handling::Lenient) => names.push("handling=lenient".to_owned()),
            None => {}
        }
        if let (false, Ok(value)) = (names.is_empty(), HeaderValue::from_str(&names.join(", "))) {
            headers.insert(PREFERENCE_APPLIED, value);
        }
    }
}

/// Which preferences an answer honors.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Applied {
    pub(super) returning: bool,
    pub(super) wait: bool,
    pub(super) page_size: Option<u32>,
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

/// Splits at a separator that is not within a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        if escaped {
            escaped = false;
        } else if character == '"' {
            quoted = !quoted;
        } else if quoted && character == '\\' {
            escaped = true;
        }
        character == separator && !quoted
    })
}

/// Returns the lower-case name and the value of a preference, without its parameters.
fn token_and_value(preference: &str) -> (String, String) {
    let first = split(preference, ';').next().unwrap_or_default();
    let (name, value) = first.split_once('=').unwrap_or((first, ""));
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (name.trim().to_ascii_lowercase(), unquoted.to_owned())
}

fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&'static str]) -> Result<Prefer, Problem> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_static(line));
        }
        Prefer::of(&headers)
    }

    #[test]
    fn preferences_are_read_from_every_line_and_the_first_of_a_name_counts() {
        let read = of(&[
            "respond-async, wait=5; foo=\"a,b\"",
            "Return=Minimal, return=\"minimal\" ; x, wait=9",
            "max-page-size=20",
        ])
        .unwrap();
        assert_eq!((read.wait, read.max_page_size), (Some(Duration::from_secs(5)), Some(20)));
        // The value is compared as it is written, and the first one counts also where it is malformed.
        assert_eq!(read.returning, None);
        assert_eq!(of(&["return=\"minimal\""]).unwrap().returning, Some(Return::Minimal));
    }

    #[test]
    fn malformed_preferences_are_ignored_unless_handling_is_strict() {
        for malformed in ["wait=soon", "return=all", "max-page-size=0", "wait", "handling=hard, wait=-1"] {
            let read = of(&[malformed]).unwrap();
            assert_eq!(read, Prefer::default(), "{malformed}");
        }
        for malformed in
            ["wait=soon, handling=strict", "handling=strict, return=all", "handling=strict, max-page-size=0"]
        {
            assert!(of(&[malformed]).is_err(), "{malformed}");
        }
        assert!(of(&["handling=strict, unknown=7, return=minimal"]).unwrap().is_minimal());
    }

    #[test]
    fn what_was_done_is_named() {
        let named = |text: &'static str, what| {
            let mut headers = HeaderMap::new();
            of(&[text]).unwrap().applied(&mut headers, what);
            headers.get(PREFERENCE_APPLIED).map(|value| value.to_str().unwrap().to_owned())
        };
        let write = Applied { returning: true, ..Applied::default() };
        assert_eq!(named("return=minimal, wait=3", write).as_deref(), Some("return=minimal"));
        let list = Applied { page_size: Some(7), ..Applied::default() };
        assert_eq!(
            named("max-page-size=9, handling=lenient", list).as_deref(),
            Some("max-page-size=7, handling=lenient")
        );
        assert_eq!(named("wait=3", Applied::default()), None);
    }
}
