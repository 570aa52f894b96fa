//! Listings in pages.

/// A part of a listing: what follows `after`, at most `limit` items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<C> {
    /// The last item of the page before; `None` begins at the front.
    pub after: Option<C>,
    /// How many items at most.
    pub limit: u32,
}

impl<C> Page<C> {
    /// Asks for the first `limit` items.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// Asks for everything in one page.
    #[must_use]
    pub fn all() -> Self {
        Self::first(u32::MAX)
    }

    /// Asks for `limit` items after `cursor`.
    #[must_use]
    pub fn after(cursor: C, limit: u32) -> Self {
        Self {
            after: Some(cursor),
            limit,
        }
    }
}

/// One page of a listing.
///
/// A damaged record does not hide the others: it is named beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T, C> {
    /// The records, in order.
    pub items: Vec<T>,
    /// The records of this page that could not be read.
    pub corrupt: Vec<CorruptRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<C>,
}

impl<T, C> Default for Listing<T, C> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            corrupt: Vec::new(),
            next: None,
        }
    }
}

impl<T, C> Listing<T, C> {
    /// Takes the first `limit` of what follows the page before.
    pub(crate) fn first(
        items: impl Iterator<Item = T>,
        limit: u32,
        cursor: impl Fn(&T) -> C,
    ) -> Self {
        let items: Vec<T> = items.take(limit as usize).collect();
        let full = items.len() == limit as usize;
        let next = items.last().filter(|_| full).map(cursor);
        Self {
            items,
            corrupt: Vec::new(),
            next,
        }
    }
}

/// A record that is there but cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptRecord {
    /// Its key as text: a pod's or a message's id.
    pub id: String,
    /// What a person calls it: a pod's name; empty for a message.
    pub label: String,
    /// What is wrong with it.
    pub error: String,
}
