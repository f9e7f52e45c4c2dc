//! The name that a client gives itself: a label for the log that proves nothing.

use kontraktor_domain::Refusal;
use kontraktor_model::limits::{DEFAULT_VIA, MAX_VIA_CHARS, VIA_METADATA};
use tonic::codegen::http::{HeaderMap, HeaderValue};

/// Returns the name of the client, or the default where it gives none.
pub(crate) fn via(headers: &HeaderMap) -> Result<&str, Refusal> {
    let Some(via) = headers.get(VIA_METADATA).map(HeaderValue::as_bytes) else { return Ok(DEFAULT_VIA) };
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let checked = std::str::from_utf8(via)
        .ok()
        .filter(|text| (1..=MAX_VIA_CHARS).contains(&text.len()) && text.as_bytes().iter().all(allowed));
    checked.ok_or_else(|| {
        Refusal::invalid(
            VIA_METADATA,
            format!("{VIA_METADATA} must be 1 to {MAX_VIA_CHARS} characters of a-z, 0-9 and -"),
        )
    })
}

#[cfg(test)]
mod tests {
    use kontraktor_domain::Code;

    use super::*;

    #[test]
    fn a_client_name_against_the_rule_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(via(&headers).unwrap(), "api");
        for bad in [&b""[..], b"Terraform", b"a b", b"caf\xc3\xa9", &[b'a'; 33]] {
            headers.insert(VIA_METADATA, bad.try_into().unwrap());
            let refused = via(&headers).unwrap_err();
            assert_eq!((refused.code, refused.field.as_deref()), (Code::Invalid, Some("kontraktor-via")));
        }
    }
}
