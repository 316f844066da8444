//! The server says nothing more, and goes on listening.

use super::*;

/// `ssh` has one limit for silence, at the login and later.
const SILENCE: &str = "ssh gives up a login after the silence that would end a connection";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        waits(1, case("silent-accept", |w| w.silence(), KEYS, "connect-timeout", "exchanges no keys within 1 s")),
        waits(
            1,
            case(
                "silent-version",
                |w| w.up_to(Version).and_then(|()| w.silence()),
                KEYS,
                "connect-timeout",
                "exchanges no keys within 1 s",
            ),
        ),
        waits(
            1,
            case(
                "silent-kexinit",
                |w| w.up_to(KexInit).and_then(|()| w.silence()),
                KEYS,
                "connect-timeout",
                "exchanges no keys within 1 s",
            ),
        ),
        waits(
            3,
            case(
                "silent-newkeys",
                |w| w.up_to(NewKeys).and_then(|()| w.silence()),
                LOGIN,
                "authentication-timeout",
                "within 18 s",
            )
            .but(SILENCE, LOGIN, "authentication-timeout", "within 15 s"),
        ),
        waits(
            3,
            case(
                "silent-service",
                |w| w.up_to(Service).and_then(|()| w.silence()),
                LOGIN,
                "authentication-timeout",
                "within 18 s",
            )
            .but(SILENCE, LOGIN, "authentication-timeout", "within 15 s"),
        ),
        case(
            "silent-login",
            |w| w.up_to(Login).and_then(|()| w.silence()),
            RUNS,
            "deadline",
            "waited for the server to open a channel",
        ),
        case(
            "silent-channel",
            |w| w.up_to(Channel).and_then(|()| w.silence()),
            RUNS,
            "deadline",
            "waited for the server to accept the command",
        )
        .but(
            "ssh does not tell whether the server has accepted the command",
            RUNS,
            "deadline",
            "it has printed nothing",
        ),
        case("silent-exec", |w| w.up_to(Exec).and_then(|()| w.silence()), RUNS, "deadline", "it has printed nothing"),
        case(
            "silent-output",
            |w| w.up_to(Output).and_then(|()| w.silence()),
            RUNS,
            "deadline",
            "waited for the command to end",
        ),
        // The answer is whole: a connection that is not ended in order takes nothing from it.
        fine("silent-close", |w| w.up_to(Status).and_then(|()| w.silence())),
    ]
}
