//! The transport against real servers.

mod agent;
mod become_user;
mod certificates;
mod faults;
mod host_keys;
mod jump;
mod local;
mod login;
mod open;
mod openssh;
mod passphrase;
mod password;
mod plain;
mod resume;
mod stream;
mod token;
mod turns;
mod upload;
mod user_config;

use std::time::Duration;

use bytes::Bytes;
use hactl::transport::{Answer, Ending, Input, Link, Reply, Request, Rung, Transport, TransportError, connect};

/// A command without input.
pub(crate) fn command(text: &str) -> Request {
    Request {
        command: text.to_owned(),
        input: Input::Nothing,
        gate: None,
        deadline: Duration::from_secs(30),
        limit: 1024 * 1024,
        outlet: None,
    }
}

/// A command with input.
pub(crate) fn command_with(text: &str, input: impl Into<Bytes>) -> Request {
    Request { input: Input::Bytes(input.into()), ..command(text) }
}

async fn open(link: &Link) -> Box<dyn Transport> {
    connect(link).await.unwrap_or_else(|error| panic!("{error:?}"))
}

async fn say(transport: &dyn Transport, text: &str) -> String {
    let reply = transport.run(&command(text)).await.unwrap();
    assert!(reply.ending.is_success(), "{}", String::from_utf8_lossy(&reply.stderr));
    out(&reply)
}

async fn refused(link: &Link) -> TransportError {
    match connect(link).await {
        Ok(_) => panic!("we were let in"),
        Err(error) => error,
    }
}

fn out(reply: &Reply) -> String {
    String::from_utf8(reply.stdout.clone()).unwrap()
}
