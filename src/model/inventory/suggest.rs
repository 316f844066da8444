//! What a person may have meant.

use super::schema::keys;

/// The word most like `word`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, usize)> {
    let squeeze = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = squeeze(word);
    let limit = (wanted.chars().count() / 3).clamp(1, 3);
    among
        .into_iter()
        .map(|other| (other, strsim::damerau_levenshtein(&wanted, &squeeze(other))))
        .filter(|(_, distance)| *distance <= limit)
        .min_by_key(|(_, distance)| *distance)
}

/// A next move for a key that is not known at `path`, where `known` are.
pub(super) fn for_key(key: &str, path: &str, known: &[&str]) -> String {
    let near = nearest(key, known.iter().copied());
    if let Some((word, distance)) = near
        && distance <= 1
    {
        return format!("did you mean `{word}`?");
    }
    let places = elsewhere(key);
    if !places.is_empty() {
        return format!("`{key}` belongs {}", places.join(", or "));
    }
    match near {
        Some((word, _)) => format!("did you mean `{word}`?"),
        None if path.is_empty() => format!("the keys at the top are: {}", known.join(", ")),
        None => format!("the keys here are: {}", known.join(", ")),
    }
}

/// Up to three places where the schema knows this key, the shallowest first.
fn elsewhere(key: &str) -> Vec<String> {
    let mut parents: Vec<Option<&str>> = keys()
        .iter()
        .filter_map(|(path, _)| match path.rsplit_once('.') {
            Some((parent, last)) => (last == key).then_some(Some(parent)),
            None => (path == key).then_some(None),
        })
        .collect();
    parents.sort_by_key(|parent| parent.map_or(0, |path| path.split('.').count()));
    parents.dedup();
    let place = |parent: Option<&str>| parent.map_or_else(|| "at the top".to_owned(), |path| format!("under `{path}`"));
    parents.into_iter().take(3).map(place).collect()
}
