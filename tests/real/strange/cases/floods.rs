//! The server sends without end.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    fn ignore() -> Packet {
        Packet::new(IGNORE).text([0; 30_000])
    }
    vec![
        case(
            "flood-banner-lines",
            |w| loop {
                w.raw(b"Welcome!\r\n")?
            },
            KEYS,
            "not-ssh",
            "it says `Welcome!`",
        ),
        case(
            "flood-one-line",
            |w| loop {
                w.raw(&[b'x'; 4096])?
            },
            KEYS,
            "not-ssh",
            "it says `xxx",
        )
        .but("ssh shows no line that has no end", KEYS, "not-ssh", "is not an SSH server"),
        waits(
            10,
            case(
                "flood-ignore-version",
                |w| w.up_to(Version).and_then(|()| w.flood(&ignore())),
                KEYS,
                "server-floods",
                "the server sends without end",
            )
            .but(READS_ON, KEYS, "connect-timeout", "exchanges no keys within 10 s"),
        ),
        waits(
            10,
            case(
                "flood-ignore-service",
                |w| w.up_to(Service).and_then(|()| w.flood(&ignore())),
                LOGIN,
                "server-floods",
                "the server sends without end",
            )
            .but(READS_ON, LOGIN, "authentication-timeout", "neither accepted nor refused"),
        ),
        case(
            "flood-debug-login",
            |w| {
                w.up_to(Login)?;
                w.flood(&Packet::new(DEBUG).byte(1).text([b'd'; 30_000]).text("en"))
            },
            RUNS,
            "server-floods",
            "the server sends without end",
        )
        .but("how much of it ssh shows before the deadline depends on the machine", RUNS, "", ""),
        case(
            "flood-banners",
            |w| {
                w.up_to(Service)?;
                w.flood(&Packet::new(USERAUTH_BANNER).text([b'b'; 30_000]).text("en"))
            },
            LOGIN,
            "server-floods",
            "the server sends without end",
        ),
        case(
            "flood-adjust",
            |w| {
                w.up_to(Exec)?;
                w.flood(&Packet::new(WINDOW_ADJUST).number(w.client).number(1))
            },
            RUNS,
            // They are so small that the deadline may come before there are too many.
            "",
            "",
        ),
        case(
            "flood-requests",
            |w| {
                w.up_to(Exec)?;
                w.flood(&Packet::new(GLOBAL_REQUEST).text("hostkeys-00@openssh.com").byte(0).text([0; 30_000]))
            },
            RUNS,
            "server-floods",
            "the server sends without end",
        )
        .but(READS_ON, RUNS, "deadline", "no end within"),
        case(
            "flood-stdout",
            |w| {
                w.up_to(Exec)?;
                w.flood(&Packet::new(CHANNEL_DATA).number(w.client).text([b'o'; 30_000]))
            },
            RUNS,
            "deadline",
            "no end within",
        ),
        case(
            "flood-stderr",
            |w| {
                w.up_to(Exec)?;
                w.flood(&Packet::new(EXTENDED_DATA).number(w.client).number(1).text([b'e'; 30_000]))
            },
            RUNS,
            "deadline",
            "no end within",
        ),
        case(
            "flood-channels",
            |w| {
                w.up_to(Exec)?;
                w.flood(
                    &Packet::new(CHANNEL_OPEN)
                        .text("forwarded-tcpip")
                        .number(9)
                        .number(1 << 21)
                        .number(1 << 15)
                        .text("127.0.0.1")
                        .number(22)
                        .text("127.0.0.1")
                        .number(1),
                )
            },
            RUNS,
            "deadline",
            "no end within",
        )
        .but(
            "ssh tells of each, and it is called a flood where the deadline does not come first",
            RUNS,
            "",
            "",
        ),
    ]
}
