//! Log lines as a host reads them.

use crate::support::{Plugin, shutdown};

#[tokio::test]
async fn logs_are_lines_that_hosts_read() {
    let plugin = Plugin::start("minimal", None, &[("TF_LOG", "JSON")]).await;
    let channel = plugin.channel(None).await.unwrap();
    shutdown(channel).await;
    let ended = plugin.end().await;
    ended.assert_clean();
    let lines: Vec<serde_json::Value> = ended
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(lines.iter().any(|line| line["@message"] == "the host shuts the provider down"), "{lines:?}");
    for line in &lines {
        assert!(["@level", "@message", "@timestamp"].iter().all(|key| line[key].is_string()), "{line}");
    }

    let plugin = Plugin::start("minimal", None, &[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "off")]).await;
    shutdown(plugin.channel(None).await.unwrap()).await;
    assert_eq!(plugin.end().await.stderr, "");
}
