//! The tools: their names, what they are for, and who gets them.

use podfleet_pod_store::PodRecord;
use rmcp::model::{JsonObject, Tool as Description, ToolAnnotations};
use schemars::JsonSchema;

use super::arguments as args;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Status,
    Inbox,
    ListPods,
    SendToPeer,
    RegisterPeer,
    UnregisterPeer,
    RestorePod,
    SpawnPod,
    SendToPod,
    ReadPodOutput,
    StopPod,
    FleetPs,
    Tail,
    Log,
    Restart,
    Add,
    Remove,
    Say,
}

/// Which agents get a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Every agent.
    All,
    /// The fleet's lead and its enhancer.
    Watchers,
    /// The fleet's lead.
    Lead,
}

/// The class of an agent that reads what its mates do.
const ENHANCER: &str = "enhancer";

impl Tool {
    const ALL: [Self; 18] = [
        Self::Status,
        Self::Inbox,
        Self::ListPods,
        Self::SendToPeer,
        Self::RegisterPeer,
        Self::UnregisterPeer,
        Self::RestorePod,
        Self::SpawnPod,
        Self::SendToPod,
        Self::ReadPodOutput,
        Self::StopPod,
        Self::FleetPs,
        Self::Tail,
        Self::Log,
        Self::Restart,
        Self::Add,
        Self::Remove,
        Self::Say,
    ];

    /// Returns the tools of an agent of a class.
    pub(super) fn of_class(class: &str) -> impl Iterator<Item = Self> {
        let lead = class == PodRecord::ORCHESTRATOR;
        let watches = lead || class == ENHANCER;
        Self::ALL
            .into_iter()
            .filter(move |tool| match tool.audience() {
                Audience::All => true,
                Audience::Watchers => watches,
                Audience::Lead => lead,
            })
    }

    const fn audience(self) -> Audience {
        match self {
            Self::FleetPs | Self::Tail | Self::Log => Audience::Watchers,
            Self::Restart | Self::Add | Self::Remove | Self::Say => Audience::Lead,
            _ => Audience::All,
        }
    }

