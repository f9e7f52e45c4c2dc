//! The API only grows: what `kontraktor.v1` and the OpenAPI document had, they have.
//!
//! Both are taken apart, one part a line, and compared with those of `testdata/api`. A part that clients rely on must not
//! vanish; a demand that is made of clients must not be added to what existed. `UPDATE_API=1 cargo test -p kontraktor-api
//! compatibility` writes new files, which show in review what a release adds.

mod grpc;
mod openapi;

use std::{collections::BTreeSet, env, fs, path::PathBuf};

/// Marks a line as a demand.
const DEMAND: &str = "demands ";

/// What an API promises, and what it demands.
#[derive(Debug, Default, PartialEq, Eq)]
struct Surface(BTreeSet<String>);

impl Surface {
    fn promise(&mut self, part: String) {
        self.0.insert(part);
    }

    /// `of` is the promise that the demand comes with: where it is new, the demand is no change for anybody.
    fn demand(&mut self, of: &str, what: &str) {
        self.0.insert(format!("{DEMAND}{of} | {what}"));
    }

    /// Returns how this breaks what was promised before.
    fn broken_since(&self, before: &Self) -> Vec<String> {
        let vanished = before.0.iter().filter(|part| !part.starts_with(DEMAND) && !self.0.contains(*part));
        let added = self.0.iter().filter(|part| {
            let of = part.strip_prefix(DEMAND).and_then(|demand| demand.split(" | ").next());
            of.is_some_and(|of| before.0.contains(of) && !before.0.contains(*part))
        });
        vanished
            .map(|part| format!("is gone: {part}"))
            .chain(added.map(|part| format!("is new: {part}")))
            .collect()
    }

    fn of_text(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    fn text(&self) -> String {
        self.0.iter().flat_map(|part| [part, "\n"]).collect()
    }

    /// Compares with a file of `testdata/api`, or writes it.
    fn assert_only_grow(&self, file: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/api").join(file);
        if env::var_os("UPDATE_API").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, self.text()).unwrap();
            return;
        }
        let before = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let before = Self::of_text(&before);
        let broken = self.broken_since(&before);
        assert!(
            broken.is_empty(),
            "clients of the last release break; keep what they use, and deprecate it (REST.md says for how long):\n{}",
            broken.join("\n")
        );
        let unrecorded: Vec<_> = self.0.difference(&before.0).collect();
        assert!(
            unrecorded.is_empty(),
            "new parts of the API are not in testdata/api/{file}; run UPDATE_API=1 cargo test -p kontraktor-api compatibility:\n{unrecorded:#?}"
        );
    }
}

#[test]
fn removing_changing_and_demanding_break_and_adding_does_not() {
    let before = Surface::of_text("GET /a\nschema A.x string\ndemands GET /a | query q");
    let broken = |text: &str| Surface::of_text(text).broken_since(&before).join("; ");
    assert_eq!(broken("GET /a\nGET /b\nschema A.x string\nschema A.y string\ndemands GET /b | query z"), "");
    assert_eq!(broken("GET /a\nschema A.x integer"), "is gone: schema A.x string");
    assert_eq!(broken("schema A.x string"), "is gone: GET /a");
    assert_eq!(
        broken("GET /a\nschema A.x string\ndemands GET /a | query q\ndemands GET /a | query z"),
        "is new: demands GET /a | query z"
    );
}
