//! Links between pages: the first mention of each object of the provider becomes a link to its page.

use std::collections::HashSet;

/// Returns a page with links. `pages` are the paths of all pages.
pub(super) fn link(page: &str, text: &str, pages: &[String]) -> String {
    let mut linked = HashSet::from([page.to_owned()]);
    let mut in_code = false;
    let mut lines = Vec::new();
    let front = text.find("\n---\n").map_or(0, |end| text[..end].lines().count() + 1);
    for (number, line) in text.lines().enumerate() {
        in_code ^= line.starts_with("```");
        if number < front || in_code || line.starts_with('#') {
            lines.push(line.to_owned());
        } else {
            lines.push(link_line(page, line, pages, &mut linked));
        }
    }
    lines.join("\n") + "\n"
}

fn link_line(page: &str, line: &str, pages: &[String], linked: &mut HashSet<String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let (before, code) = rest.split_at(start);
        out.push_str(before);
        let Some(length) = code[1..].find('`') else {
            rest = code;
            break;
        };
        let (code, after) = code.split_at(length + 2);
        let in_link = out.ends_with('[') && after.starts_with("](");
        match target(out.trim_end(), code.trim_matches('`'), pages) {
            Some(target) if !in_link && linked.insert(target.clone()) => {
                out.push_str(&format!("[{code}]({})", relative(page, &target)));
            }
            _ => out.push_str(code),
        }
        rest = after;
    }
    out + rest
}

/// Returns the page of an object that is named in backquotes. The words before it say which kind is meant, where it is not a
/// resource.
fn target(before: &str, code: &str, pages: &[String]) -> Option<String> {
    let data = code.strip_prefix("data.");
    let short = data.unwrap_or(code).strip_prefix("kontraktor_")?;
    let before = before.to_lowercase();
    let folders: &[&str] = if data.is_some() || before.ends_with("data source") {
        &["data-sources"]
    } else if before.ends_with("ephemeral") || before.ends_with("ephemeral resource") {
        &["ephemeral-resources"]
    } else {
        &["resources", "data-sources", "ephemeral-resources"]
    };
    let paths = folders.iter().map(|folder| format!("{folder}/{short}.md"));
    paths.into_iter().find(|path| pages.contains(path))
}

/// Returns the path of a page, seen from another one.
fn relative(from: &str, to: &str) -> String {
    match (from.split_once('/'), to.split_once('/')) {
        (Some((folder, _)), Some((same, name))) if folder == same => name.to_owned(),
        (Some(_), _) => format!("../{to}"),
        (None, _) => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mention_of_each_object_becomes_a_link() {
        let pages = ["resources/a.md", "resources/b.md", "data-sources/b.md", "ephemeral-resources/c.md"];
        let pages = pages.map(String::from).to_vec();
        let text = "---\ndescription: `kontraktor_b`\n---\n\n# kontraktor_a `kontraktor_b`\n\nSee `kontraktor_b`, the data \
                    source `kontraktor_b`, ephemeral `kontraktor_c`, `kontraktor_a`, `kontraktor_x` and \
                    `kontraktor_b`.\n\n```shell\n`kontraktor_c`\n```\n";
        insta::assert_snapshot!(link("resources/a.md", text, &pages), @r"
        ---
        description: `kontraktor_b`
        ---

        # kontraktor_a `kontraktor_b`

        See [`kontraktor_b`](b.md), the data source [`kontraktor_b`](../data-sources/b.md), ephemeral [`kontraktor_c`](../ephemeral-resources/c.md), `kontraktor_a`, `kontraktor_x` and `kontraktor_b`.

        ```shell
        `kontraktor_c`
        ```
        ");
    }
}
