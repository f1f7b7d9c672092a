//! [`Cat`]: objects from `git cat-file --batch`.
//!
//! ```text
//!  -> <id>\n                          <- <id> SP <type> SP <size>\n <content> \n
//!                                     <- <id> SP missing\n
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use exfilter_odb::Kind;

use super::repo::Repo;
use crate::fault::Fault;

/// The longest line that git answers with: an id, a word and a number.
const LINE: u64 = 256;

/// A running `git cat-file --batch`.
pub(crate) struct Cat {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Cat {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When git cannot be run.
    pub(crate) fn start(repo: &Repo) -> Result<Cat, Fault> {
        let mut child = repo
            .git(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| repo.absent("git cat-file", &error))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::with_capacity(64 << 10, stdout.expect("it was piped"));
        Ok(Cat { child, stdin, stdout })
    }

    /// Asks for objects, few enough for a pipe; they come in this order.
    ///
    /// # Errors
    ///
    /// When git is gone.
    pub(crate) fn ask<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let asked: String = ids.map(|id| format!("{id}\n")).collect();
        self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(asked.as_bytes())
    }

    /// Lets `look` see the next object, its kind and its length; none if it is not there. Whatever `look` leaves is read over.
    ///
    /// # Errors
    ///
    /// When git is gone, or says what is not understood: nothing more can be read then.
    pub(crate) fn next<T>(
        &mut self,
        look: impl FnOnce(Kind, u64, &mut dyn Read) -> T,
    ) -> io::Result<Option<T>> {
        let mut line = String::new();
        (&mut self.stdout).take(LINE).read_line(&mut line)?;
        let Some((kind, size)) = parse(&line)? else { return Ok(None) };
        let mut content = (&mut self.stdout).take(size);
        let seen = look(kind, size, &mut Whole { content: &mut content });
        io::copy(&mut content, &mut io::sink())?;
        if content.limit() > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut end = [0];
        self.stdout.read_exact(&mut end)?;
        if end == *b"\n" { Ok(Some(seen)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

impl Drop for Cat {
    fn drop(&mut self) {
        // It ends with its input, unless it waits for a reader.
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An end before the size that was announced is an error, not an end.
struct Whole<'a, R> {
    content: &'a mut io::Take<R>,
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.content.read(buffer)? {
            0 if self.content.limit() > 0 && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n),
        }
    }
}

/// What a line announces; nothing for an object that is not there.
fn parse(line: &str) -> io::Result<Option<(Kind, u64)>> {
    let line = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
    match line.split(' ').collect::<Vec<_>>()[..] {
        [_, "missing" | "ambiguous" | "excluded"] => Ok(None),
        [_, kind, size] => {
            let kind = match kind {
                "blob" => Kind::Blob,
                "tree" => Kind::Tree,
                "commit" => Kind::Commit,
                "tag" => Kind::Tag,
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
            Ok(Some((kind, size.parse().map_err(|_| io::ErrorKind::InvalidData)?)))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
