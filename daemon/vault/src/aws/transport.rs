//! The SDK's own HTTP client, with a limit on response bodies. It follows no redirects, and sends nothing in the clear where
//! that is not allowed, whatever chose the address: settings, the environment or a profile.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag, retry::ErrorKind};
use http_body_util::{BodyExt as _, Full};
use reqwest::Url;

use crate::{
    cloud::{Authorities, BodyError, ResponseBody},
    plain_http::{PlainHttp, PlainHttpRefused},
};

/// Makes a client that trusts the system's authorities and these.
pub(super) fn client(authorities: Option<&Authorities>, plain_http: PlainHttp) -> SharedHttpClient {
    let mut store = TrustStore::default();
    if let Some(authorities) = authorities {
        store.add_pem_certificate(authorities.pem());
    }
    let tls = TlsContext::builder().with_trust_store(store).build();
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let builder = match tls {
        Ok(tls) => builder.tls_context(tls),
        // A context of two valid parts cannot fail; trusting the system alone would be the safe fallback.
        Err(_) => builder,
    };
    SharedHttpClient::new(Bounded { client: builder.build_https(), plain_http })
}

#[derive(Debug)]
struct Bounded {
    client: SharedHttpClient,
    plain_http: PlainHttp,
}

impl HttpClient for Bounded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(BoundedConnector {
            connector: self.client.http_connector(settings, components),
            plain_http: self.plain_http,
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct BoundedConnector {
    connector: SharedHttpConnector,
    plain_http: PlainHttp,
}

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // What is no URL is left to the SDK, which refuses it.
        if let Ok(url) = Url::parse(request.uri())
            && let Err(refused) = self.plain_http.check_request(&url)
        {
            return HttpConnectorFuture::ready(Err(in_the_clear(refused)));
        }
        let answered = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = answered.await?;
            match read(&mut response).await {
                Ok(body) => {
                    *response.body_mut() = body;
                    Ok(response)
                }
                Err(BodyError::Interrupted) => {
                    Err(ConnectorError::other(BodyError::Interrupted.into(), Some(ErrorKind::TransientError)))
                }
                Err(BodyError::TooLarge) => Err(ConnectorError::other(BodyError::TooLarge.into(), None)),
            }
        })
    }
}

fn in_the_clear(refused: PlainHttpRefused) -> ConnectorError {
    ConnectorError::other(refused.into(), None)
}

async fn read(response: &mut HttpResponse) -> Result<SdkBody, BodyError> {
    let length = response.headers().get("content-length").and_then(|length| length.parse().ok());
    let mut received = ResponseBody::with_length(length)?;
    let mut body = std::mem::replace(response.body_mut(), SdkBody::taken());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Interrupted)?;
        if let Ok(part) = frame.into_data() {
            received.push(part)?;
        }
    }
    // Not `SdkBody::from`: the SDK logs every byte of such a body.
    Ok(SdkBody::from_body_1_x(Full::new(received.finish())))
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::cloud::find_cause;

    /// Answers everything.
    #[derive(Debug)]
    struct Answering;

    impl HttpConnector for Answering {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let status = StatusCode::try_from(200).unwrap();
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::empty())))
        }
    }

    #[test]
    fn nothing_is_sent_in_the_clear_whatever_chose_the_address() {
        let sent = |plain_http, uri: &str| {
            let connector = BoundedConnector { connector: SharedHttpConnector::new(Answering), plain_http };
            connector.call(HttpRequest::get(uri).unwrap()).now_or_never().unwrap()
        };
        let refused = sent(PlainHttp::OnLoopback, "http://sts.example.com/").unwrap_err();
        assert!(find_cause::<PlainHttpRefused>(&refused).is_some());
        for uri in ["https://sts.example.com/", "http://127.0.0.1:5000/", "http://169.254.169.254/latest"] {
            assert!(sent(PlainHttp::OnLoopback, uri).is_ok(), "{uri}");
        }
        assert!(sent(PlainHttp::Everywhere, "http://sts.example.com/").is_ok());
    }
}
