//! Values: typed without being shown, piped, from files and variables; and read again from where they came from.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use exfilter_store::source::variables;
use exfilter_store::{Record, Source};
use zeroize::Zeroizing;

use super::args::FromArgs;
use super::open::{absolute, shown};
use crate::env;
use crate::fault::Fault;
use crate::text::{escape, path_bytes};

/// A value. Wiped on drop.
pub(crate) type Value = Zeroizing<Vec<u8>>;

/// The longest value, in bytes; one more is read, so that it is refused and not cut.
const LONGEST: u64 = 64 << 10;
/// The longest file of variables, in bytes.
pub(crate) const LONGEST_FILE: u64 = 1 << 20;

/// Reads a value from where the arguments say.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn read(name: &str, from: &FromArgs) -> Result<(Value, Source), Fault> {
    if let Some(path) = &from.file {
        let value = file(path, LONGEST + 2)?;
        return Ok((without_break(value), Source::File(path_text(path)?)));
    }
    if let Some(variable) = &from.env {
        let value = std::env::var_os(variable).ok_or_else(|| {
            Fault::new(escape(variable.as_bytes()), "the variable is not set", "export it to this process")
        })?;
        return Ok((Zeroizing::new(value.into_encoded_bytes()), Source::Env(variable.clone())));
    }
    let value = if from.stdin { piped(LONGEST + 2)? } else { typed(name)? };
    Ok((without_break(value), Source::Typed))
}

/// All of standard input, up to `longest` bytes.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn piped(longest: u64) -> Result<Value, Fault> {
    let mut value = Zeroizing::new(Vec::with_capacity(64 << 10));
    let read = io::stdin().lock().take(longest).read_to_end(&mut value);
    read.map_err(|error| Fault::new("standard input", format!("it cannot be read: {error}"), ""))?;
    Ok(value)
}

/// All of a file, up to `longest` bytes. Never waits for a writer.
///
/// # Errors
///
/// It is no regular file, or cannot be read.
pub(crate) fn file(path: &Path, longest: u64) -> Result<Value, Fault> {
    let mut value = Zeroizing::new(Vec::with_capacity(64 << 10));
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let read = options.open(path).and_then(|file| match file.metadata()?.is_file() {
        true => file.take(longest).read_to_end(&mut value),
        false => Err(io::Error::other("it is no regular file")),
    });
    read.map_err(|error| Fault::new(shown(path), format!("it cannot be read: {error}"), "check the path"))?;
    Ok(value)
}

/// A path as text, absolute.
///
/// # Errors
///
/// It is no text.
pub(crate) fn path_text(path: &Path) -> Result<String, Fault> {
    let path = absolute(path);
    let fault = || {
        Fault::new(
            escape(path_bytes(&path)),
            "the path is not UTF-8, so it cannot be kept",
            "give the value with --stdin",
        )
    };
    path.to_str().map(String::from).ok_or_else(fault)
}

/// The values that a record's source has now. One of them may be the record's.
pub(crate) fn again(record: &Record) -> Vec<Value> {
    let whole = match record.source() {
        Source::Env(name) => std::env::var_os(name).map(|value| Zeroizing::new(value.into_encoded_bytes())),
        Source::File(path) => file(Path::new(path), LONGEST + 2).ok().map(without_break),
        Source::EnvFile { path, name } => {
            let text = file(Path::new(path), LONGEST_FILE).ok();
            // Of a name that is set twice the last one counts, and either may have been enrolled.
            let all = text.map(|text| variables(&text)).unwrap_or_default();
            let of_name = all.into_iter().filter(|variable| variable.name == *name);
            return of_name.flat_map(|variable| with_password(variable.value)).collect();
        }
        _ => None,
    };
    whole.map(with_password).unwrap_or_default()
}

/// A value, and the password in it if it is an address.
fn with_password(value: Value) -> Vec<Value> {
    let password = env::password_in(&value);
    [value].into_iter().chain(password).collect()
}

fn without_break(mut value: Value) -> Value {
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    value
}

/// Asks for a value at the terminal, which does not show it.
#[cfg(unix)]
fn typed(name: &str) -> Result<Value, Fault> {
    use std::io::Write;

    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

    let fault = |error: io::Error| {
        Fault::new(
            "/dev/tty",
            format!("no value can be asked for: {error}"),
            "give it with --stdin, --file or --env",
        )
    };
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(fault)?;
    let before = tcgetattr(&terminal).map_err(|error| fault(error.into()))?;
    let mut mute = before.clone();
    mute.local_modes.remove(LocalModes::ECHO);
    // What was typed before it was asked for was shown, and counts for nothing.
    tcsetattr(&terminal, OptionalActions::Flush, &mute).map_err(|error| fault(error.into()))?;
    let asked = write!(terminal, "Value of {}, which is not shown: ", escape(name.as_bytes()));
    let mut value = Zeroizing::new(Vec::with_capacity(64 << 10));
    let read = asked.and_then(|()| read_line(&mut terminal, &mut value));
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &before).map_err(io::Error::from);
    let _ = writeln!(terminal);
    read.and(restored).map_err(fault)?;
    Ok(value)
}

#[cfg(unix)]
fn read_line(terminal: &mut File, value: &mut Value) -> io::Result<()> {
    let mut byte = Zeroizing::new([0; 1]);
    loop {
        match terminal.read(&mut byte[..]) {
            Ok(0) => return Ok(()),
            Ok(_) if byte[0] == b'\n' || value.len() as u64 > LONGEST => return Ok(()),
            Ok(_) => value.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(unix))]
fn typed(_name: &str) -> Result<Value, Fault> {
    Err(Fault::new(
        "the terminal",
        "no value can be asked for on this system",
        "give it with --stdin, --file or --env",
    ))
}
