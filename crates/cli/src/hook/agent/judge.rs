//! The texts and files of an event through the engine.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use exfilter::Engine;
use exfilter::config::Config;

use super::event::Event;
use super::json::Json;
use crate::args::Incomplete;
use crate::hook::args::AgentArgs;
use crate::scan::accept::Accepted;
use crate::scan::file::{self, Closed, Examined, Examiner};
use crate::scan::progress::Progress;
use crate::scan::report::{Floors, Gap, Reason, Report};
use crate::scan::tally::Tally;
use crate::text::path_bytes;
use crate::{ask, exit, policy};

/// What came of an event.
pub(super) struct Judgement {
    /// What was found and what was not examined.
    pub(super) report: Report,
    /// Places of texts that must not be seen; none where it is not known which.
    pub(super) withheld: Option<HashSet<String>>,
}

impl Judgement {
    /// Whether the event must not come to pass.
    pub(super) fn refuses(&self) -> bool {
        self.report.exit != exit::CLEAN
    }
}

/// Examines what `event` is about.
pub(super) fn judge(
    event: &Event,
    engine: &Engine,
    config: &Config,
    args: &AgentArgs,
    guard: Option<&ask::Guard>,
) -> Judgement {
    let accepted = Accepted::of_ids(&args.allow.allow);
    let floors = Floors::of_leaving(args.refuse.fail_on, config);
    let (progress, strict) = (Progress::new(false), args.refuse.incomplete == Incomplete::Fail);
    let examiner = Examiner::new(engine, &progress).with_ids();
    let tally = Tally::new(engine, floors, accepted.clone()).pass(config.passes());
    each_text(&event.subject, &mut String::new(), &mut |place, text| {
        let examined = examiner.examine(place.as_bytes(), &mut text.as_bytes());
        tally.object(Path::new(place), None, None, examined);
    });
    // It is asked about the texts once, all together.
    let examiner = examiner.asking(guard);
    for path in &event.files {
        if let Some(examined) = read(path, &examiner) {
            tally.object(path, None, None, examined);
        }
    }
    let mut report = tally.close(engine.clone(), strict);
    policy::observe(config, &mut report);
    if report.exit != exit::CLEAN {
        let files: HashSet<&Path> = event.files.iter().map(PathBuf::as_path).collect();
        let refused = report.files.iter().filter(|file| file.fails(&report.floors) || !file.gaps.is_empty());
        let texts = refused.filter(|file| !files.contains(&file.path.as_path()));
        let withheld = texts.map(|file| file.path.to_string_lossy().into_owned()).collect();
        return Judgement { report, withheld: Some(withheld) };
    }
    // What stands in no text alone may stand in the document: a name and its value, a value in pieces.
    let tally = Tally::new(engine, floors, accepted).pass(config.passes());
    let whole = serde_json::to_vec(&event.subject).unwrap_or_default();
    tally.object(Path::new("document"), None, None, examiner.examine(b"document", &mut &whole[..]));
    let mut all = tally.close(engine.clone(), strict);
    policy::observe(config, &mut all);
    match all.exit {
        exit::CLEAN => Judgement { report, withheld: Some(HashSet::new()) },
        _ => Judgement { report: all, withheld: None },
    }
}

/// Shows every text of a document with its place: names of members, and what is no list, no object and no number.
pub(super) fn each_text(json: &Json, place: &mut String, look: &mut dyn FnMut(&str, &str)) {
    let len = place.len();
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
        Json::Text(text) => look(place, text),
        Json::List(items) => {
            for (i, item) in items.iter().enumerate() {
                place.push_str(&format!("[{i}]"));
                each_text(item, place, look);
                place.truncate(len);
            }
        }
        Json::Map(members) => {
            for (key, value) in members {
                if len > 0 {
                    place.push('.');
                }
                place.push_str(key);
                // A name is a text of its own too, which the place of what it names shows masked.
                look(place, key);
                each_text(value, place, look);
                place.truncate(len);
            }
        }
    }
}

/// What stands in a file; none if there is none, for then nobody reads it.
fn read(path: &Path, examiner: &Examiner<'_>) -> Option<Examined> {
    let unread = |reason| {
        let mut examined = Examined::default();
        examined.gaps.push(Gap::tail(0, reason));
        examined
    };
    match file::open(path, true) {
        Ok(mut file) => Some(examiner.examine(path_bytes(path), &mut file)),
        Err(Closed::Error(error)) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(Closed::Error(error)) => Some(unread(Reason::of_open(&error))),
        Err(Closed::Special(reason)) => Some(unread(Reason::Special(reason))),
    }
}
