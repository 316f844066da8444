//! The program that reads staged files.

use super::found::Look;
use crate::model::{RemotePath, Script};
use crate::resources::AssessError;

/// A program that reads files, and its commands. Those are shell text with `$hactl_main`, `$hactl_pid_file` and
/// `$hactl_pid` in it, which the host puts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What its notes on the host are called: a word.
    pub name: String,
    /// The program.
    pub program: String,
    /// How to install it: `apt-get install nginx`, …
    pub installs: Vec<String>,
    /// The oldest version that will do.
    pub oldest: String,
    /// The folder of its configuration, which is copied for the test.
    pub folder: RemotePath,
    /// The file that it reads first, below that folder.
    pub main: String,
    /// The file that holds its process id.
    pub pid_file: RemotePath,
    /// Its systemd unit, where it is the one that the package brings.
    pub unit: Option<String>,
    /// Tests the configuration at `$hactl_main`.
    pub test: String,
    /// Starts it.
    pub start: String,
    /// Makes it read its files anew.
    pub reload: String,
    /// Does the test print which files it has read?
    pub prints_files: bool,
    /// Parts of what it may say, and what helps.
    pub hints: Vec<(String, String)>,
}

impl Service {
    /// Says to the shell functions which program it is.
    pub(super) fn describe(&self, script: &mut Script) {
        let hints: Vec<String> = self.hints.iter().map(|(says, hint)| format!("{says}\t{hint}")).collect();
        let words = [
            self.name.as_str(),
            &self.program,
            self.folder.as_str(),
            &self.main,
            self.pid_file.as_str(),
            self.unit.as_deref().unwrap_or("-"),
            &self.test,
            &self.start,
            &self.reload,
            if self.prints_files { "prints" } else { "-" },
            &hints.join("\n"),
        ];
        script.call("hactl_serves", &words);
    }

    /// Is the program on the host, and new enough?
    pub(super) fn is_there(&self, look: &Look) -> Result<(), AssessError> {
        let install = format!("install it there: `{}`", self.installs.join("`, or `"));
        if !look.has_program {
            let cause = format!("there is no {} on this host", self.program);
            return Err(AssessError::new("balancer-missing", cause).hint(install));
        }
        match &look.version {
            Some(version) if numbers(version) < numbers(&self.oldest) => {
                let cause = format!("{} is {version} there, and hactl needs {} or later", self.program, self.oldest);
                Err(AssessError::new("balancer-too-old", cause)
                    .hint("take a newer one, such as the publisher's own package"))
            }
            _ => Ok(()),
        }
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_numbers_and_not_text() {
        assert!(numbers("1.9.0") < numbers("1.15.3"));
        assert!(numbers("2.2") <= numbers("2.2.0") && numbers("2.6.12-1") > numbers("2.2"));
    }
}
