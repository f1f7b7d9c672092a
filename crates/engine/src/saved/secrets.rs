//! What an engine keeps of known secrets.

use exfilter_automaton::{ByteSet, Gate};

use super::bytes::{Code as _, Reader, Writer, codes};
use super::settings;
use crate::engine::{Deltas, Known, Scattered};
use crate::flow::{HeaderPart, Slot};
use crate::fragments::{self, Fragmented, Fragments, Window};
use crate::secrets::{Binding, DeltaNeedle, Enrolled, Form, Keys, Needle, PIECE, ScatteredNeedle, Tag};
use crate::slot::Homes;

codes! {
    HeaderPart: Whole, Bearer, BasicUser, BasicPassword;
}

/// The longest needle that is believed, in bytes.
const LONGEST: u32 = 1 << 16;

pub(super) fn write(out: &mut Writer, known: &Known) {
    let Known { keys: _, enrolled, homes: _, needles, scattered, deltas, fragments } = known;
    out.list(enrolled, |out, enrolled| {
        let Enrolled { name, bindings, whole: (mac, len), canary } = enrolled;
        out.text(name);
        out.list(bindings, |out, Binding { host, slot }| {
            settings::write_host(out, host);
            write_slot(out, slot);
        });
        out.0.extend(mac);
        out.u64(*len as u64);
        out.u8(u8::from(*canary));
    });
    out.list(needles, |out, needle| {
        let Needle { secret, form, len, anchor, before, token_before, gate, ascii, tag, alone, decoded, mac } =
            needle;
        [*secret, *len, *anchor, *before].into_iter().for_each(|n| out.u32(n));
        write_form(out, *form);
        out.code(*gate);
        let (coarse, tag) = match tag {
            Tag::Whole(tag) => (false, *tag),
            Tag::Coarse(tag) => (true, u32::from(*tag)),
        };
        let flags = [*token_before, *ascii, *alone, *decoded, coarse].into_iter().enumerate();
        out.u8(flags.fold(0, |bits, (place, flag)| bits | u8::from(flag) << place));
        out.u32(tag);
        out.0.extend(mac);
    });
    out.option(scattered.as_ref(), |out, scattered| {
        write_set(out, &scattered.ends);
        out.list(&scattered.needles, |out, needle| {
            let ScatteredNeedle { secret, len, anchor, tag, mac } = needle;
            [*secret, *len, *anchor, *tag].into_iter().for_each(|n| out.u32(n));
            out.0.extend(mac);
        });
    });
    out.option(deltas.as_ref(), |out, deltas| {
        write_set(out, &deltas.first);
        out.list(&deltas.needles, |out, needle| {
            let DeltaNeedle { secret, len, anchor, tag, runs, mac, raw } = needle;
            [*secret, *len, *anchor, *tag].iter().chain(runs).for_each(|n| out.u32(*n));
            [mac, raw].into_iter().for_each(|mac| out.0.extend(mac));
        });
    });
    out.list(fragments.as_ref().map_or(&[], |fragments| &fragments.secrets[..]), |out, one| {
        let Fragmented { secret, id, len, mac, start, part, part_mac, windows } = one;
        [*secret, *len, *start, *part].into_iter().for_each(|n| out.u32(n));
        [id, mac, part_mac].into_iter().for_each(|mac| out.0.extend(mac));
        out.list(windows, |out, Window { at, len, tag, mac }| {
            [*at, *len].into_iter().for_each(|n| out.u8(n));
            out.u32(*tag);
            out.0.extend(mac);
        });
    });
}

