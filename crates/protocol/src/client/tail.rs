//! The last lines of a terminal, whatever the number of pages that they come in.

use super::{ClientError, PodClient};
use crate::method::{Scrollback, ScrollbackParams, ScrollbackResult};

impl PodClient {
    /// Returns the last lines of the agent's terminal, in one piece.
    ///
    /// What the agent writes meanwhile changes nothing but that the oldest lines may be gone.
    ///
    /// # Errors
    /// Fails as [`call`](Self::call) does.
    pub async fn tail(&mut self, lines: u32, ansi: bool) -> Result<ScrollbackResult, ClientError> {
        let first = ScrollbackParams {
            lines,
            ansi,
            before: None,
        };
        let mut found = self.call::<Scrollback>(first).await?;
        while let Some(before) = found.earlier.take() {
            let given = u32::try_from(found.lines.len()).unwrap_or(u32::MAX);
            let further = ScrollbackParams {
                lines: lines.saturating_sub(given),
                ansi,
                before: Some(before),
            };
            let page = self.call::<Scrollback>(further).await?;
            if page.lines.is_empty() || !is_same_screen(&page, &found) {
                break;
            }
            found.lines.splice(0..0, page.lines);
            found.earlier = page.earlier;
        }
        Ok(found)
    }
}

/// Returns whether two pages are of one run and one of its screens: else they do not belong together.
fn is_same_screen(page: &ScrollbackResult, other: &ScrollbackResult) -> bool {
    let of =
        |page: &ScrollbackResult| (page.position.generation, page.position.run, page.alternate);
    of(page) == of(other)
}
