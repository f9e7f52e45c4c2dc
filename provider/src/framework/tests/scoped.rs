//! A provider behind a socket whose connections have extensions, as with the plugin's own server.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tfplugin_proto::serve::ConnectionExtensions;
use tfplugin_proto::wire::provider_client::ProviderClient;
use tfplugin_proto::wire::provider_server::{Provider, ProviderServer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint};

struct Scoped(UnixStream, ConnectionExtensions);

/// Serves until the test's runtime ends. Each client has a connection of its own.
pub(crate) fn serve<const N: usize>(socket: &Path, provider: impl Provider) -> [ProviderClient<Channel>; N] {
    let incoming = UnixListenerStream::new(UnixListener::bind(socket).expect("a fresh directory"));
    let incoming =
        incoming.map(|stream| stream.map(|stream| Scoped(stream, ConnectionExtensions::default())));
    let server = tonic::transport::Server::builder().add_service(ProviderServer::new(provider));
    tokio::spawn(server.serve_with_incoming(incoming));
    let endpoint = Endpoint::new(format!("unix://{}", socket.display())).expect("a valid address");
    [(); N].map(|()| ProviderClient::new(endpoint.connect_lazy()))
}

impl Connected for Scoped {
    type ConnectInfo = ConnectionExtensions;

    fn connect_info(&self) -> ConnectionExtensions {
        self.1.clone()
    }
}

impl AsyncRead for Scoped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Scoped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
