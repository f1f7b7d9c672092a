//! Numbers, texts and lists as bytes, little-endian.

/// Bytes that are written.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

/// Bytes that are read; every length is checked against what is left before anything is allocated for it.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Writer {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    /// # Panics
    ///
    /// At 4 GiB, which nothing that an engine is made of has.
    pub(super) fn len(&mut self, len: usize) {
        self.u32(u32::try_from(len).expect("an engine's parts have less than 4 GiB"));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.0.extend(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        self.len(items.len());
        items.iter().for_each(|item| each(self, item));
    }

    /// A flag before the value.
    pub(super) fn option<T>(&mut self, item: Option<&T>, each: impl FnOnce(&mut Writer, &T)) {
        self.u8(u8::from(item.is_some()));
        if let Some(item) = item {
            each(self, item);
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok()
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.bytes()?).ok().map(String::from)
    }

    /// Items of at least a byte each, so that a length tells of no more of them than there are bytes.
    pub(super) fn list<T>(&mut self, mut each: impl FnMut(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
        let len = self.u32()? as usize;
        if len > self.0.len() {
            return None;
        }
        (0..len).map(|_| each(self)).collect()
    }

    pub(super) fn option<T>(&mut self, each: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? { each(self).map(Some) } else { Some(None) }
    }
}

/// A closed list of values, written as places in it.
pub(super) trait Code: Copy + 'static {
    /// In the order of [`Code::code`].
    const ALL: &'static [Self];

    fn code(self) -> u8;
}

/// Gives an enum its [`Code`]: all variants in the order of their declaration. A missing one does not compile, a wrong place fails a test.
macro_rules! codes {
    ($($name:ident: $($variant:ident),+;)+) => {
        $(impl $crate::saved::bytes::Code for $name {
            const ALL: &'static [$name] = &[$($name::$variant),+];

            fn code(self) -> u8 {
                match self {
                    $($name::$variant => $name::$variant as u8),+
                }
            }
        })+

        #[cfg(test)]
        #[test]
        fn codes_are_places() {
            $(for (place, value) in <$name as $crate::saved::bytes::Code>::ALL.iter().enumerate() {
                let code = $crate::saved::bytes::Code::code(*value);
                assert_eq!(usize::from(code), place, "{}", stringify!($name));
            })+
        }
    };
}

pub(super) use codes;

impl Writer {
    pub(super) fn code(&mut self, value: impl Code) {
        self.u8(value.code());
    }
}

impl Reader<'_> {
    pub(super) fn code<T: Code>(&mut self) -> Option<T> {
        T::ALL.get(usize::from(self.u8()?)).copied()
    }
}
