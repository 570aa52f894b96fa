//! Making the tmux views again, as the unit of a tmux server does at its start.

use podfleet_pod::inspect::spec_of;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::{FleetName, Size};

use super::Fleet;
use crate::dirs::Dirs;
use crate::error::FleetError;
use crate::origin::Origin;
use crate::views::View;

/// Describes the view of a pod.
pub(super) fn view_of(pod: &PodRecord) -> View {
    let spec = spec_of(pod);
    View {
        pod: pod.identity.id,
        name: pod.identity.name.clone(),
        size: spec.map_or(Size::DEFAULT, |spec| spec.size),
    }
}

impl Fleet {
    /// Returns the fleets whose views are on a tmux socket, by what is recorded of them.
    #[must_use]
    pub fn on_socket(dirs: &Dirs, socket: &str) -> Vec<FleetName> {
        let origins = Origin::all(&dirs.state).into_iter();
        origins
            .filter(|origin| origin.tmux.socket == socket)
            .map(|origin| origin.key().fleet)
            .collect()
    }

    /// Makes the views that are missing of agents that ought to be up, and the session that keeps
    /// the tmux server alive. A view waits for its pod.
    ///
    /// Returns what is worth knowing, such as a view that cannot be made.
    ///
    /// # Errors
    /// Fails when tmux is missing or fails, and when the store cannot be read.
    pub async fn make_views(&self) -> Result<Vec<String>, FleetError> {
        let Some(views) = self.views().transpose()? else {
            return Ok(Vec::new());
        };
        let summaries = self.summaries().await?;
        let expected: Vec<_> = summaries
            .iter()
            .map(|summary| &summary.record)
            .filter(|record| record.expected)
            .map(view_of)
            .collect();
        let made = views.make(&expected).await?;
        Ok(made.taken_notes().collect())
    }
}
