//! The answers of OpenAI Responses.

use serde_json::{Value, json};

use crate::dialect::{Reply, StreamEvent, words};

fn item(reply: &Reply, status: &str) -> Value {
    match reply {
        Reply::Text(text) => json!({
            "type": "message",
            "id": "msg_stub",
            "status": status,
            "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }),
        Reply::Tool {
            name,
            namespace,
            arguments,
        } => {
            let mut item = json!({
                "type": "function_call",
                "id": "fc_stub",
                "call_id": "call_stub",
                "status": status,
                "name": name,
                "arguments": arguments.to_string(),
            });
            if let Some(namespace) = namespace {
                item["namespace"] = json!(namespace);
            }
            item
        }
    }
}

fn response(model: &str, status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_stub",
        "object": "response",
        "created_at": 0,
        "model": model,
        "status": status,
        "output": output,
    })
}

pub(crate) fn whole(reply: &Reply, model: &str) -> Value {
    let mut response = response(model, "completed", &json!([item(reply, "completed")]));
    response["usage"] = json!({
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2,
    });
    response
}

pub(crate) fn stream(reply: &Reply, model: &str) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    let mut push = |mut data: Value, is_word: bool| {
        data["sequence_number"] = json!(events.len());
        let event = StreamEvent::typed(&data);
        events.push(if is_word { event.word() } else { event });
    };
    let begun = response(model, "in_progress", &json!([]));
    push(
        json!({"type": "response.created", "response": begun}),
        false,
    );
    match reply {
        Reply::Text(text) => {
            let of_text = |kind: &str| json!({"type": kind, "item_id": "msg_stub", "output_index": 0, "content_index": 0});
            let mut added = item(reply, "in_progress");
            added["content"] = json!([]);
            push(
                json!({"type": "response.output_item.added", "output_index": 0, "item": added}),
                false,
            );
            let mut part = of_text("response.content_part.added");
            part["part"] = json!({"type": "output_text", "text": "", "annotations": []});
            push(part, false);
            for word in words(text) {
                let mut delta = of_text("response.output_text.delta");
                delta["delta"] = json!(word);
                push(delta, true);
            }
            let mut done = of_text("response.output_text.done");
            done["text"] = json!(text);
            push(done, false);
        }
        Reply::Tool { .. } => {
            let added = item(reply, "in_progress");
            push(
                json!({"type": "response.output_item.added", "output_index": 0, "item": added}),
                true,
            );
        }
    }
    let done = item(reply, "completed");
    push(
        json!({"type": "response.output_item.done", "output_index": 0, "item": done}),
        false,
    );
    push(
        json!({"type": "response.completed", "response": whole(reply, model)}),
        false,
    );
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(reply: &Reply) -> Vec<Value> {
        let events = stream(reply, "m");
        let data = events.iter().map(|event| serde_json::from_str(&event.data));
        data.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn events_are_named_by_type_and_numbered() {
        let events = stream(&Reply::Text("a b".into()), "m");
        let parsed = parsed(&Reply::Text("a b".into()));
        for (number, (event, data)) in events.iter().zip(&parsed).enumerate() {
            assert_eq!(event.name.as_deref(), data["type"].as_str());
            assert_eq!(data["sequence_number"], number);
        }
        let deltas: Vec<_> = parsed
            .iter()
            .filter_map(|data| data["delta"].as_str())
            .collect();
        assert_eq!(deltas, ["a ", "b"]);
        let last = parsed.last().unwrap();
        assert_eq!(last["response"]["output"][0]["content"][0]["text"], "a b");
        assert_eq!(last["response"]["usage"]["total_tokens"], 2);
    }

    #[test]
    fn a_tool_of_a_namespace_says_so() {
        let tool = Reply::Tool {
            name: "send".into(),
            namespace: Some("mcp__fleet".into()),
            arguments: json!({}),
        };
        let parsed = parsed(&tool);
        let done = &parsed[parsed.len() - 2]["item"];
        assert_eq!(done["type"], "function_call");
        assert_eq!(done["namespace"], "mcp__fleet");
        assert_eq!(done["arguments"], "{}");
    }
}
