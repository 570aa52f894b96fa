//! Making the tmux views again, as the unit of a tmux server does at its start.

use podfleet_pod::inspect::spec_of;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::{FleetName, Size};

use super::settle::account;
use super::{Events, Fleet};
use crate::dirs::Dirs;
use crate::error::FleetError;
use crate::origin::{Origin, TmuxNames};
use crate::report::Progress;
use crate::views::{View, Views};

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

    /// Describes the views on the tmux server that the roster named at the last `up`, if it names
    /// another now: nothing that goes by the roster finds them.
    pub(super) fn former_views(&self) -> Option<Views> {
        let ((roster, path), origin) = (self.roster.as_ref()?, self.origin.as_ref()?);
        if TmuxNames::of(roster).socket == origin.tmux.socket {
            return None;
        }
        let location = (&self.dirs, Some(path.as_path()), self.key.tenant.as_str());
        let fleet = &self.key.fleet;
        Views::new(&origin.tmux, &self.env, &self.exe, fleet, location).ok()
    }

    /// Ends the fleet's views on the tmux server that the roster does not name any more.
    pub(super) async fn leave_former_server(&self, events: &Events) -> Result<(), FleetError> {
        let Some(former) = self.former_views() else {
            return Ok(());
        };
        let summaries = self.summaries().await?;
        let pods = summaries.iter().map(|summary| summary.record.identity.id);
        let server = match former.socket() {
            "" => "tmux's own socket".to_owned(),
            name => format!("the socket `{name}`"),
        };
        let text = match former.remove(&pods.collect::<Vec<_>>(), true).await {
            Ok(()) => format!("the views on {server} are ended: the roster names another"),
            Err(error) => format!("views are left on {server}: {}", account(&error)),
        };
        // Nobody has to listen.
        let _ = events.send(Progress::Note { agent: None, text });
        Ok(())
    }
}
