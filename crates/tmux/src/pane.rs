//! What a server says about its sessions and panes.

use crate::{PaneId, SessionId, WindowId};

/// The session option in which [`NewSession::tag`](crate::NewSession::tag) is kept.
pub const TAG_OPTION: &str = "@podfleet";

/// One pane, with what is known of its window and session.
///
/// The exit status of a dead pane is not among it: tmux loses it in one exit of seven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pane {
    /// The pane's id.
    pub id: PaneId,
    /// The id of its window.
    pub window: WindowId,
    /// The id of its session.
    pub session: SessionId,
    /// The session's name; any text, as people may have made the session.
    pub session_name: String,
    /// How many clients look at the session.
    pub attached: u32,
    /// The mark of [`NewSession::tag`](crate::NewSession::tag); `None` on other sessions.
    pub tag: Option<String>,
    /// The process id of the pane's first program, also when it has ended.
    pub pid: u32,
    /// Whether that program has ended and the pane remains.
    pub dead: bool,
    /// Whether it is the active pane of the session's current window.
    pub active: bool,
    /// The pane's columns.
    pub columns: u16,
    /// The pane's rows.
    pub rows: u16,
    /// When the window last had output, in seconds since 1970. (A session's own
    /// activity does not move with the output of a detached session.)
    pub window_activity: u64,
    /// The name of the program in the foreground, as that program gives it; never trusted.
    pub command: String,
}

/// A line of the listing does not have the form that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of tmux's list of panes has no readable {field}")]
pub struct UnreadablePane {
    line: usize,
    field: &'static str,
}

/// The format that [`parse_panes`] reads: numbers first, then texts with their lengths before
/// them, since any character may stand in a name; the one without a length is last.
///
/// A line feed in a text would begin a forged row, so it is replaced by a space; programs choose
/// their own names.
pub(crate) fn format() -> String {
    let tag = format!("s/\n/ /:{TAG_OPTION}");
    [
        "#{pane_id}",
        "#{window_id}",
        "#{session_id}",
        "#{session_attached}",
        "#{pane_pid}",
        "#{pane_dead}",
        "#{&&:#{window_active},#{pane_active}}",
        "#{pane_width}",
        "#{pane_height}",
        "#{window_activity}",
        "#{n:session_name}",
        "#{session_name}",
        &format!("#{{n:{TAG_OPTION}}}"),
        &format!("#{{{tag}}}"),
        "#{s/\n/ /:pane_current_command}",
    ]
    .join("|")
}

/// Reads what [`Command::list_panes`](crate::Command::list_panes) prints.
///
/// # Errors
///
/// When a line has another form, which no supported tmux prints.
pub fn parse_panes(output: &[u8]) -> Result<Vec<Pane>, UnreadablePane> {
    let text = String::from_utf8_lossy(output);
    text.split_terminator('\n')
        .enumerate()
        .map(|(index, row)| {
            parse_row(row).map_err(|field| UnreadablePane {
                line: index + 1,
                field,
            })
        })
        .collect()
}

fn parse_row(row: &str) -> Result<Pane, &'static str> {
    let mut fields = Fields(row);
    Ok(Pane {
        id: fields.number("pane id")?,
        window: fields.number("window id")?,
        session: fields.number("session id")?,
        attached: fields.number("number of clients")?,
        pid: fields.number("process id")?,
        dead: fields.flag("dead flag")?,
        active: fields.flag("active flag")?,
        columns: fields.number("width")?,
        rows: fields.number("height")?,
        window_activity: fields.number("activity")?,
        session_name: fields.sized_text("session name")?.to_owned(),
        tag: Some(fields.sized_text("tag")?)
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned),
        command: fields.0.to_owned(),
    })
}

/// What is left of a row.
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn next(&mut self, name: &'static str) -> Result<&'a str, &'static str> {
        let (field, rest) = self.0.split_once('|').ok_or(name)?;
        self.0 = rest;
        Ok(field)
    }

    fn number<T: std::str::FromStr>(&mut self, name: &'static str) -> Result<T, &'static str> {
        self.next(name)?.parse().map_err(|_| name)
    }

    /// An empty flag is a false one.
    fn flag(&mut self, name: &'static str) -> Result<bool, &'static str> {
        match self.next(name)? {
            "1" => Ok(true),
            "0" | "" => Ok(false),
            _ => Err(name),
        }
    }

    fn sized_text(&mut self, name: &'static str) -> Result<&'a str, &'static str> {
        let length = self.number(name)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(name)?;
        self.0 = rest.strip_prefix('|').ok_or(name)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_is_read_whatever_stands_in_its_names() {
        let rows = "%12|@7|$3|0|4711|0|1|120|40|1795244995|4|é|x|4|view|a|b\n\
                    %13|@8|$4|2|4712|1||80|24|1795244996|1|y|0|||\n";
        let panes = parse_panes(rows.as_bytes()).unwrap();
        assert_eq!(panes[0].session_name, "é|x");
        assert_eq!(panes[0].tag.as_deref(), Some("view"));
        assert_eq!(panes[0].command, "a|b");
        assert!(panes[0].active && !panes[0].dead);
        insta::assert_debug_snapshot!(panes[1], @r#"
        Pane {
            id: PaneId(
                13,
            ),
            window: WindowId(
                8,
            ),
            session: SessionId(
                4,
            ),
            session_name: "y",
            attached: 2,
            tag: None,
            pid: 4712,
            dead: true,
            active: false,
            columns: 80,
            rows: 24,
            window_activity: 1795244996,
            command: "|",
        }
        "#);
    }

    #[test]
    fn a_line_of_another_form_is_named() {
        let error =
            parse_panes(b"%12|@7|$3|0|4711|0|1|120|40|1|1|y|0||sh\n%13|@8|x\n").unwrap_err();
        insta::assert_snapshot!(error, @"line 2 of tmux's list of panes has no readable session id");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_panes(&bytes);
        }

        #[test]
        fn names_come_back_as_they_were(
            name in "[^\n]{0,20}", tag in "[^\n]{1,20}", command in "[^\n]{0,20}",
        ) {
            let row = format!(
                "%1|@1|$1|0|9|0|1|80|24|5|{}|{name}|{}|{tag}|{command}\n", name.len(), tag.len(),
            );
            let pane = parse_panes(row.as_bytes()).unwrap().remove(0);
            prop_assert_eq!(
                (pane.session_name, pane.tag, pane.command),
                (name, Some(tag), command)
            );
        }
    }
}
