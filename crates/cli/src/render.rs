//! What people and programs read: tables, receipts, findings.

pub(crate) mod age;
pub(crate) mod count;
pub(crate) mod explanation;
pub(crate) mod findings;
pub(crate) mod log_record;
pub(crate) mod ps;
pub(crate) mod receipt;
pub(crate) mod report;
pub(crate) mod status;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod wrap;
