//! Writes styles as control sequences.

use alacritty_terminal::term::cell::{Flags, Hyperlink};
use alacritty_terminal::vte::ansi::{Color, NamedColor};

use super::line::{Line, Style};

/// The parameters of the SGR that switches to `style` from whatever was before.
pub(super) fn parameters(style: &Style) -> String {
    const CODES: [(Flags, &str); 11] = [
        (Flags::BOLD, "1"),
        (Flags::DIM, "2"),
        (Flags::ITALIC, "3"),
        (Flags::UNDERLINE, "4"),
        (Flags::DOUBLE_UNDERLINE, "4:2"),
        (Flags::UNDERCURL, "4:3"),
        (Flags::DOTTED_UNDERLINE, "4:4"),
        (Flags::DASHED_UNDERLINE, "4:5"),
        (Flags::INVERSE, "7"),
        (Flags::HIDDEN, "8"),
        (Flags::STRIKEOUT, "9"),
    ];
    let mut parameters = "0".to_owned();
    for (flag, code) in CODES {
        if style.attributes.contains(flag) {
            parameters.push(';');
            parameters.push_str(code);
        }
    }
    push_color(
        &mut parameters,
        style.foreground,
        30,
        NamedColor::Foreground,
    );
    push_color(
        &mut parameters,
        style.background,
        40,
        NamedColor::Background,
    );
    if let Some(color) = style.extra.as_ref().and_then(|extra| extra.underline) {
        push_color(&mut parameters, color, 50, NamedColor::Foreground);
    }
    parameters
}

/// Adds the codes for `color`, which are `base` 30 for text, 40 for its background and 50 for its
/// underline (which has no short ones).
fn push_color(parameters: &mut String, color: Color, base: usize, default: NamedColor) {
    let code = match color {
        Color::Named(name) if name == default => return,
        Color::Named(name) => match name as usize {
            short @ 0..=7 if base < 50 => format!(";{}", base + short),
            bright @ 8..=15 if base < 50 => format!(";{}", base + 52 + bright),
            index @ 0..=15 => format!(";{};5;{index}", base + 8),
            _ => return,
        },
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        Color::Spec(rgb) => format!(";{};2;{};{};{}", base + 8, rgb.r, rgb.g, rgb.b),
    };
    parameters.push_str(&code);
}

/// The style that a terminal draws with, as far as it was written.
#[derive(Debug, Default)]
pub(super) struct Pen {
    style: Style,
}

impl Pen {
    /// Appends what switches to `style`.
    pub(super) fn switch(&mut self, style: &Style, out: &mut Vec<u8>) {
        if self.style == *style {
            return;
        }
        let (old, new) = (link(&self.style), link(style));
        if old != new {
            write_link(new, out);
        }
        let parameters = parameters(style);
        // The common reset in its short form.
        let parameters = if parameters == "0" { "" } else { &parameters };
        out.extend_from_slice(format!("\x1b[{parameters}m").as_bytes());
        self.style = style.clone();
    }

    /// Appends the text of `line`.
    pub(super) fn write(&mut self, line: &Line, out: &mut Vec<u8>) {
        for (text, style) in line.segments() {
            self.switch(style, out);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn link(style: &Style) -> Option<&Hyperlink> {
    style.extra.as_ref()?.link.as_ref()
}

fn write_link(link: Option<&Hyperlink>, out: &mut Vec<u8>) {
    let (id, target) = link.map_or(("", ""), |link| (link.id(), link.uri()));
    let key = if id.is_empty() { "" } else { "id=" };
    out.extend_from_slice(format!("\x1b]8;{key}{id};{target}\x1b\\").as_bytes());
}
