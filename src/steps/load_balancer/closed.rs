//! Paths that are closed from outside.
//!
//! The servers behind read a path otherwise than a balancer does: they drop `;PARAMETERS` from each of its parts, and then
//! look at `..` once more. So a closed path is closed in every spelling that they would take for it.

/// Between two parts of a path: slashes, and parts that a server drops.
const BETWEEN: &str = "(/\\.?(;[^/]*)?)*/";

/// Parts that lead upwards or nowhere: a browser never sends them, and with parameters behind them a balancer does not
/// see what they are.
pub(super) const DOTS: &str = "/\\.\\.?(;|/|$)";

/// A regular expression for `path` and all that is below it.
pub(super) fn pattern(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parts: String = parts.map(|part| format!("{BETWEEN}{}(;[^/]*)?", plain(part))).collect();
    format!("^{parts}(/|$)")
}

/// Text as a regular expression for itself.
pub(super) fn plain(text: &str) -> String {
    let escaped = |c: char| if c.is_ascii_alphanumeric() || c == '_' { vec![c] } else { vec!['\\', c] };
    text.chars().flat_map(|c| if matches!(c, '-' | '/' | ':' | '~') { vec![c] } else { escaped(c) }).collect()
}
