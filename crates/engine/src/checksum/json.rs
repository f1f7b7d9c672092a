//! [`Json`]: just enough JSON to know an object, and two of its members.

/// A reader of JSON that keeps nothing. Every method gives `None` where the text is not JSON.
pub(super) struct Json<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Json<'a> {
    /// How deep a value may nest.
    const DEPTH: u32 = 4;

    /// The string under the key `alg`, as it is spelled, if the whole text is an object with one; the last of several.
    pub(super) fn alg(&mut self) -> Option<&'a [u8]> {
        let mut alg = None;
        self.object(|key, rest| {
            if key == b"alg" && rest.first() == Some(&b'"') {
                alg = Json { rest }.string();
            }
        })?;
        alg
    }

    /// The digits under the key `exp`, if the whole text is an object with one that is a whole number or begins with one; `None` where there are several.
    pub(super) fn exp(&mut self) -> Option<&'a [u8]> {
        let (mut exp, mut several) = (None, false);
        self.object(|key, rest| {
            if key == b"exp" {
                several |= exp.is_some();
                let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                let (digits, rest) = rest.split_at(len);
                exp = Some((digits, rest.first().copied()));
            }
        })?;
        let ends = |next: Option<u8>| !matches!(next, Some(b'e' | b'E'));
        exp.filter(|(digits, next)| !several && !digits.is_empty() && ends(*next)).map(|(digits, _)| digits)
    }

    /// Whether the whole text is an object.
    pub(super) fn is_object(&mut self) -> bool {
        self.object(|_, _| ()).is_some()
    }

    /// Reads the whole text as one object, and shows each key with what follows its colon.
    fn object(&mut self, mut member: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
        self.space();
        self.items(b'{', b'}', |json| {
            let key = json.string()?;
            json.colon()?;
            member(key, json.rest);
            json.value(Json::DEPTH)
        })?;
        self.space();
        self.rest.is_empty().then_some(())
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
