//! Private keys as files: which it is, where it stands, and whether a passphrase locks it.

use std::ops::Range;

use memchr::memmem::find;

use crate::expiry::decoded;

/// A private key in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// Where it stands, to the end of its last line.
    pub(crate) range: Range<usize>,
    /// Whether it is of no use without a passphrase.
    pub(crate) locked: bool,
}

/// The first private key in `content`, if it is a file of keys.
pub(crate) fn look(content: &[u8]) -> Option<KeyFile> {
    pem(content).or_else(|| putty(content)).or_else(|| gnupg(content))
}

/// Whether the private key in PEM that begins at the beginning of `text` is locked.
///
/// ```text
/// -----BEGIN ENCRYPTED PRIVATE KEY-----          PKCS #8
/// Proc-Type: 4,ENCRYPTED                         OpenSSL's older form
/// openssh-key-v1 NUL, length, cipher's name      OpenSSH: `none` is not locked
/// ```
pub(crate) fn is_locked(text: &[u8]) -> bool {
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    let head = &text[..text.len().min(512)];
    if find(line, b"ENCRYPTED").is_some() || find(head, b"Proc-Type: 4,ENCRYPTED").is_some() {
        return true;
    }
    if find(line, b"OPENSSH").is_none() {
        return false;
    }
    let body = &text[(line.len() + 1).min(text.len())..];
    let first = body.trim_ascii_start();
    let first = &first[..first.iter().take_while(|b| exfilter_codec::base64::is_char(**b)).count().min(40)];
    let Some(bytes) = decoded(&first[..first.len() / 4 * 4]) else { return false };
    match bytes.strip_prefix(b"openssh-key-v1\0\0\0\0") {
        Some([len, cipher @ ..]) => !cipher.starts_with(b"none") || *len != 4,
        _ => false,
    }
}

/// From the beginning of a key in PEM to the end of it; the whole rest where no end stands.
pub(crate) fn pem_end(text: &[u8]) -> (usize, bool) {
    match find(text, b"-----END ") {
        Some(end) => {
            let line = &text[end..];
            (end + memchr::memchr(b'\n', line).unwrap_or(line.len()), true)
        }
        None => (text.len(), false),
    }
}

fn pem(content: &[u8]) -> Option<KeyFile> {
    let mut from = 0;
    while let Some(begin) = find(&content[from..], b"-----BEGIN ").map(|n| from + n) {
        let line = &content[begin..];
        let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
        if find(line, b"PRIVATE KEY").is_some() {
            let text = &content[begin..];
            return Some(KeyFile { range: begin..begin + pem_end(text).0, locked: is_locked(text) });
        }
        from = begin + 11;
    }
    None
}

fn putty(content: &[u8]) -> Option<KeyFile> {
    if !content.starts_with(b"PuTTY-User-Key-File-") {
        return None;
    }
    Some(KeyFile { range: 0..content.len(), locked: find(content, b"Encryption: none").is_none() })
}

/// GnuPG's own files: an S-expression, in its canonical form or as the text of newer versions. A shadowed key stands on a card.
fn gnupg(content: &[u8]) -> Option<KeyFile> {
    let head = &content[..content.len().min(4096)];
    let locked = find(head, b"protected-private-key").is_some();
    if !locked && find(head, b"(private-key").is_none() && find(head, b"(11:private-key").is_none() {
        return None;
    }
    (find(head, b"shadowed-private-key").is_none()).then_some(KeyFile { range: 0..content.len(), locked })
}
