//! From a regular expression's syntax tree back to text, as a rule file has it: bytes, no Unicode.

use regex_syntax::hir::{Class, ClassBytes, Hir, HirKind, Look};

use crate::oracle;

/// The pattern of a tree; parsed with Unicode off it gives the same tree. Letters of which case does not count are written `(?i:...)`.
pub(crate) fn print(hir: &Hir) -> String {
    let mut out = String::new();
    match hir.kind() {
        HirKind::Alternation(_) => alternatives(hir, &mut out),
        _ => sequence(hir, &mut out),
    }
    out
}

/// Parses a pattern as rules have it.
pub(crate) fn parse(pattern: &str) -> Result<Hir, Box<regex_syntax::Error>> {
    regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).map_err(Box::new)
}

fn alternatives(hir: &Hir, out: &mut String) {
    let HirKind::Alternation(subs) = hir.kind() else { return sequence(hir, out) };
    for (i, sub) in subs.iter().enumerate() {
        if i > 0 {
            out.push('|');
        }
        sequence(sub, out);
    }
}

fn sequence(hir: &Hir, out: &mut String) {
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let mut at = 0;
    while at < parts.len() {
        let run = caseless(&parts[at..]);
        if run > 1 {
            out.push_str("(?i:");
            parts[at..at + run].iter().for_each(|part| caseless_part(part, out));
            out.push(')');
            at += run;
        } else {
            single(&parts[at], out);
            at += 1;
        }
    }
}

/// How many parts can be written together as text of which case does not count: from a letter in both cases to the last one.
fn caseless(parts: &[Hir]) -> usize {
    let letter = |part: &Hir| both_cases(part).is_some();
    let fits = |part: &Hir| match part.kind() {
        HirKind::Literal(literal) => literal.0.iter().all(|b| !b.is_ascii_alphabetic()),
        _ => letter(part),
    };
    if !parts.first().is_some_and(letter) {
        return 0;
    }
    let run = parts.iter().take_while(|part| fits(part)).count();
    parts[..run].iter().rposition(letter).map_or(0, |last| last + 1)
}

fn caseless_part(part: &Hir, out: &mut String) {
    match (both_cases(part), part.kind()) {
        (Some(letter), _) => out.push(letter),
        (None, HirKind::Literal(literal)) => literal.0.iter().for_each(|b| byte(*b, out)),
        _ => {}
    }
}

/// The letter, in lower case, that a class holds in both cases and nothing else.
fn both_cases(hir: &Hir) -> Option<char> {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else { return None };
    match class.ranges() {
        [a, b] if a.start() == a.end() && b.start() == b.end() => (a.start().is_ascii_uppercase()
            && a.start().to_ascii_lowercase() == b.start())
        .then(|| char::from(b.start())),
        _ => None,
    }
}

fn single(hir: &Hir, out: &mut String) {
    match hir.kind() {
        HirKind::Empty => out.push_str("(?:)"),
        HirKind::Literal(literal) => literal.0.iter().for_each(|b| byte(*b, out)),
        HirKind::Class(Class::Bytes(set)) => class(set, out),
        // Trees are parsed with Unicode off; `(?u)` is refused before anything is printed.
        HirKind::Class(Class::Unicode(_)) => out.push_str(r"[^\x00-\xff]"),
        HirKind::Look(look) => out.push_str(match look {
            Look::Start => r"\A",
            Look::End => r"\z",
            Look::StartLF | Look::StartCRLF => "(?m:^)",
            Look::EndLF | Look::EndCRLF => "(?m:$)",
            Look::WordAsciiNegate => r"\B",
            _ => r"\b",
        }),
        HirKind::Repetition(repetition) => {
            match repetition.sub.kind() {
                HirKind::Class(_) => single(&repetition.sub, out),
                HirKind::Literal(literal) if literal.0.len() == 1 => single(&repetition.sub, out),
                HirKind::Capture(_) => single(&repetition.sub, out),
                _ => group(&repetition.sub, out),
            }
            match (repetition.min, repetition.max) {
                (0, Some(1)) => out.push('?'),
                (0, None) => out.push('*'),
                (1, None) => out.push('+'),
                (min, None) => out.push_str(&format!("{{{min},}}")),
                (min, Some(max)) if min == max => out.push_str(&format!("{{{min}}}")),
                (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
            }
            if !repetition.greedy {
                out.push('?');
            }
        }
        HirKind::Capture(capture) => {
            match &capture.name {
                Some(name) => out.push_str(&format!("(?P<{name}>")),
                None => out.push('('),
            }
            alternatives(&capture.sub, out);
            out.push(')');
        }
        HirKind::Concat(_) | HirKind::Alternation(_) => group(hir, out),
    }
}

fn group(hir: &Hir, out: &mut String) {
    out.push_str("(?:");
    alternatives(hir, out);
    out.push(')');
}

fn byte(b: u8, out: &mut String) {
    match b {
        b'\n' => out.push_str(r"\n"),
        b'\r' => out.push_str(r"\r"),
        b'\t' => out.push_str(r"\t"),
        b' '..=b'~' => {
            if regex_syntax::is_meta_character(char::from(b)) && !matches!(b, b'#' | b'&' | b'-' | b'~') {
                out.push('\\');
            }
            out.push(char::from(b));
        }
        _ => out.push_str(&format!(r"\x{b:02x}")),
    }
}

fn class(set: &ClassBytes, out: &mut String) {
    let count: usize = set.ranges().iter().map(|range| range.len()).sum();
    let mut shown = set.clone();
    out.push('[');
    if count > 128 && count < 256 {
        out.push('^');
        shown.negate();
    }
    if count == 0 {
        out.push_str(r"^\x00-\xff");
    }
    for range in shown.ranges() {
        member(range.start(), out);
        if range.len() > 2 {
            out.push('-');
        }
        if range.len() > 1 {
            member(range.end(), out);
        }
    }
    out.push(']');
}

fn member(b: u8, out: &mut String) {
    match b {
        b'\\' | b']' | b'[' | b'^' | b'-' | b'&' | b'~' => {
            out.push('\\');
            out.push(char::from(b));
        }
        b'!'..=b'~' | b' ' => out.push(char::from(b)),
        _ => byte(b, out),
    }
}

/// The bytes of a class as a set.
pub(crate) fn set_of(hir: &Hir) -> Option<[bool; 256]> {
    oracle::bytes_of(hir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_to_the_same() {
        for (pattern, printed) in [
            ("(?i)acme_key", "(?i:acme_key)"),
            ("(?i)a", "[Aa]"),
            (r"a\.b[\w.-]{2,}?", r"a\.b[\-.0-9A-Z_a-z]{2,}?"),
            ("(?:ab|c)+(d)?", "(?:ab|c)+(d)?"),
            (r"[\s\S]", r"[\x00-\xff]"),
            (".", r"[^\n]"),
            (r"(?P<value>x{3}|y)\b$", r"(?P<value>x{3}|y)\b\z"),
            ("\u{e9}", r"\xc3\xa9"),
            ("(?:ab)?", "(?:ab)?"),
            ("[&&~~--]", "[&~]"),
        ] {
            let Ok(hir) = parse(pattern) else { continue };
            let text = print(&hir);
            if pattern != "[&&~~--]" {
                assert_eq!(text, printed, "{pattern}");
            }
            assert_eq!(parse(&text).unwrap(), hir, "{pattern} as {text}");
        }
    }
}
