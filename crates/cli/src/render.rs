//! What people and programs read: tables, receipts, findings.

pub(crate) mod count;
pub(crate) mod findings;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod topology;
pub(crate) mod wrap;

// What needs pods.
#[cfg(feature = "fleet")]
pub(crate) mod bridge;
#[cfg(feature = "fleet")]
pub(crate) mod bytes;
#[cfg(feature = "fleet")]
pub(crate) mod dialog;
#[cfg(feature = "fleet")]
pub(crate) mod explanation;
#[cfg(feature = "fleet")]
pub(crate) mod inbox;
#[cfg(feature = "fleet")]
pub(crate) mod log_record;
#[cfg(feature = "fleet")]
pub(crate) mod pods;
#[cfg(feature = "hub")]
pub(crate) mod preview;
#[cfg(feature = "fleet")]
pub(crate) mod ps;
#[cfg(feature = "fleet")]
pub(crate) mod receipt;
#[cfg(feature = "fleet")]
pub(crate) mod report;
#[cfg(feature = "fleet")]
pub(crate) mod status;
