//! [`content`]: what people send, nested and at times broken.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use exfilter_rules::{RuleEntry, builtin_entries, example};
use exfilter_testing::forms::{self, Form};
use exfilter_testing::{Rng, keys, wrap};

use crate::damage::damage;
use crate::engines::SECRETS;

/// The longest content.
pub const MAX: usize = 24 << 10;

/// Containers in containers.
const DEPTH: usize = 5;

static RULES: LazyLock<Vec<RuleEntry>> = LazyLock::new(builtin_entries);
static FORMS: LazyLock<Vec<Form>> = LazyLock::new(forms::all);

/// How archives, frames and members begin, without what should follow.
const BEGINNINGS: [&[u8]; 6] = [
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\x1f\x8b\x08\x1c\0\0\0\0\0\x03\x04\0",
    b"\x28\xb5\x2f\xfd\x04\x00",
    b"\x28\xb5\x2f\xfd\xe4\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x50\x2a\x4d\x18\x04\0\0\0abcd",
    b"ustar\x0000",
];

/// Raw bytes, keys of the built-in rules, enrolled values in all their forms, and wrappings of all of them.
pub fn content(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = pieces(u, DEPTH)?;
    out.truncate(MAX);
    Ok(out)
}

fn pieces(u: &mut Unstructured<'_>, depth: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..u.int_in_range(1..=5u8)? {
        if u.is_empty() || out.len() > MAX {
            break;
        }
        piece(u, depth, &mut out)?;
    }
    Ok(out)
}

fn piece(u: &mut Unstructured<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    let mut rng = Rng::new(u.arbitrary::<u8>()?.into());
    match u.int_in_range(0..=11u8)? {
        0 => {
            let n = u.int_in_range(0..=200usize)?;
            out.extend(u.bytes(n.min(u.len()))?);
        }
        1 => out.extend(wrap::text(&mut rng)),
        2 => out.extend(keys::github(&mut rng, "ghp_")),
        3 => {
            let entry = u.choose(&RULES)?;
            let templates = if u.ratio(3, 4)? { &entry.examples } else { &entry.counter_examples };
            if let Ok(key) = example::expand(u.choose(templates)?, entry.rule.checksum, rng.next_u64()) {
                out.extend(key);
            }
        }
        4 => out.extend(u.choose(&FORMS)?.spell(u.choose(&SECRETS)?)),
        5 => out.extend(*u.choose(&BEGINNINGS)?),
        6 => {
            // What is long in a container is short outside.
            let n = u.int_in_range(1..=if depth == DEPTH { 300 } else { 30_000usize })?;
            let byte: u8 = u.arbitrary()?;
            out.extend(std::iter::repeat_n(byte, n));
        }
        7 => {
            let n = u.int_in_range(1..=300usize)?;
            out.extend(rng.text(keys::BASE64URL, n));
        }
        _ if depth == 0 => out.push(u.arbitrary()?),
        _ => {
            let layer = *u.choose(&wrap::LAYERS)?;
            let inner = pieces(u, depth - 1)?;
            let mut wrapped = wrap::wrap(&mut rng, layer, &inner);
            damage(u, &mut wrapped)?;
            out.extend(wrapped);
        }
    }
    Ok(())
}
