//! The texts of a head, of trailers and of small bodies, each a stream of its own.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use exfilter_engine::{
    Action, Block, Coverage, Engine, Event, Finding, Flow, HeaderPart, HostPattern, Kind, LanePath, Slot,
    Verdict,
};
use exfilter_wire::RequestHead;
use exfilter_wire::places::{Part, Place, Text};
use zeroize::Zeroizing;

use super::log::Log;
use super::sighting::Sighting;
use super::{signed, token};
use crate::substitute::{Substitutes, is_aws, is_tls};

/// The longest name that is shown, in characters.
const NAME_MAX: usize = 64;

/// Examines texts of a head.
pub(super) struct Texts<'a> {
    pub(super) engine: &'a Engine,
    /// The flow of the request, without a slot.
    pub(super) flow: &'a Flow,
    pub(super) own_keys: Action,
    pub(super) substitutes: &'a [Arc<Substitutes>],
    pub(super) head: &'a RequestHead,
    pub(super) log: &'a mut Log,
}

/// What came of a value.
struct Scan {
    block: Option<Block>,
    events: Vec<(Event, LanePath)>,
    /// Whether a credential that belongs there is all of it.
    home: bool,
}

impl Texts<'_> {
    /// Examines texts; the coverage if nothing at all stands in them, whatever is known of secrets in pieces and whatever is a placeholder.
    pub(super) fn examine(&mut self, texts: &[Text]) -> Option<Coverage> {
        let values = self.values(texts);
        if let Some(coverage) = values.as_ref().and_then(|values| self.nothing_stands_in(values)) {
            return values.is_some_and(|values| !values.without_placeholders).then_some(coverage);
        }
        let mut masked = false;
        for text in texts {
            let scan = self.examine_text(text, masked);
            // Of names in which something stands none is shown.
            masked |= text.place == Place::Names && scan;
        }
        None
    }

    /// Looks at all texts in one stream, for most heads hold nothing and twenty streams take longer than their bytes. Whatever is found, or could not be examined, is another look's
    /// affair; so are texts that could be something from their first byte on, which only a stream of their own would tell.
    fn nothing_stands_in(&mut self, values: &Values<'_>) -> Option<Coverage> {
        let joined = joined(&values.list)?;
        let mut stream = self.engine.stream(self.flow.clone().session(&self.log.session));
        let blocked = stream.push(&joined).is_block() || stream.finish().is_block();
        let coverage = stream.coverage();
        // Events, and what the limits kept from being one: nothing found is one of neither.
        if blocked
            || stream.poll_event().is_some()
            || !coverage.is_complete()
            || !stream.contribution().is_empty()
        {
            return None;
        }
        self.log.coverage.add(&coverage);
        Some(coverage)
    }

    /// Texts, and the values of their places, as they are examined: without placeholders that are at home. None if a signature is among them of which a part is examined alone.
    fn values<'t>(&self, texts: &'t [Text]) -> Option<Values<'t>> {
        let mut values = Values { list: Vec::with_capacity(2 * texts.len()), without_placeholders: false };
        for text in texts {
            if self.around_signature(&text.place, &text.bytes).is_some() {
                return None;
            }
            if self.is_placeholder(&text.place, &text.bytes) {
                values.without_placeholders = true;
                continue;
            }
            let is_one = |part: &&Part| self.is_placeholder(&part.place, &part.value);
            let home = Vec::from_iter(text.parts.iter().filter(is_one).map(|part| part.range.clone()));
            if home.is_empty() {
                values.list.push(Cow::Borrowed(&text.bytes[..]));
                values.list.extend(text.parts.iter().map(|part| Cow::Borrowed(&part.value[..])));
            } else {
                values.without_placeholders = true;
                values.list.push(Cow::Owned(without(&text.bytes, home)));
                let others = text.parts.iter().filter(|part| !is_one(part));
                values.list.extend(others.map(|part| Cow::Borrowed(&part.value[..])));
            }
        }
        values.list.retain(|value| !value.is_empty());
        Some(values)
    }

    /// Examines the places in a text, then the text without those in which a credential is at home. Returns whether anything was found.
    fn examine_text(&mut self, text: &Text, masked: bool) -> bool {
        let mut home = Vec::new();
        let mut told: Vec<Kind> = Vec::new();
        let mut found = false;
        if let Some(rest) = self.around_signature(&text.place, &text.bytes) {
            // Whoever has the placeholder chooses what is signed: all but the key's id and the signature is text like any other.
            let scan = self.scan(&rest, slot(&text.place), &text.place);
            found |= !scan.events.is_empty();
            self.report(scan, &label(&text.place, masked), &mut told);
            return found;
        }
        if self.is_placeholder(&text.place, &text.bytes) {
            return false;
        }
        for part in &text.parts {
            if self.is_placeholder(&part.place, &part.value) {
                home.push(part.range.clone());
                continue;
            }
            let scan = self.scan(&part.value, slot(&part.place), &part.place);
            if scan.home {
                home.push(part.range.clone());
            }
            let kinds = scan.events.iter().filter_map(|(event, _)| kind(event));
            told.extend(kinds);
            found |= !scan.events.is_empty();
            self.report(scan, &label(&part.place, masked), &mut Vec::new());
        }
        let rest = without(&text.bytes, home);
        let scan = self.scan(&rest, slot(&text.place), &text.place);
        found |= !scan.events.is_empty();
        self.report(scan, &label(&text.place, masked), &mut told);
        found
    }

    /// What is left of a signature that is made anew without what is put anew.
    fn around_signature(&self, place: &Place, value: &[u8]) -> Option<Vec<u8>> {
        match (place, self.flow.authority()) {
            (Place::Header(name), Some(to)) => {
                self.substitutes.iter().find_map(|set| set.around_signature(to, name, value))
            }
            _ => None,
        }
    }

    /// Whether it is a placeholder for which a real value is put in this place.
    fn is_placeholder(&self, place: &Place, value: &[u8]) -> bool {
        let Some(to) = self.flow.authority() else { return false };
        self.substitutes.iter().any(|set| set.is_at_home_in(to, Some(self.head), &slot(place), value))
    }

    fn scan(&mut self, bytes: &[u8], slot: Slot, place: &Place) -> Scan {
        let mut stream = self.engine.stream(self.flow.clone().slot(slot).session(&self.log.session));
        let mut block = match (stream.push(bytes), stream.finish()) {
            (_, Verdict::Block(block)) => Some(block),
            _ => None,
        };
        self.log.session.merge(&stream.contribution());
        let mut events = Vec::new();
        while let Some(event) = stream.poll_event() {
            self.log.note_approved(&event);
            let path = match &event {
                Event::Finding(finding) => stream.path(finding.path()).clone(),
                Event::Opaque(opaque) => stream.path(opaque.path()).clone(),
                _ => continue,
            };
            events.push((event, path));
        }
        let is_own = |event: &Event| matches!(event, Event::Finding(f) if self.is_own(f, bytes, place));
        let acting = |event: &Event| match event {
            Event::Finding(finding) => finding.action() == Action::Block,
            Event::Opaque(opaque) => opaque.action() == Action::Block,
            _ => false,
        };
        let own = events.iter().any(|(event, _)| is_own(event));
        let suppressed = stream.suppressed().next().is_some() || stream.suppressed_secrets().next().is_some();
        let all_own = own && !suppressed && events.iter().all(|(event, _)| !acting(event) || is_own(event));
        if all_own && self.own_keys != Action::Block {
            block = None;
        }
        let bound = events.iter().any(|(event, _)| matches!(event, Event::Finding(f) if f.bound()));
        self.log.coverage.add(&stream.coverage());
        Scan { home: block.is_none() && (bound || all_own), block, events }
    }

    /// Whether a finding is a key of a rule that belongs in this place of this host, and all of it.
    fn is_own(&self, finding: &Finding, bytes: &[u8], place: &Place) -> bool {
        let Kind::Rule(id) = finding.kind() else { return false };
        let rule = self.engine.rule(id);
        let Some(to) = self.flow.authority() else { return false };
        let here = slot(place);
        let is_home = match rule.id == token::RULE {
            // Of a long one the rule sees the beginning; it says itself where it belongs.
            true => is_tls(to) && finding.outer().start == 0 && token::is_at_home(bytes, to.host()),
            false => {
                let matches = |text: &String| {
                    HostPattern::parse(text.as_bytes()).is_ok_and(|pattern| pattern.matches(to.host()))
                };
                let found = finding.outer();
                let is_all = found == (0..bytes.len() as u64)
                    || is_aws(to) && signed::is_id(&rule.id, place, bytes, &found);
                is_all && rule.hosts.iter().any(matches)
            }
        };
        is_home && rule.slots.iter().any(|text| Slot::parse(text.as_bytes()).is_ok_and(|slot| slot == here))
    }

    /// Takes over what a scan found, but for what was told of in a part.
    fn report(&mut self, scan: Scan, place: &str, told: &mut Vec<Kind>) {
        let passes = scan.block.is_none();
        if let Some(block) = scan.block {
            self.log.settle(Verdict::Block(block));
        }
        for (event, path) in scan.events {
            if let Some(at) = told.iter().position(|told| Some(*told) == kind(&event)) {
                told.swap_remove(at);
                continue;
            }
            // Of a text that passes, what would block is its own key.
            let own = passes && matches!(&event, Event::Finding(f) if f.action() == Action::Block);
            self.log.known_outside |=
                matches!(&event, Event::Finding(f) if matches!(f.kind(), Kind::Known(..)));
            self.log.take(Sighting { place: place.into(), base: 0, path, event, own, file: None });
        }
    }
}

