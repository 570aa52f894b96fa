//! The tools of an agent, called by another implementation of the protocol: the Python SDK.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::acting::Actors;
use crate::children::world;
use crate::world::{World, text, until};

/// Lists the tools, makes the calls given as JSON, and prints what came back.
const CLIENT: &str = r#"
import asyncio, json, os, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    calls = json.loads(sys.argv[2])
    server = StdioServerParameters(command=sys.argv[1], args=["mcp"], env=dict(os.environ))
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write) as session:
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            answers = []
            for name, arguments in calls:
                answer = await session.call_tool(name, arguments)
                dumped = answer.model_dump(by_alias=True, mode="json")
                answers.append({"error": dumped.get("isError"), "text": dumped["content"][0]["text"]})
            print(json.dumps({"tools": tools, "answers": answers}))

asyncio.run(main())
"#;

fn python() -> Option<PathBuf> {
    podfleet_tests::require::mcp_client()
}

/// Makes calls as the agent of a pod.
fn call(world: &World, pod: &str, calls: &Value) -> Option<Value> {
    let python = python()?;
    let actors = Actors::of(world);
    let credential = actors.credential(pod);
    let fleet = world.command("default", &["mcp"]);
    let program = fleet.get_program().to_owned();
    let mut command = world.command("default", &[]);
    let variables: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new(python);
    command
        .args(["-c", CLIENT])
        .arg(program)
        .arg(calls.to_string())
        .env_clear()
        .envs(variables)
        .env(
            "FLEET_POD_CREDENTIAL",
            format!("{}:{}", credential.pod, credential.secret),
        )
        .current_dir(world.path("work"));
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn an_agent_spawns_reads_notifies_and_ends_by_tools() {
    let world = world();
    let spawn = json!({"name": "helper", "runtime": "quick", "task": "a task by a tool"});
    let calls = json!([
        ["spawn_pod", spawn],
        ["list_pods", {}],
        ["read_pod_output", {"name": "helper"}],
        ["register_peer", {"name": "helper"}],
        ["send_to_peer", {"name": "helper", "message": "a note by a tool"}],
        ["unregister_peer", {"name": "helper"}],
        ["status", {}],
    ]);
    let Some(made) = call(&world, "mate", &calls) else {
        return;
    };
    let answers = made["answers"].as_array().unwrap();
    for (call, answer) in calls.as_array().unwrap().iter().zip(answers) {
        assert_ne!(answer["error"], true, "{call}: {answer}");
    }
    let text = |at: usize| answers[at]["text"].as_str().unwrap();
    assert!(text(0).contains("\"submit_keys\":1"), "{}", text(0));
    assert!(text(1).contains("\"child\""), "{}", text(1));
    assert!(text(2).contains("a task by a tool"), "{}", text(2));
    assert!(text(5).contains("\"peers\":false"), "{}", text(5));
    assert!(text(6).contains("\"mate\""), "{}", text(6));
    until(|| {
        let notes = world.received("quick", podfleet_sim_agent::Kind::Submit);
        if notes.iter().any(|note| note.ends_with("a note by a tool")) {
            Ok(())
        } else {
            Err(format!("{notes:?}"))
        }
    });
    let ends = json!([["stop_pod", {"name": "helper"}], ["restore_pod", {"name": "helper"}]]);
    let made = call(&world, "mate", &ends).unwrap();
    let restored = made["answers"][1]["text"].as_str().unwrap();
    assert!(restored.contains("\"restored\""), "{made}");
}

#[test]
fn tools_have_the_rights_of_their_pod_and_say_what_to_do() {
    let world = world();
    let calls = json!([
        ["send_to_peer", {"name": "lead", "message": "x"}],
        ["stop_pod", {"name": "lead"}],
        ["send_to_peer", {"name": "nobody", "message": "x"}],
        ["spawn_pod", {"name": "helper", "runtime": "none-such", "task": "t"}],
        ["spawn_pod", {"name": "a b", "runtime": "sim", "task": "t"}],
        ["tail", {"agent": "lead"}],
    ]);
    let Some(python) = python() else { return };
    assert!(!text(&python).is_empty());
    let told = std::panic::catch_unwind(|| call(&world, "mate", &calls));
    // A tool that its class does not have is an error of the protocol, and ends the client.
    assert!(told.is_err());
    let calls: Vec<_> = calls.as_array().unwrap()[..5].to_vec();
    let made = call(&world, "mate", &json!(calls)).unwrap();
    let tools = made["tools"].to_string();
    assert!(
        tools.contains("spawn_pod") && !tools.contains("fleet_ps"),
        "{tools}"
    );
    let answers = made["answers"].as_array().unwrap();
    let words = [
        "`register_peer` makes it one",
        "may end `lead`",
        "there is no such pod",
        "unknown runtime `none-such`",
        "invalid pod name",
    ];
    for (answer, words) in answers.iter().zip(words) {
        assert_eq!(answer["error"], true, "{answer}");
        let text = answer["text"].as_str().unwrap();
        assert!(text.contains(words), "{text}");
    }
    let lead = json!([["fleet_ps", {}], ["tail", {"agent": "mate"}], ["log", {"agent": "mate", "lines": 5}]]);
    let made = call(&world, "lead", &lead).unwrap();
    let words = ["\"mate\"", "sim-agent 0.1", "\"type\""];
    for (answer, words) in made["answers"].as_array().unwrap().iter().zip(words) {
        assert_ne!(answer["error"], true, "{answer}");
        assert!(answer["text"].as_str().unwrap().contains(words), "{answer}");
    }
}

#[test]
fn the_lead_adds_and_removes_agents_by_tools_and_the_rest_of_the_roster_stays() {
    let world = world();
    let roster = world.path("work/default.yaml");
    let before = format!("# who is here\n{}", fs::read_to_string(&roster).unwrap());
    fs::write(&roster, &before).unwrap();
    let calls = json!([
        ["add", {"name": "helper", "runtime": "quick"}],
        ["fleet_ps", {}],
        ["add", {"name": "helper", "runtime": "quick"}],
        ["add", {"name": "odd", "runtime": "none-such"}],
        ["remove", {"agent": "lead"}],
    ]);
    let Some(made) = call(&world, "lead", &calls) else {
        return;
    };
    let answers = made["answers"].as_array().unwrap();
    let words = [
        (false, "\"written\":true"),
        (false, "\"helper\""),
        (true, "helper"),
        (true, "none-such"),
        (true, "does not remove itself"),
    ];
    for (answer, (refused, words)) in answers.iter().zip(words) {
        assert_eq!(answer["error"], refused, "{answer}");
        assert!(answer["text"].as_str().unwrap().contains(words), "{answer}");
    }
    assert_eq!(world.row("helper")["readiness"], "available");
    let kept = fs::read_to_string(&roster).unwrap();
    assert!(kept.starts_with(&before), "{kept}");
    let removed = call(&world, "lead", &json!([["remove", {"agent": "helper"}]])).unwrap();
    assert_eq!(removed["answers"][0]["error"], false, "{removed}");
    assert_eq!(fs::read_to_string(&roster).unwrap(), before);
    let rows = world.fleet(&["ps", "--json"]).exits(0);
    assert!(!rows.stdout.contains("\"helper\""), "{rows}");
}
