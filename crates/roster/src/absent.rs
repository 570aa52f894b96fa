//! Values that count as absent.

use serde::{Deserialize, Deserializer};

/// Reads an optional text; an empty one is absent. For `#[serde(deserialize_with)]`.
pub(crate) fn if_empty<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(text)?;
    Ok(text.filter(|text| !text.is_empty()))
}
