//! A TCP connection from the host, through the connection to it.

use russh::{ChannelOpenFailure, Error};
use tokio::time::{Instant, timeout_at};

use super::Session;
use super::exec::unsent;
use crate::transport::stream::{closed, silent};
use crate::transport::{Link, Rung, Stream, TransportError};

/// Opens a connection from the host to `target`, within the time that the host may take to accept one itself.
pub(super) async fn open(session: &Session, link: &Link, target: &str, port: u16) -> Result<Stream, TransportError> {
    let end = Instant::now() + link.connect_timeout;
    session.parting.guard.expect_channel();
    // Who asks for it is only logged by the server; our own address would tell it nothing.
    let opening = session.handle.channel_open_direct_tcpip(target, port.into(), "127.0.0.1", 0);
    let Ok(opened) = timeout_at(end, opening).await else {
        return Err(silent(target, port, link.name.as_str(), link.connect_timeout));
    };
    match opened {
        // No place of the eight that commands share: MaxSessions does not count forwarded connections.
        Ok(channel) => Ok(Box::new(channel.into_stream())),
        Err(Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)) => {
            Err(closed(target, port, link.name.as_str()))
        }
        Err(Error::ChannelOpenFailure(reason)) => Err(refused(link, target, port, &reason)),
        Err(_) => Err(unsent(session, "before a connection was opened")),
    }
}

fn refused(link: &Link, target: &str, port: u16, reason: &ChannelOpenFailure) -> TransportError {
    let why = match reason {
        ChannelOpenFailure::AdministrativelyProhibited => "it is forbidden",
        ChannelOpenFailure::UnknownChannelType => "it knows no forwarding",
        ChannelOpenFailure::ResourceShortage => "it is short of resources",
        _ => "it does not say why",
    };
    let cause = format!("the SSH server of {} opens no connection to {target} port {port}: {why}", link.name);
    TransportError::new(Rung::Channel, "forwarding-refused", cause).hint(
        "let this user forward connections: AllowTcpForwarding and PermitOpen in the host's sshd_config, and no \
         `restrict` or `no-port-forwarding` before his key in authorized_keys",
    )
}
