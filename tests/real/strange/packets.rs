//! The wire of a server that can say anything: SSH packets before and after encryption, and the exchange of keys.
//!
//! Written for these tests alone. It checks nothing of what it is told, because it must be able to break every rule.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;
use russh::keys::PrivateKey;
use russh::keys::signature::Signer as _;
use sha2::{Digest as _, Sha256};

pub(crate) const DISCONNECT: u8 = 1;
pub(crate) const IGNORE: u8 = 2;
pub(crate) const DEBUG: u8 = 4;
const SERVICE_ACCEPT: u8 = 6;
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
const KEX_REPLY: u8 = 31;
const USERAUTH_REQUEST: u8 = 50;
pub(crate) const USERAUTH_FAILURE: u8 = 51;
pub(crate) const USERAUTH_SUCCESS: u8 = 52;
pub(crate) const USERAUTH_BANNER: u8 = 53;
const USERAUTH_PK_OK: u8 = 60;
pub(crate) const GLOBAL_REQUEST: u8 = 80;
const REQUEST_FAILURE: u8 = 82;
pub(crate) const CHANNEL_OPEN: u8 = 90;
pub(crate) const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
pub(crate) const CHANNEL_OPEN_FAILURE: u8 = 92;
pub(crate) const WINDOW_ADJUST: u8 = 93;
pub(crate) const CHANNEL_DATA: u8 = 94;
pub(crate) const EXTENDED_DATA: u8 = 95;
pub(crate) const CHANNEL_EOF: u8 = 96;
pub(crate) const CHANNEL_CLOSE: u8 = 97;
pub(crate) const CHANNEL_REQUEST: u8 = 98;
const CHANNEL_SUCCESS: u8 = 99;
pub(crate) const CHANNEL_FAILURE: u8 = 100;

/// What the connection is encrypted with: it needs no second key against damage.
const CIPHER: &str = "aes128-gcm@openssh.com";

/// How the server calls itself.
pub(crate) const VERSION: &str = "SSH-2.0-Strange_1.0";

/// A packet under construction.
#[derive(Clone)]
pub(crate) struct Packet(pub(crate) Vec<u8>);

impl Packet {
    pub(crate) fn new(kind: u8) -> Self {
        Self(vec![kind])
    }

    pub(crate) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn text(self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let mut longer = self.number(u32::try_from(text.len()).unwrap());
        longer.0.extend(text);
        longer
    }
}

/// One direction of an encrypted connection.
struct Sealed {
    key: LessSafeKey,
    fixed: [u8; 4],
    count: u64,
}

impl Sealed {
    fn new(key: &[u8], iv: &[u8]) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).unwrap());
        Self { key, fixed: iv[..4].try_into().unwrap(), count: u64::from_be_bytes(iv[4..12].try_into().unwrap()) }
    }

    /// No two packets have the same.
    fn nonce(&mut self) -> Nonce {
        let bytes = [self.fixed.as_slice(), &self.count.to_be_bytes()].concat();
        self.count = self.count.wrapping_add(1);
        Nonce::try_assume_unique_for_key(&bytes).unwrap()
    }
}

