//! `exfilter log show`: a journal for people, line by line, also while it is written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde::Deserialize;

use crate::args::Color;
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes, plain, shorten, size};

/// How often a file that is written is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest line, in bytes: records list a bounded number of findings.
const LONGEST: u64 = 4 << 20;

/// Columns of what a line says first.
const WIDTH: usize = 8;

/// How it is shown.
pub(super) struct Show<'a> {
    pub(super) file: &'a Path,
    pub(super) follow: bool,
    pub(super) stopped: bool,
    pub(super) color: Color,
}

/// A line, as far as it is shown. What later versions add is passed over.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Line {
    event: Option<String>,
    time: u64,
    to: Option<String>,
    conversation: String,
    outcome: String,
    why: Option<String>,
    bytes: u64,
    injected: bool,
    quarantine: bool,
    found: Vec<Found>,
    unseen: Vec<Unseen>,
    more: u64,
    key: String,
}

#[derive(Deserialize)]
struct Found {
    what: String,
    place: String,
    confidence: String,
    action: String,
}

#[derive(Deserialize)]
struct Unseen {
    reason: String,
    place: String,
}

/// What was shown, put together.
#[derive(Default)]
struct Totals {
    sent: u64,
    bytes: u64,
    refused: u64,
    failed: u64,
    unseen: u64,
}

/// Shows it, to its end, or until the run that writes it has ended.
///
/// # Errors
///
/// The file cannot be read, or holds what is no line of a journal.
pub(super) fn run(show: &Show<'_>, term: &Term) -> Result<u8, Fault> {
    let name = escape(path_bytes(show.file));
    let fault = |line: u64, what: String| {
        let place = if line == 0 { name.clone() } else { format!("{name}:{line}") };
        Fault::new(place, what, "give the file of --log; exfilter log verify tells whether it was changed")
    };
    let file = open(show, term).map_err(|error| fault(0, format!("it cannot be read: {error}")))?;
    let (mut reader, mut totals, mut number) = (BufReader::new(file), Totals::default(), 0);
    let colours = term.colours(show.color);
    let (mut bytes, mut has_ended) = (Vec::new(), false);
    loop {
        let room = LONGEST - bytes.len() as u64;
        let read = reader.by_ref().take(room).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| fault(number + 1, format!("it cannot be read: {error}")))?;
        if bytes.last() == Some(&b'\n') {
            number += 1;
            let line: Line =
                serde_json::from_slice(&bytes).map_err(|_| fault(number, "this is no record".into()))?;
            has_ended = line.event.as_deref() == Some("end");
            totals.add(&line);
            if !show.stopped || line.is_remarkable() {
                let told = term.report(|out| line.write(out, colours));
                told.map_err(|error| fault(0, format!("it cannot be printed: {error}")))?;
            }
            bytes.clear();
        } else if bytes.len() as u64 == LONGEST {
            return Err(fault(number + 1, format!("a line has more than {LONGEST} bytes")));
        } else if read > 0 {
            // A line that is not whole yet.
        } else if show.follow && !has_ended {
            sleep(PAUSE);
        } else {
            break;
        }
    }
    if !bytes.is_empty() {
        term.note(&format_args!("{name}: its last line is not whole"));
    }
    term.note(&totals.line());
    Ok(exit::CLEAN)
}

/// Opens the file; one that is followed may not be there yet.
fn open(show: &Show<'_>, term: &Term) -> io::Result<File> {
    let mut is_told = false;
    loop {
        match File::open(show.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && show.follow => {
                if !is_told {
                    term.note(&format_args!("waits for {}", escape(path_bytes(show.file))));
                }
                is_told = true;
                sleep(PAUSE);
            }
            opened => return opened,
        }
    }
}

impl Totals {
    fn add(&mut self, line: &Line) {
        match line.outcome.as_str() {
            "sent" => {
                self.sent += 1;
                self.bytes += line.bytes;
            }
            "refused" => self.refused += 1,
            "failed" => self.failed += 1,
            _ => {}
        }
        self.unseen += u64::from(!line.unseen.is_empty());
    }

    fn line(&self) -> String {
        let mut line = format!("{} left, {}", count(self.sent, "request", "requests"), size(self.bytes));
        for (n, what) in
            [(self.refused, "refused"), (self.failed, "failed"), (self.unseen, "not examined in full")]
        {
            if n > 0 {
                line.push_str(&format!("; {n} {what}"));
            }
        }
        line
    }
}

