//! The little JSON that conversations need: strings written, and two members of a request read.

/// Appends `text` as a JSON string, quotes included; ASCII only.
pub(crate) fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    string(text, &mut out);
    out
}

/// Reads two members of the object that a body is, as its bytes come: a whole number called `id`, and whether `stream` is true. Everything else is passed
/// over; what is no object has neither. Keeps 16 bytes.
#[derive(Clone, Debug, Default)]
pub struct Members {
    state: State,
    depth: u32,
    token: [u8; 16],
    len: usize,
    key: Key,
    id: Option<i64>,
    stream: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the object.
    #[default]
    Start,
    /// Between tokens.
    Between,
    String,
    Escape,
    /// A number or a word of the object itself.
    Bare,
    Over,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Key {
    #[default]
    Other,
    /// The string that was read last, if a colon follows.
    Read,
    Id,
    Stream,
}

impl Members {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Members {
        Members::default()
    }

    /// Reads on.
    pub fn feed(&mut self, input: &[u8]) {
        for b in input {
            if self.state == State::Over {
                return;
            }
            self.byte(*b);
        }
    }

    /// The number called `id`.
    #[must_use]
    pub fn id(&self) -> Option<i64> {
        self.id
    }

    /// Whether `stream` is true.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.stream
    }

    fn byte(&mut self, b: u8) {
        match self.state {
            State::Start => match b {
                b'{' => (self.state, self.depth) = (State::Between, 1),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => self.state = State::Over,
            },
            State::String => match b {
                b'\\' => self.state = State::Escape,
                b'"' => {
                    self.state = State::Between;
                    self.key = if self.depth == 1 { Key::Read } else { Key::Other };
                }
                _ => self.keep(b),
            },
            State::Escape => {
                // No name that is looked for is written with escapes.
                self.len = self.token.len() + 1;
                self.state = State::String;
            }
            State::Bare => {
                if matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n') {
                    self.value();
                    self.state = State::Between;
                    self.between(b);
                } else {
                    self.keep(b);
                }
            }
            State::Between => self.between(b),
            State::Over => {}
        }
    }

    fn between(&mut self, b: u8) {
        match b {
            b'{' | b'[' => (self.depth, self.key) = (self.depth.saturating_add(1), Key::Other),
            b'}' | b']' => {
                self.depth -= 1;
                self.key = Key::Other;
                if self.depth == 0 {
                    self.state = State::Over;
                }
            }
            b'"' => (self.state, self.len) = (State::String, 0),
            b':' if self.key == Key::Read => {
                self.key = match self.token.get(..self.len) {
                    Some(b"id") => Key::Id,
                    Some(b"stream") => Key::Stream,
                    _ => Key::Other,
                };
            }
            b',' => self.key = Key::Other,
            b' ' | b'\t' | b'\r' | b'\n' | b':' => {}
            _ => {
                (self.state, self.len) = (State::Bare, 0);
                self.keep(b);
            }
        }
    }

    fn keep(&mut self, b: u8) {
        if let Some(slot) = self.token.get_mut(self.len) {
            *slot = b;
            self.len += 1;
        } else {
            self.len = self.token.len() + 1;
        }
    }

    fn value(&mut self) {
        let Some(token) = self.token.get(..self.len).and_then(|token| std::str::from_utf8(token).ok()) else {
            return;
        };
        match self.key {
            Key::Id => self.id = token.parse().ok(),
            Key::Stream => self.stream = token == "true",
            _ => {}
        }
        self.key = Key::Other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<i64>, bool) {
        let mut whole = Members::new();
        whole.feed(text.as_bytes());
        let mut single = Members::new();
        text.bytes().for_each(|b| single.feed(&[b]));
        assert_eq!((whole.id(), whole.stream()), (single.id(), single.stream()));
        (whole.id(), whole.stream())
    }

    #[test]
    fn members_of_the_object_itself_are_read() {
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"id":9,"stream":true}}"#),
            (Some(7), false)
        );
        assert_eq!(read(r#" { "stream" : true , "a":[1,{"id":3}], "id" : -12 }"#), (Some(-12), true));
        assert_eq!(read(r#"{"x":"id","y":5,"id":"7"}"#), (None, false));
        assert_eq!(read(r#"{"i\u0064":5,"a\"id":6,"stream":"true"}"#), (None, false));
        assert_eq!(read(r#"[{"id":1}]"#), (None, false));
        assert_eq!(read(r#"{"id":123456789012345678901}"#), (None, false));
        assert_eq!(read(r#"{"id":1.5}]]]}}"#), (None, false));
    }

    #[test]
    fn strings_are_json() {
        let text = "a\"b\\c\n\u{1}é😀";
        let parsed: String = serde_json::from_str(&quoted(text)).expect("valid JSON");
        assert_eq!(parsed, text);
    }
}