/// One connection of a client.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    key: PrivateKey,
    theirs: Vec<u8>,
    session: Vec<u8>,
    reading: Option<Sealed>,
    writing: Option<Sealed>,
    /// The client's number of the channel that it has opened last.
    pub(crate) client: u32,
    /// What came while keys were exchanged anew.
    waiting: VecDeque<Vec<u8>>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, key: PrivateKey) -> Self {
        stream.set_nodelay(true).unwrap();
        let (theirs, session) = (Vec::new(), Vec::new());
        let (reading, writing, waiting) = (None, None, VecDeque::new());
        Self { stream, key, theirs, session, reading, writing, client: 0, waiting }
    }

    /// Says who it is, and hears who the client is.
    pub(crate) fn versions(&mut self) -> io::Result<()> {
        self.stream.write_all(format!("{VERSION}\r\n").as_bytes())?;
        let mut byte = [0];
        while !self.theirs.ends_with(b"\n") {
            self.stream.read_exact(&mut byte)?;
            self.theirs.push(byte[0]);
        }
        Ok(())
    }

    /// The server's list of algorithms: one of each kind.
    fn algorithms() -> Packet {
        let mut packet = Packet::new(KEXINIT);
        packet.0.extend([7; 16]);
        for list in ["curve25519-sha256", "ssh-ed25519", CIPHER, CIPHER, "hmac-sha2-256", "hmac-sha2-256"] {
            packet = packet.text(list);
        }
        packet.text("none").text("none").text("").text("").byte(0).number(0)
    }

    /// The first packet of an exchange of keys, and nothing after it.
    pub(crate) fn begin_exchange(&mut self) -> io::Result<()> {
        self.send(&Self::algorithms())
    }

    /// Exchanges keys, for the first time or anew.
    pub(crate) fn exchange(&mut self) -> io::Result<()> {
        self.begin_exchange()?;
        let mut theirs = self.next()?;
        while theirs.first() != Some(&KEXINIT) {
            self.waiting.push_back(theirs);
            theirs = self.next()?;
        }
        let mut asked = self.next()?;
        while asked.first() != Some(&30) {
            self.waiting.push_back(asked);
            asked = self.next()?;
        }
        let public: [u8; 32] = asked.get(5..37).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
        let (ours, host) = (private.compute_public_key().unwrap(), self.key.public_key().to_bytes().unwrap());
        let theirs_public = UnparsedPublicKey::new(&X25519, public);
        let shared = agree_ephemeral(private, &theirs_public, <[u8]>::to_vec).unwrap();
        let mut secret = shared.as_slice();
        while secret.first() == Some(&0) {
            secret = &secret[1..];
        }
        let sign: &[u8] = if secret.first().is_some_and(|byte| *byte > 127) { &[0] } else { &[] };
        let secret = Packet(Vec::new()).text([sign, secret].concat()).0;
        let mut all = Packet(Vec::new())
            .text(self.theirs.trim_ascii_end())
            .text(VERSION)
            .text(&theirs)
            .text(Self::algorithms().0)
            .text(&host)
            .text(public)
            .text(&ours)
            .0;
        all.extend(&secret);
        let hash = Sha256::digest(&all).to_vec();
        let signature = self.key.try_sign(&hash).unwrap();
        let signature = Packet(Vec::new()).text("ssh-ed25519").text(signature.as_bytes()).0;
        self.send(&Packet::new(KEX_REPLY).text(host).text(&ours).text(signature))?;
        self.send(&Packet::new(NEWKEYS))?;
        if self.session.is_empty() {
            self.session.clone_from(&hash);
        }
        let derived =
            |letter: u8| Sha256::digest([&secret, &hash, [letter].as_slice(), &self.session].concat()).to_vec();
        let theirs = Sealed::new(&derived(b'C'), &derived(b'A'));
        let ours = Sealed::new(&derived(b'D'), &derived(b'B'));
        self.writing = Some(ours);
        let mut end = self.next()?;
        while end.first() != Some(&NEWKEYS) {
            self.waiting.push_back(end);
            end = self.next()?;
        }
        self.reading = Some(theirs);
        Ok(())
    }

    /// Takes part in the login up to the answer to the request for the service.
    pub(crate) fn service(&mut self) -> io::Result<()> {
        self.read()?;
        self.send(&Packet::new(SERVICE_ACCEPT).text("ssh-userauth"))
    }

    /// Lets in whoever shows a key.
    pub(crate) fn login(&mut self) -> io::Result<()> {
        loop {
            let asked = self.read()?;
            if asked.first() != Some(&USERAUTH_REQUEST) {
                continue;
            }
            let mut rest = &asked[1..];
            let _user = take(&mut rest);
            let _service = take(&mut rest);
            if take(&mut rest) != b"publickey" {
                self.send(&Packet::new(USERAUTH_FAILURE).text("publickey").byte(0))?;
                continue;
            }
            let signed = rest.first() == Some(&1);
            rest = &rest[1..];
            let (kind, key) = (take(&mut rest), take(&mut rest));
            if signed {
                return self.send(&Packet::new(USERAUTH_SUCCESS));
            }
            self.send(&Packet::new(USERAUTH_PK_OK).text(kind).text(key))?;
        }
    }

    /// Opens the channel that the client asks for. Ours has the number of the client's.
    pub(crate) fn channel(&mut self) -> io::Result<()> {
        loop {
            let asked = self.read()?;
            if asked.first() == Some(&CHANNEL_OPEN) {
                let confirmation = Packet::new(CHANNEL_OPEN_CONFIRMATION);
                self.client = channel_of(&asked);
                return self.send(&confirmation.number(self.client).number(0).number(1 << 21).number(1 << 15));
            }
        }
    }

    /// Accepts the command.
    pub(crate) fn exec(&mut self) -> io::Result<()> {
        loop {
            let asked = self.read()?;
            if asked.first() == Some(&CHANNEL_REQUEST) {
                return self.send(&Packet::new(CHANNEL_SUCCESS).number(self.client));
            }
        }
    }

    /// The client's script, once it has come whole.
    pub(crate) fn script(&mut self) -> io::Result<String> {
        let mut script = Vec::new();
        while !script.ends_with(b"; exit \"$1\"\n") {
            let data = self.read()?;
            if data.first() == Some(&CHANNEL_DATA) {
                script.extend(take(&mut &data[5..]));
            }
        }
        Ok(String::from_utf8(script).unwrap())
    }

    /// The command prints this on its standard output.
    pub(crate) fn print(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        for piece in text.as_ref().chunks(16 * 1024) {
            self.send(&Packet::new(CHANNEL_DATA).number(self.client).text(piece))?;
        }
        Ok(())
    }

    /// The command has ended.
    pub(crate) fn status(&mut self, status: u32) -> io::Result<()> {
        self.send(&Packet::new(CHANNEL_REQUEST).number(self.client).text("exit-status").byte(0).number(status))
    }

    /// A message about the channel that has nothing but its number.
    pub(crate) fn about_channel(&mut self, kind: u8) -> io::Result<()> {
        self.send(&Packet::new(kind).number(self.client))
    }

    /// One packet to the client.
    pub(crate) fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let bytes = self.sealed(packet);
        self.stream.write_all(&bytes)
    }

    /// The same packet again and again, many at a time.
    pub(crate) fn flood(&mut self, packet: &Packet) -> io::Result<()> {
        loop {
            let many = 1 + 60_000 / packet.0.len();
            let bytes: Vec<u8> = (0..many).flat_map(|_| self.sealed(packet)).collect();
            self.stream.write_all(&bytes)?;
        }
    }

    fn sealed(&mut self, packet: &Packet) -> Vec<u8> {
        // The length itself is outside of what is encrypted.
        let (block, outside) = if self.writing.is_some() { (16, 0) } else { (8, 4) };
        let padding = block - (packet.0.len() + 1 + outside) % block;
        let padding = if padding < 4 { padding + block } else { padding };
        let length = u32::try_from(packet.0.len() + padding + 1).unwrap().to_be_bytes();
        let mut bytes = vec![u8::try_from(padding).unwrap()];
        bytes.extend(&packet.0);
        bytes.resize(bytes.len() + padding, 0);
        if let Some(sealed) = &mut self.writing {
            let nonce = sealed.nonce();
            sealed.key.seal_in_place_append_tag(nonce, Aad::from(length), &mut bytes).unwrap();
        }
        [length.as_slice(), &bytes].concat()
    }

    /// The next packet of the client that is no question about our being alive.
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let packet = match self.waiting.pop_front() {
                Some(packet) => packet,
                None => self.next()?,
            };
            match packet.first() {
                Some(&GLOBAL_REQUEST) => self.send(&Packet::new(REQUEST_FAILURE))?,
                Some(&(IGNORE | DEBUG)) => {}
                _ => return Ok(packet),
            }
        }
    }

    fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let tag = if self.reading.is_some() { AES_128_GCM.tag_len() } else { 0 };
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize + tag];
        self.stream.read_exact(&mut bytes)?;
        if let Some(sealed) = &mut self.reading {
            let nonce = sealed.nonce();
            sealed.key.open_in_place(nonce, Aad::from(length), &mut bytes).unwrap();
            bytes.truncate(bytes.len() - tag);
        }
        let end = bytes.len() - usize::from(bytes[0]);
        Ok(bytes[1..end].to_vec())
    }

    /// Bytes that are no packet.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads and throws away until the client has gone, and says nothing more.
    pub(crate) fn silence(&mut self) -> io::Result<()> {
        while self.stream.read(&mut [0; 4096])? > 0 {}
        Ok(())
    }

    /// Ends the connection without a word: with a reset where something of the client's is unread.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO))
    }

    /// Ends the connection in order, as TCP knows it.
    pub(crate) fn hang_up(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Both)
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, more) = rest.split_at(4);
    let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
    let (text, more) = more.split_at(length);
    *rest = more;
    text
}

/// Whose number the client has given a channel that it wants.
pub(crate) fn channel_of(asked: &[u8]) -> u32 {
    let mut rest = &asked[1..];
    take(&mut rest);
    u32::from_be_bytes(rest[..4].try_into().unwrap())
}
