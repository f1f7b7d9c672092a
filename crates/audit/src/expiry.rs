//! When a credential ends: what JSON Web Tokens, certificates and the fields beside a token say.

use zeroize::Zeroizing;

use exfilter_codec::base64::{Phase, is_char};

use crate::format::{Format, read};

/// Seconds since 1970 at which a JSON Web Token ends (`exp`), if it says so.
pub(crate) fn of_jwt(token: &[u8]) -> Option<i64> {
    let payload = token.split(|b| *b == b'.').nth(1)?;
    if payload.len() > 64 << 10 {
        return None;
    }
    let json = decoded(payload)?;
    let mut expiry = None;
    read(Format::Json, &json, &mut |name, value, _| {
        if name == b"exp" {
            expiry = number(value);
        }
    });
    expiry
}

/// Decodes base64 or base64url, padding, blanks and line breaks allowed; nothing where anything else stands in it.
pub(crate) fn decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut chars = Zeroizing::new(Vec::with_capacity(text.len() + 3));
    for &byte in text {
        match byte {
            byte if is_char(byte) => chars.push(byte),
            b'=' | b'\n' | b'\r' | b' ' | b'\t' => {}
            _ => return None,
        }
    }
    // A last group of two or three characters is one of four whose rest is zero.
    let left = chars.len() % 4;
    let bytes = chars.len() / 4 * 3 + [0, 0, 1, 2][left];
    if left == 1 {
        return None;
    }
    if left > 0 {
        chars.extend(std::iter::repeat_n(b'A', 4 - left));
    }
    let mut out = Zeroizing::new(Vec::with_capacity(chars.len() / 4 * 3));
    Phase::new(0).decode(&chars, &mut out);
    out.truncate(bytes);
    Some(out)
}

/// A point in time as configurations write it: seconds or milliseconds since 1970, or RFC 3339.
pub(crate) fn of_text(text: &[u8]) -> Option<i64> {
    if let Some(number) = number(text) {
        // Milliseconds have thirteen digits until the year 2286.
        return match number {
            1_000_000_000..=99_999_999_999 => Some(number),
            1_000_000_000_000..=99_999_999_999_999 => Some(number / 1000),
            _ => None,
        };
    }
    rfc3339(std::str::from_utf8(text).ok()?)
}

fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    (whole.len() <= 15).then(|| whole.parse().ok()).flatten()
}

/// `2026-11-29T06:00:00Z`, with or without fractions and an offset; a blank may stand for the `T`.
fn rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 19 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let days = days(part(0, 4)?, part(5, 7)?, part(8, 10)?)?;
    let seconds = days * 86_400 + part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?;
    let rest = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match rest.as_bytes() {
        [sign @ (b'+' | b'-'), ..] if rest.len() >= 6 => {
            let minutes = rest.get(1..3)?.parse::<i64>().ok()? * 60 + rest.get(4..6)?.parse::<i64>().ok()?;
            if *sign == b'+' { minutes * 60 } else { -minutes * 60 }
        }
        _ => 0,
    };
    Some(seconds - offset)
}

/// Days from 1970 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1900..=9999).contains(&year) {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

/// Seconds since 1970 at which the certificate in `text` (PEM) ends, if there is one.
pub(crate) fn of_certificate(text: &[u8]) -> Option<i64> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let start = memchr::memmem::find(text, BEGIN)? + BEGIN.len();
    let len = memchr::memmem::find(&text[start..], b"-----END")?;
    let body = &text[start..start + len];
    if body.len() > 64 << 10 {
        return None;
    }
    not_after(&decoded(body)?)
}

/// The end of the validity of a certificate in DER ([RFC 5280, section 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
///
/// ```text
/// SEQUENCE { SEQUENCE { [0] version, INTEGER serial, SEQUENCE algorithm, SEQUENCE issuer, SEQUENCE { notBefore, notAfter }, ...
/// ```
fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(der)?;
    let (_, mut body, _) = element(certificate)?;
    for _ in 0..5 {
        let (tag, content, rest) = element(body)?;
        // The first sequence that begins with a time is the validity.
        if tag == 0x30
            && let Some((0x17 | 0x18, _, after)) = element(content)
        {
            let (tag, time, _) = element(after)?;
            return time_of(tag, time);
        }
        body = rest;
    }
    None
}

/// The tag and content of the element at the beginning, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let len = rest.get(..count)?.iter().fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
            (len, &rest[count..])
        }
        _ => return None,
    };
    (len <= rest.len()).then(|| (tag, &rest[..len], &rest[len..]))
}

/// UTCTime has two digits of the year, GeneralizedTime four.
fn time_of(tag: u8, time: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(time).ok()?;
    let (year, rest) = match tag {
        0x17 => {
            let year: i64 = text.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        0x18 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let part = |from: usize| rest.get(from..from + 2)?.parse::<i64>().ok();
    Some(days(year, part(0)?, part(2)?)? * 86_400 + part(4)? * 3600 + part(6)? * 60 + part(8).unwrap_or(0))
}

/// A date for people: `2026-11-29`.
pub fn date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year_of_era + carry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times() {
        assert_eq!(of_text(b"1764396000"), Some(1_764_396_000));
        assert_eq!(of_text(b"1764396000123"), Some(1_764_396_000));
        assert_eq!(of_text(b"2025-11-29T06:00:00Z"), Some(1_764_396_000));
        assert_eq!(of_text(b"2025-11-29T08:00:00.123+02:00"), Some(1_764_396_000));
        assert_eq!(of_text(b"3600"), None);
        assert_eq!(of_text(b"soon"), None);
        assert_eq!(date(1_764_396_000), "2025-11-29");
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
    }

    #[test]
    fn base64_is_decoded_whole_or_not_at_all() {
        assert_eq!(decoded(b"dXNlcjpwYXNz").as_deref().map(Vec::as_slice), Some(&b"user:pass"[..]));
        assert_eq!(decoded(b"dXNlcjpwYQ==").as_deref().map(Vec::as_slice), Some(&b"user:pa"[..]));
        assert_eq!(decoded(b"dXNlcjpwYXM").as_deref().map(Vec::as_slice), Some(&b"user:pas"[..]));
        assert!(decoded(b"dXNlc").is_none());
        assert!(decoded(b"no base64!").is_none());
    }

    proptest! {
        #[test]
        fn dates_go_there_and_back(seconds in 0_i64..7_000_000_000) {
            let text = date(seconds);
            let midnight = of_text(format!("{text}T00:00:00Z").as_bytes()).expect("it is a date");
            prop_assert_eq!(midnight, seconds / 86_400 * 86_400);
        }

        #[test]
        fn nothing_makes_them_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = of_text(&bytes);
            let _ = of_jwt(&bytes);
            let _ = not_after(&bytes);
            let _ = of_certificate(&bytes);
        }
    }
}
