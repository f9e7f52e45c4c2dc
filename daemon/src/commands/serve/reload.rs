//! The configuration while the daemon runs: read again, what can change is changed, and what cannot is reported.

use std::{path::PathBuf, sync::Arc, time::Duration};

use kontraktor_api::Tls;
use kontraktor_identity::{CertificateRules, IssuerSettings};
use kontraktor_vault::{Broker, ConfiguredVault, VaultChanges};

use super::callers::Callers;
use crate::{
    config::{Config, ConfigError},
    logging,
};

type Load = Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// Keeps the running configuration, and replaces it.
pub(super) struct Reloader {
    running: Config,
    load: Load,
    broker: Broker,
    callers: Callers,
    /// None: the daemon serves without it.
    tls: Option<Arc<Tls>>,
    /// How long removing a vault may take.
    vault_deadline: Duration,
}

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that is being replaced must not remove all vaults.
    #[error("the configuration file {} does not exist any more", .0.display())]
    FileGone(PathBuf),
    #[error("reading it was aborted: {0}")]
    Aborted(#[from] tokio::task::JoinError),
}

impl Reloader {
    pub(super) fn new(
        running: Config,
        load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
        broker: Broker,
        callers: Callers,
        tls: Option<Arc<Tls>>,
        vault_deadline: Duration,
    ) -> Self {
        Self { running, load: Arc::new(load), broker, callers, tls, vault_deadline }
    }

    /// Reads the configuration and uses what can change while the daemon runs: what is logged, the vaults, who may call how
    /// often, and TLS. One that cannot be used changes nothing but what the files of TLS contain.
    pub(super) async fn reload(&mut self) {
        let Loaded { mut config, vaults, issuers, certificates } = match self.read().await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "SIGHUP: the configuration was not reloaded; the running one stays in use");
                if let Some(tls) = &self.tls {
                    tls.reload().await;
                }
                return;
            }
        };
        self.reload_tls(&mut config).await;
        for Fixed { setting, running, configured } in fixed(&self.running, &config) {
            tracing::warn!(
                setting,
                running,
                configured,
                "a changed setting takes effect when kontraktord is restarted"
            );
        }
        if config.log.value != self.running.log.value {
            logging::set_filter(&config.log.value);
        }
        super::report_grants(&vaults);
        let unchanged = config.vaults_unchanged_since(&self.running);
        let VaultChanges { added, changed, removed } =
            self.broker.replace(vaults, &unchanged, self.vault_deadline);
        let (issuer_count, certificate_rules) = (issuers.len(), certificates.len());
        self.callers.identity.replace(issuers, certificates);
        self.callers.limits.replace(config.identities.limits.value);
        tracing::info!(
            log = config.log.value,
            added_vaults = names(&added),
            changed_vaults = names(&changed),
            removed_vaults = names(&removed),
            issuers = issuer_count,
            certificate_rules,
            "SIGHUP: reloaded the configuration"
        );
        self.running = config.with_fixed_settings_of(&self.running);
    }

    /// Uses the settings of TLS where they have changed, and otherwise what their files contain now. Settings that cannot be used
    /// are those of the running configuration again.
    async fn reload_tls(&self, config: &mut Config) {
        let (Some(tls), Some(options)) = (&self.tls, &config.network.tls.value) else { return };
        if self.running.network.tls.value.as_ref() == Some(options) {
            tls.reload().await;
            return;
        }
        match tls.replace(options.clone()).await {
            Ok(()) => tracing::info!("SIGHUP: replaced the settings of TLS; open connections stay"),
            Err(error) => {
                tracing::warn!(%error, "SIGHUP: the settings of TLS were not replaced; those in use stay in use");
                config.network.tls = self.running.network.tls.clone();
            }
        }
    }

    async fn read(&self) -> Result<Loaded, ReloadError> {
        let load = Arc::clone(&self.load);
        // Files are read, also those that vaults and issuers name.
        let read = tokio::task::spawn_blocking(move || {
            let config = load()?;
            Ok::<_, ConfigError>(Loaded {
                vaults: config.vaults()?,
                issuers: config.identities.issuers()?,
                certificates: config.identities.certificates()?,
                config,
            })
        });
        let loaded = read.await??;
        match (self.running.file(), loaded.config.file()) {
            (Some(file), None) => Err(ReloadError::FileGone(file.to_owned())),
            _ => Ok(loaded),
        }
    }
}

/// A configuration that was read, and what was built of it.
struct Loaded {
    config: Config,
    vaults: Vec<ConfiguredVault>,
    issuers: Vec<IssuerSettings>,
    certificates: CertificateRules,
}

/// A setting that differs and cannot change while the daemon runs.
#[derive(Debug, PartialEq, Eq)]
struct Fixed {
    setting: &'static str,
    running: String,
    configured: String,
}

fn fixed(running: &Config, configured: &Config) -> Vec<Fixed> {
    let settings = |config: &Config| {
        let mut settings = vec![
            ("data-dir", config.data_dir.value.display().to_string()),
            ("socket", config.socket.value.display().to_string()),
            ("log-format", config.log_format.value.to_string()),
        ];
        settings.extend(config.identities.fixed());
        settings.extend(config.network.shown());
        settings
    };
    let pairs = settings(running).into_iter().zip(settings(configured));
    pairs
        .filter(|((_, running), (_, configured))| running != configured)
        .map(|((setting, running), (_, configured))| Fixed { setting, running, configured })
        .collect()
}

fn names(vaults: &[impl ToString]) -> String {
    vaults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, ProcessEnv};

    fn loaded(socket: &str, log_format: &str) -> Config {
        let flags = Flags {
            data_dir: Some("/data".into()),
            socket: Some(socket.into()),
            log_format: Some(log_format.to_owned()),
            ..Flags::default()
        };
        Config::load(&flags, &ProcessEnv::default()).unwrap()
    }

    #[test]
    fn settings_that_need_a_restart_are_named() {
        let running = loaded("/run/k.sock", "text");
        assert!(fixed(&running, &running).is_empty());
        let found = fixed(&running, &loaded("/run/other.sock", "json"));
        let found: Vec<_> = found
            .iter()
            .map(|fixed| (fixed.setting, fixed.running.as_str(), fixed.configured.as_str()))
            .collect();
        assert_eq!(found, [("socket", "/run/k.sock", "/run/other.sock"), ("log-format", "text", "json")]);
    }
}
