//! What real tools print of two secrets: a password with all punctuation, and a key with several lines.

use serde::Deserialize;

use super::masked;

#[derive(Deserialize)]
struct Recording {
    password: String,
    key: String,
    outputs: Vec<Output>,
}

/// What a tool printed, and what is to be seen of it.
#[derive(Deserialize)]
struct Output {
    tool: String,
    of: String,
    text: String,
    masked: String,
}

#[test]
fn what_tools_print_is_masked() {
    let recording: Recording = serde_json::from_str(include_str!("tools.json")).expect("JSON");
    let in_json = |secret: &str| serde_json::json!({"user": "application", "secret": secret}).to_string();
    let mut wrong = Vec::new();
    for output in &recording.outputs {
        let secret = if output.of == "key" { &recording.key } else { &recording.password };
        for value in [secret.clone(), in_json(secret)] {
            let out = masked(&[&value], &output.text);
            if out != output.masked {
                wrong.push(format!("{} of the {}:\n{out}", output.tool, output.of));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