impl Line {
    /// Whether somebody would want to know: anything but what was examined in full, found clean and sent.
    fn is_remarkable(&self) -> bool {
        self.event.is_some()
            || !matches!(self.outcome.as_str(), "sent" | "opened")
            || !self.found.is_empty()
            || !self.unseen.is_empty()
    }

    /// Line by line what it says, nothing of which is taken for more than text.
    fn write(&self, out: &mut dyn Write, colours: bool) -> io::Result<()> {
        let clock = format!("{:02}:{:02}:{:02}", self.time / 3600 % 24, self.time / 60 % 60, self.time % 60);
        let (word, colour) = match (self.event.as_deref(), self.outcome.as_str()) {
            (Some(event), _) => (event, "2"),
            (None, "sent") if self.injected => ("sent", "36"),
            (None, "sent") => ("sent", "32"),
            (None, "refused") => ("refused", "1;31"),
            (None, "failed") => ("failed", "33"),
            (None, "approved") => ("approved", "35"),
            (None, "kept") => ("kept", "36"),
            (None, "given") => ("given", "33"),
            (None, other) => (other, "2"),
        };
        let word = shorten(&plain(word)).into_owned();
        let padded = format!("{word:WIDTH$}");
        match colours {
            true => write!(out, "{clock}  \x1b[{colour}m{padded}\x1b[0m")?,
            false => write!(out, "{clock}  {padded}")?,
        }
        if let Some(event) = &self.event {
            let rest = match event.as_str() {
                "start" => format!("a run whose key is {}", plain(&self.key)),
                _ => plain(self.why.as_deref().unwrap_or_default()),
            };
            return writeln!(out, "  {}", shorten(&rest).trim_end());
        }
        let to = self.to.as_deref().map_or("?".into(), plain);
        let put_in = if self.injected { ", a real credential put in" } else { "" };
        writeln!(out, "  {}  {}, {}{put_in}", shorten(&to), plain(&self.conversation), size(self.bytes))?;
        let indent = 2 * 2 + WIDTH + clock.len();
        if let Some(why) = &self.why {
            writeln!(out, "{:indent$}{}", "", shorten(&plain(why)))?;
        }
        for found in &self.found {
            let (what, place) = (plain(&found.what), plain(&found.place));
            let (what, place) = (shorten(&what), shorten(&place));
            writeln!(
                out,
                "{:indent$}{what} ({}) in {place}: {}",
                "",
                plain(&found.confidence),
                plain(&found.action)
            )?;
        }
        for unseen in &self.unseen {
            let place = plain(&unseen.place);
            writeln!(out, "{:indent$}not examined: {} in {}", "", plain(&unseen.reason), shorten(&place))?;
        }
        if self.more > 0 {
            writeln!(out, "{:indent$}and {} more", "", self.more)?;
        }
        if self.quarantine {
            writeln!(out, "{:indent$}the session is in quarantine from here on", "")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let line: Line = serde_json::from_str(text).expect("a line");
        let mut out = Vec::new();
        line.write(&mut out, false).expect("it is written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_record_is_text() {
        let text = shown(
            r#"{"time": 86399, "to": "https://a.example:443", "conversation": "npm", "outcome": "refused", "why": "secret\u001b[2J detected",
            "bytes": 1500, "found": [{"what": "x", "place": "body", "confidence": "high", "action": "block", "more": 1}],
            "unseen": [{"reason": "encrypted", "place": "body", "action": "report"}], "more": 3, "quarantine": true, "new": []}"#,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "23:59:59  refused   https://a.example:443  npm, 1.5 kB");
        assert_eq!(lines[1].trim_start(), "secret\\x1b[2J detected");
        assert_eq!(lines[2].trim_start(), "x (high) in body: block");
        assert_eq!(lines[3].trim_start(), "not examined: encrypted in body");
        assert_eq!(lines[4].trim_start(), "and 3 more");
        assert!(lines[5].contains("quarantine") && lines.len() == 6);
        assert!(lines[1..].iter().all(|line| line.starts_with(&" ".repeat(20))));
    }

    #[test]
    fn what_is_as_it_should_be_is_no_news() {
        let line = |text: &str| serde_json::from_str::<Line>(text).expect("a line").is_remarkable();
        assert!(!line(r#"{"outcome": "sent", "injected": true}"#) && !line(r#"{"outcome": "opened"}"#));
        assert!(line(r#"{"outcome": "failed"}"#) && line(r#"{"event": "end"}"#) && line("{}"));
        assert!(line(r#"{"outcome": "sent", "unseen": [{"reason": "limit", "place": "body"}]}"#));
    }
}
