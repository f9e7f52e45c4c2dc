//! The resource's own word in a plan, and sessions that end with their connection.

use std::sync::Arc;

use async_trait::async_trait;
use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire;
use tfplugin_proto::wire::plan_resource_change;
use tfplugin_proto::wire::provider_server::Provider as _;
use tonic::Request;

use super::{fields, received, render, scoped, sent, whole};
use crate::framework::{
    Attr, Attribute, Catalog, Context, Diagnostic, Diagnostics, Failure, Fields, PlanContext, Provider,
    Readiness, Resource, Schema, Server,
};
use crate::model;

model! {
    /// The provider block.
    pub(crate) struct Config {
        /// Unknown: not ready.
        root: String,
    }
}

model! {
    /// A door.
    pub(crate) struct Door {
        /// A new name is a new door.
        name: String,
        /// Open or not, where the author says so.
        open: bool,
    }
}

/// A provider whose sessions can be counted by the test.
struct House(Arc<()>);

struct DoorResource;

fn door_schema() -> Schema {
    Schema::new(
        "A door.",
        vec![
            Attribute::required("name", Type::String, "Its name.").requires_replace(),
            Attribute::optional_computed("open", Type::Bool, "Whether it is open."),
        ],
    )
}

#[async_trait]
impl Resource<Arc<()>> for DoorResource {
    type State = Door;

    fn type_name(&self) -> &'static str {
        "house_door"
    }

    fn schema(&self) -> Schema {
        door_schema()
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Arc<()>>,
        prior: Option<&Door>,
        planned: &mut Door,
        replaces: bool,
    ) -> Diagnostics {
        let was = prior.map_or("none", |prior| prior.name.text());
        let (configured, ready) = (cx.configured.is_some(), cx.session.is_some());
        cx.private.set("seen", format!("{was} replaces={replaces} configured={configured} ready={ready}"));
        if prior.is_none() && cx.is_left_out("open") {
            planned.open = Attr::Known(false);
        }
        match planned.name.text() {
            "creaking" => Diagnostic::warning("It creaks", "Oil it.").at("name").into(),
            "walled up" => Diagnostic::error("It is walled up", "Take another.").at("name").into(),
            _ => Diagnostics::new(),
        }
    }

    async fn plan_destroy(&self, cx: &mut PlanContext<Arc<()>>, prior: &Door) -> Diagnostics {
        cx.private.set("farewell", prior.name.text());
        match prior.name.text() {
            "creaking" => Diagnostic::warning("It creaks", "To the last.").into(),
            "front" => Diagnostic::error("The front door stays", "Nobody could come in.").into(),
            _ => Diagnostics::new(),
        }
    }

    async fn create(&self, _cx: &mut Context<Arc<()>>, planned: Door) -> Result<Door, Failure<Door>> {
        Ok(planned)
    }

    async fn read(&self, _cx: &mut Context<Arc<()>>, state: Door) -> Result<Option<Door>, Diagnostics> {
        Ok(Some(state))
    }

    async fn update(
        &self,
        _cx: &mut Context<Arc<()>>,
        _prior: Door,
        planned: Door,
    ) -> Result<Door, Failure<Door>> {
        Ok(planned)
    }

    async fn delete(&self, _cx: &mut Context<Arc<()>>, _prior: Door) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn import(&self, id: &str) -> Result<Door, Diagnostics> {
        Ok(Door { name: id.into(), ..Door::default() })
    }
}

#[async_trait]
impl Provider for House {
    type Config = Config;
    type Session = Arc<()>;

    fn schema(&self) -> Schema {
        Schema::new("A house.", vec![Attribute::optional("root", Type::String, "The root.")])
    }

    async fn configure(&self, _version: &str, config: Config) -> Result<Arc<()>, Diagnostics> {
        // A session of its own stands for one that cannot be asked.
        Ok(if config.root.is_unknown() { Arc::new(()) } else { Arc::clone(&self.0) })
    }

    fn readiness(&self, session: &Arc<()>) -> Readiness {
        if Arc::ptr_eq(session, &self.0) {
            Readiness::Ready
        } else {
            Readiness::NotYet(Diagnostic::error("Not yet", "Wait."))
        }
    }

    fn catalog(&self) -> Catalog<Arc<()>> {
        Catalog::new().resource(DoorResource)
    }
}

