//! Files whose lines have one form: addresses with a password, `.pgpass`, a value alone.

use zeroize::Zeroizing;

use super::Sink;

/// One address per line, with a user and a password in front of the host. The name is `user@host`, the value the password with percent-encoding undone.
pub(super) fn urls(bytes: &[u8], sink: &mut Sink<'_>) {
    each(bytes, |line, start| {
        if let Some((name, password, at)) = userinfo(line) {
            sink(&name, &password, start + at);
        }
    });
}

/// `host:port:database:user:password`, in which a backslash stands before a colon that is none.
pub(super) fn pgpass(bytes: &[u8], sink: &mut Sink<'_>) {
    each(bytes, |line, start| {
        if line.starts_with(b"#") {
            return;
        }
        let mut parts: [Zeroizing<Vec<u8>>; 5] = Default::default();
        let (mut part, mut value_at, mut at) = (0, 0, 0);
        while at < line.len() {
            match line[at] {
                b'\\' if at + 1 < line.len() => {
                    at += 1;
                    parts[part].push(line[at]);
                }
                b':' if part < 4 => {
                    part += 1;
                    value_at = at + 1;
                }
                byte => parts[part].push(byte),
            }
            at += 1;
        }
        if part == 4 {
            let name = [&parts[3][..], b"@", &parts[0], b".password"].concat();
            sink(&name, &parts[4], start + value_at);
        }
    });
}

/// The first line that is no comment; all of a key in PEM.
pub(super) fn whole(bytes: &[u8], sink: &mut Sink<'_>) {
    let text = bytes.trim_ascii();
    if text.starts_with(b"-----BEGIN") {
        return sink(b"", text, bytes.len() - bytes.trim_ascii_start().len());
    }
    let mut done = false;
    each(bytes, |line, start| {
        if !done && !line.starts_with(b"#") {
            done = true;
            sink(b"", line, start);
        }
    });
}

fn each(bytes: &[u8], mut take: impl FnMut(&[u8], usize)) {
    let mut at = 0;
    while at < bytes.len() {
        let end = at + memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = &bytes[at..end];
        let start = at + (line.len() - line.trim_ascii_start().len());
        let line = line.trim_ascii();
        if !line.is_empty() {
            take(line, start);
        }
        at = end + 1;
    }
}

/// `user@host`, the password of an address, and where it begins. An address whose user is a token alone has that as its password.
pub(crate) fn userinfo(text: &[u8]) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>, usize)> {
    let scheme = memchr::memmem::find(text, b"://")?;
    if scheme == 0 || !text[..scheme].iter().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b)) {
        return None;
    }
    let rest = &text[scheme + 3..];
    let authority = &rest[..rest.iter().position(|b| b"/?# \t\"'".contains(b)).unwrap_or(rest.len())];
    let at_sign = memchr::memrchr(b'@', authority)?;
    let (info, host) = (&authority[..at_sign], &authority[at_sign + 1..]);
    let (user, password, from) = match memchr::memchr(b':', info) {
        Some(colon) => (&info[..colon], &info[colon + 1..], colon + 1),
        None => (&b""[..], info, 0),
    };
    if password.is_empty() {
        return None;
    }
    let name = if user.is_empty() { host.to_vec() } else { [user, b"@", host].concat() };
    Some((name, percent_decoded(password), scheme + 3 + from))
}

/// Undoes percent-encoding; a percent sign without two digits stands for itself.
pub(crate) fn percent_decoded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while at < text.len() {
        let pair = (text[at] == b'%' && at + 2 < text.len())
            .then(|| Some((digit(text[at + 1])?, digit(text[at + 2])?)));
        match pair.flatten() {
            Some((high, low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}
