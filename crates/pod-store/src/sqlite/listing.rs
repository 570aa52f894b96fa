//! Rows to pages.

use rusqlite::{Row, Rows};

use crate::error::Fault;
use crate::page::{CorruptRecord, Listing};

/// Reads one page. A row that cannot be decoded is named by `name_of` beside the others.
pub(super) fn read<T, C>(
    mut rows: Rows<'_>,
    limit: u32,
    cursor: impl Fn(&Row<'_>) -> Result<C, Fault>,
    decode: impl Fn(&Row<'_>) -> Result<T, Fault>,
    name_of: impl Fn(&Row<'_>) -> Result<(String, String), Fault>,
) -> Result<Listing<T, C>, Fault> {
    let mut listing = Listing::default();
    let (mut seen, mut last) = (0_u32, None);
    while let Some(row) = rows.next()? {
        seen += 1;
        match cursor(row) {
            Ok(place) => last = Some(place),
            // The next page begins behind the one before it: it is named twice, and hides nothing.
            Err(fault) if fault.is_damage() => {}
            Err(fault) => return Err(fault),
        }
        match decode(row) {
            Ok(item) => listing.items.push(item),
            Err(fault) if fault.is_damage() => {
                let (id, label) = name_of(row)?;
                let error = fault.account();
                listing.corrupt.push(CorruptRecord { id, label, error });
            }
            Err(fault) => return Err(fault),
        }
    }
    listing.next = last.filter(|_| seen == limit);
    Ok(listing)
}
