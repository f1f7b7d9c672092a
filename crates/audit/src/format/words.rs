//! Command lines: the arguments of running processes, and histories of them.
//!
//! ```text
//! NAME=value cmd                       NAME
//! cmd --password=value                 --password
//! cmd --password value                 --password
//! curl -u user:value                   --user
//! mysql -pvalue                        --password
//! curl -H 'Authorization: Bearer v'    Authorization
//! ```

use zeroize::Zeroizing;

use super::Sink;

/// Words of one command that are looked at.
const MAX_WORDS: usize = 4096;

/// Reads command lines, one per line. fish's and zsh's marks in front of a command are words like others.
pub(super) fn commands(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut at = 0;
    while at < bytes.len() {
        let end = at + memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let words = words(bytes, at, end);
        fields(words.iter().map(|(word, start)| (word.as_slice(), *start)), sink);
        at = end + 1;
    }
}

/// Reads the arguments of a process, each ended by a NUL.
pub fn arguments(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut at = 0;
    let words = bytes.split(|b| *b == 0).take(MAX_WORDS).map(|word| {
        let start = at;
        at += word.len() + 1;
        (word, start)
    });
    fields(words, sink);
}

/// The words of a line, with quotes undone, and where each begins.
fn words(bytes: &[u8], mut at: usize, end: usize) -> Vec<(Zeroizing<Vec<u8>>, usize)> {
    let mut words = Vec::new();
    while words.len() < MAX_WORDS {
        at += bytes[at..end].iter().take_while(|b| b.is_ascii_whitespace() || b"|;&()".contains(b)).count();
        if at >= end {
            break;
        }
        let start = at;
        let mut word = Zeroizing::new(Vec::new());
        let mut quote = 0;
        while at < end {
            let byte = bytes[at];
            match byte {
                b'\\' if quote != b'\'' && at + 1 < end => {
                    at += 1;
                    word.push(bytes[at]);
                }
                _ if quote != 0 && byte == quote => quote = 0,
                b'"' | b'\'' if quote == 0 => quote = byte,
                _ if quote == 0 && (byte.is_ascii_whitespace() || b"|;&".contains(&byte)) => break,
                _ => word.push(byte),
            }
            at += 1;
        }
        words.push((word, start));
    }
    words
}

/// What one word says about the next.
enum Waiting<'a> {
    Nothing,
    /// It is the value of this option.
    Option(&'a [u8]),
    /// It is `user:password`.
    User,
    /// It is a header.
    Header,
}

fn fields<'a>(words: impl Iterator<Item = (&'a [u8], usize)>, sink: &mut Sink<'_>) {
    let mut program: &[u8] = b"";
    let mut waiting = Waiting::Nothing;
    for (word, start) in words {
        match std::mem::replace(&mut waiting, Waiting::Nothing) {
            Waiting::Option(name) if !word.starts_with(b"-") => {
                sink(name, word, start);
                continue;
            }
            Waiting::User => {
                if let Some(colon) = memchr::memchr(b':', word) {
                    sink(b"--user.password", &word[colon + 1..], start + colon + 1);
                }
                continue;
            }
            Waiting::Header => {
                if let Some(colon) = memchr::memchr(b':', word) {
                    sink(&word[..colon], word[colon + 1..].trim_ascii(), start + colon + 1);
                }
                continue;
            }
            _ => {}
        }
        let base = word.rsplit(|b| *b == b'/').next().unwrap_or(word);
        match base {
            b"curl" | b"wget" | b"http" | b"https" | b"mysql" | b"mysqldump" | b"mariadb" | b"sshpass"
            | b"redis-cli" | b"docker" => {
                program = base;
                continue;
            }
            _ => {}
        }
        let http = matches!(program, b"curl" | b"wget" | b"http" | b"https");
        let sql = matches!(program, b"mysql" | b"mysqldump" | b"mariadb");
        if http && matches!(word, b"-u" | b"--user" | b"-a" | b"--auth" | b"--proxy-user") {
            waiting = Waiting::User;
        } else if matches!(word, b"-H" | b"--header") {
            waiting = Waiting::Header;
        } else if (sql || program == b"sshpass") && word.starts_with(b"-p") && word.len() > 2 {
            sink(b"--password", &word[2..], start + 2);
        } else if (matches!(program, b"sshpass" | b"docker") && word == b"-p")
            || (program == b"redis-cli" && word == b"-a")
        {
            waiting = Waiting::Option(b"--password");
        } else if let Some(equals) = memchr::memchr(b'=', word).filter(|n| is_name(&word[..*n])) {
            sink(&word[..equals], &word[equals + 1..], start + equals + 1);
        } else if word.starts_with(b"--") && word.len() > 2 {
            waiting = Waiting::Option(word);
        } else if word.contains(&b':') {
            // A header in one word with its option (`-HX-Key: v`), or an address.
            sink(b"", word, start);
        }
    }
}

fn is_name(text: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b))
}
