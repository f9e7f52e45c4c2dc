//! The section about importing: the commands of an example's import.sh, and the equivalent import blocks.

use super::page::Page;

/// Appends the section.
pub(super) fn write(page: &mut Page, script: &str) {
    page.push("\n## Import\n\nUse an import block to see the result in a plan first:\n");
    let blocks: Vec<String> = script.lines().filter_map(block).collect();
    page.code("terraform", &blocks.join("\n\n"));
    page.push("\nOr import with the command:\n");
    page.code("shell", script);
}

/// Returns the import block that is equivalent to a command.
fn block(line: &str) -> Option<String> {
    let (address, id) = line.strip_prefix("terraform import ")?.trim().split_once(' ')?;
    let id = id.trim().trim_matches(['\'', '"']);
    Some(format!("import {{\n  to = {address}\n  id = \"{id}\"\n}}"))
}