fn configuration(root: Value) -> wire::configure_provider::Request {
    let ty = Type::object([("root", Type::String)]);
    wire::configure_provider::Request {
        config: sent(Some(&fields([("root", root)])), &ty),
        ..Default::default()
    }
}

fn door(name: &str, open: Value) -> Fields {
    whole(&door_schema(), [("name", Value::from(name)), ("open", open)])
}

async fn plan(
    server: &Server<House>,
    prior: Option<&Fields>,
    config: Option<&Fields>,
) -> plan_resource_change::Response {
    let ty = door_schema().object_type();
    let request = plan_resource_change::Request {
        type_name: "house_door".to_owned(),
        prior_state: sent(prior, &ty),
        proposed_new_state: sent(config, &ty),
        config: sent(config, &ty),
        prior_private: br#"{"kept":"yes"}"#.to_vec(),
        ..Default::default()
    };
    server.plan_resource_change(Request::new(request)).await.unwrap().into_inner()
}

fn private(answer: &plan_resource_change::Response) -> String {
    String::from_utf8(answer.planned_private.clone()).unwrap()
}

#[tokio::test]
async fn a_resource_has_the_last_word_in_a_plan() {
    let server = Server::new(House(Arc::default()));
    let ty = door_schema().object_type();
    // Not configured, not known, and ready.
    let answer = plan(&server, None, Some(&door("back", Value::Null))).await;
    assert_eq!(received(answer.planned_state.as_ref(), &ty).unwrap()["open"], false.into());
    assert_eq!(
        private(&answer),
        r#"{"kept":"yes","seen":"none replaces=false configured=false ready=false"}"#
    );
    server.configure_provider(Request::new(configuration(Value::Unknown))).await.unwrap();
    let answer = plan(&server, None, Some(&door("back", Value::Unknown))).await;
    assert_eq!(received(answer.planned_state.as_ref(), &ty).unwrap()["open"], Value::Unknown);
    assert!(private(&answer).contains("configured=true ready=false"), "{}", private(&answer));
    server.configure_provider(Request::new(configuration(Value::Null))).await.unwrap();
    let answer = plan(&server, Some(&door("back", true.into())), Some(&door("front", Value::Null))).await;
    assert!(
        private(&answer).contains("back replaces=true configured=true ready=true"),
        "{}",
        private(&answer)
    );
}

#[tokio::test]
async fn a_warning_goes_beside_a_plan_and_an_error_in_its_place() {
    let server = Server::new(House(Arc::default()));
    let answer = plan(&server, None, Some(&door("creaking", Value::Null))).await;
    assert_eq!(render(&answer.diagnostics), ["Warning at name: It creaks"]);
    assert!(answer.planned_state.is_some());
    let answer = plan(&server, None, Some(&door("walled up", Value::Null))).await;
    assert_eq!(render(&answer.diagnostics), ["Error at name: It is walled up"]);
    assert!(answer.planned_state.is_none());
}

#[tokio::test]
async fn a_destroy_can_be_refused_before_it_begins() {
    let server = Server::new(House(Arc::default()));
    let answer = plan(&server, Some(&door("front", true.into())), None).await;
    assert_eq!(render(&answer.diagnostics), ["Error: The front door stays"]);
    let answer = plan(&server, Some(&door("creaking", true.into())), None).await;
    assert_eq!(render(&answer.diagnostics), ["Warning: It creaks"]);
    assert_eq!(private(&answer), r#"{"farewell":"creaking","kept":"yes"}"#);
    // What neither was nor will be is no destroy.
    assert!(plan(&server, None, None).await.diagnostics.is_empty());
}

#[tokio::test]
async fn a_session_ends_with_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = Arc::new(());
    let server = Server::new(House(Arc::clone(&sessions)));
    let [mut first, mut second] = scoped::serve(&dir.path().join("p.sock"), server);
    first.configure_provider(configuration(Value::Null)).await.unwrap();
    second.configure_provider(configuration(Value::Null)).await.unwrap();
    // The test's, the provider's, and one for each session.
    assert_eq!(Arc::strong_count(&sessions), 4);
    second.configure_provider(configuration(Value::Null)).await.unwrap();
    assert_eq!(Arc::strong_count(&sessions), 4, "configuring again replaces the session");
    for (client, left) in [(first, 3), (second, 2)] {
        drop(client);
        while Arc::strong_count(&sessions) > left {
            tokio::task::yield_now().await;
        }
        assert_eq!(Arc::strong_count(&sessions), left);
    }
}