pub(super) fn read(from: &mut Reader<'_>, keys: Keys) -> Option<Known> {
    let enrolled = from.list(|from| {
        let name = from.text()?;
        let bindings =
            from.list(|from| Some(Binding { host: settings::read_host(from)?, slot: read_slot(from)? }))?;
        Some(Enrolled { name, bindings, whole: (from.array()?, from.size()?), canary: from.bool()? })
    })?;
    // The first three numbers of every needle: which secret's, how long, and where its anchor of so many bytes stands.
    let head = |from: &mut Reader<'_>, size: u32| {
        let (secret, len, anchor) = (from.u32()?, from.u32()?, from.u32()?);
        let sound = (secret as usize) < enrolled.len() && len <= LONGEST && anchor.checked_add(size)? <= len;
        sound.then_some((secret, len, anchor))
    };
    let needles = from.list(|from| {
        let (secret, len, anchor) = head(from, 8)?;
        let before = from.u32().filter(|before| *before <= LONGEST)?;
        let form = read_form(from)?;
        let gate: Gate = from.code()?;
        let flags = from.u8().filter(|flags| *flags < 32)?;
        let [token_before, ascii, alone, decoded, coarse] =
            [0, 1, 2, 3, 4].map(|place| flags >> place & 1 != 0);
        let tag = from.u32()?;
        let tag = if coarse { Tag::Coarse(u16::try_from(tag).ok()?) } else { Tag::Whole(tag) };
        let mac = from.array()?;
        Some(Needle {
            secret,
            form,
            len,
            anchor,
            before,
            token_before,
            gate,
            ascii,
            tag,
            alone,
            decoded,
            mac,
        })
    })?;
    let scattered = from.option(|from| {
        let ends = read_set(from)?;
        let needles = from.list(|from| {
            let (secret, len, anchor) = head(from, 8)?;
            Some(ScatteredNeedle { secret, len, anchor, tag: from.u32()?, mac: from.array()? })
        })?;
        Some(Scattered::new(&keys, needles, ends))
    })?;
    let deltas = from.option(|from| {
        let first = read_set(from)?;
        let needles = from.list(|from| {
            // Eight differences are those of nine bytes.
            let (secret, len, anchor) = head(from, 9)?;
            let tag = from.u32()?;
            let runs = [from.u32()?, from.u32()?, from.u32()?];
            Some(DeltaNeedle { secret, len, anchor, tag, runs, mac: from.array()?, raw: from.array()? })
        })?;
        Some(Deltas::new(&keys, needles, first))
    })?;
    let homes = Homes::new(&enrolled);
    let fragmented = from.list(|from| {
        let (secret, len, start, part) = (from.u32()?, from.u32()?, from.u32()?, from.u32()?);
        let is_sound =
            (secret as usize) < enrolled.len() && len as usize <= PIECE && start.checked_add(part)? <= len;
        let (id, mac, part_mac) = (from.array()?, from.array()?, from.array()?);
        let windows = from.list(|from| {
            let (at, len) = (from.u8()?, from.u8()?);
            let is_window = (fragments::KEY..=fragments::WINDOW_MAX).contains(&len.into());
            let is_sound = is_window && u32::from(at) + u32::from(len) <= part;
            is_sound.then_some(Window { at, len, tag: from.u32()?, mac: from.array()? })
        })?;
        let is_sound = is_sound && !windows.is_empty() && windows.is_sorted_by_key(|window| window.at);
        is_sound.then_some(Fragmented { secret, id, len, mac, start, part, part_mac, windows })
    })?;
    let fragments = Fragments::new(&keys, fragmented, &enrolled);
    Some(Known { keys, enrolled, homes, needles, scattered, deltas, fragments })
}

fn write_form(out: &mut Writer, form: Form) {
    let (kind, layers) = match form {
        Form::Raw => (0, 0),
        Form::Base64(layers) => (1, layers),
        Form::Hex => (2, 0),
        Form::Percent => (3, 0),
        Form::Json => (4, 0),
        Form::Utf16Le => (5, 0),
        Form::Utf16Be => (6, 0),
        Form::Reversed => (7, 0),
        Form::Scattered => (8, 0),
        Form::Html => (9, 0),
        Form::QuotedPrintable => (10, 0),
        Form::Quoted => (11, 0),
        Form::Rot13 => (12, 0),
        Form::Xor => (13, 0),
        Form::Fragments => (14, 0),
        Form::Part => (15, 0),
    };
    out.u8(kind);
    out.u8(layers);
}

fn read_form(from: &mut Reader<'_>) -> Option<Form> {
    Some(match (from.u8()?, from.u8()?) {
        (1, layers) => Form::Base64(layers),
        (0, 0) => Form::Raw,
        (2, 0) => Form::Hex,
        (3, 0) => Form::Percent,
        (4, 0) => Form::Json,
        (5, 0) => Form::Utf16Le,
        (6, 0) => Form::Utf16Be,
        (7, 0) => Form::Reversed,
        (8, 0) => Form::Scattered,
        (9, 0) => Form::Html,
        (10, 0) => Form::QuotedPrintable,
        (11, 0) => Form::Quoted,
        (12, 0) => Form::Rot13,
        (13, 0) => Form::Xor,
        (14, 0) => Form::Fragments,
        (15, 0) => Form::Part,
        _ => return None,
    })
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

fn write_set(out: &mut Writer, set: &ByteSet) {
    let bytes: Vec<u8> = (0..=255).filter(|byte| set.contains(*byte)).collect();
    out.bytes(&bytes);
}

fn read_set(from: &mut Reader<'_>) -> Option<ByteSet> {
    from.bytes().map(ByteSet::new)
}
