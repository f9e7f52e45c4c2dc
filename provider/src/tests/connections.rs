//! Two configurations of the provider in one process, each over a connection of its own, as two aliases are in a
//! debugged provider.

use std::sync::Arc;

use kontraktor_model::value::ValueType;
use tfplugin_proto::{
    value::Value,
    wire::{self, provider_client::ProviderClient},
};
use tonic::transport::Channel;

use super::{Harness, fake::FakeDaemon, fields, render, text};
use crate::{
    Kontraktor, Settings,
    framework::{Server, tests::scoped},
};

const VARIABLE: &str = "kontraktor_variable";

/// Two aliases of one provider process, and for each a daemon that holds a variable of the same name.
struct Aliases {
    harness: Harness,
    clients: [ProviderClient<Channel>; 2],
    daemons: [Arc<FakeDaemon>; 2],
}

impl Aliases {
    async fn new() -> Self {
        // Its types and its ways to build messages are what is wanted of it.
        let harness = Harness::new().await;
        let socket = harness.dir().join("provider.sock");
        let clients = scoped::serve(&socket, Server::new(Kontraktor::new(Settings::default())));
        let daemons = [0, 1].map(|n| {
            let daemon = FakeDaemon::serve(&harness.dir().join(format!("{n}.sock")));
            daemon.write("demo/dev/A", ValueType::String, &n.to_string());
            daemon
        });
        Self { harness, clients, daemons }
    }

    async fn configure(&mut self, alias: usize) {
        let host = format!("unix://{}", self.harness.dir().join(format!("{alias}.sock")).display());
        let config = fields([("host", Value::from(host)), ("timeout", text("5s"))]);
        let request = wire::configure_provider::Request {
            terraform_version: "1.11.4".to_owned(),
            config: self.harness.sent("provider", Some(&config)),
            ..Default::default()
        };
        let answer = self.clients[alias].configure_provider(request).await.unwrap().into_inner();
        assert_eq!(render(&answer.diagnostics), [""; 0]);
    }

    async fn read(&mut self, alias: usize) -> Result<Value, Vec<String>> {
        let state = fields([("project", text("demo")), ("env", text("dev")), ("key", text("A"))]);
        let request = wire::read_resource::Request {
            type_name: VARIABLE.to_owned(),
            current_state: self.harness.sent(VARIABLE, Some(&state)),
            ..Default::default()
        };
        let answer = self.clients[alias].read_resource(request).await.unwrap().into_inner();
        if !answer.diagnostics.is_empty() {
            return Err(render(&answer.diagnostics));
        }
        let state = self.harness.received(VARIABLE, answer.new_state.as_ref()).expect("it exists");
        Ok(state["value"].clone())
    }
}

#[tokio::test]
async fn two_aliases_through_one_process_do_not_disturb_each_other() {
    let mut aliases = Aliases::new().await;
    aliases.configure(0).await;
    let message = &aliases.read(1).await.unwrap_err()[0];
    assert!(message.starts_with("Error: Provider is not configured\n"), "{message}");
    aliases.configure(1).await;
    for _ in 0..3 {
        assert_eq!(aliases.read(0).await, Ok(text("0")));
        assert_eq!(aliases.read(1).await, Ok(text("1")));
    }
    assert_eq!(
        aliases.daemons.each_ref().map(|daemon| daemon.request()),
        [1, 1],
        "one snapshot a walk for each"
    );

    // A new walk of one alias begins anew, and the other's continues.
    aliases.configure(0).await;
    assert_eq!((aliases.read(0).await, aliases.read(1).await), (Ok(text("0")), Ok(text("1"))));
    assert_eq!(aliases.daemons.each_ref().map(|daemon| daemon.request()), [2, 1]);

    // So does a stop: who is asked to stop gives up what it reads, and nobody else does.
    aliases.clients[0].stop_provider(wire::stop_provider::Request {}).await.unwrap();
    assert_eq!(aliases.read(1).await, Ok(text("1")));
}
