//! The places in small bodies where a credential may stand: fields of a form, strings of a JSON document.

use std::ops::Range;

use crate::head::RequestHead;
use crate::percent::{self, Plus};
use crate::places::{Part, Place, Text};

/// The most places of a body.
const PARTS_MAX: usize = 256;

/// The deepest document whose strings are places.
const DEPTH_MAX: usize = 32;

/// The longest pointer to a member, in bytes. Each member has its own, and one long name has many below it.
const POINTER_MAX: usize = 1 << 10;

/// All pointers of a document together, in bytes.
const POINTERS_MAX: usize = 1 << 20;

/// Whether the body of a request has such places.
#[must_use]
pub fn has(head: &RequestHead) -> bool {
    let media_type = head.media_type();
    media_type == b"application/x-www-form-urlencoded" || is_json(&media_type)
}

/// The body as a text with its places; without any where it is not what it says.
#[must_use]
pub fn text(head: &RequestHead, body: &[u8]) -> Text {
    let mut parts = if is_json(&head.media_type()) { json(body).unwrap_or_default() } else { form(body) };
    parts.truncate(PARTS_MAX);
    Text { place: Place::Body, bytes: body.to_vec(), parts }
}

/// What a member of a document, or of a form, is.
pub struct Member {
    /// The names above it and its own, as a JSON pointer has them; of a form its name.
    pub place: Place,
    /// Its value: where it stands, between the quotes of a string, and what that stands for.
    pub range: Range<usize>,
    /// The same, decoded.
    pub value: Vec<u8>,
    /// Whether it is a string: numbers, `true`, `false` and `null` are none.
    pub is_string: bool,
}

/// All members of a JSON document, whatever its media type; `None` if it is none, is too deep, has more than so many of them, or names above a member that are longer than 1 KiB together.
#[must_use]
pub fn document(body: &[u8], most: usize) -> Option<Vec<Member>> {
    let mut reader =
        Reader { body, at: 0, parts: Vec::new(), bare: Some(Vec::new()), most, is_full: false, named: 0 };
    reader.whole()?;
    if reader.is_full {
        return None;
    }
    let member = |is_string| move |Part { place, range, value }| Member { place, range, value, is_string };
    let mut members: Vec<Member> = reader.parts.into_iter().map(member(true)).collect();
    members.extend(reader.bare.into_iter().flatten().map(member(false)));
    members.sort_by_key(|member| member.range.start);
    Some(members)
}

/// All fields of an urlencoded form, whatever its media type; `None` if there are more than so many.
#[must_use]
pub fn fields(body: &[u8], most: usize) -> Option<Vec<Member>> {
    if body.iter().filter(|b| **b == b'&').count() >= most {
        return None;
    }
    let member = |Part { place, range, value }| Member { place, range, value, is_string: true };
    Some(form(body).into_iter().map(member).collect())
}

fn is_json(media_type: &[u8]) -> bool {
    media_type == b"application/json" || media_type.ends_with(b"+json")
}

fn form(body: &[u8]) -> Vec<Part> {
    let mut at = 0;
    let mut parts = Vec::new();
    for pair in body.split(|b| *b == b'&') {
        let start = at;
        at += pair.len() + 1;
        let Some(equals) = pair.iter().position(|b| *b == b'=') else { continue };
        let range = start + equals + 1..start + pair.len();
        let name = percent::decode(&pair[..equals], Plus::Blank);
        let value = percent::decode(&body[range.clone()], Plus::Blank);
        parts.push(Part { place: Place::Field(name), range, value });
    }
    parts
}

/// The strings of a document, by JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)); `None` if it is none.
fn json(body: &[u8]) -> Option<Vec<Part>> {
    let mut reader =
        Reader { body, at: 0, parts: Vec::new(), bare: None, most: PARTS_MAX, is_full: false, named: 0 };
    reader.whole()?;
    Some(reader.parts)
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    parts: Vec<Part>,
    /// Numbers and words, if they are asked for.
    bare: Option<Vec<Part>>,
    /// The most of both.
    most: usize,
    is_full: bool,
    /// How long the pointers are that were kept.
    named: usize,
}

