//! Which code points join the character before them instead of taking columns of their own.
//!
//! The agents lay their screens out by grapheme clusters and count an emoji cluster as two
//! columns: base, skin tone, variation selector 16 and all that zero-width joiners hold together.
//! The emulator counts code points, which puts an inline screen off from that line on. These rules
//! close the gap. tmux 3.3a agrees on joiners, but gives a skin tone columns of its own and does not
//! widen at variation selector 16.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Joins the emoji around it into one.
pub(super) const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Asks for the emoji form of the character before it.
const EMOJI_SELECTOR: char = '\u{FE0F}';

/// Code points that a cell holds beside its first; further ones are dropped, so that the memory of
/// a cell has a bound. The longest emoji in use have ten.
pub(super) const EXTRA_LIMIT: usize = 20;

/// The first code point that any rule here is about; text below it needs no look at its cell.
pub(super) const FIRST: char = '\u{0300}';

/// Whether `character` goes into the cell before it.
///
/// `base` is that cell's first code point; `joined` says that a joiner came after it.
pub(super) fn joins(base: char, joined: bool, character: char) -> bool {
    character.width() == Some(0) || !base.is_ascii() && (is_skin_tone(character) || joined)
}

/// Whether `character`, having joined a `base` one column wide, makes it two columns wide.
pub(super) fn widens(base: char, character: char) -> bool {
    if character == EMOJI_SELECTOR {
        // Only characters that have an emoji form, among them digits, are affected.
        let sequence: String = [base, character].iter().collect();
        sequence.width() == 2
    } else {
        character.width() == Some(2)
    }
}

/// Returns what stands for `character` in a cell of its own.
///
/// A skin tone with nothing to join would, when the screen is drawn anew, join whatever was put
/// before it since then; a square of the same width stands for it.
pub(super) fn alone(character: char) -> char {
    if is_skin_tone(character) {
        '\u{1F7EB}'
    } else {
        character
    }
}

fn is_skin_tone(character: char) -> bool {
    matches!(character, '\u{1F3FB}'..='\u{1F3FF}')
}
