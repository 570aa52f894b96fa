//! The table of a harness file that says how dialogs are read.

use serde::Deserialize;

use super::{Choices, Confirmed, DialogRule};
use crate::pattern::Pattern;

/// The table `[dialog]` of a harness file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialogTable {
    above: Pattern,
    #[serde(default)]
    bordered: bool,
    begins: Option<Pattern>,
    margin: Option<Pattern>,
    covered: Option<Pattern>,
    choice: Option<Pattern>,
    pick: Option<String>,
    #[serde(default)]
    cursor_tells: bool,
    lights: Option<Pattern>,
    lit: Option<Pattern>,
    row: Option<Pattern>,
    next: Option<String>,
    confirm: Option<String>,
}

/// What is said of a table that has keys of both ways, or not all of one.
const MIXED: &str = "`[dialog]` takes `choice` and `pick`, and then `cursor_tells` or all of `lights`, \
                     `lit` and `confirm`, or `row`, `next` and `confirm`";

impl Confirmed {
    fn of(
        lights: Option<Pattern>,
        lit: Option<Pattern>,
        confirm: Option<String>,
    ) -> Result<Option<Box<Self>>, &'static str> {
        match (lights, lit, confirm) {
            (None, None, None) => Ok(None),
            (Some(lights), Some(lit), Some(confirm)) => Ok(Some(Box::new(Self {
                lights,
                lit,
                confirm,
            }))),
            _ => Err(MIXED),
        }
    }
}

impl TryFrom<DialogTable> for DialogRule {
    type Error = &'static str;

    fn try_from(table: DialogTable) -> Result<Self, Self::Error> {
        let confirmed = (table.lights, table.lit, table.confirm);
        let choices = match (
            (table.choice, table.pick),
            (table.row, table.next),
            confirmed,
        ) {
            ((Some(choice), Some(pick)), (None, None), (lights, lit, confirm)) => {
                Choices::Numbered {
                    choice,
                    pick,
                    cursor_tells: table.cursor_tells,
                    confirmed: Confirmed::of(lights, lit, confirm)?,
                }
            }
            ((None, None), (Some(row), Some(next)), (None, None, Some(confirm)))
                if !table.cursor_tells =>
            {
                Choices::Lit { row, next, confirm }
            }
            _ => return Err(MIXED),
        };
        Ok(Self {
            above: table.above,
            bordered: table.bordered,
            begins: table.begins,
            margin: table.margin,
            covered: table.covered,
            choices,
        })
    }
}
