//! What a change would be, in words.

use podfleet_hub::preview::{Effect, Preview};

/// Returns a line for each thing that would be changed.
pub(crate) fn lines(preview: &Preview) -> Vec<String> {
    if preview.effects.is_empty() {
        return vec!["nothing would be changed".to_owned()];
    }
    preview.effects.iter().map(line).collect()
}

fn line(effect: &Effect) -> String {
    let (thing, change) = (effect.thing.word(), effect.change.word());
    let mut line = format!("{thing} `{}` would be {change}", effect.name);
    if let Some(to) = &effect.to {
        line.push_str(&format!(" to `{to}`"));
    }
    if let Some(detail) = &effect.detail {
        line.push_str(&format!(" ({detail})"));
    }
    line
}

#[cfg(test)]
mod tests {
    use podfleet_hub::preview::{Change, Thing};

    use super::*;

    #[test]
    fn what_would_be_done_is_told_thing_by_thing() {
        let preview = Preview {
            effects: vec![
                Effect::new(Thing::File, "m:b", Change::Replaced).detail("5 bytes"),
                Effect::new(Thing::File, "m:a", Change::Renamed).to("m:b"),
                Effect::new(Thing::Terminal, "pty-1@box", Change::Forgotten)
                    .detail("it goes on there"),
            ],
        };
        insta::assert_snapshot!(lines(&preview).join("\n"), @r"
        file `m:b` would be replaced (5 bytes)
        file `m:a` would be renamed to `m:b`
        terminal `pty-1@box` would be forgotten (it goes on there)
        ");
        insta::assert_snapshot!(lines(&Preview::default()).join("\n"), @"nothing would be changed");
    }
}
