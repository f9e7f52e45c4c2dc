//! Entity tags and the conditions on them (RFC 9110 §8.8.3, §13.1).

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use kontraktor_domain::Refusal;
use sha2::{Digest as _, Sha256};

use super::{precondition_failed, problem::Problem};

/// The version of a representation, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Etag(String);

impl Etag {
    /// Of what has a version of its own: printable ASCII without quotes.
    pub(super) fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// Of what has none: from its bytes.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self(hex::encode(&Sha256::digest(bytes)[..12]))
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("\"{}\"", self.0)).ok()
    }
}

/// The tags of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever exists.
    Any,
    /// Each without its quotes, and whether it is weak.
    Listed(Vec<(bool, String)>),
}

/// The conditions of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) if_match: Option<Tags>,
    pub(super) if_none_match: Option<Tags>,
}

impl Conditions {
    /// Whether the client has this version already: weak comparison, for reads.
    pub(super) fn is_known(&self, etag: &Etag) -> bool {
        match &self.if_none_match {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.iter().any(|(_, tag)| *tag == etag.0),
        }
    }

    /// Whether `If-Match` allows a write to this version: strong comparison. `None`: the resource does not exist.
    pub(super) fn allows(&self, etag: Option<&Etag>) -> bool {
        match (&self.if_match, etag) {
            (None, _) | (Some(Tags::Any), Some(_)) => true,
            (Some(_), None) => false,
            (Some(Tags::Listed(tags)), Some(etag)) => tags.iter().any(|(weak, tag)| !weak && *tag == etag.0),
        }
    }

    /// Checks `If-Match` against what the resource is now: its version, and its revision where it has one. Returns the version
    /// that the writer must find too, because the resource may change meanwhile.
    pub(super) fn expected(
        &self,
        what: &'static str,
        current: impl FnOnce() -> Result<(String, Option<u64>), Refusal>,
    ) -> Result<Option<String>, Problem> {
        let Some(tags) = &self.if_match else { return Ok(None) };
        let (version, revision) = current()?;
        let etag = Etag::new(version);
        if !self.allows(Some(&etag)) {
            return Err(precondition_failed(what, revision));
        }
        // Whether it exists is what the writer checks in any case.
        Ok((*tags != Tags::Any).then_some(etag.0))
    }

    /// Makes a conflict that the writer found a failed precondition, where the request had one.
    pub(super) fn explain(&self, refusal: Refusal) -> Problem {
        let problem = Problem::from(refusal);
        if self.if_match.is_some() { problem.precondition() } else { problem }
    }

    /// Whether the resource must not exist.
    pub(super) fn wants_absent(&self) -> bool {
        self.if_none_match == Some(Tags::Any)
    }

    /// The revisions that `If-Match` lists: what a strong tag has before its first hyphen.
    pub(super) fn revisions(&self) -> Option<Vec<u64>> {
        let Some(Tags::Listed(tags)) = &self.if_match else { return None };
        let revision = |tag: &str| tag.split('-').next()?.parse().ok();
        Some(tags.iter().filter(|(weak, _)| !weak).filter_map(|(_, tag)| revision(tag)).collect())
    }
}

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            if_match: tags(&parts.headers, &header::IF_MATCH, "if-match")?,
            if_none_match: tags(&parts.headers, &header::IF_NONE_MATCH, "if-none-match")?,
        })
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName, field: &'static str) -> Result<Option<Tags>, Problem> {
    let malformed = || {
        Problem::invalid(
            field,
            format!("malformed header {field}: expected * or a list of entity tags in quotes"),
        )
    };
    let mut listed = Vec::new();
    let mut present = false;
    for value in headers.get_all(name) {
        present = true;
        let text = value.to_str().map_err(|_| malformed())?.trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        let mut rest = text;
        while !rest.is_empty() {
            let (weak, tagged) = rest.strip_prefix("W/").map_or((false, rest), |tagged| (true, tagged));
            let tagged = tagged.strip_prefix('"').ok_or_else(malformed)?;
            let (tag, after) = tagged.split_once('"').ok_or_else(malformed)?;
            listed.push((weak, tag.to_owned()));
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return Err(malformed()),
            };
        }
    }
    Ok(present.then_some(Tags::Listed(listed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(if_match: &'static str, if_none_match: &'static str) -> Result<Conditions, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_static(if_match));
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(if_none_match));
        Ok(Conditions {
            if_match: tags(&headers, &header::IF_MATCH, "if-match")?,
            if_none_match: tags(&headers, &header::IF_NONE_MATCH, "if-none-match")?,
        })
    }

    #[test]
    fn reads_compare_weakly_and_writes_strongly() {
        let read = conditions("W/\"7\", \"8-ab\"", "\"6\" , W/\"7\"").unwrap();
        assert!(read.is_known(&Etag::new("7")) && !read.is_known(&Etag::new("8-ab")));
        assert!(read.allows(Some(&Etag::new("8-ab"))) && !read.allows(Some(&Etag::new("7"))));
        assert_eq!(read.revisions(), Some(vec![8]));
        let any = conditions("*", "*").unwrap();
        assert!(any.allows(Some(&Etag::new("1"))) && !any.allows(None) && any.wants_absent());
    }

    #[test]
    fn malformed_tags_are_refused() {
        for malformed in ["7", "\"7", "\"7\" \"8\"", "w/\"7\"", "\"7\", 8"] {
            assert!(conditions(malformed, "*").is_err(), "{malformed}");
            assert!(conditions("*", malformed).is_err(), "{malformed}");
        }
    }
}
