//! The tables of a database, made by the scripts that the product brings.
//!
//! The host's own JDK and the product's own JDBC driver ask the database: that way it is the node that must reach it, no
//! client of the database is needed there, and what works here works for the product. The class that does it is compiled
//! beforehand and rides in the script, because a runtime without a compiler must do. `Schema.java` is its source;
//! `Schema.sha256` holds the digests of both, so that a class that is not of this source is seen (see the tests).

mod answer;
mod login;
mod screen;
mod split;

use std::collections::BTreeSet;
use std::sync::Arc;

use base64ct::Encoding as _;
use zeroize::Zeroizing;

use answer::{Answer, NoEntry};
use screen::{Screened, screen};
use split::split;

use super::{AssessError, Assessment, Change, Resource, Seen};
use crate::model::profile::Separator;
use crate::model::{RemotePath, Script, Secret, quote};

/// The shell functions around the class.
pub(super) const SHELL: &str = include_str!("schema.sh");
const CLASS: &[u8] = include_bytes!("Schema.class");

/// A database that holds every table of its scripts. What is missing is made; nothing is ever dropped or altered.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its name in the inventory: `shared_db`, or several that are one database.
    pub name: String,
    /// The JDBC URL.
    pub url: String,
    /// The driver's class.
    pub driver: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: Arc<Secret>,
    /// For each script the paths that it may have, the best first.
    pub scripts: Vec<SchemaScript>,
    /// How statements are told apart in them.
    pub separator: Separator,
    /// The statement that makes the database itself, for a hint.
    pub make: String,
    /// The JDK; `None`: the host's `JAVA_HOME`, or what is on its `PATH`.
    pub java_home: Option<RemotePath>,
    /// The folder of drivers.
    pub drivers: RemotePath,
    /// What an earlier item may still have to bring: the scripts, the drivers.
    pub grounds: Vec<RemotePath>,
}

/// One of the scripts that fill a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaScript {
    /// Where it may be, the best first.
    pub paths: Vec<RemotePath>,
    /// Must the product have it?
    pub required: bool,
}

impl Schema {
    fn make_database(&self) -> &str {
        &self.make
    }

    /// Runs the class; what is asked follows as lines of a word and a value in base64.
    fn script(&self, script: &mut Script, what: &str, more: &[(&str, &str)]) {
        script.line(SHELL);
        script.call("hactl_schema_begin", &[self.java_home.as_ref().map_or("-", RemotePath::as_str)]);
        script.call_with_input("cat > \"$hactl_classes/Schema.class\"", &[], CLASS);
        script.line(&format!("hactl_schema_run {what} {} <<'HACTL_REQUEST'", quote(self.drivers.as_str())));
        let entry = [("url", self.url.as_str()), ("driver", &self.driver), ("user", &self.user)];
        let secret = [("password", self.password.expose())];
        for (word, value) in entry.iter().chain(&secret).chain(more) {
            let value = Zeroizing::new(base64ct::Base64::encode_string(value.as_bytes()));
            script.line(&Zeroizing::new(format!("{word} {}", value.as_str())));
        }
        script.line("HACTL_REQUEST");
    }

    fn no_entry(&self, why: &NoEntry) -> AssessError {
        match why {
            NoEntry::Refused(refusal) => refusal.explain(self),
            NoEntry::NoDriver => {
                let Self { name, driver, drivers, .. } = self;
                let cause = format!("the driver of {name} is not there: no jar in {drivers} holds {driver}");
                AssessError::new("schema-driver-missing", cause)
                    .hint("name its jar under `databases.driver`: hactl brings it to every node")
            }
        }
    }

    /// The scripts that are there, screened.
    fn screened(&self, answer: &Answer) -> Result<Vec<(String, Screened)>, AssessError> {
        if let Some(why) = &answer.unreadable {
            let cause = format!("a script of the product can't be read: {why}");
            return Err(AssessError::new("schema-script-missing", cause).hint("let the user of `ssh.user` read it"));
        }
        let mut screened = Vec::new();
        for (index, wanted) in self.scripts.iter().enumerate() {
            match answer.scripts.get(index) {
                Some(Some((path, text))) => screened.push(screened_script(path, text, self.separator)?),
                _ if wanted.required => {
                    let paths = wanted.paths.iter().map(RemotePath::as_str).collect::<Vec<_>>().join(", ");
                    let cause = format!("the product has no script for the database of {}: {paths}", self.name);
                    return Err(AssessError::new("schema-script-missing", cause)
                        .hint("is the pack whole? else fill the database by hand and set `create_schema: false`"));
                }
                _ => {}
            }
        }
        Ok(screened)
    }

