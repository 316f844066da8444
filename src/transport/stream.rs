//! A connection that carries bytes both ways, wherever it comes from: this machine's network, or a host's.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

use super::ssh::dial::first;
use super::{Rung, TransportError};

/// Bytes both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A connection that carries bytes both ways.
pub type Stream = Box<dyn ByteStream>;

/// Connects from this machine.
///
/// # Errors
/// When the name has no address, or nothing accepts a connection there within `limit`.
pub async fn dial(target: &str, port: u16, limit: Duration) -> Result<Stream, TransportError> {
    let end = Instant::now() + limit;
    let addresses: Vec<SocketAddr> = match timeout_at(end, lookup_host((target, port))).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return Err(unknown_name(target, &error.to_string())),
        Err(_) => return Err(unknown_name(target, &format!("no answer within {} s", limit.as_secs_f32()))),
    };
    if addresses.is_empty() {
        return Err(unknown_name(target, "it has no address"));
    }
    let Ok(connected) = timeout_at(end, first(addresses)).await else {
        return Err(silent(target, port, "this machine", limit));
    };
    let stream = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    match stream {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(closed(target, port, "this machine")),
        Err(error) => Err(TransportError::new(
            Rung::Tcp,
            "port-unreachable",
            format!("{target} port {port} cannot be reached from this machine: {error}"),
        )
        .hint("check the address, the network and the routes to it")),
    }
}

/// Nothing accepts connections there.
pub(super) fn closed(target: &str, port: u16, from: &str) -> TransportError {
    TransportError::new(Rung::Tcp, "port-closed", format!("{target} port {port} accepts no connection from {from}"))
        .hint("is the program that should listen there up, and does it listen on that address?")
}

/// Nobody has said yes or no.
pub(super) fn silent(target: &str, port: u16, from: &str, limit: Duration) -> TransportError {
    TransportError::new(
        Rung::Tcp,
        "port-silent",
        format!("{target} port {port} does not answer {from} within {} s", limit.as_secs_f32()),
    )
    .hint("does a firewall drop what is sent there? --connect-timeout allows more time")
}

fn unknown_name(name: &str, why: &str) -> TransportError {
    TransportError::new(Rung::Dns, "name-not-found", format!("the name {name} cannot be looked up: {why}"))
        .hint("check the name, and this machine's DNS and /etc/hosts")
}
