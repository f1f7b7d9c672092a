//! Placeholders in whole requests: which parts of a head are exchanged, and who else's credentials stand there.

use exfilter_engine::{Authority, Engine, Event, Flow, HostPattern, Kind, Slot};
use exfilter_wire::places::{self, Place, Text};
use exfilter_wire::{HeadError, RequestHead};
use zeroize::Zeroizing;

use super::Substitutes;
use super::logins::{members, name};
use super::slots::is_tls;
use crate::inspector::slot;

/// Hosts at which people have a login beside a key, and clients take the one or the other for the bearer: Claude's, ChatGPT's and Copilot's accounts. Whose login it is, [`Accounts`](super::Accounts) tells.
const WITH_LOGINS: [&str; 3] = ["api.anthropic.com", "chatgpt.com", "*.githubcopilot.com"];

impl Substitutes {
    /// The head with the real credentials in the places of their placeholders; `None` if there are none. It is for the server alone, after the request was
    /// decided with its placeholders in it.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if the head gets too long by it.
    pub fn exchange(&self, to: &Authority, head: &RequestHead) -> Result<Option<RequestHead>, HeadError> {
        let mut texts = places::texts(head).into_iter();
        let mut found = false;
        let mut target = Zeroizing::new(head.target().as_bytes().to_vec());
        let mut fields: Vec<(&str, Zeroizing<Vec<u8>>)> = Vec::with_capacity(head.headers().len());
        let mut names = head.headers().iter().map(|(name, _)| name);
        for text in &mut texts {
            match &text.place {
                Place::Target => {
                    found |= self.exchange_parts(to, head, &text, &mut target);
                }
                Place::Header(_) => {
                    let mut value = Zeroizing::new(text.bytes.clone());
                    // User and password may both be placeholders.
                    for _ in 0..2 {
                        let Some(real) = self.inject(to, &slot(&text.place), &value) else { break };
                        found = true;
                        value = real;
                    }
                    found |= self.exchange_parts(to, head, &text, &mut value);
                    // Texts of headers come in the order of the fields.
                    fields.push((names.next().unwrap_or_default(), value));
                }
                _ => {}
            }
        }
        if !found {
            return Ok(None);
        }
        let fields = fields.iter().map(|(name, value)| (*name, value.as_slice()));
        RequestHead::new(head.method().as_bytes(), &target, fields).map(Some)
    }

    /// Whether what is put into a request is decided by its head alone, as long as this set is not replaced: no signature is made anew, which goes by the time and the body, and there are no tokens of logins, which are renewed and stand in
    /// bodies too.
    pub(crate) fn goes_by_head(&self, to: &Authority, head: &RequestHead) -> bool {
        self.entries().iter().all(|entry| entry.homes.is_empty())
            && !head.headers().iter().any(|(name, value)| self.is_signed(to, name, value))
    }

    /// The body with the tokens of logins in the places of their placeholders; `None` if there are none. Only in the fields that [`Logins`](super::Logins) names, of a form or a document of at most 16 KiB without a coding, each of them once, over
    /// TLS, and in a `POST` to the address that a token came from, byte for byte and without a query: at another path of the host others might read it. It is for the server alone, after the request was decided with its placeholders in it.
    pub fn exchange_body(
        &self,
        to: &Authority,
        head: &RequestHead,
        body: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        if !is_tls(to) || self.entries().iter().all(|entry| entry.homes.is_empty()) {
            return None;
        }
        let members = members(head, body)?;
        let mut out = Zeroizing::new(body.to_vec());
        let mut found = false;
        for member in members.iter().rev() {
            let Some(field) = name(member) else { continue };
            // Of two with one name, who knows which one counts.
            if members.iter().filter(|other| other.place == member.place).count() != 1 {
                continue;
            }
            let entry = self.entries().iter().find(|entry| {
                entry.placeholder.as_bytes() == &member.value[..]
                    && entry.homes.iter().any(|home| home.takes(to, Some(head), field))
            });
            let Some(entry) = entry else { continue };
            entry.touch();
            let written = match member.place {
                Place::Json(_) => quoted(&entry.real),
                _ => percent(&entry.real),
            };
            let (before, behind) = (&out[..member.range.start], &out[member.range.end..]);
            out = Zeroizing::new([before, &written, behind].concat());
            found = true;
        }
        found.then_some(out)
    }

    /// The place in which a credential stands that is neither a placeholder nor bound there, where a real one of ours is put: with it a request would act for somebody
    /// else. Where ours is put into a parameter or a cookie, more than 256 of these count as one. `engine` knows which enrolled secrets are at home.
    pub fn foreign(&self, engine: &Engine, to: &Authority, head: &RequestHead) -> Option<String> {
        self.foreign_beside(None, engine, to, head)
    }

