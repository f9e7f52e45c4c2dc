//! Operations on one resource: paths that end with a name and a verb, such as `{account}:rotate`. The router matches whole segments, so
//! they are routed with the method POST of the resource, and the handler takes the verb off the name.

use http::HeaderValue;
use utoipa::openapi::{ComponentsBuilder, OpenApiBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{
    Rest,
    problem::{Problem, no_such_method},
};

/// Returns the path under which a described path is routed.
pub(super) fn routed(path: &str) -> &str {
    path.rfind("}:").map_or(path, |end| &path[..=end])
}

/// Returns the route of an operation with a verb, described by its own path.
pub(super) fn routes((schemas, paths, methods): UtoipaMethodRouter<Rest>) -> OpenApiRouter<Rest> {
    let path = paths.paths.keys().next().map(|path| routed(path).to_owned()).unwrap_or_default();
    let components = ComponentsBuilder::new().schemas_from_iter(schemas).build();
    let openapi = OpenApiBuilder::new().paths(paths).components(Some(components)).build();
    OpenApiRouter::with_openapi(openapi).route(&path, methods)
}

/// Returns the name before a verb. Without the verb, the request is one for a method that the resource does not have.
pub(super) fn before<'a>(segment: &'a str, verb: &str, allow: &'static str) -> Result<&'a str, Problem> {
    let name = segment.strip_suffix(verb).and_then(|rest| rest.strip_suffix(':'));
    name.ok_or_else(|| no_such_method(Some(HeaderValue::from_static(allow))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_after_a_name_is_no_part_of_the_route() {
        assert_eq!(routed("/api/v1/service-accounts/{account}:rotate"), "/api/v1/service-accounts/{account}");
        for path in ["/api/v1/secrets:resolve", "/api/v1/projects/{project}", "/api/v1/a/{b}/c:d"] {
            assert_eq!(routed(path), path);
        }
    }
}
