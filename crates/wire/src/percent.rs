//! Percent-encoding, undone as receivers undo it.

/// `bytes` with `%XX` undone; what is no escape stays as it is. `+` becomes a blank if `plus` says so, as in forms and queries.
#[must_use]
pub fn decode(bytes: &[u8], plus: Plus) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        out.push(match (first, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (b'+', _) if plus == Plus::Blank => b' ',
            _ => *first,
        });
    }
    out
}

/// What a `+` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Itself, as in paths.
    Itself,
    /// A blank, as in queries and forms.
    Blank,
}

fn digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_others_stay() {
        for (text, plus, expected) in [
            (&b"a%2Fb"[..], Plus::Itself, &b"a/b"[..]),
            (b"a%2fb+c", Plus::Blank, b"a/b c"),
            (b"a+b", Plus::Itself, b"a+b"),
            (b"%", Plus::Blank, b"%"),
            (b"%4", Plus::Blank, b"%4"),
            (b"%zz%41", Plus::Blank, b"%zzA"),
            (b"%%41", Plus::Blank, b"%A"),
            (b"", Plus::Blank, b""),
        ] {
            assert_eq!(decode(text, plus), expected);
        }
    }
}
