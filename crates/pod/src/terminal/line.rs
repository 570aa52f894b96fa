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

/// The flags of cells that are not a character of their own, or no more than one.
const HALVES: Flags = Flags::WIDE_CHAR
    .union(Flags::WIDE_CHAR_SPACER)
    .union(Flags::LEADING_WIDE_CHAR_SPACER);

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

    /// Whether it is drawn faint or in the palette's dark grey, as ghost texts are.
    pub(super) fn is_faint(&self) -> bool {
        self.attributes.contains(Flags::DIM)
            || matches!(
                self.foreground,
                Color::Indexed(8) | Color::Named(NamedColor::BrightBlack)
            )
    }

    /// The colour that is behind it.
    pub(super) fn shade(&self) -> Color {
        match self.attributes.contains(Flags::INVERSE) {
            true => self.foreground,
            false => self.background,
        }
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
        let wrapped = cells
            .last()
            .is_some_and(|cell| cell.flags.contains(Flags::WRAPLINE));
        let columns = u16::try_from(cells.len()).unwrap_or(u16::MAX);
        let mut rest = cells;
        while let Some((last, before)) = rest.split_last()
            && !wrapped
            && is_plain_blank(last)
        {
            rest = before;
        }
        let mut line = LineBuilder::with_capacity(rest.len());
        while let Some((cell, tail)) = rest.split_first() {
            let alike = line.push_alike(rest);
            if alike > 0 {
                rest = &rest[alike..];
                continue;
            }
            let spacer_follows = tail
                .first()
                .is_some_and(|next| next.flags.contains(Flags::WIDE_CHAR_SPACER));
            let whole = cell.flags.contains(Flags::WIDE_CHAR) && spacer_follows;
            line.push(cell, whole);
            rest = if whole { &tail[1..] } else { tail };
        }
        Self {
            text: line.text.into_boxed_str(),
            runs: line.runs.into_boxed_slice(),
            columns,
            wrapped,
        }
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

struct LineBuilder<'a> {
    text: String,
    runs: Vec<Run>,
    /// The cell that the last run has its style from.
    pen: Option<&'a Cell>,
    /// Whether that cell is a blank whose background is all that can be seen of it.
    blank_run: bool,
}

impl<'a> LineBuilder<'a> {
    fn with_capacity(columns: usize) -> Self {
        Self {
            text: String::with_capacity(columns),
            runs: Vec::with_capacity(1),
            pen: None,
            blank_run: false,
        }
    }

    /// Adds the ASCII at the start of these cells that looks exactly as what the last run began with;
    /// returns how many cells that is. It is most of what there is, and needs no closer look.
    fn push_alike(&mut self, cells: &[Cell]) -> usize {
        let (Some(pen), Some(run)) = (self.pen, self.runs.last_mut()) else {
            return 0;
        };
        if self.blank_run || pen.extra.is_some() || pen.flags.intersects(HALVES) {
            return 0;
        }
        let alike = cells.iter().take_while(|cell| {
            matches!(cell.c, ' '..='~')
                && cell.extra.is_none()
                && cell.flags == pen.flags
                && cell.fg == pen.fg
                && cell.bg == pen.bg
        });
        let alike = alike.count();
        self.text.extend(cells[..alike].iter().map(|cell| cell.c));
        run.end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        alike
    }

    /// Adds a cell; `whole` says that it is a wide character with both halves.
    fn push(&mut self, cell: &'a Cell, whole: bool) {
        let character = match cell.c {
            _ if !whole && cell.flags.intersects(HALVES) => ' ',
            '\t' => ' ',
            character => character,
        };
        self.text.push(character);
        if cell.extra.is_some() {
            self.text.extend(cell.zerowidth().unwrap_or_default());
        }
        let blank =
            character == ' ' && !has_extra(cell) && !cell.flags.intersects(VISIBLE_ON_BLANK);
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let goes_on = self.pen.is_some_and(|pen| self.goes_on(pen, cell, blank));
        match self.runs.last_mut() {
            Some(run) if goes_on => run.end = end,
            _ => self.begin_run(cell, blank, end),
        }
    }

    /// Whether `cell` looks like the cell that the last run began with.
    fn goes_on(&self, pen: &Cell, cell: &Cell, blank: bool) -> bool {
        match (self.blank_run, blank) {
            (false, false) => same_style(pen, cell),
            (_, true) => {
                pen.bg == cell.bg && !has_extra(pen) && !pen.flags.intersects(VISIBLE_ON_BLANK)
            }
            (true, false) => false,
        }
    }

    /// What cannot be seen of a blank's style is left out, or equal screens could differ in it.
    fn begin_run(&mut self, cell: &'a Cell, blank: bool, end: u32) {
        let style = if blank {
            Style {
                background: cell.bg,
                ..Style::default()
            }
        } else {
            Style::of(cell)
        };
        self.blank_run = blank;
        self.pen = Some(cell);
        match self.runs.last_mut() {
            Some(run) if run.style == style => run.end = end,
            _ => self.runs.push(Run { end, style }),
        }
    }
}

/// Whether a cell has more than one code point, a link, or a colour for its underline.
fn has_extra(cell: &Cell) -> bool {
    cell.extra.is_some()
        && (cell.zerowidth().is_some_and(|extra| !extra.is_empty())
            || cell.underline_color().is_some()
            || cell.hyperlink().is_some())
}

fn same_style(one: &Cell, other: &Cell) -> bool {
    let same_extra =
        || one.underline_color() == other.underline_color() && one.hyperlink() == other.hyperlink();
    one.fg == other.fg
        && one.bg == other.bg
        && !(one.flags ^ other.flags).intersects(ATTRIBUTES)
        && (!has_extra(one) && !has_extra(other) || same_extra())
}

/// Whether nothing can be seen of a cell.
fn is_plain_blank(cell: &Cell) -> bool {
    matches!(cell.c, ' ' | '\t')
        && cell.bg == Color::Named(NamedColor::Background)
        && !has_extra(cell)
        && !cell
            .flags
            .intersects(VISIBLE_ON_BLANK | Flags::WIDE_CHAR | Flags::WIDE_CHAR_SPACER)
}
