//! The SSH servers of a lab, one per host, inside the lab's own process.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PublicKey;
use russh::server::{Auth, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet};
use tokio::net::{TcpListener, TcpStream};

use super::exec::{Surroundings, serve};
use super::{LabError, keys};

/// Listens for one host. Every connection is served until it ends, or the lab does.
pub(super) async fn listen(at: Surroundings, login: PublicKey) -> Result<(), LabError> {
    let address = (at.host.address, at.layout.ssh_port());
    let listener = TcpListener::bind(address).await.map_err(|error| super::unbound(address, &error))?;
    let config = Arc::new(Config {
        server_id: russh::SshId::Standard("SSH-2.0-hactl_lab".into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(100),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![keys::host_key(&at.layout, at.host.name)?],
        nodelay: true,
        inactivity_timeout: None,
        ..Config::default()
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (config, login, at) = (config.clone(), login.clone(), at.clone());
            tokio::spawn(async move {
                if let Ok(session) = run_stream(config, stream, Connection { login, at }).await {
                    let _ = session.await;
                }
            });
        }
    });
    Ok(())
}

struct Connection {
    login: PublicKey,
    at: Surroundings,
}

impl Connection {
    fn knows(&self, user: &str, key: &PublicKey) -> bool {
        user == super::user() && key.key_data() == self.login.key_data()
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: russh::server::PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(if self.knows(user, offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(if self.knows(user, key.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        tokio::spawn(serve(channel, self.at.clone()));
        Ok(())
    }

    /// What `ssh -L` and hactl itself ask for: a connection from this host to elsewhere on this machine.
    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let address: Option<IpAddr> =
            if host == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { host.parse().ok() };
        let stream = match (address, u16::try_from(port)) {
            (Some(address), Ok(port)) if address.is_loopback() => TcpStream::connect((address, port)).await.ok(),
            _ => None,
        };
        let Some(mut stream) = stream else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        let _ = stream.set_nodelay(true);
        reply.accept().await;
        tokio::spawn(async move {
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut channel.into_stream()).await;
        });
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}
