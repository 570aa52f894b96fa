//! The answers of Anthropic Messages.

use serde_json::{Value, json};

use crate::dialect::{Reply, StreamEvent, words};

fn message(model: &str, content: &Value, stop_reason: &Value) -> Value {
    json!({
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    match reply {
        Reply::Text(_) => "end_turn",
        Reply::Tool { .. } => "tool_use",
    }
}

fn block(reply: &Reply) -> Value {
    match reply {
        Reply::Text(text) => json!({"type": "text", "text": text}),
        Reply::Tool {
            name, arguments, ..
        } => json!({"type": "tool_use", "id": "toolu_stub", "name": name, "input": arguments}),
    }
}

pub(crate) fn whole(reply: &Reply, model: &str) -> Value {
    message(model, &json!([block(reply)]), &json!(stop_reason(reply)))
}

pub(crate) fn stream(reply: &Reply, model: &str) -> Vec<StreamEvent> {
    let typed = |data: Value| StreamEvent::typed(&data);
    let delta = |delta: Value| {
        typed(json!({"type": "content_block_delta", "index": 0, "delta": delta})).word()
    };
    let (empty, deltas) = match reply {
        Reply::Text(text) => {
            let words = words(text).into_iter();
            let deltas = words.map(|word| delta(json!({"type": "text_delta", "text": word})));
            (json!({"type": "text", "text": ""}), deltas.collect())
        }
        Reply::Tool {
            name, arguments, ..
        } => {
            let part = arguments.to_string();
            let deltas = vec![delta(
                json!({"type": "input_json_delta", "partial_json": part}),
            )];
            let empty = json!({"type": "tool_use", "id": "toolu_stub", "name": name, "input": {}});
            (empty, deltas)
        }
    };
    let begun = message(model, &json!([]), &Value::Null);
    let end = json!({"stop_reason": stop_reason(reply), "stop_sequence": null});
    let mut events: Vec<StreamEvent> = vec![
        typed(json!({"type": "message_start", "message": begun})),
        typed(json!({"type": "content_block_start", "index": 0, "content_block": empty})),
    ];
    events.extend::<Vec<_>>(deltas);
    events.extend([
        typed(json!({"type": "content_block_stop", "index": 0})),
        typed(json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}})),
        typed(json!({"type": "message_stop"})),
    ]);
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streamed_answer_is_one_block_of_its_words() {
        let events = stream(&Reply::Text("good morning".into()), "m");
        let names: Vec<_> = events
            .iter()
            .filter_map(|event| event.name.as_deref())
            .collect();
        assert_eq!(
            names,
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ]
        );
        let end: Value = serde_json::from_str(&events[5].data).unwrap();
        assert_eq!(end["delta"]["stop_reason"], "end_turn");
    }

    #[test]
    fn a_tool_is_asked_for_with_its_arguments() {
        let tool = Reply::Tool {
            name: "Bash".into(),
            namespace: None,
            arguments: json!({"command": "true"}),
        };
        let answer = whole(&tool, "m");
        assert_eq!(answer["stop_reason"], "tool_use");
        assert_eq!(answer["content"][0]["input"]["command"], "true");
        let events = stream(&tool, "m");
        let delta: Value = serde_json::from_str(&events[2].data).unwrap();
        assert_eq!(delta["delta"]["partial_json"], r#"{"command":"true"}"#);
    }
}
