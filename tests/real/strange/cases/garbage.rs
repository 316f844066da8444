//! The server sends what is no packet.

use std::io;

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    fn noise(w: &mut Wire) -> io::Result<()> {
        w.raw(&GARBAGE)?;
        w.silence()
    }
    vec![
        waits(
            10,
            case("garbage-accept", noise, KEYS, "not-ssh", "not an SSH server: it says").but(
                "ssh waits for the end of the line",
                KEYS,
                "connect-timeout",
                "exchanges no keys within 10 s",
            ),
        ),
        case(
            "garbage-version",
            |w| w.up_to(Version).and_then(|()| noise(w)),
            KEYS,
            "handshake-failed",
            "keys could not be exchanged",
        ),
        case(
            "garbage-kexinit",
            |w| w.up_to(KexInit).and_then(|()| noise(w)),
            KEYS,
            "handshake-failed",
            "keys could not be exchanged",
        ),
        case(
            "garbage-newkeys",
            |w| w.up_to(NewKeys).and_then(|()| noise(w)),
            LOGIN,
            "authentication-dropped",
            "during the login",
        ),
        case(
            "garbage-service",
            |w| w.up_to(Service).and_then(|()| noise(w)),
            LOGIN,
            "authentication-dropped",
            "during the login",
        ),
        case(
            "garbage-login",
            |w| w.up_to(Login).and_then(|()| noise(w)),
            RUNS,
            "connection-lost",
            "before the command was sent",
        ),
        case(
            "garbage-channel",
            |w| w.up_to(Channel).and_then(|()| noise(w)),
            RUNS,
            "connection-lost",
            "the connection was lost",
        ),
        case(
            "garbage-exec",
            |w| w.up_to(Exec).and_then(|()| noise(w)),
            RUNS,
            "connection-lost",
            "while the command was running",
        ),
        case(
            "garbage-output",
            |w| w.up_to(Output).and_then(|()| noise(w)),
            RUNS,
            "connection-lost",
            "while the command was running",
        ),
        case(
            "http",
            |w| {
                w.raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")?;
                w.hang_up()
            },
            KEYS,
            "not-ssh",
            "it says `HTTP/1.1 400 Bad Request`",
        ),
        waits(
            10,
            case(
                "smtp",
                |w| {
                    w.raw(b"220 mail.example.com ESMTP\r\n")?;
                    w.raw(b"500 what?\r\n".repeat(30).as_slice())?;
                    w.silence()
                },
                KEYS,
                "not-ssh",
                "it says `220 mail.example.com ESMTP`",
            ),
        ),
        case(
            "ssh-one",
            |w| {
                w.raw(b"SSH-1.5-ancient\r\n")?;
                w.hang_up()
            },
            KEYS,
            "not-ssh",
            "SSH-1.5-ancient",
        ),
        case(
            "max-startups",
            |w| {
                w.raw(b"Exceeded MaxStartups\r\n")?;
                w.hang_up()
            },
            KEYS,
            "handshake-dropped",
            ": Exceeded MaxStartups",
        ),
        // A length of a gigabyte, and of almost nothing.
        case(
            "gigabyte-length",
            |w| {
                w.up_to(Version)?;
                w.raw(&[0x40, 0, 0, 0, 4, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
                w.silence()
            },
            KEYS,
            "handshake-failed",
            "keys could not be exchanged",
        ),
        case(
            "empty-packet",
            |w| {
                w.up_to(Version)?;
                w.raw(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
                w.silence()
            },
            KEYS,
            "handshake-failed",
            "keys could not be exchanged",
        ),
        case(
            "gigabyte-text",
            |w| {
                w.up_to(Exec)?;
                w.send(&Packet::new(CHANNEL_DATA).number(w.client).number(1 << 30))?;
                w.silence()
            },
            RUNS,
            "connection-lost",
            "while the command was running",
        ),
    ]
}
