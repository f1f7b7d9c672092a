//! Needles of known secrets, and the other things that enrolling derives from a value.

use exfilter_automaton::{ByteSet, Gate};

use super::bytes::{Reader, Writer};
use crate::fragments::{self, Fragmented, Window};
use crate::secrets::{DeltaNeedle, Form, Needle, PIECE, ScatteredNeedle, Tag};

/// The longest needle that is believed, in bytes.
const LONGEST: u32 = 1 << 16;

pub(super) fn write_needles(out: &mut Writer, needles: &[Needle]) {
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
}

/// Needles of `count` secrets.
pub(super) fn read_needles(from: &mut Reader<'_>, count: usize) -> Option<Vec<Needle>> {
    from.list(|from| {
        let (secret, len, anchor) = head(from, count, 8)?;
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
    })
}

pub(super) fn write_scattered(out: &mut Writer, needles: &[ScatteredNeedle]) {
    out.list(needles, |out, needle| {
        let ScatteredNeedle { secret, len, anchor, tag, span, shares, mac } = needle;
        [*secret, *len, *anchor, *tag, *span].into_iter().for_each(|n| out.u32(n));
        out.u8(u8::from(*shares));
        out.0.extend(mac);
    });
}

pub(super) fn read_scattered(from: &mut Reader<'_>, count: usize) -> Option<Vec<ScatteredNeedle>> {
    from.list(|from| {
        let (secret, len, anchor) = head(from, count, 8)?;
        let (tag, span, shares) = (from.u32()?, from.u32()?, from.bool()?);
        Some(ScatteredNeedle { secret, len, anchor, tag, span, shares, mac: from.array()? })
    })
}

pub(super) fn write_deltas(out: &mut Writer, needles: &[DeltaNeedle]) {
    out.list(needles, |out, needle| {
        let DeltaNeedle { secret, len, anchor, tag, runs, mac, raw } = needle;
        [*secret, *len, *anchor, *tag].iter().chain(runs).for_each(|n| out.u32(*n));
        [mac, raw].into_iter().for_each(|mac| out.0.extend(mac));
    });
}

pub(super) fn read_deltas(from: &mut Reader<'_>, count: usize) -> Option<Vec<DeltaNeedle>> {
    from.list(|from| {
        // Eight differences are those of nine bytes.
        let (secret, len, anchor) = head(from, count, 9)?;
        let tag = from.u32()?;
        let runs = [from.u32()?, from.u32()?, from.u32()?];
        Some(DeltaNeedle { secret, len, anchor, tag, runs, mac: from.array()?, raw: from.array()? })
    })
}

pub(super) fn write_fragmented(out: &mut Writer, fragmented: &[Fragmented]) {
    out.list(fragmented, |out, one| {
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

pub(super) fn read_fragmented(from: &mut Reader<'_>, count: usize) -> Option<Vec<Fragmented>> {
    from.list(|from| {
        let (secret, len, start, part) = (from.u32()?, from.u32()?, from.u32()?, from.u32()?);
        let is_sound = (secret as usize) < count && len as usize <= PIECE && start.checked_add(part)? <= len;
        let (id, mac, part_mac) = (from.array()?, from.array()?, from.array()?);
        let windows = from.list(|from| {
            let (at, len) = (from.u8()?, from.u8()?);
            let is_window = (fragments::KEY..=fragments::WINDOW_MAX).contains(&len.into());
            let is_sound = is_window && u32::from(at) + u32::from(len) <= part;
            is_sound.then_some(Window { at, len, tag: from.u32()?, mac: from.array()? })
        })?;
        let is_sound = is_sound && !windows.is_empty() && windows.is_sorted_by_key(|window| window.at);
        is_sound.then_some(Fragmented { secret, id, len, mac, start, part, part_mac, windows })
    })
}

/// The first three numbers of every needle: which secret's, how long, and where its anchor of so many bytes stands.
fn head(from: &mut Reader<'_>, count: usize, size: u32) -> Option<(u32, u32, u32)> {
    let (secret, len, anchor) = (from.u32()?, from.u32()?, from.u32()?);
    let sound = (secret as usize) < count && len <= LONGEST && anchor.checked_add(size)? <= len;
    sound.then_some((secret, len, anchor))
}

pub(super) fn write_set(out: &mut Writer, set: &ByteSet) {
    let bytes: Vec<u8> = (0..=255).filter(|byte| set.contains(*byte)).collect();
    out.bytes(&bytes);
}

pub(super) fn read_set(from: &mut Reader<'_>) -> Option<ByteSet> {
    from.bytes().map(ByteSet::new)
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
        Form::Number => (16, 0),
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
        (16, 0) => Form::Number,
        _ => return None,
    })
}
