//! The section about a schema: attributes by group, then blocks and maps of objects, each with its own attributes.

use tfplugin_proto::value::{Type, Value};

use terraform_provider_kontraktor::framework::{Attribute, Mode, Schema};

/// Renders the section.
pub(super) fn render(schema: &Schema) -> String {
    let mut text = "\n## Schema\n".to_owned();
    groups(&mut text, "###", &schema.attributes);
    if !schema.blocks.is_empty() {
        text.push_str("\n### Blocks\n\n");
        for block in &schema.blocks {
            text.push_str(&format!(
                "- `{name}` (Block, at most once) {description} See [below](#block-{name}).\n",
                name = block.name,
                description = block.description
            ));
        }
    }
    for block in &schema.blocks {
        text.push_str(&format!("\n### Block `{}`\n", block.name));
        groups(&mut text, "####", &block.attributes);
    }
    for attribute in &schema.attributes {
        if let Some(nested) = &attribute.nested {
            text.push_str(&format!("\n### Element of `{}`\n", attribute.name));
            groups(&mut text, "####", &nested.attributes);
        }
    }
    text
}

fn groups(text: &mut String, level: &str, attributes: &[Attribute]) {
    for heading in ["Required", "Optional", "Read-Only"] {
        let mut attributes =
            attributes.iter().filter(|attribute| group(attribute.mode) == heading).peekable();
        if attributes.peek().is_none() {
            continue;
        }
        text.push_str(&format!("\n{level} {heading}\n\n"));
        for attribute in attributes {
            line(text, attribute);
        }
    }
}

fn group(mode: Mode) -> &'static str {
    match mode {
        Mode::Required => "Required",
        Mode::Optional | Mode::OptionalComputed => "Optional",
        Mode::Computed => "Read-Only",
    }
}

fn line(text: &mut String, attribute: &Attribute) {
    let name = attribute.name;
    let mut kind = match &attribute.nested {
        Some(_) => "Attributes Map".to_owned(),
        None => kind(&attribute.ty),
    };
    if attribute.sensitive {
        kind.push_str(", Sensitive");
    }
    text.push_str(&format!("- `{name}` ({kind}) {}", attribute.description));
    if let Some(default) = attribute.default.as_ref().and_then(literal) {
        text.push_str(&format!(" Defaults to `{default}`."));
    }
    if attribute.nested.is_some() {
        text.push_str(&format!(" See [below](#element-of-{name})."));
    }
    text.push('\n');
}

/// Returns a type as the pages of the registry name it.
fn kind(ty: &Type) -> String {
    match ty {
        Type::String => "String".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(element) => format!("List of {}", kind(element)),
        Type::Set(element) => format!("Set of {}", kind(element)),
        Type::Map(element) => format!("Map of {}", kind(element)),
        Type::Object(_) => "Object".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
    }
}

/// Returns a default as HCL.
fn literal(default: &Value) -> Option<String> {
    match default {
        Value::Bool(yes) => Some(yes.to_string()),
        _ => default.as_str().map(|text| format!("\"{text}\"")),
    }
}
