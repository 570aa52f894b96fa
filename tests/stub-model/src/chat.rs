//! The answers of OpenAI Chat Completions.

use serde_json::{Value, json};

use crate::dialect::{Reply, StreamEvent, words};

fn finish_reason(reply: &Reply) -> &'static str {
    match reply {
        Reply::Text(_) => "stop",
        Reply::Tool { .. } => "tool_calls",
    }
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({
        "index": 0,
        "id": "call_stub",
        "type": "function",
        "function": {"name": name, "arguments": arguments.to_string()},
    })
}

fn usage() -> Value {
    json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
}

pub(crate) fn whole(reply: &Reply, model: &str) -> Value {
    let message = match reply {
        Reply::Text(text) => json!({"role": "assistant", "content": text}),
        Reply::Tool {
            name, arguments, ..
        } => json!({"role": "assistant", "content": null, "tool_calls": [call(name, arguments)]}),
    };
    json!({
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(reply)}],
        "usage": usage(),
    })
}

pub(crate) fn stream(reply: &Reply, model: &str) -> Vec<StreamEvent> {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": "chatcmpl-stub",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    };
    let mut events = vec![StreamEvent::plain(&chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    ))];
    let deltas = match reply {
        Reply::Text(text) => {
            let words = words(text).into_iter();
            words.map(|word| json!({"content": word})).collect()
        }
        Reply::Tool {
            name, arguments, ..
        } => vec![json!({"tool_calls": [call(name, arguments)]})],
    };
    let deltas = deltas.into_iter().map(|delta| chunk(delta, Value::Null));
    events.extend(deltas.map(|chunk| StreamEvent::plain(&chunk).word()));
    let mut last = chunk(json!({}), json!(finish_reason(reply)));
    last["usage"] = usage();
    events.push(StreamEvent::plain(&last));
    events.push(StreamEvent {
        name: None,
        data: "[DONE]".into(),
        is_word: false,
    });
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streamed_answer_ends_with_its_reason_and_the_mark() {
        let events = stream(&Reply::Text("a b".into()), "m");
        let parsed: Vec<Value> = events
            .iter()
            .filter_map(|event| serde_json::from_str(&event.data).ok())
            .collect();
        let words: Vec<_> = parsed
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(words, ["", "a ", "b"]);
        assert_eq!(parsed[3]["choices"][0]["finish_reason"], "stop");
        assert_eq!(events[4].data, "[DONE]");
        assert!(events.iter().all(|event| event.name.is_none()));
    }

    #[test]
    fn arguments_of_a_tool_are_a_string() {
        let tool = Reply::Tool {
            name: "bash".into(),
            namespace: None,
            arguments: json!({"command": "true"}),
        };
        let answer = whole(&tool, "m");
        let call = &answer["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["function"]["arguments"], r#"{"command":"true"}"#);
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    }
}
