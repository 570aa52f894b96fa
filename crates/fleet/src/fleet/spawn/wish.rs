//! What a spawned pod is to be: checked, and in the words of the store.

use std::path::{Component, Path, PathBuf};

use podfleet_pod::clock;
use podfleet_pod::inspect::{scope_of, spec_of};
use podfleet_pod::spec::PodSpec;
use podfleet_pod_store::{NewChild, NewPod, PodRecord, SpecText};
use podfleet_protocol::method::SpawnParams;
use podfleet_protocol::{Address, Identity, PodId, PodName, Scope, ScopePath, Size};
use podfleet_roster::reserved_for;

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

/// Refuses the child of a parent that is paused: its task would begin what the brake is to hold.
fn refuse_paused(parent: &PodRecord, child: &str) -> Result<(), FleetError> {
    let Some(paused) = &parent.paused else {
        return Ok(());
    };
    let name = &parent.identity.name;
    let rule = format!("its parent `{name}` is paused {paused}");
    Err(FleetError::not_allowed(child, rule).hint(format!("`fleet resume {name}` lets it go on")))
}

impl Fleet {
    /// Returns what the child may change: no more than its parent, and nothing that nobody can. Links
    /// in it are followed, so that none leads out of it.
    pub(super) fn scope(
        &self,
        spawner: &Spawner,
        params: &SpawnParams,
    ) -> Result<Scope, FleetError> {
        let (own, name) = (own_scope(spawner.parent.as_ref()), params.name.as_str());
        let asked = params.scope.as_ref().map(resolved_scope).transpose();
        let asked = asked.map_err(|rule| not_writable_to(name, rule))?;
        let scope = own
            .delegate(asked.clone())
            .map_err(|error| not_yours(name, error.to_string()))?;
        let paths = asked.iter().filter_map(|scope| scope.writable.as_ref());
        for path in paths.flatten() {
            if let Some(why) = not_writable(path.as_path()) {
                return Err(not_writable_to(name, why));
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
        let wrong = |fault: String| {
            let pod = name.to_owned();
            FleetError::new(FleetErrorKind::BadRequest { pod, fault })
        };
        if params.task.trim().is_empty() {
            return Err(wrong("a spawned pod needs a task".to_owned()));
        }
        let parent = spawner.parent.as_ref();
        parent.map_or(Ok(()), |parent| refuse_paused(parent, name))?;
        let own = Address::new(&self.host, name);
        let parent_address =
            parent.map(|parent| Address::new(&self.host, parent.identity.name.as_str()));
        let spec =
            self.child_recipe()
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
                    Impossible::UnknownRuntime(_) => wrong(fault.to_string())
                        .hint("`fleet harness list` names those that there are"),
                    Impossible::NoCommand(_) => wrong(fault.to_string()),
                    _ => FleetError::not_allowed(name, fault.to_string()),
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
        self.refuse_reserved(pod.name.as_str())?;
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

    fn refuse_reserved(&self, name: &str) -> Result<(), FleetError> {
        let tmux = self.roster().map(|roster| roster.tmux.clone());
        let Some(purpose) = reserved_for(name, &tmux.unwrap_or_default().holder_session) else {
            return Ok(());
        };
        Err(FleetError::new(FleetErrorKind::BadRequest {
            pod: name.to_owned(),
            fault: format!("the name is reserved for {purpose}"),
        }))
    }

    /// Returns where the child runs: as asked for, else where its parent does. Sandboxes let an agent
    /// change its working directory, so a child of a limited parent works where that may write.
    fn child_directory(
        &self,
        parent: Option<&PodRecord>,
        params: &SpawnParams,
    ) -> Result<PathBuf, FleetError> {
        let of_parent = parent.and_then(spec_of).map(|spec| spec.working_directory);
        let asked = params.working_directory.clone();
        let rule = match asked.or_else(|| of_parent.clone()) {
            Some(directory) if directory.exists() && !directory.is_dir() => {
                format!(
                    "its working directory {} is no directory",
                    directory.display()
                )
            }
            Some(directory) if directory.is_absolute() => {
                let own = own_scope(parent);
                return within(&own, of_parent.as_deref(), directory)
                    .map_err(|rule| not_yours(params.name.as_str(), rule));
            }
            Some(directory) => format!(
                "its working directory {} is not absolute",
                directory.display()
            ),
            None => "it has no parent whose working directory it could share; name one".to_owned(),
        };
        Err(FleetError::not_allowed(params.name.as_str(), rule))
    }
}

/// Returns what a parent may change, with links followed; without one that is everything.
fn own_scope(parent: Option<&PodRecord>) -> Scope {
    let own = parent.map_or(Scope::UNLIMITED, scope_of);
    // What cannot be followed any more stays as it was when it was given.
    resolved_scope(&own).unwrap_or(own)
}

/// Returns a working directory, with links followed if the scope is limited.
fn within(own: &Scope, of_parent: Option<&Path>, directory: PathBuf) -> Result<PathBuf, String> {
    if own.writable.is_none() {
        return Ok(directory);
    }
    let real = resolved(&directory).map_err(|error| unresolved(&directory, &error))?;
    let parents = of_parent.and_then(|parents| resolved(parents).ok());
    if own.covers(&real) || parents.is_some_and(|parents| real.starts_with(parents)) {
        return Ok(real);
    }
    let real = real.display();
    Err(format!(
        "the working directory {real} is not yours to delegate: your own scope is {own}"
    ))
}

fn resolved_scope(scope: &Scope) -> Result<Scope, String> {
    let Some(paths) = &scope.writable else {
        return Ok(Scope::UNLIMITED);
    };
    let follow = |path: &ScopePath| {
        let real = resolved(path.as_path());
        let real = real.map_err(|error| unresolved(path.as_path(), &error))?;
        ScopePath::new(real).map_err(|error| error.to_string())
    };
    Ok(Scope {
        writable: Some(paths.iter().map(follow).collect::<Result<_, _>>()?),
    })
}

fn unresolved(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be followed: {error}", path.display())
}

/// Returns where a path leads when all links in it are followed. What is not there yet is taken as
/// it stands.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    let there = |path: &&Path| path.symlink_metadata().is_ok();
    let existing = path.ancestors().find(there).unwrap_or(path);
    let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == Component::ParentDir) {
        let error = "a directory before `..` is not there";
        return Err(std::io::Error::other(error));
    }
    Ok(existing.canonicalize()?.join(rest).components().collect())
}

fn not_yours(pod: &str, rule: String) -> FleetError {
    let pod = pod.to_owned();
    FleetError::new(FleetErrorKind::NotYours { pod, rule })
}

fn not_writable_to(pod: &str, rule: String) -> FleetError {
    let pod = pod.to_owned();
    FleetError::new(FleetErrorKind::NotWritable { pod, rule })
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn scope(paths: &[&Path]) -> Scope {
        let paths = paths.iter().map(|path| ScopePath::new(*path).unwrap());
        Scope {
            writable: Some(paths.collect()),
        }
    }

    #[test]
    fn what_no_pod_may_be_called_no_roster_may_name() {
        for name in podfleet_protocol::RESERVED_NAMES {
            assert!(reserved_for(name, "_holder").is_some(), "{name}");
        }
    }

    #[test]
    fn a_link_does_not_lead_out_of_a_scope() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().canonicalize().unwrap();
        symlink("/etc", own.join("link")).unwrap();
        symlink("/nonexistent", own.join("dangling")).unwrap();
        let given = scope(&[&own]);
        let asked = |path: &str| resolved_scope(&scope(&[&own.join(path)]));
        let refused = given
            .delegate(Some(asked("link/new").unwrap()))
            .unwrap_err();
        assert!(refused.to_string().starts_with("/etc/new is not yours"));
        asked("dangling").unwrap_err();
        let new = asked("new/deeper").unwrap();
        assert_eq!(given.delegate(Some(new.clone())), Ok(new));
    }

    #[test]
    fn a_child_of_a_limited_parent_works_where_that_may_write() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().canonicalize().unwrap();
        symlink("/etc", own.join("link")).unwrap();
        let (limited, home) = (scope(&[&own]), Path::new("/srv"));
        let work = |scope: &Scope, path: &Path| within(scope, Some(home), path.to_owned());
        for scope in [&limited, &scope(&[])] {
            work(scope, Path::new("/etc")).unwrap_err();
            work(scope, &own.join("link")).unwrap_err();
            work(scope, &own.join("new/../../..")).unwrap_err();
            assert_eq!(work(scope, home).unwrap(), home);
        }
        assert_eq!(work(&limited, &own.join("new")).unwrap(), own.join("new"));
        let link = own.join("link");
        assert_eq!(work(&Scope::UNLIMITED, &link).unwrap(), link);
    }
}