/// What stands between two texts: it ends tokens, folded lines and lists of codes.
const SEAM: &[u8] = b"\n.\n";

/// What is examined of texts.
struct Values<'t> {
    list: Vec<Cow<'t, [u8]>>,
    /// Whether placeholders that are at home were left out.
    without_placeholders: bool,
}

/// A text without these ranges.
fn without(text: &[u8], mut ranges: Vec<Range<usize>>) -> Vec<u8> {
    ranges.sort_by_key(|range| range.start);
    let mut at = 0;
    let mut rest = Vec::with_capacity(text.len());
    for range in ranges {
        rest.extend_from_slice(&text[at..range.start.max(at)]);
        at = range.end.max(at);
    }
    rest.extend_from_slice(&text[at..]);
    rest
}

/// Values behind each other, if there is more than one, and none of them but the first could be a container or a framing: these are told by the
/// first bytes of a stream.
fn joined(values: &[Cow<'_, [u8]>]) -> Option<Zeroizing<Vec<u8>>> {
    if values.len() < 2 || values.iter().skip(1).any(|value| may_begin(value)) {
        return None;
    }
    let mut joined =
        Zeroizing::new(Vec::with_capacity(values.iter().map(|value| value.len() + SEAM.len()).sum()));
    for value in values {
        joined.extend_from_slice(value);
        joined.extend_from_slice(SEAM);
    }
    Some(joined)
}

/// Whether a text may be something from its first byte on. Of what is told by that, zlib ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)) alone can be written in one line of printable characters.
fn may_begin(text: &[u8]) -> bool {
    let is_zlib =
        |cmf: u8, flg: u8| cmf & 15 == 8 && (u16::from(cmf) << 8 | u16::from(flg)).is_multiple_of(31);
    matches!(text, [cmf, flg, ..] if is_zlib(*cmf, *flg))
        || text.iter().any(|b| !matches!(b, b' '..=b'~' | b'\t'))
}

fn kind(event: &Event) -> Option<Kind> {
    match event {
        Event::Finding(finding) => Some(finding.kind()),
        _ => None,
    }
}

/// The slot of a place; what is none has one that no binding can name.
pub(crate) fn slot(place: &Place) -> Slot {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    match place {
        Place::Segment(n) => Slot::Path(*n),
        Place::Parameter(name) => Slot::Query(text(name)),
        Place::Header(name) => Slot::Header(name.clone(), HeaderPart::Whole),
        Place::Bearer(name) => Slot::Header(name.clone(), HeaderPart::Bearer),
        Place::BasicUser(name) => Slot::Header(name.clone(), HeaderPart::BasicUser),
        Place::BasicPassword(name) => Slot::Header(name.clone(), HeaderPart::BasicPassword),
        Place::Cookie(name) => Slot::Cookie(text(name)),
        Place::Field(name) => Slot::Form(text(name)),
        Place::Json(pointer) => Slot::Json(pointer.clone()),
        Place::Body => Slot::Body,
        _ => Slot::Header(String::new(), HeaderPart::Whole),
    }
}

/// A place for people: `header:authorization:bearer`, `query:token`.
fn label(place: &Place, masked: bool) -> String {
    let shown = |name: &[u8]| -> String {
        if masked {
            return "*".into();
        }
        let text = String::from_utf8_lossy(name);
        text.chars().take(NAME_MAX).map(|c| if matches!(c, '!'..='~') { c } else { '?' }).collect()
    };
    match place {
        Place::Segment(n) => format!("path:{n}"),
        Place::Parameter(name) => format!("query:{}", shown(name)),
        Place::Header(name) => format!("header:{}", shown(name.as_bytes())),
        Place::Bearer(name) => format!("header:{}:bearer", shown(name.as_bytes())),
        Place::BasicUser(name) => format!("header:{}:basic.user", shown(name.as_bytes())),
        Place::BasicPassword(name) => format!("header:{}:basic.password", shown(name.as_bytes())),
        Place::Cookie(name) => format!("cookie:{}", shown(name)),
        Place::Field(name) => format!("form:{}", shown(name)),
        Place::Json(pointer) => format!("json:{}", shown(pointer.as_bytes())),
        Place::Trailer(name) => format!("trailer:{}", shown(name.as_bytes())),
        other => other.kind().into(),
    }
}
