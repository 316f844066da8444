//! The lab's own port: its programs hold a line to it and end with it, and `hactl lab break` and `down` ask for things.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{LabError, State};

/// The first line of whoever connects.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
struct Hello {
    token: String,
    says: Says,
}

/// What a caller is, or wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Says {
    /// A program of the lab that ends when the line does.
    Holds {
        /// Its process.
        pid: u32,
    },
    /// Do this.
    Do(Wish),
}

/// What the lab's own process does when it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Ends everything.
    Down,
    /// The database takes no connection.
    StopDatabase,
    /// The database takes connections again.
    StartDatabase,
    /// A process that is not the product listens here.
    TakePort(SocketAddr),
    /// It does no longer.
    FreePort(SocketAddr),
}

/// A wish and where its answer goes: nothing, or what went wrong.
pub(super) type Asked = (Wish, oneshot::Sender<Result<(), String>>);

/// The processes that hold a line to the lab.
#[derive(Clone, Default)]
pub(super) struct Holders(Arc<Mutex<BTreeMap<u64, u32>>>);

impl Holders {
    /// The ids of the processes.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }
}

/// The longest first line.
const LONGEST: u64 = 4096;

/// Serves the control port.
pub(super) fn serve(listener: TcpListener, token: String, wishes: mpsc::Sender<Asked>) -> Holders {
    let holders = Holders::default();
    let all = holders.clone();
    let token: Arc<str> = token.into();
    tokio::spawn(async move {
        let mut next = 0;
        while let Ok((stream, _)) = listener.accept().await {
            next += 1;
            tokio::spawn(one(next, stream, token.clone(), wishes.clone(), all.clone()));
        }
    });
    holders
}

async fn one(number: u64, stream: TcpStream, token: Arc<str>, wishes: mpsc::Sender<Asked>, holders: Holders) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader.take(LONGEST));
    let mut line = String::new();
    let first = timeout(Duration::from_secs(2), reader.read_line(&mut line)).await;
    let Some(hello) = first.ok().and_then(|_| serde_json::from_str::<Hello>(&line).ok()) else { return };
    if hello.token != *token {
        return;
    }
    match hello.says {
        Says::Holds { pid } => {
            holders.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, pid);
            let _ = writer.write_all(b"held\n").await;
            let _ = reader.read(&mut [0; 1]).await;
            holders.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        }
        Says::Do(wish) => {
            let (answer, answered) = oneshot::channel();
            if wishes.send((wish, answer)).await.is_ok() {
                let result = answered.await.unwrap_or_else(|_| Err("the lab ends".to_owned()));
                let text = serde_json::to_string(&result.err()).unwrap_or_default();
                let _ = writer.write_all(format!("{text}\n").as_bytes()).await;
            }
        }
    }
}

async fn connect(folder: &Path, says: Says) -> Result<BufReader<TcpStream>, LabError> {
    let state = State::read(folder)?;
    let layout = state.layout(folder);
    let gone = |error: std::io::Error| {
        LabError::new(format!("the lab in {} does not run: {error}", folder.display()))
            .hint("start it with `hactl lab up`")
    };
    let mut stream = TcpStream::connect((layout.database(), layout.control_port())).await.map_err(gone)?;
    let hello = Hello { token: state.token, says };
    let line = serde_json::to_string(&hello).map_err(|error| LabError::new(error.to_string()))?;
    stream.write_all(format!("{line}\n").as_bytes()).await.map_err(gone)?;
    Ok(BufReader::new(stream))
}

/// Asks the lab in `folder` for something.
///
/// # Errors
/// When it does not run, or can't do it.
pub async fn ask(folder: &Path, wish: Wish) -> Result<(), LabError> {
    let mut stream = connect(folder, Says::Do(wish)).await?;
    let mut line = String::new();
    let read = timeout(Duration::from_secs(10), stream.read_line(&mut line)).await;
    let answer = read.ok().and_then(|_| serde_json::from_str::<Option<String>>(&line).ok());
    match answer {
        Some(None) => Ok(()),
        Some(Some(cause)) => Err(LabError::new(cause)),
        None => Err(LabError::new(format!("the lab in {} does not answer", folder.display()))),
    }
}

/// A program's line to its lab.
pub(super) struct Line(BufReader<TcpStream>);

impl Line {
    /// Tells the lab in `folder` that this process is one of its.
    pub(super) async fn hold(folder: &Path) -> Result<Self, LabError> {
        let mut stream = connect(folder, Says::Holds { pid: std::process::id() }).await?;
        let mut held = String::new();
        match timeout(Duration::from_secs(5), stream.read_line(&mut held)).await {
            Ok(Ok(1..)) => Ok(Self(stream)),
            _ => Err(LabError::new(format!("the lab in {} does not answer", folder.display()))),
        }
    }

    /// Ends when the lab does.
    pub(super) async fn cut(&mut self) {
        let _ = self.0.read_u8().await;
    }
}