    /// The same, where placeholders of another set (those of [`Logins`](super::Logins)) are the session's own too.
    pub fn foreign_beside(
        &self,
        other: Option<&Substitutes>,
        engine: &Engine,
        to: &Authority,
        head: &RequestHead,
    ) -> Option<String> {
        let mut signed = head.headers().iter();
        if let Some((name, _)) = signed.find(|(name, value)| self.is_signed_by_others(to, name, value)) {
            return Some(format!("header:{name}"));
        }
        if let Some(more) = places::more_parts(head)
            && self.is_put_into_parts(to)
        {
            // A credential may stand where nobody looks.
            return Some(more.to_owned());
        }
        places::texts(head).iter().find_map(|text| {
            let whole = matches!(text.place, Place::Header(_)).then_some((&text.place, &text.bytes));
            let cookie_or_parameter = |place: &Place| matches!(place, Place::Cookie(_) | Place::Parameter(_));
            let parts = text.parts.iter().filter(|part| cookie_or_parameter(&part.place));
            let mut slots = whole.into_iter().chain(parts.map(|part| (&part.place, &part.value)));
            slots
                .find(|(place, value)| {
                    let slot = slot(place);
                    !value.trim_ascii().is_empty()
                        && self.expects(to, &slot)
                        && self.inject(to, &slot, value).is_none()
                        && other.is_none_or(|other| other.inject(to, &slot, value).is_none())
                        && !is_bound(engine, to, text, place, value)
                        && !self.is_login(engine, to, &slot, value)
                })
                .map(|(place, _)| match place {
                    Place::Header(name) => format!("header:{name}"),
                    other => other.kind().to_owned(),
                })
        })
    }

    /// Whether a value is put into parameters or cookies there.
    fn is_put_into_parts(&self, to: &Authority) -> bool {
        let mut bindings = self.entries().iter().flat_map(|entry| &entry.bindings);
        let is_part = |slot: &Slot| matches!(slot, Slot::Query(_) | Slot::Cookie(_));
        is_tls(to) && bindings.any(|binding| is_part(&binding.slot) && binding.host.matches(to.host()))
    }

    /// Whether it is a bearer of another kind than the keys that are put there, at a host that has logins too. Another key of theirs is somebody else's.
    fn is_login(&self, engine: &Engine, to: &Authority, slot: &Slot, value: &[u8]) -> bool {
        let Slot::Header(name, _) = slot else { return false };
        let is_there =
            |host: &&str| HostPattern::parse(host.as_bytes()).is_ok_and(|pattern| pattern.matches(to.host()));
        if name != "authorization" || !WITH_LOGINS.iter().any(is_there) {
            return false;
        }
        let kinds = |bytes: &[u8]| -> Vec<Kind> {
            let mut stream = engine.stream(Flow::outbound(to.clone()));
            let _ = (stream.push(bytes), stream.finish());
            let events = std::iter::from_fn(|| stream.poll_event());
            events
                .filter_map(|event| if let Event::Finding(f) = event { Some(f.kind()) } else { None })
                .collect()
        };
        let here = kinds(value);
        self.expected(to, slot).all(|entry| {
            let its = kinds(entry.placeholder.as_bytes());
            !its.is_empty() && its.iter().all(|kind| !here.contains(kind))
        })
    }

    /// Replaces what is at home in the parts of a text, from the last on, so that ranges stay.
    fn exchange_parts(
        &self,
        to: &Authority,
        head: &RequestHead,
        text: &Text,
        bytes: &mut Zeroizing<Vec<u8>>,
    ) -> bool {
        let mut found = false;
        for part in text.parts.iter().rev() {
            let here = slot(&part.place);
            // Those of `Bearer` and `Basic` are told by the whole header.
            if matches!(here, Slot::Header(..)) {
                continue;
            }
            let revoked = || {
                let entry = self.revoked(to, head, &here, &part.value)?;
                entry.touch();
                Some(entry.real.clone())
            };
            let Some(real) = self.inject(to, &here, &part.value).or_else(revoked) else { continue };
            let written = match here {
                Slot::Path(_) | Slot::Query(_) => percent(&real),
                _ => real,
            };
            let (before, behind) = (&bytes[..part.range.start], &bytes[part.range.end..]);
            *bytes = Zeroizing::new([before, &written, behind].concat());
            found = true;
        }
        found
    }
}

/// Whether an enrolled secret that is bound there is all of a place of a text, or of a part of that: of a header its bearer, of an address no other parameter than this one.
pub(super) fn is_bound(engine: &Engine, to: &Authority, text: &Text, place: &Place, value: &[u8]) -> bool {
    let is_header = matches!(place, Place::Header(_));
    let parts = text.parts.iter().filter(|_| is_header).map(|part| (&part.place, &part.value[..]));
    std::iter::once((place, value)).chain(parts).any(|(place, value)| {
        let mut stream = engine.stream(Flow::outbound(to.clone()).slot(slot(place)));
        let _ = (stream.push(value), stream.finish());
        std::iter::from_fn(|| stream.poll_event()).any(|e| matches!(e, Event::Finding(f) if f.bound()))
    })
}

/// As a string of JSON has it; all characters are printable ASCII.
pub(super) fn quoted(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * value.len()));
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

/// As an address has it.
pub(super) fn percent(value: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Zeroizing::new(Vec::with_capacity(value.len() * 3));
    for byte in value {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            _ if byte.is_ascii_alphanumeric() => out.push(*byte),
            _ => out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
    out
}
