use super::*;

#[test]
fn a_new_agent_is_written_like_its_neighbours() {
    for (before, after) in [
        (
            "agents:\n- name: a\n  runtime: sim\n",
            "agents:\n- name: a\n  runtime: sim\n- name: new\n  runtime: sim\n  class: code\n",
        ),
        (
            "agents:\n    -   name: a\n        runtime: sim # c\n        # yolo: true\n# end\n",
            "agents:\n    -   name: a\n        runtime: sim # c\n        # yolo: true\n    -   name: new\n        runtime: sim\n        class: code\n# end\n",
        ),
        (
            "agents:\n- name: a\n  runtime: sim\n\n# about b\n- name: b\n  runtime: sim\n\nconnector:\n  kind: tmux\n",
            "agents:\n- name: a\n  runtime: sim\n\n# about b\n- name: b\n  runtime: sim\n\n- name: new\n  runtime: sim\n  class: code\n\nconnector:\n  kind: tmux\n",
        ),
        (
            "agents:\n- name: a\n  runtime: sim",
            "agents:\n- name: a\n  runtime: sim\n- name: new\n  runtime: sim\n  class: code",
        ),
        (
            "agents:\r\n- name: a\r\n  runtime: sim\r\n# c\r\n",
            "agents:\r\n- name: a\r\n  runtime: sim\r\n- name: new\r\n  runtime: sim\r\n  class: code\r\n# c\r\n",
        ),
        (
            "agents:\n- {name: a, runtime: sim} # c\n",
            "agents:\n- {name: a, runtime: sim} # c\n- {name: new, runtime: sim, class: code}\n",
        ),
        (
            "agents:\n- { name: a, runtime: sim }\n",
            "agents:\n- { name: a, runtime: sim }\n- { name: new, runtime: sim, class: code }\n",
        ),
        (
            "agents: [{name: a, runtime: sim}]\n",
            "agents: [{name: a, runtime: sim}, {name: new, runtime: sim, class: code}]\n",
        ),
        (
            "agents: [\n  {name: a, runtime: sim}, # first\n  {name: b, runtime: sim}, # last\n  # no more\n]\n",
            "agents: [\n  {name: a, runtime: sim}, # first\n  {name: b, runtime: sim}, # last\n  {name: new, runtime: sim, class: code},\n  # no more\n]\n",
        ),
        (
            "agents: [\n  {name: a, runtime: sim} # last\n]\n",
            "agents: [\n  {name: a, runtime: sim}, # last\n  {name: new, runtime: sim, class: code}\n]\n",
        ),
        (
            "agents:\n- name: a\n  runtime: sim\n  kickstart: |+\n    hi\n\nconnector: {kind: tmux}\n",
            "agents:\n- name: a\n  runtime: sim\n  kickstart: |+\n    hi\n\n- name: new\n  runtime: sim\n  class: code\nconnector: {kind: tmux}\n",
        ),
    ] {
        assert_eq!(added(before), after);
    }
}

#[test]
fn json_stays_json() {
    let known = Known::shipped();
    let agent = NewAgent::new(AgentName::new("new").unwrap(), "sim");
    for (before, after) in [
        (
            "{\"version\":1,\"transport\":\"tmux\",\"agents\":[{\"name\":\"a\",\"runtime\":\"sim\"}]}",
            "{\"version\":1,\"transport\":\"tmux\",\"agents\":[{\"name\":\"a\",\"runtime\":\"sim\",\"yolo\":true},{\"name\":\"new\",\"runtime\":\"sim\"}]}",
        ),
        (
            "{\n\t\"version\": 1,\n\t\"transport\": \"tmux\",\n\t\"agents\": [\n\t\t{\n\t\t\t\"name\": \"a\",\n\t\t\t\"runtime\": \"sim\"\n\t\t}\n\t]\n}\n",
            "{\n\t\"version\": 1,\n\t\"transport\": \"tmux\",\n\t\"agents\": [\n\t\t{\n\t\t\t\"name\": \"a\",\n\t\t\t\"runtime\": \"sim\",\n\t\t\t\"yolo\": true\n\t\t},\n\t\t{\n\t\t\t\"name\": \"new\",\n\t\t\t\"runtime\": \"sim\"\n\t\t}\n\t]\n}\n",
        ),
    ] {
        let document = Document::read(before, "roster.json");
        let mut edit = document.edit(&known).unwrap();
        edit.set(&Field::of_agent("a", "yolo"), true).unwrap();
        edit.add(&agent).unwrap();
        assert_eq!(edit.finish().unwrap().text, after);
    }
}
