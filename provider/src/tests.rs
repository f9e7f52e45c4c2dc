//! The provider against a daemon that runs inside the test and can be made to fail.

mod block;
mod bulk;
mod conflicts;
mod connections;
mod data_sources;
mod fake;
mod few_requests;
mod functions;
mod kinds;
mod names;
mod no_values;
mod past;
mod protection;
mod retries;
mod role_bindings;
mod schemas;
mod secret_problems;
mod secret_references;
mod secrets;
mod settings;
mod sharing;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tfplugin_proto::value::{AttributePath, Type, Value};
use tfplugin_proto::wire;
use tfplugin_proto::wire::provider_server::Provider as _;
use tonic::Request;

use self::fake::FakeDaemon;
use crate::framework::{Fields, Provider as _, Server};
use crate::{Kontraktor, Settings};

/// A configured provider, and the daemon that it talks to.
struct Harness {
    server: Server<Kontraktor>,
    daemon: Arc<FakeDaemon>,
    types: BTreeMap<String, Type>,
    dir: tempfile::TempDir,
}

/// A response: its state and its diagnostics.
#[derive(Debug, PartialEq)]
struct Outcome {
    state: Option<Fields>,
    diagnostics: Vec<String>,
}

impl Outcome {
    /// Returns the state of a call without diagnostics.
    fn success(self) -> Option<Fields> {
        assert!(self.diagnostics.is_empty(), "{:?}", self.diagnostics);
        self.state
    }

    /// Returns the only diagnostic.
    fn message(&self) -> &str {
        assert_eq!(self.diagnostics.len(), 1, "{:?}", self.diagnostics);
        &self.diagnostics[0]
    }
}

/// What a host stores of an open ephemeral resource, and the last diagnostics.
#[derive(Debug)]
struct Open {
    result: Option<Fields>,
    renew_at: Option<SystemTime>,
    private: Option<Vec<u8>>,
    diagnostics: Vec<String>,
}

impl Open {
    /// Returns the result of a call without diagnostics.
    fn success(self) -> Fields {
        assert!(self.diagnostics.is_empty(), "{:?}", self.diagnostics);
        self.result.expect("there is a result")
    }

    /// Returns the only diagnostic.
    fn message(&self) -> &str {
        assert_eq!(self.diagnostics.len(), 1, "{:?}", self.diagnostics);
        &self.diagnostics[0]
    }
}

fn render(diagnostics: &[wire::Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let path = diagnostic.attribute.clone().map(AttributePath::from);
            let at = path.map(|path| format!(" at {path}")).unwrap_or_default();
            format!("{:?}{at}: {}\n{}", diagnostic.severity(), diagnostic.summary, diagnostic.detail)
        })
        .collect()
}

fn fields<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn types() -> BTreeMap<String, Type> {
    let provider = Kontraktor::new(Settings::default());
    let catalog = provider.catalog();
    let resources = catalog.resource_schemas().map(|(name, schema)| (name.to_owned(), schema.object_type()));
    let data =
        catalog.data_source_schemas().map(|(name, schema)| (format!("data.{name}"), schema.object_type()));
    let block = ("provider".to_owned(), provider.schema().object_type());
    let ephemeral =
        catalog.ephemeral_schemas().map(|(name, schema)| (format!("ephemeral.{name}"), schema.object_type()));
    resources.chain(data).chain(ephemeral).chain([block]).collect()
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("k.sock")
}

impl Harness {
    /// A configured provider, and its daemon.
    async fn new() -> Self {
        Self::with([]).await
    }