    fn mend(&self, scripts: &[&(String, Screened)]) -> Script {
        let mut script = Script::new();
        let mut more: Vec<(&str, String)> = Vec::new();
        for (path, screened) in scripts {
            more.extend(screened.tables.iter().map(|table| ("absent", table.clone())));
            for (number, statement) in &screened.run {
                let what = statement.words.iter().filter(|word| word.chars().all(|c| c.is_alphanumeric() || c == '_'));
                let what = what.take(3).cloned().collect::<Vec<_>>().join(" ");
                more.push(("place", format!("{path}, statement {number} (line {}, {what})", statement.line)));
                more.push(("statement", statement.text.clone()));
            }
        }
        let more: Vec<(&str, &str)> = more.iter().map(|(word, value)| (*word, value.as_str())).collect();
        self.script(&mut script, "make", &more);
        script
    }
}

fn screened_script(path: &str, text: &str, separator: Separator) -> Result<(String, Screened), AssessError> {
    let screened = screen(split(text, separator)).map_err(|forbidden| {
        let cause = format!(
            "{path}, statement {} (line {}) is not one that only makes: {} …",
            forbidden.number, forbidden.line, forbidden.words
        );
        AssessError::new("schema-script-refused", cause)
            .hint("look at the script, run it by hand where it is right, and set `create_schema: false`")
    })?;
    if screened.tables.is_empty() {
        let cause = format!("{path} makes no table");
        return Err(AssessError::new("schema-script-refused", cause).hint("is the pack whole?"));
    }
    Ok((path.to_owned(), screened))
}

impl Resource for Schema {
    fn id(&self) -> String {
        format!("schema:{}", self.name)
    }

    fn grounds(&self) -> Vec<&RemotePath> {
        self.grounds.iter().collect()
    }

    fn probe(&self, script: &mut Script) {
        let paths = |wanted: &SchemaScript| {
            let paths: Vec<&str> = wanted.paths.iter().map(RemotePath::as_str).collect();
            ("script", paths.join("\n"))
        };
        let wanted: Vec<(&str, String)> = self.scripts.iter().map(paths).collect();
        let wanted: Vec<(&str, &str)> = wanted.iter().map(|(word, value)| (*word, value.as_str())).collect();
        self.script(script, "look", &wanted);
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        let answer = Answer::read(seen)?;
        let there = match &answer.tables {
            Some(Ok(there)) => there,
            Some(Err(why)) => return Err(self.no_entry(why)),
            None => return Err(AssessError::new("schema-cannot-look", "the host answered in an unknown form")),
        };
        let scripts = self.screened(&answer)?;
        for (path, screened) in &scripts {
            whole(path, screened, there, &self.name)?;
        }
        let missing = |(_, screened): &&(String, Screened)| screened.tables.iter().all(|table| !there.contains(table));
        let missing: Vec<&(String, Screened)> = scripts.iter().filter(missing).collect();
        let count: usize = scripts.iter().map(|(_, screened)| screened.tables.len()).sum();
        if missing.is_empty() {
            return Ok(Assessment::in_place(format!("all {count} tables are there")));
        }
        let mut assessment = Assessment {
            because: if there.is_empty() {
                "the database is empty".to_owned()
            } else {
                "tables are missing".to_owned()
            },
            mend: self.mend(&missing),
            ..Assessment::default()
        };
        for (path, screened) in &missing {
            let tables = screened.tables.len();
            let skipped = match screened.skipped {
                0 => String::new(),
                1 => ", leaving 1 DROP out".to_owned(),
                several => format!(", leaving {several} DROPs out"),
            };
            assessment.changes.push(Change::new(format!("make {tables} tables as {path} says{skipped}")));
        }
        let known: BTreeSet<&String> = scripts.iter().flat_map(|(_, screened)| &screened.tables).collect();
        let foreign = there.iter().filter(|table| !known.contains(table)).count();
        if foreign > 0 && missing.len() == scripts.len() {
            let warning = format!("the database of {} holds {foreign} tables of something else", self.name);
            assessment.warnings.push(warning);
        }
        Ok(assessment)
    }
}

/// Refuses a script of which only a part was run.
fn whole(path: &str, screened: &Screened, there: &BTreeSet<String>, name: &str) -> Result<(), AssessError> {
    let missing: Vec<&str> =
        screened.tables.iter().filter(|table| !there.contains(*table)).map(String::as_str).collect();
    let tables = screened.tables.len();
    if missing.is_empty() || missing.len() == tables {
        return Ok(());
    }
    let some = missing.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
    let cause = format!(
        "the database of {name} is half made: of the {tables} tables of {path}, {} are missing: {some}{more}",
        missing.len()
    );
    let hint = "if nothing in it is needed, empty it and run again; else add by hand what is missing (an older version of \
                the product? then run its migration first)";
    Err(AssessError::new("schema-half-made", cause).hint(hint))
}

#[cfg(test)]
mod tests;
