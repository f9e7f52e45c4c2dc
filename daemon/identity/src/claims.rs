//! The claims of a token, each read with its type: a claim of another type is an error and never the same as an absent one.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::token_error::TokenError;

/// How far the clocks of an issuer and of this machine may differ.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);

const SKEW_SECONDS: i64 = CLOCK_SKEW.as_secs().cast_signed();

/// The claims of a token.
#[derive(Debug, Clone)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Returns a claim by its name, or by a JSON Pointer (RFC 6901) where the name begins with `/`.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            // The first segment is looked up here, because the map is not a `Value`.
            let (first, rest) = match name.strip_prefix('/')?.split_once('/') {
                Some((first, rest)) => (first, format!("/{rest}")),
                None => (name.strip_prefix('/')?, String::new()),
            };
            self.0.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(&rest)
        })
    }

    /// Returns a required claim that is a text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, TokenError> {
        self.optional_text(name)?.ok_or_else(|| TokenError::MissingClaim(name.to_owned().into()))
    }

    /// Returns a claim that is a text where it is present.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&str>, TokenError> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(name)),
        }
    }

    /// Returns the texts of a claim that is one text or an array of texts; none where it is absent.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, TokenError> {
        match self.find(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().ok_or_else(|| invalid(name))).collect()
            }
            Some(_) => Err(invalid(name)),
        }
    }

    /// Returns a time in seconds since 1970 (RFC 7519 §2, NumericDate) where it is present.
    fn time(&self, name: &str) -> Result<Option<i64>, TokenError> {
        let Some(value) = self.find(name) else { return Ok(None) };
        let Value::Number(number) = value else { return Err(invalid(name)) };
        let seconds = number.as_i64().or_else(|| {
            let seconds = number.as_f64().filter(|seconds| (0.0..1e15).contains(seconds))?;
            #[expect(clippy::cast_possible_truncation, reason = "it is within the range")]
            Some(seconds.floor() as i64)
        });
        seconds
            .filter(|seconds| (0..1_000_000_000_000_000).contains(seconds))
            .map(Some)
            .ok_or_else(|| invalid(name))
    }

    /// Checks `exp`, which is required, and `nbf` and `iat` where they are present. Returns when the token expires.
    pub(crate) fn check_times(&self, now: Timestamp) -> Result<i64, TokenError> {
        let now = now.as_second();
        let expires = self.time("exp")?.ok_or(TokenError::MissingClaim("exp".into()))?;
        let starts = [self.time("nbf")?, self.time("iat")?];
        if has_expired(expires, now) {
            return Err(TokenError::Expired);
        }
        if starts.into_iter().flatten().any(|starts| starts > now + SKEW_SECONDS) {
            return Err(TokenError::NotYetValid);
        }
        Ok(expires)
    }

    /// Checks that `aud` names one of these.
    pub(crate) fn check_audience(&self, accepted: &[String]) -> Result<(), TokenError> {
        let audience = self.texts("aud")?;
        if audience.is_empty() {
            return Err(TokenError::MissingClaim("aud".into()));
        }
        let is_accepted = audience.iter().any(|name| accepted.iter().any(|accepted| accepted == name));
        if is_accepted { Ok(()) } else { Err(TokenError::Audience) }
    }
}

/// Returns whether a token has expired, with the clocks' difference in its favor.
pub(crate) fn has_expired(expires: i64, now: i64) -> bool {
    now >= expires.saturating_add(SKEW_SECONDS)
}

/// Returns from when on a token that expires then is not accepted any more.
pub(crate) fn accepted_until(expires: i64) -> Timestamp {
    Timestamp::from_second(expires.saturating_add(SKEW_SECONDS)).unwrap_or(Timestamp::MAX)
}

pub(crate) fn invalid(name: &str) -> TokenError {
    TokenError::InvalidClaim(name.to_owned().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn claims(value: Value) -> Claims {
        let Value::Object(claims) = value else { panic!("{value}") };
        Claims::new(claims)
    }

    fn times(value: Value) -> Result<i64, TokenError> {
        claims(value).check_times(Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn times_have_a_minute_of_grace_and_no_more() {
        assert_eq!(times(json!({ "exp": NOW - 59 })), Ok(NOW - 59));
        assert_eq!(times(json!({ "exp": NOW - 60 })), Err(TokenError::Expired));
        assert_eq!(times(json!({ "exp": NOW + 1, "nbf": NOW + 60 })), Ok(NOW + 1));
        assert_eq!(times(json!({ "exp": NOW + 1, "nbf": NOW + 61 })), Err(TokenError::NotYetValid));
        assert_eq!(times(json!({ "exp": NOW + 1, "iat": NOW + 61 })), Err(TokenError::NotYetValid));
        assert_eq!(times(json!({ "exp": 1_800_000_000.9 })), Ok(NOW));
    }

    /// CVE-2026-25537: a time of another type must not count as an absent one.
    #[test]
    fn a_time_of_another_type_is_an_error() {
        for wrong in [
            json!("1900000000"),
            json!(null),
            json!(true),
            json!([NOW + 9]),
            json!({}),
            json!(-1),
            json!(1e300),
            json!(u64::MAX),
        ] {
            for name in ["exp", "nbf", "iat"] {
                let mut value = json!({ "exp": NOW + 60 });
                value[name] = wrong.clone();
                assert_eq!(times(value), Err(invalid(name)), "{name} {wrong}");
            }
        }
        assert_eq!(times(json!({})), Err(TokenError::MissingClaim("exp".into())));
    }

    #[test]
    fn an_audience_is_one_text_or_several() {
        let check = |aud| claims(json!({ "aud": aud })).check_audience(&["us".to_owned()]);
        assert_eq!(check(json!("us")), Ok(()));
        assert_eq!(check(json!(["others", "us"])), Ok(()));
        assert_eq!(check(json!("US")), Err(TokenError::Audience));
        assert_eq!(check(json!([])), Err(TokenError::MissingClaim("aud".into())));
        assert_eq!(check(json!(["us", 7])), Err(invalid("aud")));
        assert_eq!(check(json!({ "us": true })), Err(invalid("aud")));
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_by_a_pointer() {
        let claims = claims(json!({
            "https://example.com/groups": ["a"],
            "realm_access": { "roles": ["b"], "x/y": "c" },
        }));
        assert_eq!(claims.texts("https://example.com/groups").unwrap(), ["a"]);
        assert_eq!(claims.texts("/realm_access/roles").unwrap(), ["b"]);
        assert_eq!(claims.texts("/realm_access/x~1y").unwrap(), ["c"]);
        assert_eq!(claims.texts("/realm_access/none").unwrap(), Vec::<&str>::new());
        assert_eq!(claims.texts("realm_access"), Err(invalid("realm_access")));
    }
}
