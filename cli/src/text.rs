//! Wording that tables and messages share: counts, times, changes from old to new. It knows no command and no output.

use kontraktor_proto::json::{AuditEntry, Authorship};

/// Characters of a value in a change; longer ones are truncated, so that both sides of the arrow can be seen.
const MAX_VALUE_CHARS: usize = 50;

/// Characters shown before the first difference where a long value is also truncated at its beginning.
const CONTEXT_CHARS: usize = 12;

/// Returns `1 variable`, `2 variables`.
pub(crate) fn counted<T: std::fmt::Display + PartialEq + From<u8>>(count: T, noun: &str) -> String {
    let plural = if count == T::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Returns `yes`, or an empty cell.
pub(crate) fn yes_or_empty(value: bool) -> String {
    if value { "yes" } else { "" }.to_owned()
}

/// Returns `yes` or `no`.
pub(crate) fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// Returns the time of a write to the second, or an empty cell.
pub(crate) fn seconds(authorship: Option<&Authorship>) -> String {
    time_to_second(authorship.map_or("", |authorship| authorship.time.as_str()))
}

/// Returns a time of the JSON shapes to the second.
pub(crate) fn time_to_second(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

/// Returns the actor of a write, or an empty cell.
pub(crate) fn actor(authorship: Option<&Authorship>) -> String {
    authorship.map(|authorship| authorship.actor.clone()).unwrap_or_default()
}

/// Returns the actor of an entry with the readable name: `ACTOR (NAME)`.
pub(crate) fn named_actor(entry: &AuditEntry) -> String {
    with_name(actor(entry.written.as_ref()), entry.actor_display_name.as_deref())
}

/// Returns `ACTOR (NAME)`, or the actor alone where no name is known.
pub(crate) fn with_name(actor: String, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{actor} ({name})"),
        None => actor,
    }
}

/// Returns the text as a sentence: with a capital letter at its beginning, and a full stop where it has no other mark.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let mut sentence: String = match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => return String::new(),
    };
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// Returns `old → new`, with `(none)` for a side that does not exist and quotes for an empty one. Truncated sides still show
/// the first difference.
pub(crate) fn arrow(old: Option<&str>, new: Option<&str>) -> String {
    let same = match (old, new) {
        (Some(old), Some(new)) => old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count(),
        _ => 0,
    };
    let is_short = |side: Option<&str>| side.is_none_or(|text| text.chars().count() <= MAX_VALUE_CHARS);
    let both_short = is_short(old) && is_short(new);
    let skip = if old == new || both_short || same + CONTEXT_CHARS < MAX_VALUE_CHARS {
        0
    } else {
        same - CONTEXT_CHARS
    };
    format!("{} → {}", side(old, skip), side(new, skip))
}

/// Returns a value as one side of a change, truncated at its end.
pub(crate) fn truncated_value(value: &str) -> String {
    side(Some(value), 0)
}

/// Returns one side without its first `skip` characters, truncated at its end.
fn side(value: Option<&str>, skip: usize) -> String {
    let value = match value {
        None => return "(none)".to_owned(),
        Some("") => return "\"\"".to_owned(),
        Some(value) => value,
    };
    let rest: String = value.chars().skip(skip).collect();
    let begin = if skip > 0 { "…" } else { "" };
    truncated(&format!("{begin}{rest}"), MAX_VALUE_CHARS)
}

/// Returns at most `max_chars` characters of the text; an ellipsis replaces the rest.
pub(crate) fn truncated(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    text.chars().take(max_chars - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sides_of_a_change_show_the_first_difference() {
        let long = "x".repeat(500);
        let dots = |count: usize| format!("{}…", "x".repeat(count));
        assert_eq!(arrow(Some("a"), None), "a → (none)");
        assert_eq!(arrow(Some(""), Some("ü")), "\"\" → ü");
        assert_eq!(arrow(Some("a"), Some(&long)), format!("a → {}", dots(49)));
        let (old, new) = (format!("{long}old"), format!("{long}new, {long}"));
        assert_eq!(
            arrow(Some(&old), Some(&new)),
            format!("…{0}old → …{0}new, {1}", "x".repeat(CONTEXT_CHARS), dots(31))
        );
        // A value that only grew is no exception.
        assert_eq!(
            arrow(Some(&long), Some(&format!("{long}!"))),
            format!("…{0} → …{0}!", "x".repeat(CONTEXT_CHARS))
        );
        // Values that fit are not truncated.
        let (old, new) = ("y".repeat(MAX_VALUE_CHARS), "y".repeat(MAX_VALUE_CHARS - 1));
        assert_eq!(arrow(Some(&old), Some(&new)), format!("{old} → {new}"));
        assert_eq!(arrow(Some(&long), Some(&long)), format!("{0} → {0}", dots(49)));
    }

    #[test]
    fn texts_are_truncated_between_characters() {
        assert_eq!(truncated(&"ü".repeat(120), 120), "ü".repeat(120));
        let cut = truncated(&"ü".repeat(121), 120);
        assert_eq!((cut.chars().count(), cut.ends_with("ü…")), (120, true));
    }

    #[test]
    fn sentences_have_a_capital_letter_and_one_full_stop() {
        assert_eq!(sentence("run `ktr env list`"), "Run `ktr env list`.");
        assert_eq!(sentence("Try again."), "Try again.");
        assert_eq!(sentence(""), "");
    }
}
