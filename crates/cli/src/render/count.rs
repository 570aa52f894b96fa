//! Numbers of things.

/// Writes a number with its noun, such as `1 error` and `2 errors`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {one}{ending}")
}
