//! A node that says who it is, and keeps requests waiting when it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Shared {
    heads: Mutex<Vec<String>>,
    open: Mutex<bool>,
    opened: Condvar,
}

/// A node. It answers every request with its address; `/slow` only once [`Node::open`] was called.
pub(crate) struct Node {
    shared: Arc<Shared>,
}

impl Node {
    pub(crate) fn start(address: Ipv4Addr, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = own.clone();
                // A client that goes away in the middle ends its own thread, and nothing else.
                std::thread::spawn(move || serve(stream, address, &shared));
            }
        });
        Self { shared }
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    /// Lets `/slow` be answered.
    pub(crate) fn open(&self) {
        *self.shared.open.lock().unwrap() = true;
        self.shared.opened.notify_all();
    }
}

fn serve(mut stream: TcpStream, address: Ipv4Addr, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (reader.read_line(&mut head).ok()? > 0).then_some(())?;
        }
        shared.heads.lock().unwrap().push(head.clone());
        if head.to_lowercase().contains("upgrade: websocket") {
            stream
                .write_all(
                    // The answer to the key of RFC 6455, which is the one that is sent: HAProxy holds it against that.
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                )
                .ok()?;
            // What comes now is sent back.
            let mut piece = [0; 64];
            loop {
                let count = reader.read(&mut piece).ok().filter(|count| *count > 0)?;
                stream.write_all(&piece[..count]).ok()?;
            }
        }
        if head.contains(" /slow ") {
            let mut open = shared.open.lock().unwrap();
            while !*open {
                open = shared.opened.wait(open).unwrap();
            }
        }
        if head.contains(" /die ") {
            return None;
        }
        let body = address.to_string();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Hactl-Node: liar\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).ok()?;
    }
}
