//! From a name to a TCP connection.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::wire::Wire;
use crate::transport::error::out_of_files;
use crate::transport::{AddressFamily, Link, Rung, TransportError};

/// The head start of one address of a name over the next.
const HEAD_START: Duration = Duration::from_millis(250);

/// Looks the link's name up and connects to the first of its addresses that answers.
///
/// # Errors
/// When the name has no address, all addresses refuse, or the link's time has passed.
pub(super) async fn dial(link: &Link) -> Result<Wire, TransportError> {
    let Link { address: name, port, connect_timeout: limit, climb, .. } = link;
    let (name, port, limit) = (name.as_str(), *port, *limit);
    let end = Instant::now() + limit;
    let wanted = |address: &SocketAddr| match link.options.address_family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    };
    let addresses: Vec<SocketAddr> = match timeout_at(end, lookup_host((name, port))).await {
        Ok(Ok(found)) => found.filter(wanted).collect(),
        Ok(Err(error)) => {
            return Err(out_of_files(Rung::Dns, &error).unwrap_or_else(|| unknown_name(name, &error.to_string())));
        }
        Err(_) => {
            return Err(unknown_name(name, &format!("no answer within {} s", limit.as_secs_f32())));
        }
    };
    if addresses.is_empty() {
        return Err(unknown_name(name, without_address(link.options.address_family)));
    }
    let from = match &link.options.bind_address {
        Some(from) => own_address(from, end).await?,
        None => Vec::new(),
    };
    // An address needs no lookup, and neither does the zone behind one.
    let bare = name.split_once('%').map_or(name, |(bare, _)| bare);
    if bare.parse::<IpAddr>().is_err() {
        climb.reached(Rung::Dns, || listed(&addresses));
    }
    let target = format!("{name} port {port}");
    match timeout_at(end, first_from(from, addresses)).await {
        Ok(stream) => stream
            .and_then(|stream| {
                climb.reached(Rung::Tcp, || stream.peer_addr().map(|peer| peer.to_string()).unwrap_or_default());
                Wire::new(stream)
            })
            .map_err(|error| unreachable(&target, &error)),
        Err(_) => Err(TransportError::new(
            Rung::Tcp,
            "connect-timeout",
            format!("{target} does not answer within {} s", limit.as_secs_f32()),
        )
        .hint("is the host up, and does a firewall let SSH through? --connect-timeout allows more time")),
    }
}

/// Tries the addresses one after another, each with a small head start, and takes the first that answers.
pub(in crate::transport) async fn first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    first_from(Vec::new(), addresses).await
}

/// The same, from one of this machine's addresses, if any are given.
async fn first_from(from: Vec<IpAddr>, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    if let Some(address) = waiting.next() {
        tries.spawn(connect(from.clone(), address));
    }
    loop {
        let more = waiting.len() > 0;
        tokio::select! {
            ended = tries.join_next(), if !tries.is_empty() => match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last = error,
                Some(Err(error)) => last = io::Error::other(error),
                None => {}
            },
            () = sleep(HEAD_START), if more => {}
            else => return Err(last),
        }
        if let Some(address) = waiting.next() {
            tries.spawn(connect(from.clone(), address));
        }
    }
}

async fn connect(from: Vec<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    if from.is_empty() {
        return TcpStream::connect(to).await;
    }
    let same = from.into_iter().find(|from| from.is_ipv4() == to.is_ipv4());
    let from = same.ok_or_else(|| io::Error::new(ErrorKind::AddrNotAvailable, "BindAddress is of the other family"))?;
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// This machine's addresses that a name of its own stands for.
async fn own_address(name: &str, end: Instant) -> Result<Vec<IpAddr>, TransportError> {
    match timeout_at(end, lookup_host((name, 0))).await {
        Ok(Ok(found)) => Ok(found.map(|address| address.ip()).collect()),
        _ => Err(TransportError::new(Rung::Dns, "name-not-found", format!("BindAddress {name} cannot be looked up"))
            .hint("write one of this machine's own addresses after BindAddress in your ssh_config")),
    }
}

fn without_address(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Any => "it has no address",
        AddressFamily::V4 => "it has no IPv4 address, and AddressFamily is inet",
        AddressFamily::V6 => "it has no IPv6 address, and AddressFamily is inet6",
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
}

pub(in crate::transport) fn unknown_name(name: &str, why: &str) -> TransportError {
    TransportError::new(Rung::Dns, "name-not-found", format!("the name {name} cannot be looked up: {why}"))
        .hint("check the address in the inventory, and this machine's DNS and /etc/hosts")
}

pub(in crate::transport) fn unreachable(target: &str, error: &io::Error) -> TransportError {
    if let Some(ours) = out_of_files(Rung::Tcp, error) {
        return ours;
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            TransportError::new(Rung::Tcp, "connection-refused", format!("{target} refuses connections"))
                .hint("is an SSH server running there, and is the port right?")
                .retriable()
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            TransportError::new(Rung::Tcp, "connection-refused", format!("{target} drops connections: {error}"))
                .hint("is there a firewall in between, or is the SSH server overloaded?")
                .retriable()
        }
        _ => TransportError::new(Rung::Tcp, "unreachable", format!("{target} cannot be reached: {error}"))
            .hint("check the address, the network and the routes to the host"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn an_address_that_drops_packets_holds_up_the_next_one_only_a_little() {
        // A listener whose queue is full drops what comes, as a firewall does.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let full = socket.listen(0).unwrap();
        let dead = full.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(dead)).await {
            waiting.push(stream.unwrap());
            assert!(waiting.len() < 64, "the queue does not fill");
        }
        let living = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let living = living.local_addr().unwrap();
        // The first answer counts: a dead address would be waited for two minutes.
        let stream = timeout(Duration::from_secs(20), first(vec![dead, dead, living])).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), living);
    }
}
