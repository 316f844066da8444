//! A server that goes by the book up to a step, and then does what its case says.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use russh::keys::PrivateKey;

use super::packets::{CHANNEL_CLOSE, CHANNEL_EOF, Wire};

/// The steps of a connection, as the server sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Both have said who they are.
    Version,
    /// The server has named its algorithms.
    KexInit,
    /// Keys were exchanged: all is encrypted from here on.
    NewKeys,
    /// The client may log in.
    Service,
    /// The client is let in.
    Login,
    /// A channel is open.
    Channel,
    /// The command is accepted.
    Exec,
    /// The script has come whole, and a part of an answer was given.
    Output,
    /// All of the answer was given, and the command has ended.
    Status,
}

/// What comes back from a script that was really run: standard output, and the status.
pub(crate) fn run(script: &str) -> (Vec<u8>, u32) {
    // Its input must stay open, or the script would take it for the end of the connection; and the group is its own,
    // because that end is told to all of it.
    let mut child = Command::new("sh")
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    io::Write::write_all(&mut input, script.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    drop(input);
    (done.stdout, u32::try_from(done.status.code().unwrap_or(255)).unwrap())
}

impl Wire {
    /// Goes by the book up to and with this step.
    pub(crate) fn up_to(&mut self, step: Step) -> io::Result<()> {
        if step >= Step::Version {
            self.versions()?;
        }
        if step == Step::KexInit {
            self.begin_exchange()?;
        }
        if step >= Step::NewKeys {
            self.exchange()?;
        }
        if step >= Step::Service {
            self.service()?;
        }
        if step >= Step::Login {
            self.login()?;
        }
        if step >= Step::Channel {
            self.channel()?;
        }
        if step >= Step::Exec {
            self.exec()?;
        }
        if step == Step::Output {
            let (answer, _) = run(&self.script()?);
            self.print(&answer[..answer.len() / 2])?;
        }
        if step == Step::Status {
            let (answer, status) = run(&self.script()?);
            self.print(answer)?;
            self.status(status)?;
        }
        Ok(())
    }

    /// Ends the channel by the book.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.about_channel(CHANNEL_EOF)?;
        self.about_channel(CHANNEL_CLOSE)
    }
}

/// Serves every connection to a port of its own in the same strange way, for as long as the tests run.
pub(crate) fn serve(key: &PrivateKey, strange: fn(&mut Wire) -> io::Result<()>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = key.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let key = key.clone();
            std::thread::spawn(move || {
                // The client ends the connection when it has had enough: that is no failure.
                let _ = strange(&mut Wire::new(stream, key));
            });
        }
    });
    port
}
