//! What of a script is run: what makes, never what takes away or changes what was there before.

use std::collections::BTreeSet;

use super::split::Statement;

/// What a script makes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Screened {
    /// The statements to run, with their numbers in the script, counted from 1.
    pub(super) run: Vec<(usize, Statement)>,
    /// The tables that they make, in capitals, in order.
    pub(super) tables: Vec<String>,
    /// How many statements are left out because they would take away.
    pub(super) skipped: usize,
}

/// A statement that hactl doesn't run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forbidden {
    /// Its number in the script.
    pub(super) number: usize,
    /// Its line.
    pub(super) line: usize,
    /// Its first words.
    pub(super) words: String,
}

/// Looks through the statements of a script. It runs only in a database that has none of the tables that it makes, so
/// a `DROP` of what the script makes itself is left out: there is nothing that it could mean.
pub(super) fn screen(statements: Vec<Statement>) -> Result<Screened, Forbidden> {
    let made: BTreeSet<String> = statements.iter().flat_map(made_by).collect();
    let mut screened = Screened::default();
    for (index, mut statement) in statements.into_iter().enumerate() {
        let number = index + 1;
        without_guarded_drop(&mut statement);
        match judge(&statement, &made) {
            Verdict::Run => {
                for table in tables_of(&statement).filter(|table| !screened.tables.contains(table)).collect::<Vec<_>>()
                {
                    screened.tables.push(table);
                }
                screened.run.push((number, statement));
            }
            Verdict::Skip => screened.skipped += 1,
            Verdict::Refuse => {
                let words = statement.words.iter().take(6).cloned().collect::<Vec<_>>().join(" ");
                return Err(Forbidden { number, line: statement.line, words });
            }
        }
    }
    Ok(screened)
}

enum Verdict {
    Run,
    Skip,
    Refuse,
}

fn judge(statement: &Statement, made: &BTreeSet<String>) -> Verdict {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    let decided = |fine: bool| if fine { Verdict::Run } else { Verdict::Refuse };
    match words.as_slice() {
        // What a stored program does later is its own business.
        ["CREATE", ..] if is_program(&words) => Verdict::Run,
        ["CREATE", ..] => decided(!is_outside_of_the_schema(&words) && !takes_away(&words)),
        ["INSERT" | "COMMENT" | "SELECT", ..] => Verdict::Run,
        ["IF" | "BEGIN" | "DECLARE", ..] => decided(!takes_away(&words)),
        ["SET", "GLOBAL" | "PERSIST" | "PASSWORD", ..] => Verdict::Refuse,
        ["SET", ..] => Verdict::Run,
        ["ALTER", "TABLE", rest @ ..] => {
            decided(name(rest).is_some_and(|table| made.contains(&table)) && !takes_away(&words))
        }
        ["COMMIT", ..] => Verdict::Skip,
        ["DROP", _, "IF", "EXISTS", ..] => Verdict::Skip,
        ["DROP", _, rest @ ..] if name(rest).is_some_and(|thing| made.contains(&thing)) => Verdict::Skip,
        _ => Verdict::Refuse,
    }
}

/// `CREATE [OR REPLACE] TRIGGER` and the like.
fn is_program(words: &[&str]) -> bool {
    let kind = words.iter().skip(1).find(|word| !matches!(**word, "OR" | "REPLACE" | "EDITIONABLE" | "NONEDITIONABLE"));
    matches!(kind, Some(&("TRIGGER" | "FUNCTION" | "PROCEDURE" | "PACKAGE")))
}

fn is_outside_of_the_schema(words: &[&str]) -> bool {
    matches!(words.get(1), Some(&("DATABASE" | "SCHEMA" | "USER" | "ROLE" | "LOGIN" | "TABLESPACE" | "SERVER" | "OR")))
}

/// Does it hold a word that takes away? `ON DELETE CASCADE` is part of a key.
fn takes_away(words: &[&str]) -> bool {
    words.iter().enumerate().any(|(at, word)| match *word {
        "DROP" | "TRUNCATE" | "RENAME" | "EXEC" | "EXECUTE" => true,
        "DELETE" => at == 0 || words.get(at - 1) != Some(&"ON"),
        _ => false,
    })
}

/// The name behind `TABLE` or another word of its kind, in capitals: without `IF NOT EXISTS`, `ONLY` and its schema.
fn name(words: &[&str]) -> Option<String> {
    let mut words = words.iter().skip_while(|word| matches!(**word, "IF" | "NOT" | "EXISTS" | "ONLY")).peekable();
    let mut name = words.next()?;
    while words.next_if(|word| **word == ".").is_some() {
        name = words.next()?;
    }
    Some((*name).to_owned())
}

/// The tables that a statement makes.
fn tables_of(statement: &Statement) -> impl Iterator<Item = String> {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    let first = words.first().copied().unwrap_or_default();
    let looked_through = matches!(first, "CREATE" | "IF") && !is_program(&words);
    let made = words.windows(2).enumerate().filter(|(_, pair)| looked_through && *pair == ["CREATE", "TABLE"]);
    made.filter_map(|(at, _)| name(&words[at + 2..])).collect::<Vec<_>>().into_iter()
}

/// All that a statement makes by name: a table, sequence, index or trigger.
fn made_by(statement: &Statement) -> Vec<String> {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    let mut made: Vec<String> = tables_of(statement).collect();
    if let ["CREATE", rest @ ..] = words.as_slice() {
        let rest: Vec<&str> =
            rest.iter().copied().filter(|word| !matches!(*word, "OR" | "REPLACE" | "UNIQUE")).collect();
        made.extend(rest.get(1..).and_then(name));
    }
    made
}

/// SQL Server's scripts write `IF EXISTS (…) DROP INDEX A.B` before a `CREATE INDEX`, in one statement: only what makes
/// stays of it.
fn without_guarded_drop(statement: &mut Statement) {
    if !statement.begins(&["IF", "EXISTS", "("]) {
        return;
    }
    let Some(drop) = statement.words.iter().position(|word| word == "DROP") else { return };
    let Some(create) = statement.words.iter().skip(drop).position(|word| word == "CREATE").map(|at| at + drop) else {
        // Nothing but the drop.
        if statement.words.get(drop + 1).is_some() && !statement.words.iter().any(|word| word == "CREATE") {
            statement.words = ["DROP", "OBJECT", "IF", "EXISTS"].map(str::to_owned).to_vec();
        }
        return;
    };
    let upper = statement.text.to_ascii_uppercase();
    // The word itself, not one that only holds it.
    let Some(at) = upper.match_indices("CREATE").map(|(at, _)| at).find(|at| {
        let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        alone(upper[..*at].chars().next_back())
            && alone(upper[at + 6..].chars().next())
            && upper[..*at].contains("DROP")
    }) else {
        return;
    };
    statement.text.drain(..at);
    statement.words.drain(..create);
}

#[cfg(test)]
mod tests;
