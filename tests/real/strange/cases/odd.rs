//! The server keeps to the letter of the protocol, or nearly.

use std::io;

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case(
            "refuses-login",
            |w| {
                w.up_to(Service)?;
                loop {
                    w.read()?;
                    w.send(&Packet::new(USERAUTH_FAILURE).text("publickey").byte(0))?;
                }
            },
            LOGIN,
            "authentication-refused",
            "the server takes publickey",
        ),
        waits(
            10,
            case(
                "refuses-all-logins",
                |w| {
                    w.up_to(Service)?;
                    w.read()?;
                    w.send(&Packet::new(USERAUTH_FAILURE).text("").byte(0))?;
                    w.silence()
                },
                LOGIN,
                "authentication-",
                "",
            ),
        ),
        fine("lets-in-without-proof", |w| {
            w.up_to(Service)?;
            w.read()?;
            w.send(&Packet::new(USERAUTH_SUCCESS))?;
            w.channel()?;
            w.exec()?;
            answer(w)
        }),
        case(
            "refuses-channels",
            |w| {
                w.up_to(Login)?;
                loop {
                    let asked = w.read()?;
                    if asked.first() == Some(&CHANNEL_OPEN) {
                        let id = channel_of(&asked);
                        w.send(&Packet::new(CHANNEL_OPEN_FAILURE).number(id).number(2).text("no\x1b[31m").text("en"))?;
                    }
                }
            },
            "channel",
            "channel-refused",
            "the server opens no channel",
        ),
        case(
            "refuses-commands",
            |w| {
                w.up_to(Channel)?;
                while w.read()?.first() != Some(&CHANNEL_REQUEST) {}
                w.about_channel(CHANNEL_FAILURE)?;
                w.silence()
            },
            "channel",
            "command-refused",
            "runs no commands for this user",
        )
        .but(
            "ssh waits for the server to close the channel, and says before that at most on standard error that it was refused",
            RUNS,
            "deadline",
            "waited for the command to end",
        ),
        case(
            "refuses-commands-in-order",
            |w| {
                w.up_to(Channel)?;
                while w.read()?.first() != Some(&CHANNEL_REQUEST) {}
                w.about_channel(CHANNEL_FAILURE)?;
                w.end()?;
                w.silence()
            },
            "channel",
            "command-refused",
            "runs no commands for this user",
        )
        .but(
            "ssh does not tell that the command was refused",
            RUNS,
            "no-exit-status",
            "without saying how the command ended",
        ),
        fine("data-after-status", |w| {
            w.up_to(Exec)?;
            let (text, status) = run(&w.script()?);
            w.status(status)?;
            w.print(text)?;
            w.end()?;
            w.silence()
        }),
        fine("status-twice", |w| {
            w.up_to(Status)?;
            w.status(0)?;
            w.end()?;
            w.silence()
        }),
        case(
            "no-status",
            |w| {
                w.up_to(Exec)?;
                let (text, _) = run(&w.script()?);
                w.print(text)?;
                w.end()?;
                w.silence()
            },
            RUNS,
            "no-exit-status",
            "without saying how the command ended",
        ),
        fine("close-without-eof", |w| {
            w.up_to(Status)?;
            w.about_channel(CHANNEL_CLOSE)?;
            w.silence()
        }),
        fine("eof-without-close", |w| {
            w.up_to(Status)?;
            w.about_channel(CHANNEL_EOF)?;
            w.silence()
        }),
        fine("opens-channels", |w| {
            w.up_to(Exec)?;
            let script = w.script()?;
            for kind in ["forwarded-tcpip", "auth-agent@openssh.com", "x11", "session", "unheard-of"] {
                let mut open = Packet::new(CHANNEL_OPEN).text(kind).number(9).number(1 << 21).number(1 << 15);
                if kind == "forwarded-tcpip" {
                    open = open.text("127.0.0.1").number(22).text("127.0.0.1").number(1);
                } else if kind == "x11" {
                    open = open.text("127.0.0.1").number(1);
                }
                w.send(&open)?;
                // Anything but a refusal, and the host is not looked at.
                loop {
                    match w.read()?.first() {
                        Some(&CHANNEL_OPEN_FAILURE) => break,
                        Some(&CHANNEL_OPEN_CONFIRMATION) => return w.hang_up(),
                        _ => {}
                    }
                }
            }
            finish(w, &script)
        }),
        fine("rotates-host-keys", |w| {
            w.up_to(Login)?;
            let blob = Packet(Vec::new()).text("ssh-ed25519").text([5; 32]).0;
            w.send(&Packet::new(GLOBAL_REQUEST).text("hostkeys-00@openssh.com").byte(0).text(blob))?;
            w.channel()?;
            w.exec()?;
            answer(w)
        }),
        fine("exchanges-keys-again-and-again", |w| {
            w.up_to(Login)?;
            w.exchange()?;
            w.channel()?;
            w.exchange()?;
            w.exec()?;
            let script = w.script()?;
            for _ in 0..5 {
                w.exchange()?;
            }
            finish(w, &script)
        }),
        case(
            "begins-keys-and-stops",
            |w| {
                w.up_to(Exec)?;
                w.begin_exchange()?;
                w.silence()
            },
            RUNS,
            "deadline",
            "no end within",
        ),
        // A shell that makes fences up: not ours, ours without what is between them, and an end that never comes.
        case(
            "fences-of-another",
            |w| {
                fenced(w, |_| {
                    "\nhactl-00000000000000000000000000000000 start\n\nhactl-00000000000000000000000000000000 0 0\n"
                        .into()
                })
            },
            "shell",
            "forced-command",
            "did not run the script (status 0)",
        ),
        case(
            "fences-begin-only",
            |w| fenced(w, |nonce| format!("\n{nonce} start\n")),
            "",
            "answer-incomplete",
            "broke off",
        ),
        case(
            "fences-around-nothing",
            |w| {
                fenced(w, |nonce| {
                    let items: String = (0..200).map(|index| format!("\n{nonce} {index} 0\n")).collect();
                    format!("\n{nonce} start\n{items}")
                })
            },
            FAILED,
            "cannot-look",
            "in an unknown form",
        ),
        case(
            "fences-of-wrong-items",
            |w| fenced(w, |nonce| format!("\n{nonce} start\n\n{nonce} 9999 0\n\n{nonce} 0 zero\n")),
            "",
            "answer-incomplete",
            "broke off",
        ),
        case(
            "prints-its-script",
            |w| {
                w.up_to(Exec)?;
                let script = w.script()?;
                w.print(script)?;
                w.status(0)?;
                w.end()?;
                w.silence()
            },
            "shell",
            "forced-command",
            "did not run the script (status 0)",
        ),
        case(
            "half-an-answer",
            |w| {
                w.up_to(Output)?;
                w.status(0)?;
                w.end()?;
                w.silence()
            },
            "",
            "answer-incomplete",
            "broke off",
        ),
    ]
}

/// Runs the script as it should be.
fn answer(w: &mut Wire) -> io::Result<()> {
    let script = w.script()?;
    finish(w, &script)
}

fn finish(w: &mut Wire, script: &str) -> io::Result<()> {
    let (text, status) = run(script);
    w.print(text)?;
    w.status(status)?;
    w.end()?;
    w.silence()
}

/// Answers with what `text` makes of the nonce in the script.
fn fenced(w: &mut Wire, text: fn(&str) -> String) -> io::Result<()> {
    w.up_to(Exec)?;
    let script = w.script()?;
    let begin = script.find("hactl-").unwrap();
    w.print(text(&script[begin..begin + 38]))?;
    w.status(0)?;
    w.end()?;
    w.silence()
}
