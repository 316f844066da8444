//! What a node answers over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use super::store::Store;
use crate::lab::database::{Answer, Query};
use crate::lab::http::{Connection, Message, request};
use crate::lab::layout::PRODUCT_VERSION;

/// It serves.
pub(super) const SERVING: u8 = 0;
/// Its services are gone: requests fall through to the console.
pub(super) const UNDEPLOYED: u8 = 1;
/// The console is gone too, and nobody answers but the container.
pub(super) const EMPTY: u8 = 2;

const XML: &str = "application/soap+xml; charset=UTF-8";
const HTML: &str = "text/html;charset=UTF-8";

/// The services of a node.
pub(super) struct Web {
    pub(super) name: String,
    pub(super) phase: AtomicU8,
    pub(super) store: Mutex<Store>,
}

/// How long a connection may be silent between two requests.
const IDLE: Duration = Duration::from_secs(20);

/// Accepts connections until the process ends.
pub(super) async fn serve(web: Arc<Web>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (web, tls) = (web.clone(), tls.clone());
        tokio::spawn(async move {
            let connection: Connection = match tls {
                None => Box::new(stream),
                Some(tls) => match tokio::time::timeout(IDLE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => Box::new(stream),
                    _ => return,
                },
            };
            let _ = web.talk(connection).await;
        });
    }
}

impl Web {
    async fn talk(&self, connection: Connection) -> std::io::Result<()> {
        let mut stream = BufReader::new(connection);
        while let Ok(asked) = tokio::time::timeout(IDLE, request(&mut stream)).await {
            let Some(asked) = asked? else { return Ok(()) };
            let keeps = asked.keeps_alive();
            let mut answer = self.answer(&asked).await.with("Server", "WSO2 Carbon Server");
            if !keeps {
                answer = answer.with("Connection", "close");
            }
            if asked.word(0) == "HEAD" {
                answer.body.clear();
            }
            answer.send(stream.get_mut()).await?;
            if !keeps {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn answer(&self, asked: &Message) -> Message {
        match self.phase.load(Ordering::Acquire) {
            SERVING => {}
            // While a node stops it goes on accepting and answers wrongly, with statuses that look right.
            UNDEPLOYED => return to_login(),
            _ => return Message::response("200 OK", "", ""),
        }
        match (asked.word(0), asked.path()) {
            ("GET" | "HEAD", "/services/Version" | "/services/Version/getVersion") => Message::response(
                "200 OK",
                XML,
                &format!(
                    "<ns:getVersionResponse xmlns:ns=\"http://version.services.core.carbon.wso2.org\"><return>WSO2 Carbon-{PRODUCT_VERSION}</return></ns:getVersionResponse>"
                ),
            ),
            ("POST", "/services/AuthenticationAdmin" | "/services/AuthenticationAdmin/") => self.login(asked).await,
            ("POST", "/services/ServerRolesManager" | "/services/ServerRolesManager/") => self.roles(asked).await,
            ("GET" | "HEAD", "/carbon/admin/login.jsp") => Message::response(
                "200 OK",
                HTML,
                "<html><head><title>WSO2 Management Console</title></head><body><form action=\"../admin/login_action.jsp\" method=\"POST\"></form></body></html>\n",
            ),
            ("GET" | "HEAD", "/carbon/admin/index.jsp") => self.console(asked).await,
            ("GET" | "HEAD", "/api/health-check/v1.0/health") => self.health().await,
            ("GET" | "HEAD", "/" | "/carbon" | "/carbon/") => to_login(),
            _ => Message::response("404 Not Found", HTML, "<html><body>HTTP Status 404</body></html>\n"),
        }
    }

    /// A login goes through the user store, and so through the database that the nodes share.
    async fn login(&self, asked: &Message) -> Message {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let (user, password) = (element(&body, "username"), element(&body, "password"));
        let (Some(user), Some(password)) = (user, password) else {
            return fault("500 Internal Server Error", "No credentials found");
        };
        let mut store = self.store.lock().await;
        let known = match store.ask(Query::Get("UM_USER".to_owned(), user.to_owned())).await {
            Ok(Answer::Value(known)) => known,
            Ok(_) => None,
            Err(refused) => return fault("500 Internal Server Error", &refused),
        };
        let right = known.as_deref() == Some(password);
        let answer = Message::response(
            "200 OK",
            "text/xml; charset=UTF-8",
            &soap(&format!(
                "<ns:loginResponse xmlns:ns=\"http://authentication.services.core.carbon.wso2.org\"><ns:return>{right}</ns:return></ns:loginResponse>"
            )),
        );
        if !right {
            return answer;
        }
        let session: u128 = rand::RngExt::random(&mut rand::rng());
        let session = format!("{session:032X}");
        let row = Query::Put("REG_RESOURCE".to_owned(), format!("/sessions/{session}"), user.to_owned());
        match store.ask(row).await {
            Ok(_) => answer.with("Set-Cookie", &format!("JSESSIONID={session}; Path=/; Secure; HttpOnly")),
            Err(refused) => fault("500 Internal Server Error", &refused),
        }
    }

    /// A session that any node has begun is known to all of them.
    async fn console(&self, asked: &Message) -> Message {
        let Some(session) = asked.cookie("JSESSIONID") else { return to_login() };
        let row = Query::Get("REG_RESOURCE".to_owned(), format!("/sessions/{session}"));
        match self.store.lock().await.ask(row).await {
            Ok(Answer::Value(Some(user))) => {
                let text = format!("<html><body>Signed-in as: {user} on {}</body></html>\n", self.name);
                Message::response("200 OK", HTML, &text)
            }
            Ok(_) => to_login(),
            Err(refused) => fault("500 Internal Server Error", &refused),
        }
    }

    async fn health(&self) -> Message {
        let json = "application/json";
        match self.store.lock().await.ask(Query::Tables).await {
            Ok(_) => Message::response("200 OK", json, "{\"health\":[{\"key\":\"server_status\",\"value\":\"up\"}]}"),
            Err(refused) => {
                let text = serde_json::json!({ "errors": [{ "code": "HC_00001", "message": refused }] }).to_string();
                Message::response("503 Service Unavailable", json, &text)
            }
        }
    }
}

fn to_login() -> Message {
    Message::response("302 Found", "", "").with("Location", "/carbon/admin/login.jsp")
}

pub(super) fn fault(status: &str, text: &str) -> Message {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    Message::response(
        status,
        "text/xml; charset=UTF-8",
        &soap(&format!(
            "<soapenv:Fault><faultcode>soapenv:Server</faultcode><faultstring>{text}</faultstring><detail/></soapenv:Fault>"
        )),
    )
}

pub(super) fn soap(body: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8'?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
}

/// The text of the first element of this name, whatever its prefix.
pub(super) fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let ends = [format!(":{name}>"), format!("<{name}>")];
    let start = ends.iter().filter_map(|end| text.find(end.as_str()).map(|at| at + end.len())).min()?;
    text.get(start..)?.split('<').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_with_and_without_a_prefix() {
        let body = "<aut:login><aut:username>admin</aut:username><password>a b</password></aut:login>";
        assert_eq!((element(body, "username"), element(body, "password")), (Some("admin"), Some("a b")));
        assert_eq!(element(body, "remoteAddress"), None);
    }
}
