//! The paths that need no credentials.

/// Returns whether anybody may ask for the path, with credentials or without: what a client needs before it has some, and what
/// a load balancer asks for.
pub(super) fn is_public(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/openapi.json" | "/docs")
        || ["/oauth/", "/.well-known/", "/docs/"].iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_before_credentials_is_public() {
        for public in
            ["/healthz", "/readyz", "/oauth/token", "/.well-known/jwks.json", "/openapi.json", "/docs"]
        {
            assert!(is_public(public), "{public}");
        }
        for private in [
            "/",
            "",
            "/api/v1/projects",
            "/healthz/",
            "/healthzz",
            "/oauth",
            "/docsx",
            "/openapi.json/x",
            "//oauth/token",
            "/kontraktor.v1.System/GetStatus",
            "/grpc.health.v1.Health/Check",
        ] {
            assert!(!is_public(private), "{private}");
        }
    }
}