    /// The same with further attributes in the provider block.
    async fn with<const N: usize>(block: [(&str, Value); N]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let daemon = FakeDaemon::serve(&socket(dir.path()));
        let harness =
            Self { server: Server::new(Kontraktor::new(Settings::default())), daemon, types: types(), dir };
        harness.configure(block).await;
        harness
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn host(&self) -> String {
        format!("unix://{}", socket(self.dir()).display())
    }

    async fn configure<const N: usize>(&self, block: [(&str, Value); N]) {
        let mut config = fields([("host", Value::from(self.host())), ("timeout", text("60s"))]);
        config.extend(fields(block));
        let request = wire::configure_provider::Request {
            terraform_version: "1.11.4".to_owned(),
            config: self.sent("provider", Some(&config)),
            ..Default::default()
        };
        let answer = self.server.configure_provider(Request::new(request)).await.unwrap().into_inner();
        assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
    }

    #[expect(clippy::unnecessary_wraps, reason = "messages hold values as options")]
    fn sent(&self, kind: &str, given: Option<&Fields>) -> Option<wire::DynamicValue> {
        let ty = &self.types[kind];
        let value = given.map_or(Value::Null, |given| {
            let names = ty.as_object().expect("a schema is an object").attributes.keys();
            let mut whole: Fields = names.map(|name| (name.clone(), Value::Null)).collect();
            for (name, value) in given {
                assert!(whole.insert(name.clone(), value.clone()).is_some(), "{kind} has {name}");
            }
            Value::Map(whole)
        });
        Some(value.to_dynamic(ty).expect("the fields fit the type"))
    }

    fn received(&self, kind: &str, message: Option<&wire::DynamicValue>) -> Option<Fields> {
        match Value::from_dynamic(message, &self.types[kind]).expect("the answer fits the type") {
            Value::Null => None,
            Value::Map(fields) => Some(fields),
            other => panic!("neither null nor an object: {other:?}"),
        }
    }

    async fn validate(&self, kind: &str, config: &Fields) -> Vec<String> {
        let request = wire::validate_resource_config::Request {
            type_name: kind.to_owned(),
            config: self.sent(kind, Some(config)),
            ..Default::default()
        };
        render(
            &self
                .server
                .validate_resource_config(Request::new(request))
                .await
                .unwrap()
                .into_inner()
                .diagnostics,
        )
    }

    async fn planned(
        &self,
        kind: &str,
        prior: Option<&Fields>,
        config: Option<&Fields>,
    ) -> wire::plan_resource_change::Response {
        let request = wire::plan_resource_change::Request {
            type_name: kind.to_owned(),
            prior_state: self.sent(kind, prior),
            proposed_new_state: self.sent(kind, config),
            config: self.sent(kind, config),
            ..Default::default()
        };
        self.server.plan_resource_change(Request::new(request)).await.unwrap().into_inner()
    }

    /// Returns the planned state and the paths that force a new object.
    async fn plan(
        &self,
        kind: &str,
        prior: Option<&Fields>,
        config: Option<&Fields>,
    ) -> (Fields, Vec<String>) {
        let answer = self.planned(kind, prior, config).await;
        assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
        let replaced =
            answer.requires_replace.into_iter().map(|path| AttributePath::from(path).to_string()).collect();
        (self.received(kind, answer.planned_state.as_ref()).unwrap_or_default(), replaced)
    }

    /// Returns the diagnostic of a refused plan. `config` is `None` for a destroy.
    async fn refused(&self, kind: &str, prior: Option<&Fields>, config: Option<&Fields>) -> String {
        let answer = self.planned(kind, prior, config).await;
        assert!(answer.planned_state.is_none(), "what is refused is not planned");
        Outcome { state: None, diagnostics: render(&answer.diagnostics) }.message().to_owned()
    }

    /// Applies a plan whose configuration consists of the known planned values.
    async fn apply(&self, kind: &str, prior: Option<&Fields>, planned: Option<&Fields>) -> Outcome {
        let known = |fields: &Fields| {
            let known = fields.iter().filter(|(_, value)| value.is_wholly_known());
            known.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let config: Option<Fields> = planned.map(known);
        self.applied(kind, prior, planned, config.as_ref()).await
    }

    async fn applied(
        &self,
        kind: &str,
        prior: Option<&Fields>,
        planned: Option<&Fields>,
        config: Option<&Fields>,
    ) -> Outcome {
        let request = wire::apply_resource_change::Request {
            type_name: kind.to_owned(),
            prior_state: self.sent(kind, prior),
            planned_state: self.sent(kind, planned),
            config: self.sent(kind, config),
            ..Default::default()
        };
        let answer = self.server.apply_resource_change(Request::new(request)).await.unwrap().into_inner();
        Outcome {
            state: self.received(kind, answer.new_state.as_ref()),
            diagnostics: render(&answer.diagnostics),
        }
    }

    /// Plans and applies a create or update.
    async fn put(&self, kind: &str, prior: Option<&Fields>, config: &Fields) -> Outcome {
        let (planned, _) = self.plan(kind, prior, Some(config)).await;
        self.applied(kind, prior, Some(&planned), Some(config)).await
    }

    async fn delete(&self, kind: &str, prior: &Fields) -> Outcome {
        self.apply(kind, Some(prior), None).await
    }

    async fn read(&self, kind: &str, state: &Fields) -> Outcome {
        let request = wire::read_resource::Request {
            type_name: kind.to_owned(),
            current_state: self.sent(kind, Some(state)),
            ..Default::default()
        };
        let answer = self.server.read_resource(Request::new(request)).await.unwrap().into_inner();
        Outcome {
            state: self.received(kind, answer.new_state.as_ref()),
            diagnostics: render(&answer.diagnostics),
        }
    }

    /// Imports an object, and reads it as a host does.
    async fn import(&self, kind: &str, id: &str) -> Outcome {
        let request = wire::import_resource_state::Request {
            type_name: kind.to_owned(),
            id: id.to_owned(),
            ..Default::default()
        };
        let answer = self.server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
        match answer.imported_resources.first() {
            None => Outcome { state: None, diagnostics: render(&answer.diagnostics) },
            Some(imported) => {
                let state = self.received(kind, imported.state.as_ref()).expect("an import is not null");
                self.read(kind, &state).await
            }
        }
    }

    async fn validate_data(&self, kind: &str, config: &Fields) -> Vec<String> {
        let request = wire::validate_data_resource_config::Request {
            type_name: kind.to_owned(),
            config: self.sent(&format!("data.{kind}"), Some(config)),
        };
        let answer = self.server.validate_data_resource_config(Request::new(request)).await.unwrap();
        render(&answer.into_inner().diagnostics)
    }

    async fn data(&self, kind: &str, config: &Fields) -> Outcome {
        let location = format!("data.{kind}");
        let request = wire::read_data_source::Request {
            type_name: kind.to_owned(),
            config: self.sent(&location, Some(config)),
            ..Default::default()
        };
        let answer = self.server.read_data_source(Request::new(request)).await.unwrap().into_inner();
        Outcome {
            state: self.received(&location, answer.state.as_ref()),
            diagnostics: render(&answer.diagnostics),
        }
    }

    async fn validate_ephemeral(&self, kind: &str, config: &Fields) -> Vec<String> {
        let request = wire::validate_ephemeral_resource_config::Request {
            type_name: kind.to_owned(),
            config: self.sent(&format!("ephemeral.{kind}"), Some(config)),
        };
        let answer = self.server.validate_ephemeral_resource_config(Request::new(request)).await.unwrap();
        render(&answer.into_inner().diagnostics)
    }

    async fn open(&self, kind: &str, config: &Fields) -> Open {
        let location = format!("ephemeral.{kind}");
        let request = wire::open_ephemeral_resource::Request {
            type_name: kind.to_owned(),
            config: self.sent(&location, Some(config)),
            ..Default::default()
        };
        let answer = self.server.open_ephemeral_resource(Request::new(request)).await.unwrap().into_inner();
        Open {
            result: answer.result.as_ref().and_then(|result| self.received(&location, Some(result))),
            renew_at: answer.renew_at.map(|time| time.try_into().expect("a time")),
            private: answer.private,
            diagnostics: render(&answer.diagnostics),
        }
    }

    /// Renews an open resource, and stores the response for the next call.
    async fn renew(&self, kind: &str, open: &mut Open) {
        let request = wire::renew_ephemeral_resource::Request {
            type_name: kind.to_owned(),
            private: open.private.clone(),
        };
        let answer = self.server.renew_ephemeral_resource(Request::new(request)).await.unwrap().into_inner();
        open.renew_at = answer.renew_at.map(|time| time.try_into().expect("a time"));
        open.private = answer.private;
        open.diagnostics = render(&answer.diagnostics);
    }

    async fn close(&self, kind: &str, open: &Open) -> Vec<String> {
        let request = wire::close_ephemeral_resource::Request {
            type_name: kind.to_owned(),
            private: open.private.clone(),
        };
        let answer = self.server.close_ephemeral_resource(Request::new(request)).await.unwrap();
        render(&answer.into_inner().diagnostics)
    }
}
