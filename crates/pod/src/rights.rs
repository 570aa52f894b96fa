//! Who may call which method of a pod: the one place that says so, to pods about their callers, and
//! to the command line where it does something in the place of a pod that does not run.
//!
//! The store checks messages and relations once more, by its own records and in the transaction
//! that writes them.

use podfleet_pod_store::Relation;
use podfleet_protocol::method::{AttachRole, Call};
use podfleet_protocol::rpc::{ErrorCode, RpcError};

/// The class of an agent that reads what its fleet mates do.
const ENHANCER: &str = "enhancer";

/// What a caller is to the pod that it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// A person, or a program of theirs outside all pods.
    Operator,
    /// A pod.
    Pod {
        /// What it is to the called one.
        relation: Relation,
        /// Whether its class reads what mates do.
        enhancer: bool,
    },
}

impl Seat {
    /// Makes the seat of a pod of a class.
    #[must_use]
    pub fn of_pod(relation: Relation, class: &str) -> Self {
        Self::Pod {
            relation,
            enhancer: class == ENHANCER,
        }
    }

    /// Returns whether it may hold and drive the pod's agent: it is the operator, the lead of the
    /// pod's fleet or its parent.
    #[must_use]
    pub fn commands(self) -> bool {
        match self {
            Self::Operator => true,
            Self::Pod { relation, .. } => relation.may_stop(),
        }
    }

    /// Returns whether all that others send the pod is its business: it commands it, or is it.
    #[must_use]
    pub fn is_trusted(self) -> bool {
        let itself = matches!(self, Self::Pod { relation, .. } if relation.itself);
        itself || self.commands()
    }
}

/// What a method needs its caller to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    /// Anybody of the same user.
    Knock,
    /// Whoever has a relation to the pod: may notify it.
    Write,
    /// Whoever sees the pod. A parent is hidden from its child, which may write to it.
    See,
    /// Whoever may read what its agent produces.
    Read,
    /// Whoever may give orders: operator, lead, parent.
    Command,
    /// Whoever may end it.
    Stop,
    /// The operator and the pod itself: what is done in its name.
    ActAs,
}

fn power(call: &Call) -> Power {
    match call {
        // Whoever may only read never types.
        Call::Attach(params) if params.role != AttachRole::Viewer => Power::Command,
        Call::Hello(_) | Call::Ping(_) => Power::Knock,
        Call::Status(_) => Power::See,
        Call::Notify(_)
        | Call::GetReceipt(_)
        | Call::Inbox(_)
        | Call::Cancel(_)
        | Call::Refresh(_) => Power::Write,
        Call::Subscribe(_)
        | Call::ReadLog(_)
        | Call::GetScreen(_)
        | Call::GetDialog(_)
        | Call::Scrollback(_)
        | Call::Attach(_) => Power::Read,
        Call::RunMessage(_)
        | Call::Pause(_)
        | Call::Resume(_)
        | Call::Drain(_)
        | Call::Interrupt(_)
        | Call::Answer(_)
        | Call::Reset(_)
        | Call::Resize(_) => Power::Command,
        Call::Shutdown(_) => Power::Stop,
        Call::Report(_)
        | Call::ListPods(_)
        | Call::Inspect(_)
        | Call::RestorePod(_)
        | Call::SpawnPod(_)
        | Call::SendToPod(_)
        | Call::ReadPodOutput(_)
        | Call::StopPod(_)
        | Call::RegisterPeer(_)
        | Call::UnregisterPeer(_)
        | Call::SendToPeer(_) => Power::ActAs,
    }
}

/// Checks whether a caller may make a call.
///
/// # Errors
/// A pod without any relation learns no more than that of a pod that does not exist; any other is
/// told whose right it is.
pub fn check(seat: Seat, call: &Call) -> Result<(), RpcError> {
    let Seat::Pod { relation, enhancer } = seat else {
        return Ok(());
    };
    let power = power(call);
    let allowed = match power {
        Power::Knock => true,
        Power::Write => !relation.is_none(),
        Power::See => relation.sees(),
        Power::Read => relation.itself || relation.may_read_output() || (enhancer && relation.mate),
        Power::Command => relation.may_stop(),
        Power::Stop => relation.itself || relation.may_stop(),
        Power::ActAs => relation.itself,
    };
    if allowed {
        return Ok(());
    }
    if relation.is_none() {
        return Err(no_such_pod());
    }
    Err(RpcError::new(ErrorCode::Forbidden, refusal(call, power)))
}

