//! Published vectors, and constructions computed a second time.

use super::*;

/// CRC-32 bit by bit, most significant bit first on reflected bytes: shares nothing with `crc32fast`.
fn crc32(bytes: &[u8]) -> u32 {
    let mut state = u32::MAX;
    for byte in bytes {
        state ^= u32::from(byte.reverse_bits()) << 24;
        for _ in 0..8 {
            let carry = state >> 31 == 1;
            state <<= 1;
            if carry {
                state ^= 0x04c1_1db7;
            }
        }
    }
    (!state).reverse_bits()
}

fn digits(mut number: u32, base: u32, len: usize) -> String {
    let mut out = Vec::new();
    while number > 0 {
        let digit = (number % base) as u8;
        out.push(match (base, digit) {
            (_, 0..=9) => b'0' + digit,
            (36, _) => b'a' + digit - 10,
            (_, 10..=35) => b'A' + digit - 10,
            _ => b'a' + digit - 36,
        });
        number /= base;
    }
    while out.len() < len {
        out.push(b'0');
    }
    out.reverse();
    String::from_utf8(out).unwrap()
}

fn body(len: usize, seed: u64) -> String {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            char::from(BASE62[(state >> 33) as usize % 62])
        })
        .collect()
}

#[track_caller]
fn valid(checksum: Checksum, token: &str) {
    assert!(checksum.verify(token.as_bytes()), "{token}");
    let mut spoilt = token.as_bytes().to_vec();
    let place = checksum.place(&spoilt).unwrap();
    spoilt[place.clone()].fill(b'?');
    assert!(!checksum.verify(&spoilt), "{token}");
    assert!(checksum.fill(&mut spoilt), "{token}");
    assert_eq!(spoilt, token.as_bytes());
    for at in (0..token.len()).filter(|at| checksum != Checksum::Sha256Base32 || *at < 85) {
        let mut other = token.as_bytes().to_vec();
        other[at] = if other[at] == b'Z' { b'Y' } else { b'Z' };
        // A prefix that the construction leaves out may change.
        let free = match checksum {
            Checksum::Crc32Base62 | Checksum::Crc32BodyHex => at <= first(token.as_bytes(), b'_').unwrap(),
            Checksum::Crc32LeBase64 => at < 4,
            _ => false,
        };
        assert!(free || !checksum.verify(&other), "{token} at {at}");
    }
}

#[test]
fn crc_constructions() {
    for seed in 0..40 {
        let b = body(30, seed);
        valid(Checksum::Crc32Base62, &format!("ghp_{b}{}", digits(crc32(b.as_bytes()), 62, 6)));
        let b = body(54, seed);
        let crc = crc32(b.as_bytes());
        let mut spelled = String::new();
        let bits: Vec<bool> =
            crc.to_le_bytes().iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1 == 1)).collect();
        for six in bits.chunks(6) {
            let value = (0..6).fold(0, |v, i| v * 2 + usize::from(six.get(i).copied().unwrap_or(false)));
            spelled.push(char::from(BASE64[value]));
        }
        valid(Checksum::Crc32LeBase64, &format!("cflt{b}{spelled}"));
        let b = body(32, seed);
        let crc = crc32(format!("glsa_{b}").as_bytes()).to_le_bytes();
        valid(
            Checksum::Crc32LeHex,
            &format!("glsa_{b}_{:02x}{:02x}{:02x}{:02x}", crc[0], crc[1], crc[2], crc[3]),
        );
        valid(Checksum::Crc32BodyHex, &format!("zpka_{b}_{:08x}", crc32(b.as_bytes())));
        let head = format!("ATATT3{}=", body(180, seed));
        valid(Checksum::Crc32UpperHex, &format!("{head}{:08X}", crc32(head.as_bytes())));
        let head = format!("glpat-{}.01.0r", body(27, seed));
        valid(Checksum::Crc32Base36, &format!("{head}{}", digits(crc32(head.as_bytes()), 36, 7)));
    }
}

#[test]
fn crc_of_the_standard_check_string() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
}

