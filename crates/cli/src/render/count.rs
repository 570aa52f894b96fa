//! Numbers of things.

/// Writes a number with its noun, such as `1 error` and `2 errors`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {one}{ending}")
}

/// Says how many characters were taken out of a text that was sent, if any were.
pub(crate) fn taken_out(stripped: usize) -> Option<String> {
    let characters = counted(stripped, "character");
    (stripped > 0).then(|| format!("{characters} without a glyph taken out of it"))
}
