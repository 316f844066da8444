//! The database of the lab: a small server that knows users, tables and rows, and refuses in the words of the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::layout::{DATABASE, DATABASE_USER};

/// What can be asked of the database, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Query {
    /// Must come first.
    Login {
        /// Who.
        user: String,
        /// With which password.
        password: String,
        /// To which database.
        database: String,
    },
    /// The names of all tables.
    Tables,
    /// Makes a table.
    Create(String),
    /// The value of a row; an error when the table is not there.
    Get(String, String),
    /// Writes a row.
    Put(String, String, String),
    /// Writes a row that must not be there yet.
    Insert(String, String, String),
    /// Takes a row away, and says what it was.
    Delete(String, String),
    /// Every key of a table.
    Keys(String),
}

/// What the database says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Done.
    Done,
    /// A value, or that there is none.
    Value(Option<String>),
    /// Some names.
    Names(Vec<String>),
    /// Not done.
    Error(String),
}

/// All that is stored, by table and key. Names of tables are written large.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Data(BTreeMap<String, BTreeMap<String, String>>);

impl Data {
    /// Answers a query of somebody who has logged in.
    pub(super) fn answer(&mut self, query: Query) -> Answer {
        let missing = |table: &str| Answer::Error(format!("Table '{DATABASE}.{table}' doesn't exist"));
        match query {
            Query::Login { .. } => Answer::Error("you have logged in".to_owned()),
            Query::Tables => Answer::Names(self.0.keys().cloned().collect()),
            Query::Create(table) => {
                self.0.entry(table.to_ascii_uppercase()).or_default();
                Answer::Done
            }
            Query::Keys(table) => match self.0.get(&table) {
                Some(rows) => Answer::Names(rows.keys().cloned().collect()),
                None => missing(&table),
            },
            Query::Get(table, key) => match self.0.get(&table) {
                Some(rows) => Answer::Value(rows.get(&key).cloned()),
                None => missing(&table),
            },
            Query::Delete(table, key) => match self.0.get_mut(&table) {
                Some(rows) => Answer::Value(rows.remove(&key)),
                None => missing(&table),
            },
            Query::Put(table, key, value) => match self.0.get_mut(&table) {
                Some(rows) => {
                    rows.insert(key, value);
                    Answer::Done
                }
                None => missing(&table),
            },
            Query::Insert(table, key, value) => match self.0.get_mut(&table) {
                Some(rows) if rows.contains_key(&key) => {
                    Answer::Error(format!("Duplicate entry '{key}' for key '{table}_URI'"))
                }
                Some(rows) => {
                    rows.insert(key, value);
                    Answer::Done
                }
                None => missing(&table),
            },
        }
    }

    /// The tables that the product looks for and that are not there.
    pub(super) fn lacks(tables: &[String]) -> Option<&'static str> {
        let there: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
        wanted().find(|table| !there.contains(table))
    }
}

/// The tables that the pack's script makes.
pub(super) fn wanted() -> impl Iterator<Item = &'static str> {
    super::pack::SCHEMA.lines().filter_map(|line| {
        let rest = line.strip_prefix("CREATE TABLE IF NOT EXISTS ")?;
        rest.split(' ').next()
    })
}

/// The server. It listens while it is not stopped, and keeps its rows in a file.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

struct Inner {
    address: (Ipv4Addr, u16),
    password: String,
    file: PathBuf,
    data: Mutex<Data>,
    running: Mutex<Option<tokio::task::JoinHandle<()>>>,
    connections: Mutex<Vec<tokio::task::AbortHandle>>,
}

impl Server {
    /// A server that does not listen yet, with what its file holds.
    pub(super) fn new(address: (Ipv4Addr, u16), password: String, file: PathBuf) -> Self {
        let data = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let (running, connections) = (Mutex::new(None), Mutex::default());
        Self(Arc::new(Inner { address, password, file, data: Mutex::new(data), running, connections }))
    }