/// Makes the one answer about a pod that is hidden or missing.
pub(crate) fn no_such_pod() -> RpcError {
    RpcError::new(
        ErrorCode::NoSuchPod,
        "there is no such pod, or none that this one sees",
    )
}

fn refusal(call: &Call, power: Power) -> &'static str {
    match (call, power) {
        (Call::RunMessage(_), _) => {
            "only the operator, the lead and the parent may give orders; `notify` is for others"
        }
        (_, Power::See) => "a child writes to its parent, and does not look into it",
        (_, Power::Read) => {
            "only the operator, the fleet's lead, its enhancer and the pod's parent read what its agent does"
        }
        (_, Power::Command) => {
            "only the operator, the fleet's lead and the pod's parent may do that"
        }
        (_, Power::Stop) => {
            "only the operator, the fleet's lead, the pod's parent and the pod itself may end a pod"
        }
        _ => "only the operator and the pod itself act in its name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Parameters with which every method can be called.
    fn params(method: &str) -> Value {
        let message = json!({"id": uuid::Uuid::nil(), "body": "x"});
        match method {
            "hello" => json!({"protocol": 1, "min_protocol": 1, "role": "command", "client": "t"}),
            "run" | "notify" => json!({"message": message}),
            "receipt" | "cancel" => json!({"id": uuid::Uuid::nil()}),
            "send_to_pod" | "send_to_peer" => json!({"name": "a", "message": message}),
            "spawn_pod" => json!({"name": "a", "runtime": "sim", "task": "t"}),
            "scrollback" => json!({"lines": 1}),
            "attach" => json!({"role": "viewer"}),
            "answer" => json!({"dialog": "d", "key": "1"}),
            "report" => json!({"payload": {}}),
            "resize" => json!({"size": {"columns": 80, "rows": 24}}),
            "inspect" | "restore_pod" | "read_pod_output" | "stop_pod" | "register_peer"
            | "unregister_peer" => json!({"name": "a"}),
            _ => json!({}),
        }
    }

    fn callers() -> Vec<(&'static str, Seat)> {
        let none = Relation::default();
        let pod = |relation| Seat::of_pod(relation, "worker");
        let mate = Relation { mate: true, ..none };
        vec![
            ("operator", Seat::Operator),
            (
                "itself",
                pod(Relation {
                    itself: true,
                    mate: true,
                    ..none
                }),
            ),
            ("lead", pod(Relation { lead: true, ..mate })),
            (
                "parent",
                pod(Relation {
                    parent: true,
                    ..none
                }),
            ),
            (
                "child",
                pod(Relation {
                    child: true,
                    ..none
                }),
            ),
            ("peer", pod(Relation { peer: true, ..none })),
            ("mate", pod(mate)),
            ("enhancer", Seat::of_pod(mate, "enhancer")),
            ("stranger", pod(none)),
        ]
    }

    #[test]
    fn who_only_reads_attaches_and_never_types() {
        let enhancer = Seat::of_pod(
            Relation {
                mate: true,
                ..Relation::default()
            },
            "enhancer",
        );
        let attach = |role: &str| {
            let call = Call::parse("attach", json!({ "role": role })).unwrap();
            check(enhancer, &call).is_ok()
        };
        assert!(attach("viewer") && !attach("view") && !attach("controller"));
    }

    /// `+` may, `-` is refused, `?` is told that there is no such pod.
    #[test]
    fn who_may_call_what_is_this_table() {
        let callers = callers();
        let mut table = format!("{:<16}", "");
        for (who, _) in &callers {
            table.push_str(&format!("{who:<9}"));
        }
        for method in Call::NAMES {
            let call = Call::parse(method, params(method)).unwrap();
            table.push_str(&format!("\n{method:<16}"));
            for (_, standing) in &callers {
                let verdict = match check(*standing, &call) {
                    Ok(()) => "+",
                    Err(error) if error.code == ErrorCode::NoSuchPod => "?",
                    Err(_) => "-",
                };
                table.push_str(&format!("{verdict:<9}"));
            }
        }
        let table: Vec<&str> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
