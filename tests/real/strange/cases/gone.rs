//! The server goes away: in order, or with a reset, or with a reason.

use std::io;

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    fn bye(w: &mut Wire) -> io::Result<()> {
        w.send(&Packet::new(DISCONNECT).number(11).text("going\x1b[31m down\nnow").text("en"))?;
        w.hang_up()
    }
    vec![
        case(
            "gone-accept",
            |w| w.hang_up(),
            KEYS,
            "handshake-dropped",
            "the server hung up before keys were exchanged",
        ),
        case(
            "gone-version",
            |w| w.up_to(Version).and_then(|()| w.hang_up()),
            KEYS,
            "handshake-dropped",
            "the server hung up",
        ),
        case(
            "gone-kexinit",
            |w| w.up_to(KexInit).and_then(|()| w.hang_up()),
            KEYS,
            "handshake-dropped",
            "the server hung up",
        ),
        case(
            "gone-newkeys",
            |w| w.up_to(NewKeys).and_then(|()| w.hang_up()),
            LOGIN,
            "authentication-dropped",
            "the server hung up during the login of",
        ),
        case(
            "gone-service",
            |w| w.up_to(Service).and_then(|()| w.hang_up()),
            LOGIN,
            "authentication-dropped",
            "the server hung up during the login of",
        ),
        case(
            "gone-login",
            |w| w.up_to(Login).and_then(|()| w.hang_up()),
            RUNS,
            "connection-lost",
            "before the command was sent",
        ),
        case(
            "gone-channel",
            |w| w.up_to(Channel).and_then(|()| w.hang_up()),
            RUNS,
            "connection-lost",
            "the connection was lost",
        ),
        case(
            "gone-exec",
            |w| w.up_to(Exec).and_then(|()| w.hang_up()),
            RUNS,
            "connection-lost",
            "while the command was running",
        ),
        case(
            "gone-output",
            |w| w.up_to(Output).and_then(|()| w.hang_up()),
            RUNS,
            "connection-lost",
            "while the command was running",
        ),
        fine("gone-status", |w| w.up_to(Status).and_then(|()| w.hang_up())),
        case(
            "reset-accept",
            |w| {
                // Once the client has spoken: before, it may not even know that it is connected.
                w.stream.peek(&mut [0])?;
                w.reset()
            },
            KEYS,
            "handshake-dropped",
            "hung up before keys were exchanged",
        ),
        case(
            "reset-version",
            |w| w.up_to(Version).and_then(|()| w.reset()),
            KEYS,
            "handshake-dropped",
            "hung up before keys were exchanged",
        ),
        case(
            "reset-service",
            |w| w.up_to(Service).and_then(|()| w.reset()),
            LOGIN,
            "authentication-dropped",
            "hung up during the login",
        ),
        case(
            "reset-output",
            |w| w.up_to(Output).and_then(|()| w.reset()),
            RUNS,
            "connection-lost",
            "while the command was running",
        ),
        case(
            "bye-version",
            |w| w.up_to(Version).and_then(|()| bye(w)),
            KEYS,
            "handshake-dropped",
            "hung up before keys were exchanged",
        ),
        case(
            "bye-service",
            |w| w.up_to(Service).and_then(|()| bye(w)),
            LOGIN,
            "authentication-dropped",
            ": going?[31m down now",
        )
        .but(ESCAPES, LOGIN, "authentication-dropped", ": going\\033[31m down"),
        case("bye-login", |w| w.up_to(Login).and_then(|()| bye(w)), RUNS, "connection-lost", ": going?[31m down now")
            .but(ESCAPES, RUNS, "connection-lost", ": going\\033[31m down"),
        case("bye-output", |w| w.up_to(Output).and_then(|()| bye(w)), RUNS, "connection-lost", ": going?[31m down now")
            .but(ESCAPES, RUNS, "connection-lost", ": going\\033[31m down"),
    ]
}
