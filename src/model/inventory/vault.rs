//! Strings encrypted by ansible-vault, formats 1.1 and 1.2.
//!
//! The format is hexadecimal text of three hexadecimal lines: salt, HMAC-SHA256 of the cipher text, cipher text. PBKDF2
//! with 10 000 rounds of HMAC-SHA256 makes the cipher's key, the HMAC's key and the initial counter from the password.

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::Secret;

/// The rounds that the format fixes.
const ROUNDS: u32 = 10_000;

/// Why a vault string can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The first line is not one of ansible-vault.
    #[error("it does not begin with `$ANSIBLE_VAULT;1.1;AES256` or `$ANSIBLE_VAULT;1.2;AES256;LABEL`")]
    Header,
    /// The rest is not what the format asks for, such as after a cut-off copy.
    #[error("it is damaged: not all of it is there, or a character was changed")]
    Damaged,
    /// The HMAC does not match.
    #[error("the vault password does not open it, or a character of it was changed")]
    WrongPassword,
    /// What it holds is no text.
    #[error("it opens, but holds no UTF-8 text")]
    NotText,
}

/// Opens a vault string.
///
/// # Errors
/// When it is no vault string, or the password does not open it. Nothing is decrypted before the HMAC was verified.
pub fn decrypt(text: &str, password: &Secret) -> Result<Secret, VaultError> {
    let mut lines = text.trim().lines().map(str::trim);
    let header: Vec<&str> = lines.next().unwrap_or("").split(';').collect();
    let known = match header.as_slice() {
        ["$ANSIBLE_VAULT", "1.1", "AES256"] => true,
        ["$ANSIBLE_VAULT", "1.2", "AES256", label] => !label.is_empty(),
        _ => false,
    };
    if !known {
        return Err(VaultError::Header);
    }
    let body: String = lines.collect();
    let inner = String::from_utf8(unhex(&body)?).map_err(|_| VaultError::Damaged)?;
    let mut parts = inner.split('\n');
    let (Some(salt), Some(mac), Some(cipher), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(VaultError::Damaged);
    };
    let (salt, mac, cipher) = (unhex(salt)?, unhex(mac)?, unhex(cipher)?);

    let mut keys = Zeroizing::new([0_u8; 80]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), &salt, ROUNDS, keys.as_mut());
    let (cipher_key, rest) = keys.split_at(32);
    let (mac_key, counter) = rest.split_at(32);

    let mut check = Hmac::<Sha256>::new_from_slice(mac_key).map_err(|_| VaultError::Damaged)?;
    check.update(&cipher);
    check.verify_slice(&mac).map_err(|_| VaultError::WrongPassword)?;

    let mut plain = Zeroizing::new(cipher);
    ctr::Ctr128BE::<Aes256>::new_from_slices(cipher_key, counter)
        .map_err(|_| VaultError::Damaged)?
        .apply_keystream(&mut plain);
    let length = unpadded(&plain).ok_or(VaultError::Damaged)?;
    let text = std::str::from_utf8(&plain[..length]).map_err(|_| VaultError::NotText)?;
    Ok(Secret::new(text.to_owned()))
}

/// The length without PKCS#7 padding to 16 bytes.
fn unpadded(plain: &[u8]) -> Option<usize> {
    let padding = usize::from(*plain.last()?);
    let length = plain.len().checked_sub(padding)?;
    let right = (1..=16).contains(&padding) && plain.len().is_multiple_of(16);
    let alike = plain[length..].iter().all(|byte| usize::from(*byte) == padding);
    (right && alike).then_some(length)
}

fn unhex(text: &str) -> Result<Vec<u8>, VaultError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !text.len().is_multiple_of(2) {
        return Err(VaultError::Damaged);
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect::<Option<Vec<u8>>>()
        .ok_or(VaultError::Damaged)
}
