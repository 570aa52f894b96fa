//! How data is printed.

/// Whether data is printed as JSON.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct JsonFlag {
    /// Print JSON
    #[arg(long, display_order = 700)]
    pub(crate) json: bool,
}
