//! The modes of a terminal that clients and the delivery of input depend on.

/// Which mouse events the program wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseTracking {
    /// None.
    #[default]
    Off,
    /// Buttons (mode 1000).
    Buttons,
    /// Buttons, and motion while one is held (mode 1002).
    Drag,
    /// Buttons and every motion (mode 1003).
    Motion,
}

/// How mouse events are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseEncoding {
    /// One byte a coordinate.
    #[default]
    Legacy,
    /// One UTF-8 character a coordinate (mode 1005).
    Utf8,
    /// Decimal numbers (mode 1006).
    Sgr,
}

/// The modes of a terminal at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Cursor keys send application sequences (DECCKM, mode 1).
    pub application_cursor: bool,
    /// The keypad sends application sequences (DECKPAM).
    pub application_keypad: bool,
    /// Text wraps at the right margin (DECAWM, mode 7).
    pub autowrap: bool,
    /// Printed characters push the others to the right (IRM).
    pub insert: bool,
    /// A line feed also returns the carriage (LNM).
    pub newline: bool,
    /// Rows count from the top margin (DECOM, mode 6).
    pub origin: bool,
    /// The cursor is shown (DECTCEM, mode 25).
    pub cursor_visible: bool,
    /// DECSCUSR, 1 to 6; 0 is the client's own style.
    pub cursor_style: u8,
    /// The alternate screen is shown (mode 1049).
    pub alternate_screen: bool,
    /// Pastes are to be framed (mode 2004).
    pub bracketed_paste: bool,
    /// Focus changes are to be reported (mode 1004).
    pub focus_reports: bool,
    /// Which mouse events are to be reported.
    pub mouse: MouseTracking,
    /// How mouse events are to be encoded.
    pub mouse_encoding: MouseEncoding,
    /// The wheel sends cursor keys on the alternate screen (mode 1007).
    pub alternate_scroll: bool,
    /// The program is amid an update that it wants shown as a whole (mode 2026). The model does not
    /// wait for its end.
    pub synchronized_update: bool,
    /// The progressive enhancements of the kitty keyboard protocol that the program asked for, a
    /// bit set; 0 is the legacy encoding.
    pub keyboard_flags: u8,
    /// The level of `modifyOtherKeys` that the program asked for, 0 to 2.
    pub modify_other_keys: u8,
}