#[test]
fn spellings_of_a_known_crc() {
    // CRC-32("hello") is 3610a686.
    for (checksum, blank, filled) in [
        (Checksum::Crc32BodyHex, "z_hello_........", "z_hello_3610a686"),
        (Checksum::Crc32Base62, "x_hello......", "x_hello0zNvy2"),
        (Checksum::Crc32LeBase64, "xxxxhello......", "xxxxhellohqYQNg"),
    ] {
        let mut token = blank.as_bytes().to_vec();
        assert!(checksum.fill(&mut token));
        assert_eq!(token, filled.as_bytes());
    }
}

#[test]
fn sha256_of_a_known_text() {
    // FIPS 180: SHA-256("abc") begins ba7816bf 8f; its first 40 bits in base32 are XJ4BNP4P.
    let digest = Sha256::digest(b"abc");
    assert_eq!(digest[..5], [0xba, 0x78, 0x16, 0xbf, 0x8f]);
    let token = format!("github_pat_{}_{}", body(22, 7), body(59, 8));
    let mut bytes = token.into_bytes();
    assert!(Checksum::Sha256Base32.fill(&mut bytes));
    valid(Checksum::Sha256Base32, std::str::from_utf8(&bytes).unwrap());
}

#[test]
fn bech32_of_published_texts() {
    // Valid texts of BIP-173.
    for text in [
        "A12UEL5L",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    ] {
        assert!(Checksum::Bech32.verify(text.as_bytes()), "{text}");
    }
    for text in ["A1G7SGD8", "x1b4n0q5v", "li1dgmt3", "A12UEL5Ll", "1qzzfhee"] {
        assert!(!Checksum::Bech32.verify(text.as_bytes()), "{text}");
    }
}

#[test]
fn aws_accounts() {
    // Assembled so that no key-shaped text stands here. Both ids and accounts are published.
    for (head, tail, account) in
        [("ASIA", "QNZGKIQY56JQ7WML", 29_608_264_753), ("AKIA", "IOSFODNN7EXAMPLE", 581_039_954_779)]
    {
        assert_eq!(Checksum::aws_account(format!("{head}{tail}").as_bytes()), Some(account));
    }
    assert_eq!(Checksum::aws_account(b"AKIA0000000000000000"), None);
    assert_eq!(Checksum::aws_account(b"AKIA"), None);
}

/// Base64url without padding.
fn spell_url(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |v, i| v << 8 | u32::from(group.get(i).copied().unwrap_or(0)));
        for i in 0..=group.len() {
            let digit = BASE64[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(char::from(match digit {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            }));
        }
    }
    out
}

