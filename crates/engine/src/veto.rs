//! [`Veto`]: shapes that a value has which is no secret.

/// The closed list of shapes that a rule of low or medium confidence may leave out.
///
/// A rule finds values beside a name (`api_key = ...`), and many of these are identifiers, digests and placeholders. A veto looks at the value
/// alone, never at where it stands. Rules of high confidence have none: what has a form of its own is reported whatever it looks like.
///
/// # Examples
///
/// ```
/// use exfilter_engine::Veto;
///
/// assert!(Veto::Words.holds(b"your-access-token-goes-here"));
/// assert!(Veto::Uuid.holds(b"00000000-0000-0000-0000-000000000000"));
/// assert!(!Veto::Words.holds(b"q7Gx2mZk90LwTf4s"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Veto {
    /// A UUID: most are names of things.
    Uuid,
    /// Hexadecimal digits of the length of a digest (32, 40, 56, 64, 96 or 128), or `sha256-` and the like before a digest: hashes of commits,
    /// files and packages.
    Digest,
    /// The beginning of a public key or a certificate, in base64.
    PublicKey,
    /// Names made of words: three of four characters stand in pieces that could be spoken, and few are digits.
    Words,
    /// Counting and repeating: half of the characters follow from the one before, as in `0123456789abcdef` and `xxxxxxxx`.
    Sequence,
    /// A word that marks a placeholder stands in it (`example`, `changeme`, `your`).
    Placeholder,
}

impl Veto {
    /// Every shape, in the order of declaration.
    pub const ALL: [Veto; 6] =
        [Veto::Uuid, Veto::Digest, Veto::PublicKey, Veto::Words, Veto::Sequence, Veto::Placeholder];

    /// The word used in rule files.
    pub fn as_str(self) -> &'static str {
        match self {
            Veto::Uuid => "uuid",
            Veto::Digest => "digest",
            Veto::PublicKey => "public-key",
            Veto::Words => "words",
            Veto::Sequence => "sequence",
            Veto::Placeholder => "placeholder",
        }
    }

    /// Whether `value` has the shape. Never panics, for any bytes, and takes time linear in their number.
    pub fn holds(self, value: &[u8]) -> bool {
        match self {
            Veto::Uuid => uuid(value),
            Veto::Digest => digest(value),
            Veto::PublicKey => PUBLIC.iter().any(|head| value.starts_with(head.as_bytes())),
            Veto::Words => words(value),
            Veto::Sequence => sequence(value),
            Veto::Placeholder => placeholder(value),
        }
    }
}

/// Base64 of how public keys and certificates begin: SSH's types, PEM's first lines, the algorithm of a SubjectPublicKeyInfo.
const PUBLIC: &[&str] = &[
    "AAAAB3NzaC1yc2E",
    "AAAAC3NzaC1lZDI1NTE5",
    "AAAAE2VjZHNhLXNoYTItbmlzdHA",
    "LS0tLS1CRUdJTiBDRVJU",
    "LS0tLS1CRUdJTiBQVUJM",
    "LS0tLS1CRUdJTiBSU0EgUFVCTEl",
    "MIIBIjANBgkqhkiG9w0BAQEFAAOC",
    "MIICIjANBgkqhkiG9w0BAQEFAAOC",
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GN",
    "MFkwEwYHKoZIzj0CAQYI",
    "MHYwEAYHKoZIzj0CAQYF",
    "MCowBQYDK2VwAyEA",
];

/// What people write where a secret belongs.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "your",
    "dummy",
    "sample",
    "redacted",
    "replace",
    "insert",
    "foobar",
    "xxxx",
    "****",
    "mysecret",
    "my_secret",
    "my-secret",
    "mytoken",
    "my_token",
    "my-token",
    "testtest",
];

fn uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn digest(value: &[u8]) -> bool {
    let named = ["sha1", "sha256", "sha384", "sha512", "md5"].iter().any(|name| {
        let rest = value.strip_prefix(name.as_bytes());
        rest.is_some_and(|rest| matches!(rest.first(), Some(b'-' | b':' | b'=')))
    });
    let length = matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128);
    named || (length && value.iter().all(u8::is_ascii_hexdigit))
}

