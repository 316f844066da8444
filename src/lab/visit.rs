//! A client of the practice cluster: asks through its public name, and looks at what comes back.

use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;

use super::http::{Message, response};
use super::{HOSTNAME, LabError, Layout, tls};

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The first line of the answer.
    pub status: String,
    /// The node that answered, as the balancer says.
    pub node: String,
    /// Was it the answer of a product that serves?
    pub serves: bool,
}

/// Asks for the version through the balancer, over a connection that trusts nothing but the lab's own certificate.
///
/// # Errors
/// When there is no answer.
pub async fn visit(layout: &Layout) -> Result<Visit, LabError> {
    let url = format!("https://{HOSTNAME}:{}/services/Version", layout.https_port());
    let failed = |error: &dyn std::fmt::Display| LabError::new(format!("{url}: {error}"));
    let path = layout.folder.join(format!("keys/{HOSTNAME}.crt"));
    let trusted = std::fs::read_to_string(&path).map_err(|error| LabError::file("read", &path, &error))?;
    let connector = tls::connector(Some(&trusted))?;
    let asking = async {
        let stream = TcpStream::connect((layout.balancer(), layout.https_port())).await?;
        let name = ServerName::try_from(HOSTNAME).map_err(std::io::Error::other)?;
        let mut stream = connector.connect(name, stream).await?;
        let host = format!("{HOSTNAME}:{}", layout.https_port());
        let request =
            Message { start: "GET /services/Version HTTP/1.1".to_owned(), headers: Vec::new(), body: Vec::new() };
        request.with("Host", &host).with("Connection", "close").send(&mut stream).await?;
        response(&mut BufReader::new(stream), false).await
    };
    let answer = timeout(Duration::from_secs(10), asking).await.map_err(|_| failed(&"no answer within 10 s"))?;
    let answer = answer.map_err(|error| failed(&error))?;
    let body = String::from_utf8_lossy(&answer.body);
    Ok(Visit {
        status: answer.start.clone(),
        node: answer.header("X-Hactl-Node").unwrap_or_default().to_owned(),
        serves: answer.word(1) == "200" && body.contains("WSO2 Carbon-"),
    })
}
