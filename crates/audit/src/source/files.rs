//! One file: how much of it is read, and as what.

use std::fs::Metadata;
use std::io::{Read, Seek as _};

use exfilter::Confidence;

use super::content::{Described, Examined, Fields, Subject};
use super::tray::{Put, Tray};
use super::walk;
use crate::advice::Advice;
use crate::audit::Context;
use crate::candidate::{Candidate, What};
use crate::format::Format;
use crate::grant::{self, Grant};
use crate::names::Masked;
use crate::place::{Kind, Place};
use crate::report::{Capability, Exposure, FoundAt, Skip, SourceKind};
use crate::severity::Severity;
use crate::view::{Miss, Spot, mode};

/// The longest file of a known place that is read whole, in bytes: transcripts of agents have tens of megabytes.
pub(crate) const KNOWN_LIMIT: u64 = 64 << 20;

/// The longest file of a git object store that is read whole, in bytes: a pack has most of a history.
const OBJECTS_LIMIT: u64 = 1 << 30;

/// Reads a file of which nothing is known but where it lies: small ones wait in the tray.
pub(crate) fn run_bulk(context: &Context<'_>, spot: Spot, tray: &mut Tray) {
    if walk::is_git_object(&spot.inside) {
        return run(context, &spot, None);
    }
    let Some(mut file) = or_told(context, &spot, context.view.open_listed(&spot)) else { return };
    let most = usize::try_from(context.file_limit).unwrap_or(usize::MAX);
    if let Put::Alone(spot) = tray.put(spot, &mut file, most) {
        // Now it is looked at. What can be read once alone is no regular file.
        match (file.metadata(), file.rewind()) {
            (Ok(meta), Ok(())) if meta.is_file() => examine(context, &spot, None, &mut file, Some(&meta)),
            _ => run(context, &spot, None),
        }
    } else if tray.is_full() {
        look(context, tray);
    }
}

/// Looks at what waits.
pub(crate) fn look(context: &Context<'_>, tray: &mut Tray) {
    let clean = context.bulk.holds_nothing(tray.bytes());
    for (text, mut bytes) in tray.texts() {
        match clean {
            true => context.collector.file(bytes.len() as u64, false),
            false => examine(context, &text.spot, None, &mut bytes, None),
        }
    }
    tray.clear();
}

/// Reads one located file, whole if it is a known place, or one of a git object store.
pub(crate) fn run(context: &Context<'_>, spot: &Spot, place: Option<&'static Place>) {
    if let Some((mut file, meta)) = or_told(context, spot, context.view.open(spot)) {
        examine(context, spot, place, &mut file, Some(&meta));
    }
}

/// What was opened, or nothing, and why not is told.
fn or_told<T>(context: &Context<'_>, spot: &Spot, opened: Result<T, Miss>) -> Option<T> {
    let name = || context.names.mask(spot.inside.as_os_str().as_encoded_bytes());
    match opened {
        Ok(open) => return Some(open),
        Err(Miss::Absent) => {}
        Err(Miss::Closed) => context.collector.closed(),
        Err(Miss::ClosedHere) => {
            let what = "the audited user may read it, this one may not".into();
            context.collector.gap(name(), "unreadable-here", what);
        }
        Err(Miss::Special) => context.collector.skipped(Skip::Special, 0, name),
        Err(Miss::Error(error)) => {
            let what = format!("it could not be opened: {}", error.kind());
            context.collector.gap(name(), "unreadable", what);
        }
    }
    None
}

fn examine(
    context: &Context<'_>,
    spot: &Spot,
    place: Option<&'static Place>,
    file: &mut dyn Read,
    meta: Option<&Metadata>,
) {
    let name = || context.names.mask(spot.inside.as_os_str().as_encoded_bytes());
    let describe = || {
        // Of a text that waited it is asked now, for few hold anything; of one that went away meanwhile nothing more is known.
        let asked = if meta.is_none() { context.view.open(spot).ok() } else { None };
        let meta = meta.or(asked.as_ref().map(|(_, meta)| meta));
        Described {
            name: name(),
            mode: meta.and_then(mode),
            exposure: meta.map_or(Exposure::Owner, |meta| context.view.exposure(&spot.inside, meta)),
        }
    };
    let len = meta.map_or(0, Metadata::len);
    if let Some(place) = place.filter(|place| place.format == Format::Presence) {
        context.collector.file(0, true);
        if len > 0 {
            context.collector.found(vec![presence(place, describe())]);
        }
        return;
    }
    let limit = match place {
        Some(_) => KNOWN_LIMIT,
        None if walk::is_git_object(&spot.inside) => OBJECTS_LIMIT,
        None => context.file_limit,
    };
    let fields = place.map_or(Fields::None, |place| Fields::Of(place.format));
    let subject = Subject {
        source: SourceKind::File,
        place,
        fields,
        guess: guess(place),
        advice: None,
        limit,
        len: Some(len).filter(|len| *len > 0),
        cut: len > limit,
        describe: &describe,
    };
    let examiner = if place.is_some() { &context.known } else { &context.bulk };
    let examined: Examined = examiner.examine(&subject, file);
    context.collector.file(examined.bytes, place.is_some());
    let rest = len.saturating_sub(examined.bytes);
    if examined.bytes >= limit && rest > 0 {
        match place {
            Some(_) => {
                context.collector.gap(name(), "over-limit", format!("its last {rest} bytes were not read"))
            }
            None => context.collector.skipped(Skip::OverBudget, rest, name),
        }
    }
    for field in &examined.helpers {
        let Some(place) = place else { continue };
        context.collector.capability(Capability {
            severity: Severity::Medium,
            id: "credential-helper",
            opens: format!(
                "what a program hands out to {}, perhaps without asking (it was not run)",
                place.tool
            ),
            name: context.names.mask(&[name().as_bytes(), b": ", field].concat()),
            advice: place.advice,
        });
    }
    context.take(examined, &name);
}

/// What the name of a field opens, where nothing else tells.
fn guess(place: Option<&'static Place>) -> &'static Grant {
    match place.map(|place| place.advice) {
        Some(Advice::Mcp) => &grant::MCP_VALUE,
        Some(Advice::Ci) => &grant::CI_VALUE,
        Some(Advice::State) => &grant::STATE_VALUE,
        Some(Advice::History) => &grant::TYPED_VALUE,
        Some(Advice::Environment) => &grant::ENVIRONMENT_VALUE,
        _ => &grant::PROJECT_VALUE,
    }
}

/// That a file can be read is the find; what stands inside is not looked at.
fn presence(place: &'static Place, described: Described) -> Candidate {
    let grant = place.fields.first().map_or(&grant::KEY_STORE, |field| field.grant);
    Candidate {
        digest: None,
        what: What::of_grant(grant),
        confidence: Confidence::Medium,
        documented: false,
        expires: None,
        // What opens it is elsewhere: a password, a key ring.
        locked: place.kind == Kind::Keys,
        preview: String::new(),
        advice: vec![grant.advice, place.advice],
        place: FoundAt {
            source: SourceKind::File,
            tool: place.tool,
            name: described.name,
            field: Masked::default(),
            line: None,
            lane: String::new(),
            mode: described.mode,
            exposure: described.exposure,
        },
    }
}
