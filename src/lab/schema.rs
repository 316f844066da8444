//! The class that hactl asks a database with, played: the same request on standard input, the same answers.

use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding as _};

use super::LabError;
use super::database::{Answer, Client, Query};
use super::node::finds_in;
use super::printed::Printed;

/// What is asked: lines of a word and a value in base64.
#[derive(Default)]
struct Asked {
    url: String,
    user: String,
    password: String,
    driver: String,
    scripts: Vec<String>,
    absent: Vec<String>,
    places: Vec<String>,
    statements: Vec<String>,
}

impl Asked {
    fn read(text: &str) -> Result<Self, LabError> {
        let mut asked = Self::default();
        for line in text.lines() {
            let Some((word, value)) = line.split_once(' ') else { continue };
            let bytes = Base64::decode_vec(value).map_err(|error| LabError::new(format!("the request: {error}")))?;
            let value = String::from_utf8(bytes).map_err(|error| LabError::new(format!("the request: {error}")))?;
            match word {
                "url" => asked.url = value,
                "user" => asked.user = value,
                "password" => asked.password = value,
                "driver" => asked.driver = value,
                "script" => asked.scripts.push(value),
                "absent" => asked.absent.push(value),
                "place" => asked.places.push(value),
                "statement" => asked.statements.push(value),
                _ => return Err(LabError::new("an unknown word in the request")),
            }
        }
        Ok(asked)
    }

    async fn connect(&self) -> Result<Client, String> {
        let unsuitable = || format!("No suitable driver found for {}", self.url);
        let rest = self.url.strip_prefix("jdbc:mysql://").ok_or_else(unsuitable)?;
        let (authority, path) = rest.split_once('/').ok_or_else(unsuitable)?;
        let (host, port) = authority.split_once(':').unwrap_or((authority, "3306"));
        let port = port.parse().map_err(|_| unsuitable())?;
        let name = path.split('?').next().unwrap_or_default();
        Client::login((host, port), &self.user, &self.password, name).await
    }
}

/// Runs the class.
pub(super) async fn run(class_path: &str, words: &[&str], input: &str) -> Result<Printed, LabError> {
    let asked = Asked::read(input)?;
    let drivers = class_path.split(':').find_map(|part| part.strip_suffix("/*")).unwrap_or_default();
    match words {
        ["look"] => Ok(look(&asked, Path::new(drivers)).await),
        ["make"] => Ok(make(&asked).await),
        _ => Err(LabError::new("Schema look, or Schema make")),
    }
}

async fn look(asked: &Asked, drivers: &Path) -> Printed {
    let mut out = String::new();
    for names in &asked.scripts {
        let found = names.lines().find_map(|name| fs::read(name).ok().map(|bytes| (name, bytes)));
        match found {
            None => out.push_str("script\n"),
            Some((name, bytes)) => {
                out.push_str(&format!("script {} {}\n", encoded(name), Base64::encode_string(&bytes)));
            }
        }
    }
    if !finds_in(drivers, &asked.driver) {
        out.push_str(&format!("driver {} 0 {}\n", encoded(""), encoded(&asked.driver)));
    } else {
        match tables(asked).await {
            Ok(tables) => {
                tables.iter().for_each(|table| out.push_str(&format!("table {}\n", encoded(table))));
                out.push_str("connected\n");
            }
            Err(refused) => {
                let (state, code) = numbers(&refused);
                out.push_str(&format!("failed {} {code} {}\n", encoded(state), encoded(&refused)));
            }
        }
    }
    Printed { stdout: out, ..Printed::default() }
}

async fn tables(asked: &Asked) -> Result<Vec<String>, String> {
    match asked.connect().await?.ask(&Query::Tables).await? {
        Answer::Names(names) => Ok(names),
        _ => Err("Communications link failure".to_owned()),
    }
}

/// The SQL state and the error's number, as MySQL's driver has them.
fn numbers(refused: &str) -> (&'static str, u16) {
    match refused {
        _ if refused.starts_with("Access denied") => ("28000", 1045),
        _ if refused.starts_with("Unknown database") => ("42000", 1049),
        _ => ("08S01", 0),
    }
}

async fn make(asked: &Asked) -> Printed {
    let refused = |code: &str, sentence: String| Printed {
        stdout: String::new(),
        stderr: format!("hactl: {code}: {sentence}\n"),
        status: 1,
    };
    let there = match tables(asked).await {
        Ok(there) => there,
        Err(error) => return refused("schema-statement", error),
    };
    if let Some(table) = asked.absent.iter().find(|table| there.contains(table)) {
        let text = format!("the table {table} has appeared since the database was looked at; nothing was done");
        return refused("schema-changed-meanwhile", text);
    }
    let mut client = match asked.connect().await {
        Ok(client) => client,
        Err(error) => return refused("schema-statement", error),
    };
    for (index, statement) in asked.statements.iter().enumerate() {
        let place = asked.places.get(index).map_or("", String::as_str);
        let Some(table) = created(statement) else {
            let text = "You have an error in your SQL syntax; the lab's database only knows CREATE TABLE";
            return refused("schema-statement", format!("{place}: {text}"));
        };
        if let Err(error) = client.ask(&Query::Create(table)).await {
            return refused("schema-statement", format!("{place}: {error}"));
        }
    }
    Printed::default()
}

/// The table that a statement makes.
fn created(statement: &str) -> Option<String> {
    let mut words = statement.split_whitespace();
    let is = |word: Option<&str>, wanted: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    if !is(words.next(), "CREATE") || !is(words.next(), "TABLE") {
        return None;
    }
    let rest: Vec<&str> = words.collect();
    let skipped = if is(rest.first().copied(), "IF") { 3 } else { 0 };
    let name = rest.get(skipped)?.split('(').next()?.trim_matches('`');
    (!name.is_empty()).then(|| name.to_ascii_uppercase())
}

fn encoded(text: &str) -> String {
    Base64::encode_string(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_makes_a_table_is_known_and_no_other() {
        assert_eq!(created("CREATE TABLE IF NOT EXISTS `a_b` (X INT)").as_deref(), Some("A_B"));
        assert_eq!(created("create table X(Y INT)").as_deref(), Some("X"));
        assert_eq!(created("DROP TABLE X"), None);
        assert_eq!(created("INSERT INTO X VALUES (1)"), None);
    }

    #[tokio::test]
    async fn without_its_driver_a_look_says_so_and_a_script_comes_whole() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("mysql.sql");
        fs::write(&script, "CREATE TABLE X (Y INT);").unwrap();
        let names = format!("/nowhere\n{}", script.display());
        let request = format!("script {}\ndriver {}\n", encoded(&names), encoded("com.mysql.cj.jdbc.Driver"));
        let class_path = format!("/tmp/x:{}/*", folder.path().display());
        let printed = run(&class_path, &["look"], &request).await.unwrap();
        let text = encoded("CREATE TABLE X (Y INT);");
        assert!(printed.stdout.contains(&text) && printed.stdout.contains("\ndriver "), "{}", printed.stdout);
        fs::write(folder.path().join("d.jar"), super::super::pack::driver()).unwrap();
        let printed = run(&class_path, &["look"], &request).await.unwrap();
        assert!(printed.stdout.contains("\nfailed "), "{}", printed.stdout);
        assert!(run(&class_path, &["drop"], &request).await.is_err());
    }
}
