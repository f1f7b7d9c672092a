//! What an engine keeps of known secrets.

use super::bytes::{Code as _, Reader, Writer, codes};
use super::{needles, settings};
use crate::engine::{Deltas, Known, Scattered};
use crate::flow::{HeaderPart, Slot};
use crate::fragments::Fragments;
use crate::secrets::{Binding, Enrolled, Keys};
use crate::slot::Homes;

codes! {
    HeaderPart: Whole, Bearer, BasicUser, BasicPassword;
}

pub(super) fn write(out: &mut Writer, known: &Known) {
    let Known { keys: _, enrolled, homes: _, needles, scattered, deltas, fragments } = known;
    out.list(enrolled, |out, enrolled| {
        let Enrolled { name, bindings, whole: (mac, len), canary, chosen } = enrolled;
        out.text(name);
        out.list(bindings, |out, Binding { host, slot }| {
            settings::write_host(out, host);
            write_slot(out, slot);
        });
        out.0.extend(mac);
        out.u64(*len as u64);
        out.u8(u8::from(*canary) | u8::from(*chosen) << 1);
    });
    needles::write_needles(out, needles);
    out.option(scattered.as_ref(), |out, scattered| {
        needles::write_set(out, &scattered.ends);
        needles::write_scattered(out, &scattered.needles);
    });
    out.option(deltas.as_ref(), |out, deltas| {
        needles::write_set(out, &deltas.first);
        needles::write_deltas(out, &deltas.needles);
    });
    needles::write_fragmented(out, fragments.as_ref().map_or(&[], |fragments| &fragments.secrets[..]));
}

pub(super) fn read(from: &mut Reader<'_>, keys: Keys) -> Option<Known> {
    let enrolled = from.list(|from| {
        let name = from.text()?;
        let bindings =
            from.list(|from| Some(Binding { host: settings::read_host(from)?, slot: read_slot(from)? }))?;
        let (whole, marks) = ((from.array()?, from.size()?), from.u8()?);
        let (canary, chosen) = (marks & 1 != 0, marks & 2 != 0);
        (marks < 4).then_some(Enrolled { name, bindings, whole, canary, chosen })
    })?;
    let count = enrolled.len();
    let needles = needles::read_needles(from, count)?;
    let scattered = from.option(|from| {
        let ends = needles::read_set(from)?;
        Some(Scattered::new(&keys, needles::read_scattered(from, count)?, ends))
    })?;
    let deltas = from.option(|from| {
        let first = needles::read_set(from)?;
        Some(Deltas::new(&keys, needles::read_deltas(from, count)?, first))
    })?;
    let homes = Homes::new(&enrolled);
    let fragments = Fragments::new(&keys, needles::read_fragmented(from, count)?, &enrolled);
    Some(Known { keys, enrolled, homes, needles, scattered, deltas, fragments })
}

fn write_slot(out: &mut Writer, slot: &Slot) {
    let (kind, name, part) = match slot {
        Slot::Body => (0, "", 0),
        Slot::Header(name, part) => (1, name.as_str(), u32::from(part.code())),
        Slot::Cookie(name) => (2, name.as_str(), 0),
        Slot::Query(name) => (3, name.as_str(), 0),
        Slot::Path(place) => (4, "", *place),
        Slot::Form(name) => (5, name.as_str(), 0),
        Slot::Json(pointer) => (6, pointer.as_str(), 0),
        Slot::SshPassword => (7, "", 0),
    };
    out.u8(kind);
    out.text(name);
    out.u32(part);
}

fn read_slot(from: &mut Reader<'_>) -> Option<Slot> {
    let (kind, name, part) = (from.u8()?, from.text()?, from.u32()?);
    Some(match kind {
        0 => Slot::Body,
        1 => {
            let part = u8::try_from(part).ok()?;
            Slot::Header(name, *HeaderPart::ALL.get(usize::from(part))?)
        }
        2 => Slot::Cookie(name),
        3 => Slot::Query(name),
        4 => Slot::Path(part),
        5 => Slot::Form(name),
        6 => Slot::Json(name),
        7 => Slot::SshPassword,
        _ => return None,
    })
}
