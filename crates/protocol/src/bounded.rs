//! Texts of clients that a pod keeps, and therefore bounds.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

use crate::limits::MAX_LABEL;

/// Reads a text of at most [`MAX_LABEL`] bytes.
pub(crate) fn label<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.len() > MAX_LABEL {
        let (bytes, limit) = (text.len(), MAX_LABEL);
        let fault = format!("a name of {bytes} bytes, where at most {limit} are taken");
        return Err(D::Error::custom(fault));
    }
    Ok(text)
}
