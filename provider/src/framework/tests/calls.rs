//! The calls beside an object's life: schemas, validation, upgrades, imports, data, ephemeral resources, functions, and
//! everything that is not offered.

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire::provider_server::Provider as _;
use tfplugin_proto::wire::{self, call_function, upgrade_resource_state};
use tonic::Request;

use super::shelf::{Library, book_schema, due};
use super::{fields, received, render, sent, whole};
use crate::framework::Server;
use crate::framework::fields::Fields;

fn provider_type() -> Type {
    Type::object([("root", Type::String)])
}

async fn library() -> Server<Library> {
    let server = Server::new(Library);
    assert!(configure(&server, "1.11.4", Value::Null).await.is_empty());
    server
}

async fn configure(server: &Server<Library>, version: &str, root: Value) -> Vec<String> {
    let request = wire::configure_provider::Request {
        terraform_version: version.to_owned(),
        config: sent(Some(&fields([("root", root)])), &provider_type()),
        ..Default::default()
    };
    render(&server.configure_provider(Request::new(request)).await.unwrap().into_inner().diagnostics)
}

macro_rules! call {
    ($server:expr, $rpc:ident, $request:expr) => {
        $server.$rpc(Request::new($request)).await.unwrap().into_inner()
    };
}

#[tokio::test]
async fn the_schema_holds_everything_and_the_metadata_its_names() {
    let server = Server::new(Library);
    let schemas = call!(server, get_provider_schema, wire::get_provider_schema::Request {});
    assert!(schemas.diagnostics.is_empty() && schemas.provider.is_some());
    let capabilities = schemas.server_capabilities.unwrap();
    assert!(capabilities.plan_destroy && capabilities.get_provider_schema_optional);
    assert!(capabilities.move_resource_state);

    let book = schemas.resource_schemas["shelf_book"].clone();
    assert_eq!(book.version, 2);
    let block = book.block.unwrap();
    let attribute = |name: &str| block.attributes.iter().find(|attribute| attribute.name == name).unwrap();
    let flags = |name: &str| {
        let attribute = attribute(name);
        (attribute.required, attribute.optional, attribute.computed)
    };
    assert_eq!(flags("title"), (true, false, false));
    assert_eq!(flags("note"), (false, true, false));
    assert_eq!(flags("pages"), (false, true, true), "a default makes it computed");
    assert_eq!(flags("id"), (false, false, true));
    assert_eq!(attribute("tags").r#type, br#"["list","string"]"#);
    let loan = schemas.ephemeral_resource_schemas["shelf_loan"].block.clone().unwrap();
    assert!(loan.attributes.iter().any(|attribute| attribute.name == "slip" && attribute.sensitive));

    let metadata = call!(server, get_metadata, wire::get_metadata::Request {});
    let resources: Vec<_> = metadata.resources.iter().map(|resource| resource.type_name.as_str()).collect();
    assert_eq!(resources, ["shelf_book", "shelf_scroll"]);
    assert_eq!(metadata.data_sources[0].type_name, "shelf_count");
    assert_eq!(metadata.ephemeral_resources.len(), 2);
    assert_eq!(metadata.functions[0].name, "join_titles");
    let identities =
        call!(server, get_resource_identity_schemas, wire::get_resource_identity_schemas::Request {});
    assert!(identities.identity_schemas.is_empty() && identities.diagnostics.is_empty());
}

#[tokio::test]
async fn configuration_is_checked_before_and_when_it_is_used() {
    let server = Server::new(Library);
    for (root, expected) in [
        (Value::from("here"), vec!["Error at root: Invalid root"]),
        (Value::from("/dev/null"), vec!["Warning at root: Nothing will last"]),
        (Value::from("/books"), vec![]),
        (Value::Unknown, vec![]),
        (Value::Null, vec![]),
    ] {
        let config = sent(Some(&fields([("root", root.clone())])), &provider_type());
        let request = wire::validate_provider_config::Request { config };
        let answer = call!(server, validate_provider_config, request);
        assert_eq!(render(&answer.diagnostics), expected, "{root:?}");
    }
    assert_eq!(configure(&server, "1.11.4", Value::from("here")).await, ["Error at root: Invalid root"]);
    assert_eq!(configure(&server, "0.11.0", Value::Null).await, ["Error: Too old"]);
}

#[tokio::test]
async fn resources_are_validated_with_unknown_values() {
    let server = Server::new(Library);
    let schema = book_schema();
    for (config, expected) in [
        (whole(&schema, [("title", Value::from(""))]), vec!["Error at title: Invalid title"]),
        (whole(&schema, [("title", Value::Unknown), ("note", Value::Unknown)]), vec![]),
        (
            whole(&schema, [("title", Value::from("a")), ("note", Value::from("a"))]),
            vec!["Error at note: The note repeats the title"],
        ),
    ] {
        let request = wire::validate_resource_config::Request {
            type_name: "shelf_book".to_owned(),
            config: sent(Some(&config), &schema.object_type()),
            ..Default::default()
        };
        let answer = call!(server, validate_resource_config, request);
        assert_eq!(render(&answer.diagnostics), expected, "{config:?}");
    }
}

#[tokio::test]
async fn bytes_that_do_not_fit_are_a_diagnostic() {
    let server = Server::new(Library);
    for (config, expected) in [
        (Some(vec![0xc1]), "Error: Invalid configuration"),
        (Some(vec![0x80]), "Error: Invalid configuration"),
        (Some(vec![0xd4, 0, 0]), "Error: Invalid configuration"),
        (Some(vec![0xc0]), "Error: Missing configuration"),
        (None, "Error: Missing configuration"),
    ] {
        let config = config.map(|msgpack| wire::DynamicValue { msgpack, ..Default::default() });
        let request = wire::validate_resource_config::Request {
            type_name: "shelf_book".to_owned(),
            config,
            ..Default::default()
        };
        assert_eq!(render(&call!(server, validate_resource_config, request).diagnostics), [expected]);
    }
}

async fn upgraded(name: &str, version: i64, json: &str) -> (Option<Value>, Vec<String>) {
    let server = Server::new(Library);
    let request = upgrade_resource_state::Request {
        type_name: name.to_owned(),
        version,
        raw_state: Some(wire::RawState { json: json.as_bytes().to_vec(), ..Default::default() }),
    };
    let answer = call!(server, upgrade_resource_state, request);
    let ty = if name == "shelf_book" { book_schema().object_type() } else { Type::Dynamic };
    let state = answer.upgraded_state.map(|state| Value::from_dynamic(Some(&state), &ty).unwrap());
    (state, render(&answer.diagnostics))
}

#[tokio::test]
async fn state_of_any_version_is_read() {
    let current = whole(
        &book_schema(),
        [("id", Value::from("dune")), ("title", Value::from("Dune")), ("pages", Value::from(1_u64))],
    );
    let current = (Some(Value::Map(current)), vec![]);
    // As it is now; one attribute is gone since, another is new; and before the attribute was renamed.
    let json =
        r#"{"id":"dune","title":"Dune","pages":1,"note":null,"place":null,"tags":null,"edition":null}"#;
    assert_eq!(upgraded("shelf_book", 2, json).await, current);
    let json = r#"{"id":"dune","title":"Dune","pages":1,"color":"red"}"#;
    assert_eq!(upgraded("shelf_book", 2, json).await, current);
    assert_eq!(upgraded("shelf_book", 1, r#"{"id":"dune","name":"Dune","pages":1}"#).await, current);
    assert_eq!(upgraded("shelf_book", 2, "null").await, (Some(Value::Null), vec![]));
}

#[tokio::test]
async fn state_that_cannot_be_read_is_a_diagnostic() {
    for (name, version, json, expected) in [
        ("shelf_book", 0, "{}", "Error: Too old"),
        ("shelf_scroll", 0, "{}", "Error: Unsupported state version"),
        ("shelf_book", 3, "{}", "Error: State is newer than the provider"),
        ("shelf_book", 2, "", "Error: Unsupported state version"),
        ("shelf_book", 2, "[]", "Error: Invalid state"),
        ("shelf_book", 2, r#"{"pages":"many"}"#, "Error: Invalid state"),
        ("shelf_lamp", 2, "{}", "Error: Unknown resource shelf_lamp"),
    ] {
        assert_eq!(upgraded(name, version, json).await, (None, vec![expected.to_owned()]), "{name} {json}");
    }
}

#[tokio::test]
async fn imports_give_what_the_id_says() {
    let server = library().await;
    let import = async |id: &str| {
        let request = wire::import_resource_state::Request {
            type_name: "shelf_book".to_owned(),
            id: id.to_owned(),
            ..Default::default()
        };
        call!(server, import_resource_state, request)
    };
    let answer = import("Dune").await;
    let imported = &answer.imported_resources[0];
    let state = received(imported.state.as_ref(), &book_schema().object_type()).unwrap();
    assert_eq!((&state["title"], &state["pages"]), (&Value::from("Dune"), &Value::Null));
    assert_eq!(render(&import("?").await.diagnostics), ["Error: No such id"]);
    assert_eq!(render(&import("").await.diagnostics), ["Error: Missing import ID"]);
}

#[tokio::test]
async fn data_sources_are_read() {
    let server = library().await;
    let ty = Type::object([("prefix", Type::String), ("count", Type::Number)]);
    let read_from = async |server: &Server<Library>, name: &str, prefix: &str| {
        let config = fields([("prefix", Value::from(prefix)), ("count", Value::Null)]);
        let request = wire::read_data_source::Request {
            type_name: name.to_owned(),
            config: sent(Some(&config), &ty),
            ..Default::default()
        };
        call!(server, read_data_source, request)
    };
    let read = async |server: &Server<Library>, name: &str| read_from(server, name, "d").await;
    let answer = read(&server, "shelf_count").await;
    let expected: Fields = fields([("prefix", Value::from("d")), ("count", Value::from(0_u64))]);
    assert_eq!((received(answer.state.as_ref(), &ty), answer.diagnostics.len()), (Some(expected), 0));
    let answer = read_from(&server, "shelf_count", "the ").await;
    assert!(answer.state.is_some(), "a warning comes with the answer");
    assert_eq!(render(&answer.diagnostics), ["Warning at prefix: Counted by their articles"]);
    assert_eq!(render(&read(&server, "x").await.diagnostics), ["Error: Unknown data source x"]);
    let answer = read(&Server::new(Library), "shelf_count").await;
    assert_eq!(render(&answer.diagnostics), ["Error: Provider is not configured"]);
    let request = wire::validate_data_resource_config::Request { type_name: "x".to_owned(), config: None };
    let answer = call!(server, validate_data_resource_config, request);
    assert_eq!(render(&answer.diagnostics), ["Error: Unknown data source x"]);
}

#[tokio::test]
async fn ephemeral_resources_are_opened_renewed_and_closed() {
    let server = library().await;
    let ty = Type::object([("reader", Type::String), ("slip", Type::String)]);
    let config =
        |reader: &str| sent(Some(&fields([("reader", Value::from(reader)), ("slip", Value::Null)])), &ty);
    let name = "shelf_loan".to_owned();
    let request =
        wire::validate_ephemeral_resource_config::Request { type_name: name.clone(), config: config("") };
    let answer = call!(server, validate_ephemeral_resource_config, request);
    assert_eq!(render(&answer.diagnostics), ["Error at reader: No reader"]);

    let request = wire::open_ephemeral_resource::Request {
        type_name: name.clone(),
        config: config("Ada"),
        ..Default::default()
    };
    let opened = call!(server, open_ephemeral_resource, request);
    let result = received(opened.result.as_ref(), &ty).unwrap();
    assert_eq!(result["slip"], Value::from("slip of Ada"));
    assert_eq!((opened.renew_at, opened.diagnostics.len()), (Some(due(0).into()), 0));

    let request = wire::open_ephemeral_resource::Request {
        type_name: name.clone(),
        config: config("forgetful"),
        ..Default::default()
    };
    let warned = call!(server, open_ephemeral_resource, request);
    assert!(warned.result.is_some(), "a warning comes with the result");
    assert_eq!(render(&warned.diagnostics), ["Warning at reader: Lent before"]);

    let request =
        wire::renew_ephemeral_resource::Request { type_name: name.clone(), private: opened.private };
    let renewed = call!(server, renew_ephemeral_resource, request);
    assert_eq!(renewed.renew_at, Some(due(1).into()));
    let request =
        wire::renew_ephemeral_resource::Request { type_name: name.clone(), private: renewed.private.clone() };
    assert_eq!(call!(server, renew_ephemeral_resource, request).renew_at, Some(due(2).into()));

    let request =
        wire::close_ephemeral_resource::Request { type_name: name.clone(), private: renewed.private };
    assert!(call!(server, close_ephemeral_resource, request).diagnostics.is_empty());
    let request = wire::close_ephemeral_resource::Request { type_name: name, private: None };
    let answer = call!(server, close_ephemeral_resource, request);
    assert_eq!(render(&answer.diagnostics), ["Error: Not a loan"]);
}

#[tokio::test]
async fn an_ephemeral_resource_without_renewal_says_so() {
    let server = library().await;
    let name = "shelf_glance".to_owned();
    let private = Some(b"{}".to_vec());
    let request =
        wire::renew_ephemeral_resource::Request { type_name: name.clone(), private: private.clone() };
    let answer = call!(server, renew_ephemeral_resource, request);
    assert_eq!(render(&answer.diagnostics), ["Error: Renewal is not supported"]);
    assert_eq!(answer.private, private);
    let request = wire::close_ephemeral_resource::Request { type_name: name, private };
    assert!(call!(server, close_ephemeral_resource, request).diagnostics.is_empty());
}

async fn called(name: &str, arguments: &[&str]) -> Result<Value, (String, Option<i64>)> {
    let arguments = arguments.iter().map(|text| Value::from(*text).to_dynamic(&Type::String).unwrap());
    let request = call_function::Request { name: name.to_owned(), arguments: arguments.collect() };
    // Not configured: functions work without.
    let answer = call!(Server::new(Library), call_function, request);
    match answer.error {
        None => Ok(Value::from_dynamic(answer.result.as_ref(), &Type::String).unwrap()),
        Some(error) => Err((error.text, error.function_argument)),
    }
}

#[tokio::test]
async fn functions_are_called_in_a_process_that_is_not_configured() {
    assert_eq!(called("join_titles", &[", ", "Dune", "Emma"]).await, Ok(Value::from("Dune, Emma")));
    assert_eq!(called("join_titles", &[", "]).await, Ok(Value::from("")));
    let (_, argument) = called("join_titles", &[", ", "Dune", ""]).await.unwrap_err();
    assert_eq!(argument, Some(2));
    let (text, argument) = called("join_titles", &[]).await.unwrap_err();
    assert_eq!(
        (text.as_str(), argument),
        ("join_titles takes at least 1 arguments, but 0 were given.", None)
    );
    assert!(called("split_titles", &[]).await.is_err());

    let functions = call!(Server::new(Library), get_functions, wire::get_functions::Request {}).functions;
    let signature = &functions["join_titles"];
    assert_eq!(signature.parameters[0].name, "separator");
    assert_eq!(signature.variadic_parameter.as_ref().unwrap().name, "titles");
    assert_eq!(signature.r#return.as_ref().unwrap().r#type, b"\"string\"");
}

#[tokio::test]
async fn what_is_not_offered_is_a_diagnostic() {
    let server = library().await;
    let x = || "x".to_owned();
    let request = wire::move_resource_state::Request {
        target_type_name: "shelf_book".to_owned(),
        ..Default::default()
    };
    let answer = call!(server, move_resource_state, request);
    assert_eq!(render(&answer.diagnostics), ["Error: Move between resource types is not supported"]);
    let request = wire::upgrade_resource_identity::Request { type_name: x(), ..Default::default() };
    let answer = call!(server, upgrade_resource_identity, request);
    assert_eq!(render(&answer.diagnostics), ["Error: Resource identity is not supported"]);
    let request = wire::generate_resource_config::Request { type_name: x(), ..Default::default() };
    assert_eq!(call!(server, generate_resource_config, request).diagnostics.len(), 1);
    let request = wire::validate_list_resource_config::Request { type_name: x(), ..Default::default() };
    assert_eq!(call!(server, validate_list_resource_config, request).diagnostics.len(), 1);
    let request = wire::validate_action_config::Request { action_type: x(), ..Default::default() };
    assert_eq!(call!(server, validate_action_config, request).diagnostics.len(), 1);
    let request = wire::plan_action::Request { action_type: x(), ..Default::default() };
    assert_eq!(render(&call!(server, plan_action, request).diagnostics), ["Error: Unknown action x"]);
    let request = wire::lock_state::Request { type_name: x(), ..Default::default() };
    assert_eq!(render(&call!(server, lock_state, request).diagnostics), ["Error: Unknown state store x"]);
    let request = wire::unlock_state::Request { type_name: x(), ..Default::default() };
    assert_eq!(call!(server, unlock_state, request).diagnostics.len(), 1);
    let request = wire::get_states::Request { type_name: x() };
    assert_eq!(call!(server, get_states, request).diagnostics.len(), 1);
    let request = wire::delete_state::Request { type_name: x(), ..Default::default() };
    assert_eq!(call!(server, delete_state, request).diagnostics.len(), 1);
    let request = wire::validate_state_store_config::Request { type_name: x(), ..Default::default() };
    assert_eq!(call!(server, validate_state_store_config, request).diagnostics.len(), 1);
    let request = wire::configure_state_store::Request { type_name: x(), ..Default::default() };
    assert_eq!(call!(server, configure_state_store, request).diagnostics.len(), 1);

    use tokio_stream::StreamExt as _;
    let request = wire::list_resource::Request { type_name: x(), ..Default::default() };
    let events: Vec<_> = call!(server, list_resource, request).collect().await;
    assert_eq!(render(&events[0].as_ref().unwrap().diagnostic), ["Error: Unknown list resource x"]);
    let request = wire::read_state_bytes::Request { type_name: x(), ..Default::default() };
    let chunks: Vec<_> = call!(server, read_state_bytes, request).collect().await;
    assert_eq!(chunks[0].as_ref().unwrap().diagnostics.len(), 1);
    let request = wire::invoke_action::Request { action_type: x(), ..Default::default() };
    let events: Vec<_> = call!(server, invoke_action, request).collect().await;
    let Some(wire::invoke_action::event::Type::Completed(completed)) =
        events[0].as_ref().unwrap().r#type.clone()
    else {
        panic!("an action ends with its completion");
    };
    assert_eq!(render(&completed.diagnostics), ["Error: Unknown action x"]);
}

/// The one call with a stream of requests, through a real connection.
#[tokio::test]
async fn a_stream_of_state_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("p.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let service = wire::provider_server::ProviderServer::new(Server::new(Library));
    let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    let endpoint = tonic::transport::Endpoint::new(format!("unix://{}", socket.display())).unwrap();
    let mut client = wire::provider_client::ProviderClient::new(endpoint.connect_lazy());
    let meta = wire::RequestChunkMeta { type_name: "x".to_owned(), ..Default::default() };
    let chunk = wire::write_state_bytes::RequestChunk { meta: Some(meta), ..Default::default() };
    let answer = client.write_state_bytes(tokio_stream::iter([chunk])).await.unwrap().into_inner();
    assert_eq!(render(&answer.diagnostics), ["Error: Unknown state store x"]);
}
