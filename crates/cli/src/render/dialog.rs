//! A dialog of an agent, with its choices.

use podfleet_protocol::method::Dialog;

use super::wrap::wrap;

/// Renders a dialog, no line wider than 80 columns.
pub(crate) fn render(agent: &str, dialog: &Dialog) -> String {
    let mut text = format!("{agent}: asks ({})\n", dialog.kind);
    let mut line = |lead: &str, words: &str, indent: usize| {
        text.push_str(lead);
        text.push_str(&wrap(words, indent, &" ".repeat(indent)));
        text.push('\n');
    };
    if dialog.cut {
        let more = format!("… (what stands above is not on the screen: `fleet attach {agent}`)");
        line("  ", &more, 2);
    }
    for words in &dialog.text {
        line("  ", words, 2);
    }
    for choice in &dialog.choices {
        let lead = format!("  {:>2}  ", choice.key);
        line(&lead, &choice.label, 6);
    }
    let first = dialog.choices.first();
    if let Some(choice) = first {
        text.push_str(&format!(
            "pick one with `fleet answer {agent} {}`\n",
            choice.key
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_protocol::method::Choice;

    #[test]
    fn a_dialog_is_shown_with_its_choices_and_how_to_pick_one() {
        let choice = |key: &str, label: &str| Choice {
            key: key.into(),
            label: label.into(),
        };
        let dialog = Dialog {
            id: "d".into(),
            kind: "permission".into(),
            text: vec!["Bash command".into(), "make".into()],
            cut: false,
            choices: vec![choice("1", "Yes"), choice("2", "No")],
        };
        insta::assert_snapshot!(render("coder", &dialog), @r"
        coder: asks (permission)
          Bash command
          make
           1  Yes
           2  No
        pick one with `fleet answer coder 1`
        ");
        let cut = Dialog {
            cut: true,
            ..dialog
        };
        let rendered = render("coder", &cut);
        assert!(
            rendered.contains("what stands above is not on the screen"),
            "{rendered}"
        );
    }
}