fn sequence(value: &[u8]) -> bool {
    let follows = |pair: &&[u8]| pair[0].abs_diff(pair[1]) <= 1;
    let wraps =
        |pair: &&[u8]| matches!(pair, [b'9', b'0' | b'a' | b'A'] | [b'z', b'A' | b'0'] | [b'Z', b'a' | b'0']);
    let count = value.windows(2).filter(|pair| follows(pair) || wraps(pair)).count();
    value.len() > 1 && count * 2 >= value.len() - 1
}

fn placeholder(value: &[u8]) -> bool {
    PLACEHOLDERS
        .iter()
        .any(|word| value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
}

fn words(value: &[u8]) -> bool {
    let mut spoken = 0;
    let mut digits = 0;
    let mut rest = value;
    while let Some(first) = rest.first() {
        digits += usize::from(first.is_ascii_digit());
        // A word is letters of one case, of which the first may be a capital.
        let tail = &rest[1..];
        let lower = tail.iter().take_while(|b| b.is_ascii_lowercase()).count();
        let upper = tail.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let len = match first {
            b'a'..=b'z' => 1 + lower,
            b'A'..=b'Z' if lower > 0 => 1 + lower,
            b'A'..=b'Z' => 1 + upper,
            _ => 1,
        };
        let (word, behind) = rest.split_at(len);
        if word.len() >= 3 && can_be_spoken(word) {
            spoken += word.len();
        } else if word.len() == 1 && matches!(word[0], b'_' | b'-' | b'.' | b'/' | b' ') {
            // What joins words.
            spoken += 1;
        }
        rest = behind;
    }
    spoken * 4 >= value.len() * 3 && digits * 10 <= value.len()
}

/// Whether letters have vowels, and neither too many of them in a row nor too few.
fn can_be_spoken(word: &[u8]) -> bool {
    let vowel = |b: u8| matches!(b.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let (mut run, mut longest, mut longest_of_vowels, mut vowels, mut last) = (0, 0, 0, 0, None);
    for byte in word {
        let is = vowel(*byte);
        vowels += usize::from(is);
        run = if last == Some(is) { run + 1 } else { 1 };
        last = Some(is);
        let most = if is { &mut longest_of_vowels } else { &mut longest };
        *most = run.max(*most);
    }
    vowels * 4 >= word.len() && longest_of_vowels <= 3 && longest <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (veto, holds) in [
            (Veto::Uuid, &["123e4567-e89b-12d3-a456-426614174000"][..]),
            (Veto::Digest, &["d41d8cd98f00b204e9800998ecf8427e", "sha512-abc+/=", "sha256:00", "md5-x"]),
            (Veto::PublicKey, &["MCowBQYDK2VwAyEAabc", "AAAAC3NzaC1lZDI1NTE5AAAAIabc"]),
            (
                Veto::Words,
                &[
                    "your-access-token-goes-here",
                    "SvgIconComponent",
                    "application_configuration_provider",
                    "MY_SECRET_NAME",
                    "spring.security.oauth2.client.provider",
                ],
            ),
            (Veto::Sequence, &["0123456789abcdef", "aaaaaaaaaaaa", "1234567890abcdefghij", "abcabcabcabc"]),
            (Veto::Placeholder, &["myEXAMPLEkey", "ChangeMe123", "a-xxxx-b", "YOUR_KEY"]),
        ] {
            for value in holds {
                assert!(veto.holds(value.as_bytes()), "{veto:?} {value}");
                assert!(Veto::ALL.contains(&veto));
            }
        }
    }

    #[test]
    fn random_values_have_none() {
        let mut state = 7u64;
        let mut next = move |bound: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % bound
        };
        let alphabets: [&[u8]; 4] = [
            b"0123456789abcdef",
            b"abcdefghijklmnopqrstuvwxyz0123456789",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        ];
        let mut vetoed = 0;
        for round in 0..40_000 {
            let alphabet = alphabets[round % 4];
            // Of no length that digests have.
            let value: Vec<u8> = (0..24 + next(7)).map(|_| alphabet[next(alphabet.len())]).collect();
            vetoed += usize::from(Veto::ALL.iter().any(|veto| veto.holds(&value)));
        }
        // One in two thousand.
        assert!(vetoed <= 20, "{vetoed} of 40 000");
    }

    #[test]
    fn total_on_any_bytes() {
        for len in 0..70 {
            let value: Vec<u8> = (0..len).map(|i| (i * 37 % 256) as u8).collect();
            for veto in Veto::ALL {
                let _ = veto.holds(&value);
            }
        }
    }
}