impl Reader<'_> {
    /// The document, and nothing behind it.
    fn whole(&mut self) -> Option<()> {
        self.value(&mut String::new(), 0)?;
        self.blanks();
        (self.at == self.body.len()).then_some(())
    }

    /// Whether one more is kept.
    fn has_room(&mut self) -> bool {
        let has_room = self.parts.len() + self.bare.as_ref().map_or(0, Vec::len) < self.most;
        self.is_full |= !has_room;
        has_room
    }

    /// A copy of a pointer; `None` if there are too many of them.
    fn named(&mut self, pointer: &str) -> Option<Place> {
        self.named += pointer.len();
        (self.named <= POINTERS_MAX).then(|| Place::Json(pointer.to_owned()))
    }

    fn value(&mut self, pointer: &mut String, depth: usize) -> Option<()> {
        self.blanks();
        match self.peek()? {
            _ if depth > DEPTH_MAX => None,
            b'"' => {
                let (range, value) = self.string()?;
                if self.has_room() {
                    let place = self.named(pointer)?;
                    self.parts.push(Part { place, range, value });
                }
                Some(())
            }
            b'{' => self.members(b'}', |reader, _| {
                reader.blanks();
                let (_, name) = reader.string()?;
                reader.blanks();
                reader.take(b':')?;
                let name = String::from_utf8_lossy(&name).replace('~', "~0").replace('/', "~1");
                reader.below(pointer, &name, depth)
            }),
            b'[' => self.members(b']', |reader, n| reader.below(pointer, &n.to_string(), depth)),
            _ => {
                let len = self.body[self.at..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
                    .count();
                let range = self.at..self.at + len;
                self.at += len;
                if self.bare.is_some() && self.has_room() {
                    let value = self.body[range.clone()].to_vec();
                    let part = Part { place: self.named(pointer)?, range, value };
                    self.bare.get_or_insert_default().push(part);
                }
                (len > 0).then_some(())
            }
        }
    }

    fn below(&mut self, pointer: &mut String, name: &str, depth: usize) -> Option<()> {
        let len = pointer.len();
        if len + 1 + name.len() > POINTER_MAX {
            return None;
        }
        pointer.push('/');
        pointer.push_str(name);
        let read = self.value(pointer, depth + 1);
        pointer.truncate(len);
        read
    }

    /// What stands between brackets, with commas.
    fn members(&mut self, end: u8, mut member: impl FnMut(&mut Self, usize) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.blanks();
        if self.peek()? == end {
            self.at += 1;
            return Some(());
        }
        for n in 0.. {
            member(self, n)?;
            self.blanks();
            if self.peek()? == end {
                self.at += 1;
                break;
            }
            self.take(b',')?;
        }
        Some(())
    }

    /// A string: where its characters stand, and what they stand for.
    fn string(&mut self) -> Option<(Range<usize>, Vec<u8>)> {
        self.take(b'"')?;
        let start = self.at;
        let mut value = Vec::new();
        loop {
            let b = self.peek()?;
            self.at += 1;
            match b {
                b'"' => return Some((start..self.at - 1, value)),
                b'\\' => {
                    let escape = self.peek()?;
                    self.at += 1;
                    value.push(match escape {
                        b'"' | b'\\' | b'/' => escape,
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'u' => {
                            let c = self.code_point()?;
                            value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                            continue;
                        }
                        _ => return None,
                    });
                }
                0..b' ' => return None,
                _ => value.push(b),
            }
        }
    }

    fn code_point(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first);
        }
        self.take(b'\\')?;
        self.take(b'u')?;
        let second = self.unit()?;
        char::decode_utf16([first as u16, second as u16]).next()?.ok()
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.body.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    fn take(&mut self, b: u8) -> Option<()> {
        let found = self.peek()? == b;
        self.at += usize::from(found);
        found.then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: &[Part], body: &str) -> Vec<(String, String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = |place: &Place| match place {
            Place::Json(pointer) => pointer.clone(),
            Place::Field(name) => text(name),
            _ => String::new(),
        };
        parts.iter().map(|p| (name(&p.place), body[p.range.clone()].to_string(), text(&p.value))).collect()
    }

    #[test]
    fn strings_of_a_document_are_places() {
        let body = r#" {"a":"x", "b~/c":{"d":["y",1,{"e":"\u00e9\n\ud83d\ude00"}]},"":null, "f":""} "#;
        let found = json(body.as_bytes()).expect("a document");
        let expected = [
            ("/a", "x", "x"),
            ("/b~0~1c/d/0", "y", "y"),
            ("/b~0~1c/d/2/e", r"\u00e9\n\ud83d\ude00", "é\n😀"),
            ("/f", "", ""),
        ];
        assert_eq!(shown(&found, body), expected.map(|(a, b, c)| (a.into(), b.into(), c.into())));
        for none in [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":\"x\"}}",
            "[\"a\",]",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"a\nb\"",
            "{\"a\":}",
        ] {
            assert!(json(none.as_bytes()).is_none(), "{none}");
        }
        assert!(json("[".repeat(100).as_bytes()).is_none());
    }

    #[test]
    fn fields_of_a_form_are_places() {
        let body = "a=1&client%5Fsecret=x%2By+z&b&=q";
        let expected = [("a", "1", "1"), ("client_secret", "x%2By+z", "x+y z"), ("", "q", "q")];
        assert_eq!(
            shown(&form(body.as_bytes()), body),
            expected.map(|(a, b, c)| (a.into(), b.into(), c.into()))
        );
    }

    #[test]
    fn all_members_of_a_document_are_told_or_none() {
        let body = r#"{"a":"x","b":{"c":[1,null,"y"]},"a":true}"#;
        let told = |most| {
            let members = document(body.as_bytes(), most)?;
            let of = |member: &Member| (body[member.range.clone()].to_string(), member.is_string);
            Some(members.iter().map(of).collect::<Vec<_>>())
        };
        let expected = [("x", true), ("1", false), ("null", false), ("y", true), ("true", false)];
        assert_eq!(told(5).expect("there is room"), expected.map(|(text, is)| (text.to_string(), is)));
        assert!(told(4).is_none());
        assert!(document(b"{\"a\":\"x\"", 9).is_none());
        let form = fields(b"a=1&b=%32&c", 3).expect("there is room");
        assert_eq!(form.iter().map(|member| &member.value[..]).collect::<Vec<_>>(), [b"1", b"2"]);
        assert!(fields(b"a=1&b=2&c=3", 2).is_none());
    }

    /// One long name with many members below it would be copied for each.
    #[test]
    fn names_of_members_are_bounded() {
        let below = |len: usize, many: usize| {
            let body = format!("{{\"{}\":[{}1]}}", "a".repeat(len), "1,".repeat(many - 1));
            document(body.as_bytes(), 4096).map(|members| members.len())
        };
        assert_eq!(below(1000, 900), Some(900));
        assert!(below(1024, 1).is_none() && below(1000, 1200).is_none() && below(200, 4096).is_some());
    }
}
