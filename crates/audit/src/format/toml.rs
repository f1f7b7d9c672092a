//! TOML by its crate, which tells where a value stands and goes on behind a fault.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::Trail;
use super::{Sink, assign};

/// The longest text that is parsed as TOML, in bytes; beyond it (and for what is no UTF-8) lines are read as assignments.
const LONGEST: usize = 4 << 20;

/// Dots in a line up to which text is parsed. The crate bounds how deep keys and collections nest each, not their product, and its tree is
/// walked and dropped by recursion: sixteen keep that under 1 400 levels.
const DOTS: usize = 16;

/// Reads `bytes` from `at` on.
pub(super) fn read(bytes: &[u8], at: usize, sink: &mut Sink<'_>) {
    let shallow = bytes
        .split(|b| *b == b'\n')
        .all(|line| memchr::memchr_iter(b'.', line).take(DOTS + 1).count() <= DOTS);
    let text = std::str::from_utf8(&bytes[at..]).ok().filter(|text| shallow && text.len() <= LONGEST);
    let Some(text) = text else { return assign::read(bytes, at, sink) };
    let (table, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        // A table that was given up may lack what a person's editor still shows.
        return assign::read(bytes, at, sink);
    }
    walk_table(table.get_ref(), at, &mut Trail::new(), sink);
}

fn walk_table(table: &DeTable<'_>, at: usize, trail: &mut Trail, sink: &mut Sink<'_>) {
    for (name, value) in table {
        trail.push(name.get_ref().as_bytes());
        walk(value, at, trail, sink);
        trail.pop();
    }
}

fn walk(value: &Spanned<DeValue<'_>>, at: usize, trail: &mut Trail, sink: &mut Sink<'_>) {
    match value.get_ref() {
        DeValue::String(text) => {
            sink(trail.name(), text.as_bytes(), at + value.span().start);
        }
        DeValue::Integer(number) => sink(trail.name(), number.as_str().as_bytes(), at + value.span().start),
        DeValue::Datetime(time) => sink(trail.name(), time.to_string().as_bytes(), at + value.span().start),
        DeValue::Array(list) => {
            for (n, element) in list.iter().enumerate() {
                trail.push_index(n);
                walk(element, at, trail, sink);
                trail.pop();
            }
        }
        DeValue::Table(table) => walk_table(table, at, trail, sink),
        _ => {}
    }
}
