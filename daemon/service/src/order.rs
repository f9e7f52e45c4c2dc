//! Orders of lists besides that by name: all entries are looked at, and sorted for each page.

use std::cmp::Ordering;

use jiff::Timestamp;
use kontraktor_domain::Refusal;

use super::{
    Page, PageRequest,
    page::{Listing, bad_token, cut},
};

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortKey {
    /// The name; the key of a variable.
    #[default]
    Name,
    /// The time of the last change; entries of one time by name.
    Time,
}

/// The order of a list. By name, unless it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// What it is sorted by.
    pub by: SortKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// Where an entry is in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    /// Microseconds; 0 in an order by name.
    time: i64,
    name: String,
}

impl Order {
    /// Returns whether it is the order in which lists are kept.
    pub(super) fn is_usual(self) -> bool {
        self == Self::default()
    }

    /// Returns what tells the order from others in page tokens; nothing for the usual one.
    pub(super) fn word(self) -> &'static str {
        match (self.by, self.descending) {
            (SortKey::Name, false) => "",
            (SortKey::Name, true) => "-name",
            (SortKey::Time, false) => "time",
            (SortKey::Time, true) => "-time",
        }
    }

    fn position(self, name: String, time: Timestamp) -> Position {
        let time = match self.by {
            SortKey::Name => 0,
            SortKey::Time => time.as_microsecond(),
        };
        Position { time, name }
    }

    fn compare(self, one: &Position, other: &Position) -> Ordering {
        if self.descending { other.cmp(one) } else { one.cmp(other) }
    }

    /// Returns one page of a list in this order. `position` returns the name and the time of an entry, `weigh` its bytes of text.
    pub(super) fn page<T>(
        self,
        entries: impl Iterator<Item = T>,
        request: &PageRequest,
        size: usize,
        listing: &Listing,
        position: impl Fn(&T) -> (String, Timestamp),
        weigh: impl Fn(&T) -> usize,
    ) -> Result<Page<T>, Refusal> {
        let after = listing.after(request.token.as_deref())?;
        let after = after.map(|text| Position::parse(&text).ok_or_else(bad_token)).transpose()?;
        let mut positioned: Vec<(Position, T)> = entries
            .map(|entry| {
                let (name, time) = position(&entry);
                (self.position(name, time), entry)
            })
            .filter(|(position, _)| after.as_ref().is_none_or(|after| self.compare(after, position).is_lt()))
            .collect();
        positioned.sort_by(|(one, _), (other, _)| self.compare(one, other));
        let page = cut(
            positioned.into_iter(),
            size,
            listing,
            |(_, entry)| weigh(entry),
            |(position, _)| format!("{} {}", position.time, position.name),
        );
        Ok(Page { items: page.items.into_iter().map(|(_, entry)| entry).collect(), next: page.next })
    }
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let (time, name) = text.split_once(' ')?;
        Some(Self { time: time.parse().ok()?, name: name.to_owned() })
    }
}
