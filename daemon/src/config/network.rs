//! The settings of the network: where to listen, TLS, limits of connections, and which web pages may use the API.

use std::{net::SocketAddr, path::Path, time::Duration};

use kontraktor_api::{ClientCertificates, ConnectionLimits, ServerCertificate, TlsOptions, is_host_name};

use super::{
    ConfigError, Flags, ProcessEnv, Setting, absolute,
    file::{ConnectionsTable, FileLayer, TlsTable},
    setting::Lookup,
    source::Source,
};

/// Where the authority of `--tls self-signed` is, inside the data directory.
const OWN_DIRECTORY: &str = "tls";

/// The checked settings of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Addresses and ports to listen on, besides the socket. Port 0 is one that the system chooses.
    pub listen: Setting<Vec<SocketAddr>>,
    /// TLS of all of them; none only where all are addresses of this machine alone.
    pub tls: Setting<Option<TlsOptions>>,
    /// What connections may take.
    pub connections: Setting<ConnectionLimits>,
    /// The origins of web pages that may use the API.
    pub cors_origins: Setting<Vec<String>>,
}

impl Network {
    pub(super) fn load(
        flags: &Flags,
        env: &ProcessEnv,
        file: &FileLayer,
        data_dir: &Path,
    ) -> Result<Self, ConfigError> {
        let listen = Lookup::flag("listen", some(&flags.listen))
            .or_variable(env, "KONTRAKTOR_LISTEN", list)
            .or_file(file, |values| values.listen.clone())
            .or_default(|| Ok(Vec::new()))?
            .check(addresses)?;
        let tls = tls(flags, env, file, data_dir, &listen.value)?;
        if tls.value.is_none() {
            refuse_plain_text(&listen)?;
        }
        let connections = Lookup::flag("connections", None)
            .or_file(file, |values| values.connections.clone())
            .or_default(|| Ok(ConnectionsTable::default()))?
            .check(|table| limits(&table))?;
        let cors_origins = Lookup::flag("cors-origins", None)
            .or_file(file, |values| values.cors_origins.clone())
            .or_default(|| Ok(Vec::new()))?
            .check(origins)?;
        Ok(Self { listen, tls, connections, cors_origins })
    }

    /// Returns the URL of the first port, as far as the settings say what clients call this machine.
    pub(super) fn url(&self) -> Option<String> {
        let address = self.listen.value.first()?;
        let (scheme, names) = match &self.tls.value {
            None => ("http", &[][..]),
            Some(TlsOptions { server: ServerCertificate::SelfSigned { names, .. }, .. }) => {
                ("https", names.as_slice())
            }
            Some(_) => ("https", &[][..]),
        };
        let host = match (names.first(), address) {
            (Some(name), _) if name.contains(':') => format!("[{name}]"),
            (Some(name), _) => name.clone(),
            (None, address) if address.ip().is_unspecified() => "localhost".to_owned(),
            (None, SocketAddr::V4(address)) => address.ip().to_string(),
            (None, SocketAddr::V6(address)) => format!("[{}]", address.ip()),
        };
        Some(format!("{scheme}://{host}:{}", address.port()))
    }

