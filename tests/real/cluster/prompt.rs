//! hactl on a terminal, asking for the passphrase of a key file.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Cluster;
use crate::sshd::{find, keygen, skip};

const PASSPHRASE: &str = "venom-passphrase";

/// Two hosts that let the same encrypted key in.
fn cluster() -> Option<Cluster> {
    let cluster = Cluster::start(&[])?;
    let key = cluster.folder.path().join("locked");
    keygen(&key, "ed25519", PASSPHRASE);
    let mut text = fs::read_to_string(cluster.inventory()).unwrap();
    for server in &cluster.servers {
        fs::copy(key.with_extension("pub"), server.file("authorized_keys")).unwrap();
        text = text.replace(server.identity().to_str().unwrap(), key.to_str().unwrap());
    }
    fs::write(cluster.inventory(), text).unwrap();
    Some(cluster)
}

/// A program on a terminal of its own, as `script` gives it one.
pub(super) struct Terminal {
    child: Child,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(cluster: &Cluster, words: &[&str]) -> Option<Self> {
        Self::run(&cluster.command(words))
    }

    /// Runs hactl, then shows how it ended and how the terminal was left.
    pub(super) fn run(hactl: &Command) -> Option<Self> {
        let Some(script) = find("script") else {
            skip("there is no script of util-linux");
            return None;
        };
        let line: Vec<String> = [hactl.get_program()]
            .into_iter()
            .chain(hactl.get_args())
            .map(|word| {
                let word = word.to_str().unwrap();
                assert!(!word.contains('\''), "{word}");
                format!("'{word}'")
            })
            .collect();
        let mut command = Command::new(script);
        command
            .args(["-qec", &format!("trap : INT; {}; echo \"exit $?\"; stty -a", line.join(" ")), "/dev/null"])
            .current_dir(hactl.get_current_dir().unwrap())
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, value) in hactl.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut from, to) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut some) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..length]));
            }
        });
        Some(Self { child, screen })
    }

    pub(super) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until the screen has shown a text this often.
    #[track_caller]
    pub(super) fn shows(&self, text: &str, times: usize) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.screen().matches(text).count() < times {
            assert!(Instant::now() < end, "{text} is not shown {times} times: {}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn types(&mut self, text: &str) {
        let keyboard = self.child.stdin.as_mut().unwrap();
        keyboard.write_all(text.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_passphrase_is_asked_for_once_for_all_hosts_and_never_shown() {
    let Some(cluster) = cluster() else { return };
    let Some(mut terminal) = Terminal::start(&cluster, &["plan"]) else { return };
    terminal.shows("Passphrase of ", 1);
    terminal.types("poison-wrong\n");
    terminal.shows("That does not open it. Passphrase of ", 1);
    terminal.types(&format!("{PASSPHRASE}\n"));
    terminal.shows("exit 2", 1);
    terminal.shows("icanon", 1);
    let screen = terminal.screen();
    assert_eq!(screen.matches("Passphrase of ").count(), 2, "{screen}");
    assert!(screen.contains("is-1") && screen.contains("is-2"), "{screen}");
    assert!(!screen.contains("poison") && !screen.contains(PASSPHRASE), "{screen}");
    // Nothing is drawn between the question and the line in which it is answered.
    for rest in screen.split("Passphrase of ").skip(1) {
        let file = cluster.folder.path().join("locked");
        assert!(rest.starts_with(&format!("{}: \r\n", file.display())), "{screen}");
    }
}

#[test]
fn ctrl_c_at_the_question_ends_the_run_and_leaves_the_terminal_as_it_was() {
    let Some(cluster) = cluster() else { return };
    let Some(mut terminal) = Terminal::start(&cluster, &["plan"]) else { return };
    terminal.shows("Passphrase of ", 1);
    terminal.types("\x03");
    terminal.shows("exit 130", 1);
    terminal.shows("icanon", 1);
    let screen = terminal.screen();
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
}

#[test]
fn nobody_is_asked_without_a_terminal_or_under_no_input() {
    let Some(cluster) = cluster() else { return };
    let key = cluster.folder.path().join("locked");
    let told = |text: &str| {
        assert!(text.contains(&format!("the key file {} is encrypted", key.display())), "{text}");
        assert!(text.contains("ssh.passphrase") && text.contains("ssh-add") && text.contains("--no-input"), "{text}");
    };
    told(&cluster.expect(3, &["plan"]).stdout);
    let Some(terminal) = Terminal::start(&cluster, &["plan", "--no-input"]) else { return };
    terminal.shows("exit 3", 1);
    let screen = terminal.screen();
    assert!(!screen.contains("Passphrase of "), "{screen}");
}