    /// Returns the name by which it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Inbox => "inbox",
            Self::ListPods => "list_pods",
            Self::SendToPeer => "send_to_peer",
            Self::RegisterPeer => "register_peer",
            Self::UnregisterPeer => "unregister_peer",
            Self::RestorePod => "restore_pod",
            Self::SpawnPod => "spawn_pod",
            Self::SendToPod => "send_to_pod",
            Self::ReadPodOutput => "read_pod_output",
            Self::StopPod => "stop_pod",
            Self::FleetPs => "fleet_ps",
            Self::Tail => "tail",
            Self::Log => "log",
            Self::Restart => "restart",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Say => "say",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Status => {
                "Tells who you are, what your pod knows of you, and how many messages wait for you."
            }
            Self::Inbox => {
                "Lists the messages that wait for you. They are typed to you by themselves when you \
                 are idle: look only if you wait for one."
            }
            Self::ListPods => {
                "Lists the pods that you see: yourself, your children, your peers and your fleet \
                 mates, each with every reason (`visibility`), whether it is live, what it does, and \
                 whether you can restore it."
            }
            Self::SendToPeer => {
                "Notifies a peer. Done means that the message is kept and is typed when the peer is \
                 idle: do not send it again. An answer comes as a message of the peer."
            }
            Self::RegisterPeer => {
                "Makes another pod your peer, for both: you see each other, may notify each other \
                 and may restore each other, and nothing else. Again is no change."
            }
            Self::UnregisterPeer => {
                "Ends that another pod is your peer, for both and at once. Again is no change."
            }
            Self::RestorePod => {
                "Starts a stopped pod again in its own place, or one whose agent has ended, and \
                 waits until its agent is ready. `already_live` means that nothing had to be done. \
                 Sending to a stopped pod never does this."
            }
            Self::SpawnPod => {
                "Starts an agent of your own for a task, and waits until it has the task. If it \
                 fails, nothing of it is left, and the end of its log says why. You are told by a \
                 message when a turn of it ends or fails, or when it waits for a person; read what \
                 it did with `read_pod_output`."
            }
            Self::SendToPod => {
                "Gives an order to a child of yours; as the lead, also to a fleet mate. Done means \
                 that the order is kept and is typed when the agent is idle."
            }
            Self::ReadPodOutput => {
                "Reads what the agent of a child of yours has written; as the lead, also of a fleet \
                 mate. Keep the `cursor` and give it next time to get only what is new. \
                 `approximate` means that the text was taken from the terminal, where a line can be \
                 repeated."
            }
            Self::StopPod => {
                "Ends a child of yours, or as the lead a fleet mate, and waits until it is gone. It \
                 can be restored."
            }
            Self::FleetPs => {
                "Lists the agents of your fleet: what each one does, since when, what is wrong with \
                 it, and how many messages wait for it."
            }
            Self::Tail => "Reads the last lines of an agent's terminal.",
            Self::Log => {
                "Reads the last records of an agent's session log: what it was told, by whom, and \
                 what came of it."
            }
            Self::Restart => {
                "Ends an agent of your fleet and starts it again, whatever it does; a quarantined \
                 one gets a new chance. What it is doing is lost."
            }
            Self::Add => {
                "Puts an agent into your fleet for good: writes it into the roster, where every \
                 other byte stays as it is, and starts it. For one task alone spawn a pod instead."
            }
            Self::Remove => {
                "Takes an agent out of your fleet for good: ends it, and removes it from the roster. \
                 What it is doing is lost; its session logs stay. Yourself you cannot remove."
            }
            Self::Say => {
                "Says something to your human, in the chat. The text is Markdown. Done means that it \
                 is kept and will be sent: do not say it again. A message of the chat that has \
                 `thread=ID` is answered with that `thread`."
            }
        }
    }

    fn input(self) -> JsonObject {
        match self {
            Self::Status | Self::Inbox | Self::ListPods | Self::FleetPs => {
                schema::<args::Nothing>()
            }
            Self::SendToPeer | Self::SendToPod => schema::<args::Send>(),
            Self::RegisterPeer | Self::UnregisterPeer => schema::<args::Pod>(),
            Self::RestorePod => schema::<args::Restore>(),
            Self::SpawnPod => schema::<args::Spawn>(),
            Self::ReadPodOutput => schema::<args::ReadOutput>(),
            Self::StopPod => schema::<args::Stop>(),
            Self::Tail | Self::Log => schema::<args::Last>(),
            Self::Restart => schema::<args::Agent>(),
            Self::Add => schema::<args::Add>(),
            Self::Remove => schema::<args::Remove>(),
            Self::Say => schema::<args::Say>(),
        }
    }

    /// Returns what clients are told of it.
    pub(super) fn describe(self) -> Description {
        let reads = matches!(
            self,
            Self::Status
                | Self::Inbox
                | Self::ListPods
                | Self::ReadPodOutput
                | Self::FleetPs
                | Self::Tail
                | Self::Log
        );
        let ends = matches!(self, Self::StopPod | Self::Restart | Self::Remove);
        let again = reads
            || matches!(
                self,
                Self::RegisterPeer | Self::UnregisterPeer | Self::RestorePod
            );
        let mut tool = Description::new(self.name(), self.about(), self.input());
        let hints =
            ToolAnnotations::from_raw(None, Some(reads), Some(ends), Some(again), Some(false));
        tool.annotations = Some(hints);
        tool
    }
}

fn schema<T: JsonSchema>() -> JsonObject {
    let schema = schemars::SchemaGenerator::default().into_root_schema_for::<T>();
    match schema.to_value() {
        serde_json::Value::Object(mut object) => {
            // Who calls a tool reads its description, not a type's.
            for noise in ["$schema", "title", "description"] {
                object.remove(noise);
            }
            object
        }
        _ => JsonObject::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(class: &str) -> String {
        let names: Vec<_> = Tool::of_class(class).map(Tool::name).collect();
        names.join(" ")
    }

    #[test]
    fn what_an_agent_may_call_depends_on_its_class() {
        insta::assert_snapshot!(
            names("worker"),
            @"status inbox list_pods send_to_peer register_peer unregister_peer restore_pod spawn_pod send_to_pod read_pod_output stop_pod"
        );
        let more = |class| names(class).split_off(names("worker").len() + 1);
        assert_eq!(more("enhancer"), "fleet_ps tail log");
        assert_eq!(
            more("orchestrator"),
            "fleet_ps tail log restart add remove say"
        );
    }

    #[test]
    fn every_tool_says_what_it_takes() {
        let tools: Vec<_> = Tool::ALL.into_iter().map(Tool::describe).collect();
        for tool in &tools {
            let schema = &tool.input_schema;
            assert_eq!(schema["type"], "object", "{}", tool.name);
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        }
        insta::assert_json_snapshot!(tools);
    }
}
