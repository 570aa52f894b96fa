//! Looking at the agent's terminal, and attaching to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::id::{Generation, Run};

/// Result of `screen`: the visible part of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScreenResult {
    /// Size of the terminal.
    pub size: Size,
    /// One text a row, without trailing blanks, all rows.
    pub rows: Vec<String>,
    /// Row of the cursor, counted from 0.
    pub cursor_row: u16,
    /// Column of the cursor, counted from 0.
    pub cursor_column: u16,
    /// The title that the program set.
    pub title: String,
    /// Whether the alternate screen is shown.
    pub alternate: bool,
}

/// Parameters of `scrollback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScrollbackParams {
    /// How many of the last lines, the visible screen's among them.
    pub lines: u32,
    /// Whether colours are given, as SGR sequences.
    #[serde(default)]
    pub ansi: bool,
    /// Only lines before this place, which a page before gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// Result of `scrollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScrollbackResult {
    /// The lines, oldest first; blank ones at the end of the screen are left out.
    pub lines: Vec<String>,
    /// Where the page of the lines before these ends, if they do not all fit into one: ask for the
    /// rest `before` it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<u64>,
    /// The view offset after the last of them.
    pub position: Position,
    /// Whether the alternate screen is shown, which has no scrollback.
    pub alternate: bool,
}

/// A place in a pod's view stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The start of the pod.
    pub generation: Generation,
    /// The start of its agent.
    pub run: Run,
    /// Bytes of the view stream since that start.
    pub offset: u64,
}

/// As what a client attaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachRole {
    /// It looks. Its `input` is a protocol error.
    Viewer,
    /// It types and sets the size.
    Controller,
    /// It looks, and takes control at its first key if control is free.
    View,
}

/// Parameters of `attach`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachParams {
    /// As what.
    pub role: AttachRole,
    /// Takes control from another client.
    #[serde(default)]
    pub take: bool,
    /// Size of the client's terminal; only a controller's is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Goes on from here if the pod still has it, else begins with a `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
}

/// Result of `attach`; after its line both sides speak frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachResult {
    /// Where the stream begins.
    pub position: Position,
    /// Size of the terminal.
    pub size: Size,
    /// Whether this client has control.
    pub in_control: bool,
    /// Who has it, as that client named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// Counts the changes of control.
    pub epoch: u32,
}
