//! Passing requests on, as the configuration says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;

use super::config::{Config, Location, Place, Proxy, Site};
use super::upstream::Member;
use super::variables::Values;
use crate::lab::http::{Connection, Message, request, response};
use crate::lab::tls;

/// How long a client may be silent between two requests.
const IDLE: Duration = Duration::from_secs(60);

/// Serves a client of the socket `at` until it goes away. Each request is served by the configuration of its own time.
pub(super) async fn talk(
    current: &tokio::sync::watch::Receiver<Arc<Config>>,
    at: SocketAddr,
    ssl: bool,
    client: SocketAddr,
    connection: Connection,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(connection);
    while let Ok(asked) = timeout(IDLE, request(&mut stream)).await {
        let Some(asked) = asked? else { return Ok(()) };
        let keeps = asked.keeps_alive();
        let config = current.borrow().clone();
        let mut answer = answer(&config, at, ssl, client, &asked).await;
        answer.remove("Connection");
        answer.remove("Keep-Alive");
        let answer = answer.with("Connection", if keeps { "keep-alive" } else { "close" });
        answer.send(stream.get_mut()).await?;
        if !keeps {
            return Ok(());
        }
    }
    Ok(())
}

async fn answer(config: &Config, at: SocketAddr, ssl: bool, client: SocketAddr, asked: &Message) -> Message {
    let here = |site: &&Site| site.listens.iter().any(|(socket, _)| *socket == at);
    let host = asked.header("Host").unwrap_or_default().to_ascii_lowercase();
    let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
    let named = config.sites.iter().filter(here).find(|site| site.names.iter().any(|name| name == host));
    let Some(site) = named.or_else(|| config.sites.iter().find(here)) else { return page(404, "Not Found") };
    let mut values = Values {
        maps: &config.maps,
        request: asked,
        client: client.ip().to_string(),
        scheme: if ssl { "https" } else { "http" },
        server_name: site.names.first().map_or("", String::as_str),
        upstream: String::new(),
    };
    if let Some((code, text)) = &site.answer {
        return returned(*code, &values.fill(text));
    }
    match location(&site.locations, asked.path()) {
        Some(Location { answer: Some((code, text)), .. }) => returned(*code, &values.fill(text)),
        Some(Location { proxy: Some(proxy), .. }) => pass(config, proxy, client, asked, &mut values).await,
        _ => page(404, "Not Found"),
    }
}

/// An exact path first, then the patterns in their order, then the longest beginning.
fn location<'l>(all: &'l [Location], path: &str) -> Option<&'l Location> {
    let path = percent_decoded(path);
    let exact = all.iter().find(|one| matches!(&one.path, Place::Exactly(known) if *known == path));
    let like = || all.iter().find(|one| matches!(&one.path, Place::Like(pattern) if pattern.is_match(&path)));
    let below = || {
        let length = |one: &&Location| match &one.path {
            Place::Below(start) if path.starts_with(start.as_str()) => Some(start.len()),
            _ => None,
        };
        all.iter().filter(|one| length(one).is_some()).max_by_key(|one| length(one))
    };
    exact.or_else(like).or_else(below)
}

fn percent_decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Why a server did not answer.
enum Miss {
    /// It may have seen the request.
    Seen(u16),
    /// It never had it.
    Unseen(u16),
}

async fn pass(config: &Config, proxy: &Proxy, client: SocketAddr, asked: &Message, values: &mut Values<'_>) -> Message {
    let target = values.fill(&proxy.pass);
    let (scheme, name) = target.split_once("://").unwrap_or(("http", &target));
    let mut said = None;
    if let Some(upstream) = config.upstreams.get(name) {
        let mut asks = asked.clone();
        ["Connection", "Keep-Alive", "Upgrade"].iter().for_each(|name| asks.remove(name));
        for (name, text) in &proxy.headers {
            asks.remove(name);
            let value = values.fill(text);
            if !value.is_empty() && !name.eq_ignore_ascii_case("Connection") {
                asks.headers.push((name.clone(), value));
            }
        }
        asks = asks.with("Connection", "close");
        let harmless = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].contains(&asked.word(0));
        let tries = if proxy.tries == 0 { usize::MAX } else { proxy.tries };
        for member in upstream.order(client.ip()).into_iter().take(tries) {
            let separator = if values.upstream.is_empty() { "" } else { ", " };
            values.upstream.push_str(&format!("{separator}{}", member.address));
            match ask(member, scheme == "https", proxy, &asks).await {
                Ok(answer) => {
                    member.answers();
                    said = Some(answer);
                    break;
                }
                Err(miss) => {
                    member.fails();
                    let (code, again) = match miss {
                        Miss::Unseen(code) => (code, true),
                        Miss::Seen(code) => (code, harmless),
                    };
                    said = Some(page(code, if code == 504 { "Gateway Time-out" } else { "Bad Gateway" }));
                    if !proxy.next || !again {
                        break;
                    }
                }
            }
        }
    }
    let mut answer = said.unwrap_or_else(|| {
        name.clone_into(&mut values.upstream);
        page(502, "Bad Gateway")
    });
    proxy.hidden.iter().for_each(|name| answer.remove(name));
    for (name, text) in &proxy.added {
        let value = values.fill(text);
        if !value.is_empty() {
            answer.headers.push((name.clone(), value));
        }
    }
    answer
}

async fn ask(member: &Member, tls: bool, proxy: &Proxy, asks: &Message) -> Result<Message, Miss> {
    let connecting = async {
        let stream = TcpStream::connect(member.address).await.map_err(|_| Miss::Unseen(502))?;
        let _ = stream.set_nodelay(true);
        if !tls {
            return Ok(Box::new(stream) as Connection);
        }
        let connector = tls::connector(proxy.trusted.as_deref()).map_err(|_| Miss::Unseen(502))?;
        let name = match ServerName::try_from(proxy.tls_name.clone()) {
            Ok(name) => name,
            Err(_) => ServerName::IpAddress(member.address.ip().into()),
        };
        let stream = connector.connect(name, stream).await.map_err(|_| Miss::Unseen(502))?;
        Ok(Box::new(stream) as Connection)
    };
    let mut stream = match timeout(proxy.connect, connecting).await {
        Ok(connected) => connected?,
        Err(_) => return Err(Miss::Unseen(504)),
    };
    let answering = async {
        asks.send(&mut stream).await?;
        response(&mut BufReader::new(&mut stream), asks.word(0) == "HEAD").await
    };
    match timeout(proxy.wait, answering).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Miss::Seen(502)),
        Err(_) => Err(Miss::Seen(504)),
    }
}

fn returned(code: u16, text: &str) -> Message {
    match code {
        301 | 302 | 303 | 307 | 308 => page(code, "Moved").with("Location", text),
        404 => page(code, "Not Found"),
        _ => page(code, text),
    }
}

fn page(code: u16, words: &str) -> Message {
    let body = format!(
        "<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Message::response(&format!("{code} {words}"), "text/html", &body).with("Server", "nginx")
}