#[test]
fn json_web_tokens() {
    let spell = |text: &str| spell_url(text.as_bytes());
    let payload = spell(r#"{"sub":"1"}"#);
    let token =
        |header: &str, signature: usize| format!("{}.{payload}.{}", spell(header), body(signature, 1));
    for (good, signature) in [
        (r#"{"alg":"HS256","typ":"JWT"}"#, 43),
        (r#"{ "typ" : "JWT", "alg" : "none" }"#, 0),
        (r#"{"crit":["b64",1.5e3],"x":{"y":[true,null,{}]},"alg":"RS256"}"#, 171),
        (r#"{"kid":"a\"b{","alg":"ES256"}"#, 86),
        (r#"{"alg":"ES384"}"#, 128),
        (r#"{"alg":"ES512"}"#, 176),
        (r#"{"alg":"HS384"}"#, 64),
        (r#"{"alg":"another"}"#, 22),
    ] {
        assert!(Checksum::Jwt.verify(token(good, signature).as_bytes()), "{good}");
        assert!(Checksum::Jwt.verify(token(good, signature + 1).as_bytes()), "{good}");
        // Cut in its signature, before it, in its second part.
        for short in 1..signature + payload.len() {
            let cut = token(good, signature);
            assert!(!Checksum::Jwt.verify(&cut.as_bytes()[..cut.len() - short]), "{good} {short}");
        }
        assert!(!Checksum::Jwt.verify(spell(good).as_bytes()), "{good}");
        assert!(Checksum::Jwt.may_begin(spell(good).as_bytes()), "{good}");
        // So long that a rule sees no more of it.
        let long = format!("{}.eyJ{}", spell(good), body(997, 2));
        assert!(Checksum::Jwt.verify(long.as_bytes()), "{good}");
        assert!(!Checksum::Jwt.verify(&long.as_bytes()[..long.len() - 1]), "{good}");
    }
    for bad in [
        r#"{"typ":"JWT"}"#,
        r#"{"alg":1}"#,
        r#"{"alg":"HS256""#,
        r#"{"alg":"HS256"}x"#,
        r#"{"x":{"alg":"HS256"}}"#,
        r#"{"a":[[[[[[1]]]]]],"alg":"HS256"}"#,
        r#"["alg"]"#,
        "{}",
    ] {
        assert!(!Checksum::Jwt.verify(token(bad, 400).as_bytes()), "{bad}");
    }
}

#[test]
fn pypi_macaroons() {
    let token = |issuer: &str, caveats: &[&[u8]], signature: usize| {
        let mut bytes = vec![2, 1, issuer.len() as u8];
        bytes.extend(issuer.bytes());
        bytes.extend([2, 36]);
        bytes.extend(body(36, 3).bytes());
        bytes.push(0);
        for caveat in caveats {
            bytes.push(2);
            if caveat.len() > 127 {
                bytes.push(caveat.len() as u8 | 0x80);
            }
            bytes.push(if caveat.len() > 127 { (caveat.len() >> 7) as u8 } else { caveat.len() as u8 });
            bytes.extend_from_slice(caveat);
            bytes.push(0);
        }
        bytes.extend([0, 6, signature as u8]);
        bytes.extend(body(signature, 4).bytes());
        format!("pypi-{}", spell_url(&bytes))
    };
    for (issuer, caveats) in [
        ("pypi.org", &[][..]),
        ("pypi.org", &[&b"{\"version\": 1, \"permissions\": \"user\"}"[..], &[b'x'; 200]][..]),
        ("test.pypi.org", &[&b"{}"[..]][..]),
    ] {
        let whole = token(issuer, caveats, 32);
        assert!(Checksum::PypiMacaroon.verify(whole.as_bytes()), "{issuer}");
        assert!(Checksum::PypiMacaroon.may_begin(whole.as_bytes()));
        for len in 0..whole.len() {
            assert!(!Checksum::PypiMacaroon.verify(&whole.as_bytes()[..len]), "{issuer} {len}");
        }
    }
    assert!(!Checksum::PypiMacaroon.verify(token("pypi.com", &[], 32).as_bytes()));
    assert!(!Checksum::PypiMacaroon.verify(token("pypi.org", &[], 31).as_bytes()));
    // Longer than what is looked at.
    assert!(Checksum::PypiMacaroon.verify(&token("pypi.org", &[&[b'x'; 900]], 32).as_bytes()[..1100]));
    assert!(Checksum::PypiMacaroon.may_begin(b"pypi-AgEIcHlwaS5vcmcCJDAwMDA"));
    assert!(Checksum::PypiMacaroon.may_begin(b"pypi-AgENdGVzdC5weXBpLm9yZwIk"));
    assert!(!Checksum::PypiMacaroon.may_begin(b"pypi-AgEpypi-AgEpypi-AgE"));
}

#[test]
fn total_on_any_bytes() {
    let mut state = 1u64;
    for round in 0..20_000 {
        let mut value = Vec::new();
        for _ in 0..round % 100 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let symbols = b"_.=1-AaZz09{\"\\\xff\x00eyJ27 +/";
            value.push(symbols[(state >> 40) as usize % symbols.len()]);
        }
        for checksum in Checksum::ALL {
            let verified = checksum.verify(&value);
            if checksum.fill(&mut value) {
                assert!(checksum.verify(&value));
            } else if checksum.ends_token() && checksum != Checksum::Base58Check {
                assert!(!verified);
            }
        }
    }
}

#[test]
fn synapse_and_its_authentication_service() {
    for seed in 0..40 {
        let head = format!("syt_{}_{}", body(8, seed), body(20, seed + 100));
        let sum = digits(crc32(head.as_bytes()), 62, 6);
        valid(Checksum::Crc32HeadBase62, &format!("{head}_{sum}"));
        let head = format!("mat_{}", body(30, seed));
        let sum = digits(crc32(head.as_bytes()), 62, 1);
        let reversed: String = sum.chars().rev().collect();
        valid(Checksum::Crc32HeadReversed, &format!("{head}_{reversed:0>6}"));
    }
    // CRC-32("hello") is 3610a686, 0zNvy2 in base62.
    let mut token = *b"hello_......";
    assert!(Checksum::Crc32HeadBase62.fill(&mut token));
    assert_eq!(&token, b"hello_0zNvy2");
    assert!(Checksum::Crc32HeadReversed.fill(&mut token));
    assert_eq!(&token, b"hello_02yvNz");
}

/// Base32 without padding.
fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1)).collect();
    let digit = |five: &[u8]| (0..5).fold(0, |v, i| v * 2 + usize::from(five.get(i).copied().unwrap_or(0)));
    bits.chunks(5).map(|five| char::from(BASE32[digit(five)])).collect()
}

#[test]
fn crc16_of_the_standard_check_string_and_seeds() {
    let crc = |bytes: &[u8]| bytes.iter().fold(0, |crc, byte| crc16::step(crc, *byte));
    assert_eq!(crc(b"123456789"), 0x31c3);
    // NATS' seeds have 34 bytes before the checksum, Stellar's 33.
    for (first, len) in [(&[0x95u8, 0x00][..], 34), (&[0x90], 33), (&[1, 2, 3], 10)] {
        for seed in 0..40 {
            let mut bytes = [first, body(len, seed).as_bytes()].concat();
            bytes.truncate(len);
            bytes.extend(crc(&bytes).to_le_bytes());
            let mut token = base32(&bytes).into_bytes();
            assert!(Checksum::Crc16Base32.verify(&token));
            for at in 0..token.len() {
                let mut other = token.clone();
                other[at] = if other[at] == b'Z' { b'Y' } else { b'Z' };
                assert!(!Checksum::Crc16Base32.verify(&other), "{at} of {len}");
            }
            // The first character of the place may hold bits of the body, which filling takes from there.
            let place = Checksum::Crc16Base32.place(&token).unwrap();
            token[place.start + 1..].fill(b'?');
            assert!(Checksum::Crc16Base32.fill(&mut token));
            assert_eq!(token, base32(&bytes).into_bytes());
        }
    }
}

#[test]
fn crc16_of_published_strkeys() {
    // SEP-23: a public key's strkey has the construction of a seed's.
    let good = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
    assert!(Checksum::Crc16Base32.verify(good.as_bytes()));
    for bad in [
        "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGA",
        "ga7qynf7sowq3glr2bgmzehxavirza4kvwltjjfc7mgxua74p7ujvsgz",
    ] {
        assert!(!Checksum::Crc16Base32.verify(bad.as_bytes()), "{bad}");
    }
}

#[test]
fn marvin_of_published_texts() {
    // Of the tests of .NET's runtime.
    for (seed, bytes, hash) in [
        (0x004f_b61a_001b_dbcc, &[][..], 0x30ed_35c1_00cd_3c7d),
        (0x004f_b61a_001b_dbcc, &[0xaf], 0x48e7_3fc7_7d75_ddc1),
        (0x004f_b61a_001b_dbcc, &[0xe7, 0x0f], 0xb5f6_e1fc_485d_bff8),
        (0x004f_b61a_001b_dbcc, &[0x37, 0xf4, 0x95], 0xf0b0_7c78_9b8c_f7e8),
        (0x004f_b61a_001b_dbcc, &[0x86, 0x42, 0xdc, 0x59], 0x7008_f2e8_7e9c_f556),
        (0x004f_b61a_001b_dbcc, &[0x15, 0x3f, 0xb7, 0x98, 0x26], 0xe6c0_8c6d_a2af_a997),
        (0x804f_b61a_001b_dbcc, &[0xaf], 0x6820_1f91_960e_bf91),
    ] {
        assert_eq!(azure::marvin64(bytes, seed), hash);
    }
}

#[test]
fn keys_of_azure() {
    for seed in 0..40 {
        for key in [
            format!("{}+ASt......==", body(76, seed)),
            format!("{}ACDb......==", body(76, seed)),
            format!("{}+AEh......=", body(33, seed)),
            format!("{}+ACR......", body(42, seed)),
            format!("{}_{}AzFu......==", body(20, seed), body(23, seed + 1)),
            format!("{}JQQJ99{}....", body(52, seed), body(22, seed + 1)),
            format!("{}JQQJ9D{}......==", body(52, seed), body(22, seed + 1)),
        ] {
            let mut key = key.into_bytes();
            assert!(Checksum::AzureMarvin.fill(&mut key));
            assert!(Checksum::AzureMarvin.verify(&key));
            assert!(!key.contains(&b'.'));
            // The seeds of a service differ by what the first word of a key may differ by.
            for at in (6..key.len()).filter(|at| key[*at].is_ascii_alphanumeric()) {
                let mut other = key.clone();
                other[at] = if other[at] == b'Z' { b'Y' } else { b'Z' };
                assert!(!Checksum::AzureMarvin.verify(&other), "{at} of {}", key.escape_ascii());
            }
        }
    }
    for other in ["", "==", "+ASt......==", &"a".repeat(88), &format!("{}+XYZ......==", body(76, 1))] {
        assert!(!Checksum::AzureMarvin.verify(other.as_bytes()));
        assert!(!Checksum::AzureMarvin.fill(&mut other.as_bytes().to_vec()));
    }
    // What does not fit its alignment: the first character of these checksums begins with zero bits.
    let mut key = format!("{}+AEh......=", body(33, 3)).into_bytes();
    assert!(Checksum::AzureMarvin.fill(&mut key));
    assert!(key[37].is_ascii_uppercase() && key[37] <= b'P');
    let mut key = format!("{}+ACR......", body(42, 3)).into_bytes();
    assert!(Checksum::AzureMarvin.fill(&mut key));
    assert!(key[46].is_ascii_uppercase() && key[46] <= b'D');
}

#[test]
fn base58check_of_published_texts() {
    // Addresses, which have the construction of keys: that of the first block, and one of BIP-13's kind. Then the keys
    // of the first test vector of BIP-32, in pieces so that no key-shaped text stands here.
    for text in ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG"] {
        assert!(Checksum::Base58Check.verify(text.as_bytes()), "{text}");
        for at in 0..text.len() {
            let mut other = text.as_bytes().to_vec();
            other[at] = if other[at] == b'Z' { b'Y' } else { b'Z' };
            assert!(!Checksum::Base58Check.verify(&other), "{text} at {at}");
        }
    }
    let public = [
        "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhe",
        "PY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
    ];
    assert!(Checksum::Base58Check.verify(public.concat().as_bytes()));
    for bad in ["", "1", "1111", &"1".repeat(200), "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "0OIl"] {
        assert!(!Checksum::Base58Check.verify(bad.as_bytes()), "{bad}");
    }
}

#[test]
fn words_of_published_wallets() {
    // Of BIP-39's test vectors: entropy of zeros, of ones, of 0x7f. Made of the words that repeat.
    let phrase = |word: &str, n: usize, last: &str| format!("{}{last}", format!("{word} ").repeat(n));
    for good in [
        phrase("abandon", 11, "about"),
        phrase("zoo", 11, "wrong"),
        phrase("abandon", 17, "agent"),
        phrase("abandon", 23, "art"),
        phrase("zoo", 23, "vote"),
        phrase("Zoo", 11, "WRONG").replace(' ', ", "),
        phrase("zoo", 11, "wrong").replace(' ', "\n"),
    ] {
        assert!(Checksum::Bip39.verify(good.as_bytes()), "{good}");
    }
    for bad in [
        String::new(),
        phrase("abandon", 11, "abandon"),
        phrase("abandon", 10, "about"),
        phrase("abandon", 11, "aboutt"),
        phrase("abandon", 11, "configuration"),
        phrase("zoo", 26, "vote"),
    ] {
        assert!(!Checksum::Bip39.verify(bad.as_bytes()), "{bad}");
    }
}

#[test]
fn macaroons() {
    let packet = |text: &str| format!("{:04x}{text}\n", text.len() + 5);
    let spell = |text: &str| {
        let mut out = String::new();
        for group in text.as_bytes().chunks(3) {
            let bits = (0..3).fold(0u32, |v, i| v << 8 | u32::from(group.get(i).copied().unwrap_or(0)));
            out.extend((0..=group.len()).map(|i| char::from(BASE64[(bits >> (18 - 6 * i)) as usize & 63])));
        }
        out
    };
    let whole = packet("location http://bank.example/")
        + &packet("identifier a key of ours")
        + &packet("cid this account only")
        + &packet(&format!("signature {}", body(32, 5)));
    let token = spell(&whole);
    assert!(Checksum::Macaroon.verify(token.as_bytes()));
    assert!(Checksum::Macaroon.verify(format!("{token}==").as_bytes()));
    for len in 0..token.len() - 1 {
        assert!(!Checksum::Macaroon.verify(&token.as_bytes()[..len]), "{len}");
    }
    let long = whole.replace("only", &"x".repeat(700));
    let long = packet("location a") + &packet("identifier b") + &packet(&format!("cid {}", &long[100..800]));
    assert!(Checksum::Macaroon.verify(&spell(&long).as_bytes()[..900]));
    for bad in [
        packet("location http://bank.example/"),
        packet("location ") + &packet("identifier x") + &packet(&format!("signature {}", body(32, 5))),
        packet("locatiom a") + &packet("identifier x") + &packet(&format!("signature {}", body(32, 5))),
        packet("location a") + &packet("cid x") + &packet(&format!("signature {}", body(32, 5))),
        packet("location a") + &packet("identifier x") + &packet("signature x"),
        "ffff".to_string() + "location x\n0000",
        "zzzz".to_string() + "location x\n0000identifier",
    ] {
        assert!(!Checksum::Macaroon.verify(spell(&bad).as_bytes()), "{bad}");
    }
    assert!(!Checksum::Macaroon.verify(b""));
}

#[test]
fn what_is_spelled_verifies() {
    // The published texts again: the first block's address, and words of zeros.
    let hash = [
        0x00, 0x62, 0xe9, 0x07, 0xb1, 0x5c, 0xbf, 0x27, 0xd5, 0x42, 0x53, 0x99, 0xeb, 0xf6, 0xf0, 0xfb, 0x50,
        0xeb, 0xb8, 0x8f, 0x18,
    ];
    assert_eq!(Checksum::Base58Check.spell(&hash).unwrap(), b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa");
    let words = String::from_utf8(Checksum::Bip39.spell(&[0; 16]).unwrap()).unwrap();
    assert_eq!(words, format!("{}about", "abandon ".repeat(11)));
    for seed in 0..60u64 {
        for len in [16, 20, 24, 28, 32] {
            let bytes = body(len, seed).into_bytes();
            for checksum in [Checksum::Base58Check, Checksum::Bip39] {
                assert!(checksum.verify(&checksum.spell(&bytes).unwrap()));
            }
        }
    }
    assert_eq!(Checksum::Bip39.spell(b"short"), None);
    assert_eq!(Checksum::Base58Check.spell(&[1; 200]), None);
    assert_eq!(Checksum::Jwt.spell(b""), None);
}

#[test]
fn keys_of_openai() {
    for side in [20, 58, 74] {
        for prefix in ["sk-", "sk-proj-", "sk-svcacct-", "sk-admin-"] {
            let key = format!("{prefix}{}T3BlbkFJ{}", body(side, 1), body(side, 2));
            assert!(Checksum::OpenAi.verify(key.as_bytes()), "{key}");
            for len in 0..key.len() {
                assert!(!Checksum::OpenAi.verify(&key.as_bytes()[..len]), "{prefix} {len}");
            }
            assert!(!Checksum::OpenAi.verify(format!("{key}x").as_bytes()));
        }
    }
    // The marker may be in the random part as well.
    let key = format!("sk-proj-{}T3BlbkFJ-{}T3BlbkFJ{}", body(58, 1), body(20, 2), body(29, 3));
    assert!(Checksum::OpenAi.verify(key.as_bytes()));
}

#[test]
fn objects_in_base64() {
    for prefix in ["", "glc_", "ops_"] {
        let object = format!(r#"{{"o":"{}","k":[1,{{}}],"n":true}}"#, body(60, 1));
        let token = format!("{prefix}{}", spell_url(object.as_bytes()));
        assert!(Checksum::Base64Json.verify(token.as_bytes()));
        assert!(Checksum::Base64Json.verify(format!("{token}=").as_bytes()));
        for len in 0..token.len() {
            assert!(!Checksum::Base64Json.verify(&token.as_bytes()[..len]), "{prefix} {len}");
        }
        // Longer than what is looked at.
        let long = format!(r#"{{"o":"{}""#, body(1300, 1));
        assert!(Checksum::Base64Json.verify(spell_url(long.as_bytes()).as_bytes()));
    }
    assert!(!Checksum::Base64Json.verify(spell_url(br#"{"o":"x"}{"#).as_bytes()));
    assert!(!Checksum::Base64Json.verify(b"glc_"));
}

#[test]
fn blocks_of_pem() {
    // The lines are put together here, for whole ones are what a scan looks for.
    let line = |word: &str| format!("-----{word} {}-----", ["PRIVATE", "KEY"].join(" "));
    let block = |body: &str, newline: &str| {
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("{}{newline}{}{newline}{}", line("BEGIN"), lines.join(newline), line("END"))
    };
    let text = body(200, 1).replace("kk", "++");
    let whole = block(&text, "\n");
    let digest = Checksum::pem_digest(whole.as_bytes());
    for newline in ["\n", "\r\n", "\\n", "\\r\\n", "\n    ", "\\n\"\n  \"", "%0A", "\\\\n"] {
        let block = block(&text, newline);
        assert!(Checksum::Pem.verify(block.as_bytes()), "{newline:?}");
        assert_eq!(Checksum::pem_digest(block.as_bytes()), digest, "{newline:?}");
        let cut = &block.as_bytes()[..block.len() - line("END").len()];
        assert!(!Checksum::Pem.verify(cut), "{newline:?}");
    }
    assert_eq!(Checksum::pem_digest(whole.replace('+', "%2b").as_bytes()), digest);
    assert_ne!(Checksum::pem_digest(block(&body(200, 2), "\n").as_bytes()), digest);
    // What the first 200 characters are is what counts.
    let longer = |seed| block(&format!("{text}{}", body(300, seed)), "\n");
    assert_eq!(Checksum::pem_digest(longer(3).as_bytes()), Checksum::pem_digest(longer(4).as_bytes()));
    let long = longer(3);
    let cut = &long.as_bytes()[..27 + 400 + 7];
    assert!(Checksum::Pem.verify(cut));
    assert!(!Checksum::Pem.verify(&cut[..cut.len() - 2]));
    // A template, and no block at all.
    assert!(!Checksum::Pem.verify(block(&body(59, 1), "\n").as_bytes()));
    assert!(Checksum::Pem.verify(block(&body(60, 1), "\n").as_bytes()));
    for other in ["", "-----", "-----BEGIN", "----------", "-----BEGIN-----"] {
        assert!(!Checksum::Pem.verify(other.as_bytes()), "{other}");
    }
}

#[test]
fn a_private_key_says_that_it_has_a_passphrase() {
    let line = |word: &str, kind: &str| format!("-----{word} {}-----", [kind, "PRIVATE", "KEY"].join(" "));
    let block = |kind: &str, text: &str| format!("{}\n{text}\n{}\n", line("BEGIN", kind), line("END", kind));
    let text = body(200, 1);
    // The magic words, the length of a cipher's name, the name.
    let openssh = |cipher: &str| {
        let head = [b"openssh-key-v1\0\0\0\0".as_slice(), &[cipher.len() as u8], cipher.as_bytes(), &[0; 40]]
            .concat();
        let head = exfilter_testing::wrap::base64(&head, false, true);
        block("OPENSSH", str::from_utf8(&head).unwrap())
    };
    for (key, locked) in [
        (block("RSA", &text), false),
        (block("RSA", &format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233\n\n{text}")), true),
        (block("RSA", &format!("Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC,00112233\\n\\n{text}")), true),
        (block("RSA", &format!("Comment: 4,ENCRYPTED\n\n{text}")), false),
        (block("RSA", &format!("Proc-Type: 4,ENCRYPTED\n\n{text}")), false),
        (
            block("RSA", &format!("Comment: a\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{text}")),
            false,
        ),
        (openssh("none"), false),
        (openssh("aes256-ctr"), true),
        (openssh("chacha20-poly1305@openssh.com"), true),
        ("-----BEGIN".into(), false),
        (String::new(), false),
    ] {
        assert_eq!(
            Checksum::Pem.is_locked(key.as_bytes()),
            locked,
            "{}",
            key.lines().take(2).collect::<String>().len()
        );
    }
    assert!(!Checksum::Jwt.is_locked(openssh("aes256-ctr").as_bytes()));
}

#[test]
fn a_token_says_that_nobody_signed_it() {
    let part = |json: &str| exfilter_testing::wrap::base64(json.as_bytes(), true, false);
    for (header, spent) in
        [(r#"{"alg":"none"}"#, true), (r#"{"typ":"JWT","alg":"None"}"#, true), (r#"{"alg":"HS256"}"#, false)]
    {
        let token = [part(header), part(r#"{"sub":"a"}"#), vec![b'a'; 43]].join(&b'.');
        assert_eq!(Checksum::Jwt.is_spent(&token), spent, "{header}");
    }
}

#[test]
fn a_token_says_that_its_time_is_over() {
    let part = |json: &str| exfilter_testing::wrap::base64(json.as_bytes(), true, false);
    let token = |claims: &str| [part(r#"{"alg":"HS256"}"#), part(claims), vec![b'a'; 43]].join(&b'.');
    for (claims, spent) in [
        (r#"{"sub":"a","exp":1700000000}"#, true),
        (r#"{ "exp" : 1700000000.5 , "sub":"a"}"#, true),
        (r#"{"sub":"a","exp":1767225599}"#, true),
        (r#"{"sub":"a","exp":1767225600}"#, false),
        (r#"{"sub":"a","iat":1700000000}"#, false),
        (r#"{"sub":"a","inner":{"exp":1700000000}}"#, false),
        (r#"{"exp":1700000000,"exp":9999999999}"#, false),
        (r#"{"sub":"a","exp":1700000000e3}"#, false),
        (r#"{"sub":"a","exp":"1700000000"}"#, false),
        (r#"{"sub":"a","exp":1700000000000}"#, false),
        (r#"{"sub":"a","exp":0}"#, false),
        (r#"{"sub":"a","exp":99999999999999999999999}"#, false),
        (r#"{"sub":"a","exp":1700000000"#, false),
    ] {
        let token = token(claims);
        assert!(Checksum::Jwt.verify(&token), "{claims}");
        assert_eq!(Checksum::Jwt.is_spent(&token), spent, "{claims}");
    }
    assert!(!Checksum::Jwt.is_spent(b"") && !Checksum::Jwt.is_spent(b"eyJ."));
    // Of what is longer no more is seen.
    let long = format!(r#"{{"exp":1700000000,"sub":"{}"}}"#, "a".repeat(JWT_LONG));
    assert!(!Checksum::Jwt.is_spent(&token(&long)));
}

/// Characters that make the claims of a token longer than what is looked at.
const JWT_LONG: usize = 1000;
