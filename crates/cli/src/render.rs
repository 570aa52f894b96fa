//! What people and programs read: tables, receipts, findings.

pub(crate) mod age;
pub(crate) mod count;
pub(crate) mod findings;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod wrap;
