//! Colours: what the terminal answers when it is asked for them.

/// A colour, eight bits a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Rgb {
    /// Returns the colour `0xRRGGBB`; higher bits are ignored.
    #[must_use]
    pub const fn from_hex(hex: u32) -> Self {
        let [_, red, green, blue] = hex.to_be_bytes();
        Self { red, green, blue }
    }
}

/// The colours that the terminal claims to have until the agent sets others: those of the last
/// controller's terminal, or these defaults, light on dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colors {
    /// The answer to OSC 10; `#d8d8d8` by default.
    pub foreground: Rgb,
    /// The answer to OSC 11; `#181818` by default.
    pub background: Rgb,
    /// The answer to OSC 12; `#d8d8d8` by default.
    pub cursor: Rgb,
    /// The answers to OSC 4 for the first 16 colours; xterm's by default. The other 240 are the
    /// fixed cube and grey ramp of xterm-256color.
    pub ansi: [Rgb; 16],
}

impl Default for Colors {
    fn default() -> Self {
        const XTERM: [u32; 16] = [
            0x00_0000, 0xcd_0000, 0x00_cd00, 0xcd_cd00, 0x00_00ee, 0xcd_00cd, 0x00_cdcd, 0xe5_e5e5,
            0x7f_7f7f, 0xff_0000, 0x00_ff00, 0xff_ff00, 0x5c_5cff, 0xff_00ff, 0x00_ffff, 0xff_ffff,
        ];
        Self {
            foreground: Rgb::from_hex(0xd8_d8d8),
            background: Rgb::from_hex(0x18_1818),
            cursor: Rgb::from_hex(0xd8_d8d8),
            ansi: XTERM.map(Rgb::from_hex),
        }
    }
}

impl Colors {
    /// The colour of a palette index.
    pub(super) fn palette(&self, index: u8) -> Rgb {
        const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
        match index {
            0..=15 => self.ansi[usize::from(index)],
            16..=231 => {
                let cube = usize::from(index - 16);
                Rgb {
                    red: LEVELS[cube / 36],
                    green: LEVELS[cube / 6 % 6],
                    blue: LEVELS[cube % 6],
                }
            }
            232.. => {
                let grey = 8 + 10 * (index - 232);
                Rgb {
                    red: grey,
                    green: grey,
                    blue: grey,
                }
            }
        }
    }
}

/// Reads a palette index or a code of a colour command.
pub(super) fn index(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    let valid = digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().ok()).flatten()
}

/// Whether `text` names a colour as the emulator reads it: `#` with three channels of one to four
/// digits, or `rgb:` with three channels between slashes. Names as in X11 are not known.
pub(super) fn is_specification(text: &[u8]) -> bool {
    let hexadecimal = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    if let Some(digits) = text.strip_prefix(b"#") {
        matches!(digits.len(), 3 | 6 | 9 | 12) && hexadecimal(digits)
    } else if let Some(channels) = text.strip_prefix(b"rgb:") {
        let valid = |digits: &[u8]| matches!(digits.len(), 1..=4) && hexadecimal(digits);
        channels.split(|&byte| byte == b'/').count() == 3
            && channels.split(|&byte| byte == b'/').all(valid)
    } else {
        false
    }
}
