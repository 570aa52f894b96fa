//! A line of text with its colours, taken out of the emulator's cells.

use std::sync::Arc;

use alacritty_terminal::term::cell::{Cell, Flags, Hyperlink};
use alacritty_terminal::vte::ansi::{Color, NamedColor};

/// The flags of a cell that are attributes of its text.
const ATTRIBUTES: Flags = Flags::BOLD_ITALIC
    .union(Flags::DIM)
    .union(Flags::INVERSE)
    .union(Flags::HIDDEN)
    .union(Flags::STRIKEOUT)
    .union(Flags::ALL_UNDERLINES);

/// The attributes that show on a blank.
const VISIBLE_ON_BLANK: Flags = Flags::INVERSE
    .union(Flags::STRIKEOUT)
    .union(Flags::ALL_UNDERLINES);

/// How text is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) foreground: Color,
    pub(super) background: Color,
    /// A subset of [`ATTRIBUTES`].
    pub(super) attributes: Flags,
    /// What few texts have.
    pub(super) extra: Option<Arc<StyleExtra>>,
}

/// The rare parts of a [`Style`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StyleExtra {
    pub(super) underline: Option<Color>,
    pub(super) link: Option<Hyperlink>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            foreground: Color::Named(NamedColor::Foreground),
            background: Color::Named(NamedColor::Background),
            attributes: Flags::empty(),
            extra: None,
        }
    }
}

impl Style {
    /// The style of a cell, or of the pen that cells are drawn with.
    pub(super) fn of(cell: &Cell) -> Self {
        let (underline, link) = (cell.underline_color(), cell.hyperlink());
        let has_extra = underline.is_some() || link.is_some();
        Self {
            foreground: cell.fg,
            background: cell.bg,
            attributes: cell.flags & ATTRIBUTES,
            extra: has_extra.then(|| Arc::new(StyleExtra { underline, link })),
        }
    }

    /// The same style as far as it shows on a blank.
    fn on_blank(self) -> Self {
        if self.attributes.intersects(VISIBLE_ON_BLANK) || self.extra.is_some() {
            return self;
        }
        Self {
            background: self.background,
            ..Self::default()
        }
    }

    /// Whether it is drawn faint or in the palette's dark grey, as ghost texts are.
    pub(super) fn is_faint(&self) -> bool {
        self.attributes.contains(Flags::DIM)
            || matches!(
                self.foreground,
                Color::Indexed(8) | Color::Named(NamedColor::BrightBlack)
            )
    }
}

/// A stretch of a line in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it ends in the line's text, in bytes; it begins where the one before it ends.
    pub(super) end: u32,
    pub(super) style: Style,
}

/// A line: as compact as its text, unlike a row of cells, which takes 24 bytes a column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line {
    /// The text; unless it is wrapped, without trailing blanks in the default style.
    pub(super) text: Box<str>,
    pub(super) runs: Box<[Run]>,
    /// The width of the row.
    pub(super) columns: u16,
    /// Whether the text goes on in the next line because it reached the right margin.
    pub(super) wrapped: bool,
}

impl Line {
    /// Takes the text out of a row's cells. Halves of wide characters that were cut become blanks.
    pub(super) fn of(cells: &[Cell]) -> Self {
        let mut line = LineBuilder::default();
        let mut rest = cells;
        while let Some((cell, tail)) = rest.split_first() {
            let spacer_follows = tail
                .first()
                .is_some_and(|next| next.flags.contains(Flags::WIDE_CHAR_SPACER));
            let wide = cell.flags.contains(Flags::WIDE_CHAR);
            let spacers = Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER;
            if matches!(cell.c, ' ' | '\t') && !wide {
                line.push_blank(cell, cell.zerowidth().unwrap_or_default());
            } else if (wide && !spacer_follows) || cell.flags.intersects(spacers) {
                line.push_blank(cell, &[]);
            } else {
                line.push(cell);
            }
            rest = if wide && spacer_follows {
                &tail[1..]
            } else {
                tail
            };
        }
        let wrapped = cells
            .last()
            .is_some_and(|cell| cell.flags.contains(Flags::WRAPLINE));
        line.finish(cells.len(), wrapped)
    }

    /// The stretches of the text in one style.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&str, &Style)> {
        let mut start = 0;
        self.runs.iter().map(move |run| {
            let range = start..run.end as usize;
            start = run.end as usize;
            (&self.text[range], &run.style)
        })
    }

    /// The text without trailing blanks.
    pub(super) fn trimmed(&self) -> &str {
        self.text.trim_end_matches(' ')
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        let extra = |run: &Run| {
            let link = run.style.extra.as_ref()?.link.as_ref()?;
            Some(link.uri().len() + link.id().len() + 128)
        };
        size_of::<Self>()
            + self.text.len()
            + size_of_val(&*self.runs)
            + self.runs.iter().filter_map(extra).sum::<usize>()
    }
}

#[derive(Default)]
struct LineBuilder {
    text: String,
    runs: Vec<Run>,
    /// Length of the text up to the last cell that is no blank in the default style.
    kept: usize,
}

impl LineBuilder {
    fn push(&mut self, cell: &Cell) {
        self.append(
            cell.c,
            cell.zerowidth().unwrap_or_default(),
            Style::of(cell),
        );
        self.kept = self.text.len();
    }

    fn push_blank(&mut self, cell: &Cell, extra: &[char]) {
        let style = Style::of(cell).on_blank();
        let shows = !extra.is_empty() || style != Style::default();
        // A blank between words needs no style of its own if theirs looks the same on it.
        let before = self.runs.last().map(|run| run.style.clone());
        let style = match before {
            Some(before) if before.clone().on_blank() == style => before,
            _ => style,
        };
        self.append(' ', extra, style);
        if shows {
            self.kept = self.text.len();
        }
    }

    fn append(&mut self, character: char, extra: &[char], style: Style) {
        self.text.push(character);
        self.text.extend(extra);
        let end = byte_offset(self.text.len());
        match self.runs.last_mut() {
            Some(run) if run.style == style => run.end = end,
            _ => self.runs.push(Run { end, style }),
        }
    }

    fn finish(mut self, columns: usize, wrapped: bool) -> Line {
        if !wrapped {
            self.trim();
        }
        Line {
            text: self.text.into_boxed_str(),
            runs: self.runs.into_boxed_slice(),
            columns: u16::try_from(columns).unwrap_or(u16::MAX),
            wrapped,
        }
    }

    /// Cuts the blanks in the default style off the end; they are in the last run only.
    fn trim(&mut self) {
        self.text.truncate(self.kept);
        let kept = byte_offset(self.kept);
        let start = match self.runs.as_slice() {
            [.., before, _] => before.end,
            _ => 0,
        };
        if start == kept {
            self.runs.pop();
        } else if let Some(run) = self.runs.last_mut() {
            run.end = kept;
        }
    }
}

/// An offset in a line; no line comes near the limit.
fn byte_offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
