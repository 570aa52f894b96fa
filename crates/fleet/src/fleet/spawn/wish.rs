//! What a spawned pod is to be: checked, and in the words of the store.

use std::path::{Path, PathBuf};

use podfleet_pod::clock;
use podfleet_pod::inspect::{scope_of, spec_of};
use podfleet_pod::spec::PodSpec;
use podfleet_pod_store::{NewChild, NewPod, PodRecord, SpecText};
use podfleet_protocol::method::SpawnParams;
use podfleet_protocol::{Address, Identity, PodId, PodName, Scope, Size};

use super::{Fleet, Spawner};
use crate::agent_env;
use crate::desired::Impossible;
use crate::desired::child::{ChildRecipe, Wish};
use crate::error::{FleetError, FleetErrorKind};
use crate::told::told_child;

/// The class of a spawned pod.
const CLASS: &str = "child";

/// A pod that no roster names.
#[derive(Debug)]
pub(in crate::fleet) struct Unrostered<'a> {
    pub(in crate::fleet) id: PodId,
    pub(in crate::fleet) name: &'a PodName,
    pub(in crate::fleet) class: &'a str,
    pub(in crate::fleet) runtime: &'a str,
    pub(in crate::fleet) spec: PodSpec,
}

impl Fleet {
    /// Returns what the child may change: no more than its parent, and nothing that nobody can.
    pub(super) fn scope(
        &self,
        spawner: &Spawner,
        params: &SpawnParams,
    ) -> Result<Scope, FleetError> {
        let own = spawner.parent.as_ref().map_or(Scope::UNLIMITED, scope_of);
        let name = params.name.as_str();
        let scope = own.delegate(params.scope.clone()).map_err(|error| {
            FleetError::new(FleetErrorKind::NotYours {
                pod: name.to_owned(),
                rule: error.to_string(),
            })
        })?;
        let paths = params
            .scope
            .iter()
            .filter_map(|scope| scope.writable.as_ref());
        for path in paths.flatten() {
            if let Some(why) = not_writable(path.as_path()) {
                return Err(FleetError::new(FleetErrorKind::NotWritable {
                    pod: name.to_owned(),
                    rule: why,
                }));
            }
        }
        Ok(scope)
    }

    pub(super) fn new_child(
        &self,
        spawner: &Spawner,
        params: &SpawnParams,
        id: PodId,
        scope: &Scope,
    ) -> Result<NewChild, FleetError> {
        let name = params.name.as_str();
        let refused = |rule: String| FleetError::not_allowed(name, rule);
        if params.task.trim().is_empty() {
            return Err(refused("a spawned pod needs a task".to_owned()));
        }
        let parent = spawner.parent.as_ref();
        let own = Address::new(&self.host, name);
        let parent_address =
            parent.map(|parent| Address::new(&self.host, parent.identity.name.as_str()));
        let spec = self
            .child_recipe()
            .spec(Wish {
                runtime: &params.runtime,
                command: &[],
                size: Size::DEFAULT,
                model: params.model.as_deref(),
                working_directory: self.child_directory(parent, params)?,
                scope,
                told: told_child(&own, parent_address.as_ref(), params.role.as_deref(), scope),
            })
            .map_err(|fault| match fault {
                Impossible::UnknownRuntime(_) => refused(fault.to_string())
                    .hint("`fleet harness list` names those that there are"),
                _ => refused(fault.to_string()),
            })?;
        let pod = Unrostered {
            id,
            name: &params.name,
            class: CLASS,
            runtime: &params.runtime,
            spec,
        };
        self.reservation(&pod, parent.map(|parent| parent.identity.id), scope)
    }

    pub(in crate::fleet) fn child_recipe(&self) -> ChildRecipe<'_> {
        let roster = self.roster.as_ref().map(|(_, path)| path.as_path());
        ChildRecipe {
            dirs: &self.dirs,
            env: &self.env,
            exe: &self.exe,
            location: agent_env::location(&self.dirs, roster, self.key.tenant.as_str()),
        }
    }

    /// Makes the first record of a pod that no roster names.
    pub(in crate::fleet) fn reservation(
        &self,
        pod: &Unrostered<'_>,
        parent: Option<PodId>,
        scope: &Scope,
    ) -> Result<NewChild, FleetError> {
        let internal =
            |error: serde_json::Error| FleetError::new(FleetErrorKind::Internal).caused_by(error);
        Ok(NewChild {
            pod: NewPod {
                identity: Identity {
                    id: pod.id,
                    name: pod.name.clone(),
                    fleet: self.key.fleet.clone(),
                    tenant_id: self.key.tenant.clone(),
                    host: self.host.clone(),
                },
                class: pod.class.to_owned(),
                alias: None,
                runtime: pod.runtime.to_owned(),
                spec: SpecText::of(&pod.spec).map_err(internal)?,
                runtime_dir: self.dirs.runtime.clone(),
                at: clock::wall(),
            },
            parent,
            scope: serde_json::to_value(scope).map_err(internal)?,
        })
    }

    /// Returns where the child runs: as asked for, else where its parent does.
    fn child_directory(
        &self,
        parent: Option<&PodRecord>,
        params: &SpawnParams,
    ) -> Result<PathBuf, FleetError> {
        let of_parent = || parent.and_then(spec_of).map(|spec| spec.working_directory);
        let directory = params.working_directory.clone().or_else(of_parent);
        let rule = match directory {
            Some(directory) if directory.is_absolute() => return Ok(directory),
            Some(directory) => format!(
                "its working directory {} is not absolute",
                directory.display()
            ),
            None => "it has no parent whose working directory it could share; name one".to_owned(),
        };
        Err(FleetError::not_allowed(params.name.as_str(), rule))
    }
}

/// Returns why nobody could write at a path, if that is so. What is not there yet can be made where
/// the directory above can be written.
fn not_writable(path: &Path) -> Option<String> {
    let existing = path.ancestors().find(|path| path.exists())?;
    match rustix::fs::access(existing, rustix::fs::Access::WRITE_OK) {
        Ok(()) => None,
        Err(error) => {
            let error = std::io::Error::from(error);
            Some(format!("{} cannot be written: {error}", existing.display()))
        }
    }
}
