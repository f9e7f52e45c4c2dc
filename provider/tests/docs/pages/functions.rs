//! The page of a function: its signature, arguments and result.

use super::page::Page;
use terraform_provider_kontraktor::framework::{Parameter, Signature};

/// Renders the page.
pub(super) fn render(name: &str, signature: &Signature, code: &str) -> String {
    let mut page = Page::new(&format!("{name} Function"), signature.summary);
    page.push(&format!("# {name} (Function)\n\n{}\n", signature.description));
    page.section("## Example Usage", "terraform", code);

    let mut parameters: Vec<String> = signature.parameters.iter().map(declaration).collect();
    parameters.extend(signature.variadic.as_ref().map(|more| format!("{}...", declaration(more))));
    let call = format!("provider::kontraktor::{name}({}) {}", parameters.join(", "), signature.returns);
    page.section("## Signature", "text", &call);

    page.push("\n## Arguments\n\n");
    for (position, parameter) in signature.parameters.iter().chain(&signature.variadic).enumerate() {
        let null = if parameter.allow_null { ", may be null" } else { "" };
        page.push(&format!(
            "{}. `{}` ({}{null}) {}\n",
            position + 1,
            parameter.name,
            parameter.ty,
            parameter.description
        ));
    }
    page.finish()
}

fn declaration(parameter: &Parameter) -> String {
    format!("{} {}", parameter.name, parameter.ty)
}

#[cfg(test)]
mod tests {
    use tfplugin_proto::value::Type;

    use super::*;

    #[test]
    fn a_page_shows_signature_and_arguments() {
        let signature = Signature {
            summary: "Joins texts.",
            description: "Joins texts, with a separator between them.",
            parameters: vec![Parameter::new("separator", Type::String, "What comes between.")],
            variadic: Some(Parameter {
                allow_null: true,
                ..Parameter::new("texts", Type::String, "The texts; null is left out.")
            }),
            returns: Type::String,
        };
        insta::assert_snapshot!(render("joined", &signature, "output \"x\" {}\n"), @r#"
        ---
        page_title: "joined Function"
        subcategory: ""
        description: |-
          Joins texts.
        ---

        # joined (Function)

        Joins texts, with a separator between them.

        ## Example Usage

        ```terraform
        output "x" {}
        ```

        ## Signature

        ```text
        provider::kontraktor::joined(separator string, texts string...) string
        ```

        ## Arguments

        1. `separator` (string) What comes between.
        2. `texts` (string, may be null) The texts; null is left out.
        "#);
    }
}
