//! Only the host that started a provider may connect to it, and it still can after others have tried.

use std::sync::Arc;

use crate::support::{DEADLINE, Identity, Plugin};
use tfplugin_proto::wire::{get_provider_schema, provider_client::ProviderClient};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};
use tonic::transport::Channel;

async fn ask(channel: Channel) -> Result<get_provider_schema::Response, tonic::Status> {
    let schema = ProviderClient::new(channel).get_provider_schema(get_provider_schema::Request {}).await?;
    Ok(schema.into_inner())
}

async fn assert_served(plugin: &Plugin, identity: &Identity) {
    let channel = plugin.channel(Some(plugin.tls(identity))).await.expect("the true host connects");
    assert!(ask(channel).await.expect("the true host is answered").functions.contains_key("greet"));
}

/// In TLS 1.3 a client learns that it was refused only when it reads.
async fn assert_refused(plugin: &Plugin, tls: Option<rustls::ClientConfig>, who: &str) {
    if let Ok(channel) = plugin.channel(tls).await {
        let answer = ask(channel).await;
        assert!(answer.is_err(), "{who} was answered: {answer:?}");
    }
}

#[tokio::test]
async fn everyone_but_the_true_host_is_refused() {
    let (host, other) = (Identity::new(), Identity::new());
    let plugin = Plugin::start("minimal", Some(&host), &[]).await;
    assert_served(&plugin, &host).await;

    assert_refused(&plugin, None, "a plain connection").await;
    let nobody = plugin.tls_with(rustls::ConfigBuilder::<rustls::ClientConfig, _>::with_no_client_auth);
    assert_refused(&plugin, Some(nobody), "a client without a certificate").await;
    assert_refused(&plugin, Some(plugin.tls(&other)), "another P-521 certificate").await;
    let thief = plugin.tls_with(|builder| builder.with_client_cert_resolver(other.posing_as(&host)));
    assert_refused(&plugin, Some(thief), "the host's certificate without its key").await;

    assert_served(&plugin, &host).await;
}

#[tokio::test]
async fn each_refusal_is_an_alert_and_not_a_mere_end() {
    let (host, other) = (Identity::new(), Identity::new());
    let plugin = Plugin::start("minimal", Some(&host), &[]).await;
    let alert = async |tls| {
        let stream = UnixStream::connect(&plugin.fields[3]).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let read = tokio::time::timeout(DEADLINE, stream.read_u8()).await.unwrap();
        read.unwrap_err().to_string()
    };
    let nobody = plugin.tls_with(rustls::ConfigBuilder::<rustls::ClientConfig, _>::with_no_client_auth);
    assert_eq!(alert(nobody).await, "received fatal alert: CertificateRequired");
    assert_eq!(alert(plugin.tls(&other)).await, "received fatal alert: AccessDenied");
    let thief = plugin.tls_with(|builder| builder.with_client_cert_resolver(other.posing_as(&host)));
    assert_eq!(alert(thief).await, "received fatal alert: DecryptError");
}

#[tokio::test]
async fn a_peer_that_stalls_holds_up_nobody() {
    let host = Identity::new();
    let plugin = Plugin::start("minimal", Some(&host), &[]).await;
    let mut stalled = Vec::new();
    for _ in 0..10 {
        let mut stream = UnixStream::connect(&plugin.fields[3]).await.unwrap();
        // The beginning of a TLS record, and nothing after it.
        stream.write_all(&[22, 3, 1]).await.unwrap();
        stalled.push(stream);
    }
    assert_served(&plugin, &host).await;
}

#[tokio::test]
async fn the_provider_proves_who_it_is() {
    let host = Identity::new();
    let plugin = Plugin::start("minimal", Some(&host), &[]).await;
    let another = Plugin::start("minimal", Some(&host), &[]).await;
    assert_ne!(plugin.certificate(), another.certificate());
    // A host that expects the one does not take the other for it.
    assert!(another.channel(Some(plugin.tls(&host))).await.is_err());
}
