//! Client certificates that end while their connections are open, and sessions that would outlast them.

use std::{fs, sync::Arc};

use rustls::{ClientConfig, HandshakeKind, pki_types::ServerName};
use testkit::Daemon;
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::tls::{Site, address, ask};

/// A site whose daemon asks for client certificates, of which none is revoked.
fn site() -> (Site, Daemon) {
    let site = Site::new();
    fs::write(site.path("revoked.pem"), site.authority.revocation_list(&[])).unwrap();
    let tls = format!(
        "client_ca = '{}'\nclient_crl = '{}'",
        site.path("ca.pem").display(),
        site.path("revoked.pem").display()
    );
    let daemon = site.builder(&tls, "").start();
    (site, daemon)
}

async fn connect(daemon: &Daemon, config: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address(daemon)).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

#[tokio::test]
async fn an_open_connection_ends_when_its_certificate_is_revoked_and_no_other_does() {
    let (site, daemon) = site();
    let (stolen, good) = (site.authority.client("stolen"), site.authority.client("good"));
    let config = |identity| Arc::new(site.authority.client_config(identity));
    let mut revoked = connect(&daemon, &config(Some(&stolen))).await;
    let mut others = [connect(&daemon, &config(Some(&good))).await, connect(&daemon, &config(None)).await];
    ask(&mut revoked).await;
    for other in &mut others {
        ask(other).await;
    }
    fs::write(site.path("revoked.pem"), site.authority.revocation_list(&[&stolen])).unwrap();
    daemon.wait_for_log("closing a connection whose client certificate is not accepted any more");
    // Without a farewell, where the daemon was faster than its client.
    assert_eq!(revoked.read(&mut [0; 64]).await.unwrap_or(0), 0);
    for other in &mut others {
        ask(other).await;
    }
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_client_certificate_is_verified_at_every_handshake() {
    let (site, daemon) = site();
    let config = Arc::new(site.authority.client_config(Some(&site.authority.client("ci"))));
    for _ in 0..2 {
        let mut stream = connect(&daemon, &config).await;
        ask(&mut stream).await;
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    }
    daemon.terminate().ok();

    // Without client certificates, a session is resumed.
    let site = Site::new();
    let daemon = site.builder("", "").start();
    let config = Arc::new(site.authority.client_config(None));
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = connect(&daemon, &config).await;
        ask(&mut stream).await;
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
    }
    daemon.terminate().ok();
}