    /// Returns each setting that cannot change while the daemon runs as a text, to be compared with another configuration's.
    pub fn shown(&self) -> [(&'static str, String); 4] {
        [
            ("listen", format!("{:?}", self.listen.value)),
            ("tls", if self.tls.value.is_some() { "on" } else { "off" }.to_owned()),
            ("connections", format!("{:?}", self.connections.value)),
            ("cors-origins", format!("{:?}", self.cors_origins.value)),
        ]
    }

    /// Returns name, value and source of each setting, for `--check-config`.
    pub(super) fn rows(&self) -> Vec<(&'static str, String, &Source)> {
        let mut rows = vec![("listen", format!("{:?}", texts(&self.listen.value)), &self.listen.source)];
        if let Some(tls) = &self.tls.value {
            let source = &self.tls.source;
            match &tls.server {
                ServerCertificate::Files { certificate, key } => {
                    rows.push(("tls.mode", quoted("files"), source));
                    rows.push(("tls.cert", path(certificate), source));
                    rows.push(("tls.key", path(key), source));
                }
                ServerCertificate::SelfSigned { directory, names } => {
                    rows.push(("tls.mode", quoted("self-signed"), source));
                    rows.push(("tls.directory", path(directory), source));
                    rows.push(("tls.names", format!("{names:?}"), source));
                }
            }
            if let Some(clients) = &tls.clients {
                rows.push(("tls.client_ca", path(&clients.authorities), source));
                rows.extend(
                    clients.revoked.as_ref().map(|revoked| ("tls.client_crl", path(revoked), source)),
                );
                let required = if clients.required { "required" } else { "optional" };
                rows.push(("tls.client_auth", quoted(required), source));
            }
        }
        let (limits, source) = (&self.connections.value, &self.connections.source);
        let period = |period: Duration| quoted(&humantime::format_duration(period).to_string());
        rows.extend([
            ("connections.max", limits.max.to_string(), source),
            ("connections.max_per_address", limits.max_per_address.to_string(), source),
            ("connections.handshake_timeout", period(limits.handshake_timeout), source),
            ("connections.header_timeout", period(limits.header_timeout), source),
            ("connections.idle_timeout", period(limits.idle_timeout), source),
            ("connections.stall_timeout", period(limits.stall_timeout), source),
            ("cors-origins", format!("{:?}", self.cors_origins.value), &self.cors_origins.source),
        ]);
        rows
    }
}

/// Looks TLS up. The mode decides which of the other settings there may be.
fn tls(
    flags: &Flags,
    env: &ProcessEnv,
    file: &FileLayer,
    data_dir: &Path,
    listen: &[SocketAddr],
) -> Result<Setting<Option<TlsOptions>>, ConfigError> {
    let table = file.0.as_ref().and_then(|(_, values)| values.tls.clone());
    let has_table = table.is_some();
    let table = table.unwrap_or_default();
    let mode = Lookup::flag("tls", flags.tls.clone())
        .or_variable(env, "KONTRAKTOR_TLS", |text| text.to_string_lossy().into_owned())
        .or_file(file, |values| {
            let table = values.tls.as_ref()?;
            // A table without a mode is one of files, as most are.
            Some(table.mode.clone().unwrap_or_else(|| "files".to_owned()))
        })
        .or_default(|| Ok(String::new()))?;
    let names = Lookup::flag("tls-name", some(&flags.tls_names))
        .or_variable(env, "KONTRAKTOR_TLS_NAMES", list)
        .or_file(file, |values| values.tls.as_ref()?.names.clone())
        .or_default(|| Ok(Vec::new()))?
        .check(host_names)?;
    let has_names = !names.value.is_empty();
    let names_from = names.source.clone();
    let tls = mode.check(|mode| {
        let server = match mode.as_str() {
            "" => return Ok(None),
            "self-signed" => self_signed(&table, names.value, data_dir, listen)?,
            "files" if !has_table => {
                return Err("`files` needs the settings `cert` and `key` in the table [tls] of the configuration file".to_owned());
            }
            "files" if has_names => {
                return Err("`names` and `tls-name` need `self-signed`; a certificate from a file has the names that it has".to_owned());
            }
            "files" => files(&table, env)?,
            _ => return Err("expected `self-signed` or `files`".to_owned()),
        };
        Ok(Some(TlsOptions { server, clients: clients(&table, env)? }))
    })?;
    if tls.value.is_none() && has_names {
        let problem = "it needs a certificate of the daemon's own; add `--tls self-signed`".to_owned();
        return Err(ConfigError::Invalid { setting: "tls-name", from: names_from, problem });
    }
    Ok(tls)
}

fn self_signed(
    table: &TlsTable,
    mut names: Vec<String>,
    data_dir: &Path,
    listen: &[SocketAddr],
) -> Result<ServerCertificate, String> {
    if table.cert.is_some() || table.key.is_some() {
        return Err(
            "`cert` and `key` cannot be used with `self-signed`; remove them, or use `files`".to_owned()
        );
    }
    let specific = listen.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
    for address in specific.map(|address| address.to_string()) {
        if !names.contains(&address) {
            names.push(address);
        }
    }
    Ok(ServerCertificate::SelfSigned { directory: data_dir.join(OWN_DIRECTORY), names })
}

fn files(table: &TlsTable, env: &ProcessEnv) -> Result<ServerCertificate, String> {
    let missing = |name: &str| {
        format!(
            "missing setting `{name}` in the table [tls]; set `cert` and `key`, or `mode = \"self-signed\"`"
        )
    };
    let certificate = table.cert.as_ref().ok_or_else(|| missing("cert"))?;
    let key = table.key.as_ref().ok_or_else(|| missing("key"))?;
    Ok(ServerCertificate::Files { certificate: absolute(certificate, env)?, key: absolute(key, env)? })
}

fn clients(table: &TlsTable, env: &ProcessEnv) -> Result<Option<ClientCertificates>, String> {
    let Some(authorities) = &table.client_ca else {
        return match (&table.client_crl, &table.client_auth) {
            (None, None) => Ok(None),
            _ => {
                Err("`client_crl` and `client_auth` need `client_ca`, the authorities of client certificates"
                    .to_owned())
            }
        };
    };
    let required = match table.client_auth.as_deref() {
        None | Some("optional") => false,
        Some("required") => true,
        Some(_) => return Err("`client_auth`: expected `optional` or `required`".to_owned()),
    };
    let revoked = table.client_crl.as_ref().map(|path| absolute(path, env)).transpose()?;
    Ok(Some(ClientCertificates { authorities: absolute(authorities, env)?, revoked, required }))
}

/// What travels without TLS can be read and changed on the way, credentials too: that is for this machine alone.
fn refuse_plain_text(listen: &Setting<Vec<SocketAddr>>) -> Result<(), ConfigError> {
    let Some(open) = listen.value.iter().find(|address| !address.ip().to_canonical().is_loopback()) else {
        return Ok(());
    };
    Err(ConfigError::Invalid {
        setting: "listen",
        from: listen.source.clone(),
        problem: format!(
            "{open} can be reached from other machines, and without TLS they could read secrets on the way; add `--tls self-signed` or a \
             certificate (table [tls]), or listen on a loopback address such as 127.0.0.1"
        ),
    })
}

fn addresses(texts: Vec<String>) -> Result<Vec<SocketAddr>, String> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for text in texts {
        let address: SocketAddr = text.trim().parse().map_err(|_| {
            "expected an IP address and a port such as `0.0.0.0:8743`, `127.0.0.1:8743` or `[::]:8743`"
                .to_owned()
        })?;
        if address.port() != 0 && addresses.contains(&address) {
            return Err(format!("{address} is listed twice"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

fn host_names(names: Vec<String>) -> Result<Vec<String>, String> {
    let is_name = |name: &String| name.parse::<std::net::IpAddr>().is_ok() || is_host_name(name);
    match names.iter().find(|name| !is_name(name)) {
        Some(_) => {
            Err("expected host names and IP addresses such as `kontraktor.example.com` or `10.0.0.5`"
                .to_owned())
        }
        None => Ok(names),
    }
}

/// An origin as browsers send it (RFC 6454 §6.2): `*` would open the API to every page.
fn origins(origins: Vec<String>) -> Result<Vec<String>, String> {
    let is_origin = |origin: &String| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| {
            let (name, port) = match host.rsplit_once(':') {
                Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
                _ => (host, None),
            };
            let is_address = name
                .strip_prefix('[')
                .and_then(|name| name.strip_suffix(']'))
                .is_some_and(|name| name.parse::<std::net::Ipv6Addr>().is_ok());
            let is_lower = !origin.bytes().any(|byte| byte.is_ascii_uppercase());
            let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
            is_lower && is_port && (is_address || (is_host_name(name) && !name.starts_with('*')))
        })
    };
    if origins.iter().all(is_origin) {
        return Ok(origins);
    }
    Err("expected origins as browsers send them, such as `https://console.example.com`: a scheme, a host in lower case, a port \
         if it is not the usual one, and nothing after that"
        .to_owned())
}

fn limits(table: &ConnectionsTable) -> Result<ConnectionLimits, String> {
    let default = ConnectionLimits::default();
    let count = |name: &str, set: Option<usize>, default: usize| {
        let value = set.unwrap_or(default);
        if (1..=1_000_000).contains(&value) {
            return Ok(value);
        }
        Err(format!("`{name}`: expected 1 to 1000000"))
    };
    let period = |name: &str, set: Option<&str>, default: Duration| {
        let Some(text) = set else { return Ok(default) };
        let range = Duration::from_millis(100)..=Duration::from_hours(24);
        let parsed = humantime::parse_duration(text).ok().filter(|period| range.contains(period));
        parsed.ok_or_else(|| {
            format!("`{name}`: expected a duration such as \"10s\" or \"5m\", of 100ms to 24h")
        })
    };
    Ok(ConnectionLimits {
        max: count("max", table.max, default.max)?,
        max_per_address: count("max_per_address", table.max_per_address, default.max_per_address)?,
        handshake_timeout: period(
            "handshake_timeout",
            table.handshake_timeout.as_deref(),
            default.handshake_timeout,
        )?,
        header_timeout: period("header_timeout", table.header_timeout.as_deref(), default.header_timeout)?,
        idle_timeout: period("idle_timeout", table.idle_timeout.as_deref(), default.idle_timeout)?,
        stall_timeout: period("stall_timeout", table.stall_timeout.as_deref(), default.stall_timeout)?,
    })
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// Splits a list at its commas.
fn list(text: &std::ffi::OsStr) -> Vec<String> {
    text.to_string_lossy().split(',').map(|part| part.trim().to_owned()).collect()
}

fn texts(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(SocketAddr::to_string).collect()
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests;
