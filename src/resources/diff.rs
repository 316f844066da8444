//! What a plan shows of a whole file that changes.

use super::edit::shown::masked_line;

/// A unified diff. What looks like a password is masked, line by line: an old file may hold anything.
pub(super) fn masked_diff(path: &str, old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let diff = diff.unified_diff().header(path, path).to_string();
    let masked = |line: &str| match line.split_at_checked(1) {
        Some((sign @ ("+" | "-" | " "), text)) => {
            let (indent, _) = text.split_at(text.len() - text.trim_start().len());
            format!("{sign}{indent}{}\n", masked_line(text))
        }
        _ => format!("{line}\n"),
    };
    diff.lines().map(masked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_the_rest_stands_as_it_is_in_the_file() {
        let old = "server {\n    listen 80;\n}\nuser = me\npassword = hunter2\nurl = jdbc:x://h/db?password=hunter2\n";
        let new = "server {\n    listen 8080;\n}\n";
        let expected = "\
--- /etc/x
+++ /etc/x
@@ -1,6 +1,3 @@
 server {
-    listen 80;
+    listen 8080;
 }
-user = me
-password ***
-url = jdbc:x://h/db?password=***
";
        assert_eq!(masked_diff("/etc/x", old, new), expected);
    }
}
