//! How a node or the balancer is asked: which way the connection goes, and what is sent over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::model::HostName;
use crate::orchestration::node::Node;
use crate::steps::verify::{Ask, Said, judge};
use crate::transport::http::{Bounds, HttpError, HttpErrorKind, HttpReply, Question, Tls, ask};
use crate::transport::{Stream, TransportError, dial};

/// How long somebody may take to accept a connection from here.
const CONNECT: Duration = Duration::from_secs(5);

/// A way to somebody.
#[derive(Clone)]
pub struct Door(Way);

#[derive(Clone)]
enum Way {
    /// From this machine.
    Direct(String, u16),
    /// From a host, through the connection to it.
    Through(Arc<Node>, String, u16),
}

impl Door {
    /// From this machine to an address.
    pub fn direct(address: &str, port: u16) -> Self {
        Self(Way::Direct(address.to_owned(), port))
    }

    /// From a host to an address that it reaches.
    pub(in crate::orchestration) fn through(node: &Arc<Node>, address: &str, port: u16) -> Self {
        Self(Way::Through(node.clone(), address.to_owned(), port))
    }

    /// The way in words.
    #[cfg(test)]
    pub(super) fn words(&self) -> String {
        match &self.0 {
            Way::Direct(address, port) => format!("{address}:{port}"),
            Way::Through(node, address, port) => format!("{} to {address}:{port}", node.name),
        }
    }

    async fn open(&self) -> Result<Stream, TransportError> {
        match &self.0 {
            Way::Direct(address, port) => dial(address, *port, CONNECT).await,
            Way::Through(node, address, port) => node.open(address, *port).await,
        }
    }
}

/// Somebody who is asked.
#[derive(Clone)]
pub struct Place {
    /// The ways to him; the first one that leads there is taken.
    pub doors: Vec<Door>,
    /// Who he must prove to be.
    pub tls: Tls,
    /// The `Host` that he is asked for.
    pub host: String,
    /// The door that has led there.
    known: Arc<AtomicUsize>,
}

/// A node, and how it is asked.
#[derive(Clone)]
pub struct NodePlace {
    /// Its name.
    pub name: HostName,
    /// How it is asked.
    pub place: Place,
}

/// Why there is no right answer.
pub(super) enum Wrong {
    /// No way leads there.
    Closed(HttpError),
    /// No whole answer came.
    NoAnswer(HttpError),
    /// Another one than was expected, in words, and the answer itself.
    Answer(String, Box<HttpReply>),
}

impl Place {
    /// Somebody who is asked by the first of these doors that leads to him.
    pub fn new(doors: Vec<Door>, tls: Tls, host: String) -> Self {
        Self { doors, tls, host, known: Arc::default() }
    }

    /// Asks, over a new connection, and judges the answer.
    pub(super) async fn ask(&self, what: &Ask, bounds: Bounds) -> Result<HttpReply, Wrong> {
        let question = Question {
            method: what.method.word().to_owned(),
            path: what.path.clone(),
            host: self.host.clone(),
            headers: what.headers.clone(),
            body: what.body.clone(),
        };
        let mut closed = None;
        let known = self.known.load(Ordering::Relaxed);
        for (index, door) in self.doors.iter().enumerate().skip(known) {
            let answer = ask(door.open(), &self.tls, &question, bounds).await;
            match answer {
                Err(error) if error.kind == HttpErrorKind::Connect => drop(closed.get_or_insert(error)),
                // Somebody is there: to ask him again by another way could do twice what may be done once.
                answer => {
                    self.known.store(index, Ordering::Relaxed);
                    return answer.map_err(Wrong::NoAnswer).and_then(|reply| judged(what, reply));
                }
            }
        }
        Err(Wrong::Closed(closed.unwrap_or_else(|| no_door(&self.host))))
    }
}

fn no_door(host: &str) -> HttpError {
    TransportError::new(crate::transport::Rung::Dns, "name-not-found", format!("no way leads to {host}")).into()
}

fn judged(what: &Ask, reply: HttpReply) -> Result<HttpReply, Wrong> {
    let said = Said {
        status: reply.status,
        location: reply.header("location"),
        body: &reply.body,
        truncated: reply.truncated,
    };
    match judge(&what.expect, &said) {
        Ok(()) => Ok(reply),
        Err(words) => Err(Wrong::Answer(words, Box::new(reply))),
    }
}
