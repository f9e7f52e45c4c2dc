//! Paths of Vault's API in URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Every character but letters, digits and those without a meaning in URLs.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Encodes a path for a URL. Returns `None` where a segment is empty or would lead elsewhere, which encoding cannot prevent.
pub(super) fn encode_path(path: &str) -> Option<String> {
    let mut url = String::with_capacity(path.len());
    for segment in path.split('/') {
        if matches!(segment, "" | "." | "..") {
            return None;
        }
        if !url.is_empty() {
            url.push('/');
        }
        url.extend(utf8_percent_encode(segment, SEGMENT));
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::*;

    #[test]
    fn a_path_stays_below_where_it_is_put() {
        assert_eq!(encode_path("app/db").as_deref(), Some("app/db"));
        assert_eq!(encode_path("a b/ü?#%2F\\;\t").as_deref(), Some("a%20b/%C3%BC%3F%23%252F%5C%3B%09"));
        for elsewhere in ["", "/", "a//b", "../sys", "a/./b", "a/.."] {
            assert_eq!(encode_path(elsewhere), None, "{elsewhere:?}");
        }
        // The URL's parser changes nothing afterwards.
        let url = Url::parse(&format!("https://v/v1/{}", encode_path("...a/%2e%2e/\n").unwrap())).unwrap();
        assert_eq!(url.path(), "/v1/...a/%252e%252e/%0A");
    }
}
