//! [`Json`]: just enough JSON to know an object with a string under `alg`.

/// A reader of JSON that keeps nothing. Every method gives `None` where the text is not JSON.
pub(super) struct Json<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Json<'a> {
    /// How deep a value may nest.
    const DEPTH: u32 = 4;

    /// Whether the whole text is an object with a string under the key `alg`.
    pub(super) fn has_alg(&mut self) -> Option<bool> {
        let mut found = false;
        self.space();
        self.eat(b'{')?;
        self.space();
        if self.eat(b'}').is_none() {
            loop {
                self.space();
                let key = self.string()?;
                self.colon()?;
                found |= key == b"alg" && self.rest.first() == Some(&b'"');
                self.value(Json::DEPTH)?;
                self.space();
                if self.eat(b',').is_none() {
                    break;
                }
            }
            self.eat(b'}')?;
        }
        self.space();
        Some(found && self.rest.is_empty())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.rest.first()? {
            b'"' => self.string().map(drop),
            b'{' => self.items(b'{', b'}', |json| {
                json.string()?;
                json.colon()?;
                json.value(depth)
            }),
            b'[' => self.items(b'[', b']', |json| json.value(depth)),
            _ => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                let len = self.rest.iter().take_while(|b| word(b)).count();
                let (text, rest) = self.rest.split_at(len);
                self.rest = rest;
                let number =
                    text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
                (!text.is_empty() && (number || matches!(text, b"true" | b"false" | b"null"))).then_some(())
            }
        }
    }

    fn items(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(open)?;
        self.space();
        if self.eat(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            if self.eat(b',').is_none() {
                return self.eat(close);
            }
        }
    }

    /// A string, as it is spelled between its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let mut at = 0;
        loop {
            match self.rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        let text = &self.rest[..at];
        self.rest = &self.rest[at + 1..];
        Some(text)
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.eat(b':')?;
        self.space();
        Some(())
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn space(&mut self) {
        let len = self.rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.rest = &self.rest[len..];
    }
}
