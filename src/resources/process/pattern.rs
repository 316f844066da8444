//! Patterns of paths: `*` and `[0-9]` stand for a part of a name, as in a shell; a slash at the end for a whole folder.

/// Does a path fit a pattern?
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('/') {
        Some(folder) => path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        None => {
            let (patterns, names) = (pattern.split('/'), path.split('/'));
            pattern.split('/').count() == path.split('/').count()
                && patterns.zip(names).all(|(pattern, name)| name_fits(pattern, name))
        }
    }
}

fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            // A hidden name is not meant by a star, as in a shell.
            let Some(rest) = name.strip_prefix(before).filter(|_| !(before.is_empty() && name.starts_with('.'))) else {
                return false;
            };
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| name_fits_behind_star(after, rest)))
        }
    }
}

fn name_fits_behind_star(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') { name_fits(pattern, name) } else { pattern == name }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stay_within_a_name_and_folders_hold_everything() {
        assert!(fits("/opt/is/lib/*.jar", "/opt/is/lib/mysql-8.jar"));
        assert!(!fits("/opt/is/lib/*.jar", "/opt/is/lib/old/mysql-8.jar"));
        assert!(!fits("/opt/is/lib/*.jar", "/opt/is/lib/mysql-8.jar.bak"));
        assert!(!fits("/opt/is/lib/*.jar", "/opt/is/lib/.jar"));
        assert!(fits("/opt/is/a*b*c", "/opt/is/axbxbc"));
        assert!(fits("/opt/is/conf/x.toml", "/opt/is/conf/x.toml"));
        assert!(!fits("/opt/is/conf/x.toml", "/opt/is/conf/y.toml"));
        assert!(fits("/opt/is/patches/", "/opt/is/patches/patch0001/a.jar"));
        assert!(fits("/opt/is/patches/", "/opt/is/patches"));
        assert!(!fits("/opt/is/patches/", "/opt/is/patches-old/a.jar"));
    }
}
