//! [`command`]: what a command line asks for.

/// What a command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// A push of git.
    GitReceivePack,
    /// A fetch of git.
    GitUploadPack,
    /// `git archive --remote`.
    GitUploadArchive,
    /// How git-lfs gets an address and a token.
    GitLfsAuthenticate,
    /// Files to the server, in scp's own protocol.
    ScpTo,
    /// Files from the server.
    ScpFrom,
    /// An SFTP server that is named by its file.
    SftpServer,
    /// Files from the server.
    RsyncFrom,
    /// Files to the server.
    RsyncTo,
    /// Anything else, or more than one command.
    Other,
}

/// Characters with which a shell does more than run one command.
const SPECIAL: &[u8] = b";&|<>()$`\n\r*?[]#~{}!";

/// The longest line that is looked at, in bytes, and the most words of it.
const LONGEST: usize = 64 << 10;
const WORDS: usize = 256;

/// What a line asks for. A line of which a shell would make more than one command with its arguments is [`Command::Other`]; a `~` in an argument is not, since paths begin with it.
///
/// ```
/// use exfilter_wire::ssh::{Command, command};
/// assert_eq!(command(b"git-receive-pack '/srv/demo.git'"), Command::GitReceivePack);
/// assert_eq!(command(b"scp -r -t -- ~/dir"), Command::ScpTo);
/// assert_eq!(command(b"git-receive-pack x; cat"), Command::Other);
/// ```
#[must_use]
pub fn command(line: &[u8]) -> Command {
    let Some(words) = words(line) else { return Command::Other };
    let Some((program, arguments)) = words.split_first() else { return Command::Other };
    let program = program.rsplit(|b| *b == b'/').next().unwrap_or_default();
    match (program, arguments.first().map(Vec::as_slice)) {
        (b"git", Some(b"receive-pack")) | (b"git-receive-pack", _) => Command::GitReceivePack,
        (b"git", Some(b"upload-pack")) | (b"git-upload-pack", _) => Command::GitUploadPack,
        (b"git", Some(b"upload-archive")) | (b"git-upload-archive", _) => Command::GitUploadArchive,
        (b"git-lfs-authenticate", _) => Command::GitLfsAuthenticate,
        (b"sftp-server", None) => Command::SftpServer,
        (b"scp", _) => scp(arguments),
        (b"rsync", _) if has(arguments, b"--server") => {
            if has(arguments, b"--sender") {
                Command::RsyncFrom
            } else {
                Command::RsyncTo
            }
        }
        _ => Command::Other,
    }
}

fn has(arguments: &[Vec<u8>], option: &[u8]) -> bool {
    arguments.iter().take_while(|word| *word != b"--").any(|word| word == option)
}

fn scp(arguments: &[Vec<u8>]) -> Command {
    let options = arguments.iter().take_while(|word| word.starts_with(b"-") && *word != b"--");
    let letters: Vec<u8> = options.flat_map(|word| word[1..].iter().copied()).collect();
    match (letters.contains(&b't'), letters.contains(&b'f')) {
        (true, false) => Command::ScpTo,
        (false, true) => Command::ScpFrom,
        _ => Command::Other,
    }
}

/// The words of a line, unless a shell would do more than split it.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    if line.len() > LONGEST {
        return None;
    }
    let mut words: Vec<Vec<u8>> = Vec::new();
    let (mut word, mut quote): (Option<Vec<u8>>, Option<u8>) = (None, None);
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(mark), _) if mark == byte => quote = None,
            (Some(b'"'), b'$' | b'`') => return None,
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None | Some(b'"'), b'\\') => word.get_or_insert_default().push(bytes.next()?),
            (None, b' ' | b'\t') => words.extend(word.take()),
            // The home of somebody begins a path.
            (None, b'~') if word.is_none() && !words.is_empty() => word.get_or_insert_default().push(byte),
            (None, _) if SPECIAL.contains(&byte) => return None,
            _ => word.get_or_insert_default().push(byte),
        }
        if words.len() > WORDS {
            return None;
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
