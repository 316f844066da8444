//! Strings of ansible-vault: real ones, and ones made by an encryptor that shares no line with the reader.

use std::fmt::Write as _;
use std::sync::LazyLock;

use hactl::model::Secret;
use hactl::model::inventory::{VaultError, decrypt};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// Made by `ansible-vault encrypt` of ansible-core.
const REAL_1_1: &str = "\
$ANSIBLE_VAULT;1.1;AES256
63323462303531646261643730306164656433376431646634393562373662393632383931303733
3139303932353966363331383263383334623366636636630a666466353037313365376533316562
35336632356132623631653766663031653337363632663834656537356332376132363536376366
6662316231366434640a303734333163383033636230343163623034386665356261653538376336
37616432623839643362616334366438323533333234383862656537343765663034
";

/// Made by `ansible-vault encrypt --encrypt-vault-id prod`.
const REAL_1_2: &str = "\
$ANSIBLE_VAULT;1.2;AES256;prod
33346431643034613136376432363837653230303739306533663438363066376634626135636663
3939646166633866313134626333643962616465376230300a356535343137313361346462646665
61643037306265636230326331333535653337656334303431393762333965626136333130333931
3964303763333539340a653932656632336232373234386462653239346561363662613337353262
34643336386436636339326562323432306632646339393036636436303331633835
";

const PASSWORD: &str = "open sesame & $1";

/// The password of what the tests seal; longer than a block of SHA-256, which HMAC treats apart.
const SEAL_PASSWORD: &str = "a password that is longer than the sixty-four bytes of one block of SHA-256";

const SALT: [u8; 32] = [7; 32];

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn real_strings_are_opened() {
    let first = decrypt(REAL_1_1, &secret(PASSWORD)).unwrap();
    assert_eq!(first.expose(), "p&<>\"'\\$ ünïcode");
    let second = decrypt(REAL_1_2, &secret(PASSWORD)).unwrap();
    assert_eq!(second.expose(), "db password\nof two lines\n");
}

#[test]
fn indentation_and_carriage_returns_of_the_yaml_file_do_not_matter() {
    let indented: String = REAL_1_1.lines().map(|line| format!("        {line}\r\n")).collect();
    assert!(decrypt(&indented, &secret(PASSWORD)).is_ok());
}

#[test]
fn a_wrong_password_is_told_from_a_damaged_string() {
    assert_eq!(decrypt(REAL_1_1, &secret("open sesame")), Err(VaultError::WrongPassword));
    let lines: Vec<&str> = REAL_1_1.lines().collect();
    let cut = lines[..lines.len() - 2].join("\n");
    assert_eq!(decrypt(&cut, &secret(PASSWORD)), Err(VaultError::Damaged));
    let odd = REAL_1_1.trim_end().trim_end_matches(|c: char| c.is_ascii_hexdigit());
    assert_eq!(decrypt(&format!("{odd}g"), &secret(PASSWORD)), Err(VaultError::Damaged));
    for header in
        ["", "$ANSIBLE_VAULT;1.0;AES\n00", "$ANSIBLE_VAULT;1.2;AES256\n00", "$ANSIBLE_VAULT;2.0;AES256\n00", "x"]
    {
        assert_eq!(decrypt(header, &secret(PASSWORD)), Err(VaultError::Header), "{header}");
    }
}

#[test]
fn a_cipher_text_that_was_changed_is_refused_before_it_is_decrypted() {
    let sealed = seal(b"value", |cipher| cipher[0] ^= 1);
    assert_eq!(decrypt(&sealed, &secret(SEAL_PASSWORD)), Err(VaultError::WrongPassword));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let sealed = seal(&[0xff, 0xfe], |_| {});
    assert_eq!(decrypt(&sealed, &secret(SEAL_PASSWORD)), Err(VaultError::NotText));
}

#[test]
fn whatever_was_sealed_is_opened() {
    // The lengths around a block, where padding goes wrong, and a value of several bytes a character.
    for value in ["", "p", "fifteen letters", "sixteen letters.", "seventeen letters", "ünï&<>\n\0"] {
        let opened = decrypt(&seal(value.as_bytes(), |_| {}), &secret(SEAL_PASSWORD)).unwrap();
        assert_eq!(opened.expose(), value);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\$ANSIBLE_VAULT;1\\.1;AES256\n)?[0-9a-f\n]{0,200}") {
        prop_assert!(decrypt(&text, &secret("password")).is_err());
    }
}

/// Encrypts as the format's description says, from SHA-256 and one AES block on; `spoil` may change the cipher text after
/// it was signed.
fn seal(value: &[u8], spoil: impl Fn(&mut Vec<u8>)) -> String {
    // Ten thousand rounds three times over take a moment in a debug build, so all tests share one password.
    static KEYS: LazyLock<Vec<u8>> =
        LazyLock::new(|| (1..=3_u32).flat_map(|block| derive(SEAL_PASSWORD.as_bytes(), &SALT, block)).collect());
    let keys = &*KEYS;
    let mut cipher = value.to_vec();
    let padding = 16 - value.len() % 16;
    cipher.extend(std::iter::repeat_n(u8::try_from(padding).unwrap(), padding));
    let mut counter = u128::from_be_bytes(keys[64..80].try_into().unwrap());
    for chunk in cipher.chunks_mut(16) {
        for (byte, mask) in chunk.iter_mut().zip(aes_block(&keys[..32], counter)) {
            *byte ^= mask;
        }
        counter = counter.wrapping_add(1);
    }
    let mac = hmac(&keys[32..64], &cipher);
    spoil(&mut cipher);
    let inner = format!("{}\n{}\n{}", hex(&SALT), hex(&mac), hex(&cipher));
    let outer = hex(inner.as_bytes());
    let lines: Vec<&str> = outer.as_bytes().chunks(80).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("$ANSIBLE_VAULT;1.1;AES256\n{}\n", lines.join("\n"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).chain(Sha256::digest(inner)).collect();
    Sha256::digest(outer).to_vec()
}

/// One block of PBKDF2.
fn derive(password: &[u8], salt: &[u8], block: u32) -> Vec<u8> {
    let mut round = hmac(password, &[salt, &block.to_be_bytes()].concat());
    let mut sum = round.clone();
    for _ in 1..10_000 {
        round = hmac(password, &round);
        for (total, byte) in sum.iter_mut().zip(&round) {
            *total ^= byte;
        }
    }
    sum
}

fn aes_block(key: &[u8], counter: u128) -> [u8; 16] {
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    let mut block = aes::Block::from(counter.to_be_bytes());
    aes::Aes256::new_from_slice(key).unwrap().encrypt_block(&mut block);
    block.into()
}
