//! The section about importing: the commands of an example's import.sh, and the same as blocks.

use super::page::Page;

/// Appends the section.
pub(super) fn write(page: &mut Page, script: &str) {
    page.push("\n## Import\n\nBy a block, so that a plan shows what will happen:\n");
    let blocks: Vec<String> = script.lines().filter_map(block).collect();
    page.code("terraform", &blocks.join("\n\n"));
    page.push("\nOr by command, at once:\n");
    page.code("shell", script);
}

/// The block that does what a command does.
fn block(line: &str) -> Option<String> {
    let (address, id) = line.strip_prefix("terraform import ")?.trim().split_once(' ')?;
    let id = id.trim().trim_matches(['\'', '"']);
    Some(format!("import {{\n  to = {address}\n  id = \"{id}\"\n}}"))
}
