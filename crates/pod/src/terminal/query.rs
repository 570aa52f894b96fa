//! What a program can ask its terminal.

/// A question in the agent's output that this terminal answers. Questions that are not here are
/// dropped and get no answer, as from an xterm that does not know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    /// DA1, also as DECID.
    PrimaryAttributes,
    /// DA2.
    SecondaryAttributes,
    /// DA3.
    TertiaryAttributes,
    /// DSR 5.
    Status,
    /// DSR 6; `private` is DECXCPR.
    CursorPosition { private: bool },
    /// DECRQM.
    Mode { mode: u16, private: bool },
    /// DECRQSS.
    Setting(Vec<u8>),
    /// XTGETTCAP: the capabilities' names in hexadecimal digits, separated by `;`.
    Capabilities(Vec<u8>),
    /// XTVERSION.
    Version,
    /// DECREQTPARM with its parameter.
    Parameters(u16),
    /// XTQMODKEYS for `modifyOtherKeys`.
    ModifyOtherKeys,
    /// A window report (`CSI … t`).
    Window(u16),
    /// OSC 4 with `?`.
    PaletteColor { index: u8, bell: bool },
    /// OSC 10, 11 or 12 with `?`.
    DynamicColor { code: u8, bell: bool },
}