    /// Listens.
    pub(super) async fn start(&self) -> std::io::Result<()> {
        if self.0.running.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.0.address).await?;
        let own = self.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let server = own.clone();
                let task = tokio::spawn(async move {
                    let _ = server.serve(stream, peer.ip().to_string()).await;
                });
                let mut all = own.0.connections.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|task| !task.is_finished());
                all.push(task.abort_handle());
            }
        });
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(())
    }

    /// Listens no longer, and cuts every connection.
    pub(super) async fn stop(&self) {
        let task = self.0.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
        self.0.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
    }

    async fn serve(&self, stream: TcpStream, peer: String) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let mut known = false;
        loop {
            let mut line = String::new();
            if (&mut reader).take(1 << 20).read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let answer = match serde_json::from_str::<Query>(&line) {
                Ok(Query::Login { user, password, database }) => match self.login(&user, &password, &database, &peer) {
                    Ok(()) => {
                        known = true;
                        Answer::Done
                    }
                    Err(refused) => Answer::Error(refused),
                },
                Ok(query) if known => self.answer(query),
                _ => Answer::Error("Got packets out of order".to_owned()),
            };
            let mut text = serde_json::to_string(&answer)?;
            text.push('\n');
            writer.write_all(text.as_bytes()).await?;
        }
    }

    fn login(&self, user: &str, password: &str, database: &str, peer: &str) -> Result<(), String> {
        if user != DATABASE_USER || password != self.0.password {
            let using = if password.is_empty() { "NO" } else { "YES" };
            return Err(format!("Access denied for user '{user}'@'{peer}' (using password: {using})"));
        }
        if database != DATABASE { Err(format!("Unknown database '{database}'")) } else { Ok(()) }
    }

    fn answer(&self, query: Query) -> Answer {
        let changes = matches!(query, Query::Create(_) | Query::Put(..) | Query::Insert(..) | Query::Delete(..));
        let mut data = self.0.data.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = data.answer(query);
        if changes && !matches!(answer, Answer::Error(_)) {
            // What can't be kept is only lost when the lab ends.
            let _ = serde_json::to_vec(&*data).map(|text| std::fs::write(&self.0.file, text));
        }
        answer
    }
}

/// A connection of a program to the database.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// In the words that a driver has for it.
    pub(super) async fn login(
        address: (&str, u16),
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "Connection refused".to_owned(),
            _ => error.to_string(),
        })?;
        let mut client = Self(BufReader::new(stream));
        let (user, password, database) = (user.to_owned(), password.to_owned(), database.to_owned());
        client.ask(&Query::Login { user, password, database }).await?;
        Ok(client)
    }

    /// Asks something.
    ///
    /// # Errors
    /// What the database refuses, or that it is gone.
    pub(super) async fn ask(&mut self, query: &Query) -> Result<Answer, String> {
        let gone = |_| "Communications link failure".to_owned();
        let mut line = serde_json::to_string(query).map_err(|error| error.to_string())?;
        line.push('\n');
        self.0.get_mut().write_all(line.as_bytes()).await.map_err(gone)?;
        let mut answer = String::new();
        self.0.read_line(&mut answer).await.map_err(gone)?;
        match serde_json::from_str(&answer) {
            Ok(Answer::Error(refused)) => Err(refused),
            Ok(answer) => Ok(answer),
            Err(_) => Err("Communications link failure".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_not_there_is_an_error_and_a_row_is_inserted_once() {
        let mut data = Data::default();
        let insert = || Query::Insert("UM_DIALECT".into(), "urn:x".into(), String::new());
        assert_eq!(data.answer(insert()), Answer::Error("Table 'SHARED_DB.UM_DIALECT' doesn't exist".into()));
        assert_eq!(Data::lacks(&[]), Some("REG_CLUSTER_LOCK"));
        wanted().for_each(|table| drop(data.answer(Query::Create(table.into()))));
        let Answer::Names(tables) = data.answer(Query::Tables) else { panic!() };
        assert_eq!(Data::lacks(&tables), None);
        assert_eq!(data.answer(insert()), Answer::Done);
        assert_eq!(data.answer(insert()), Answer::Error("Duplicate entry 'urn:x' for key 'UM_DIALECT_URI'".into()));
    }
}
