//! Ids of AWS's keys in signatures (Signature Version 4): by them a service knows whose signature it is, and they open nothing by themselves.
//!
//! ```text
//! Authorization: AWS4-HMAC-SHA256 Credential=AKIA.../20261129/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0123...
//! GET /key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA...%2F20261129%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0123...
//! ```

use std::ops::Range;

use exfilter_wire::places::Place;

/// The rules of such ids.
const RULES: [&str; 3] = ["aws-access-key-id", "aws-temporary-key-id", "aws-bearer-key-id"];

/// What stands before an id in a header.
const BEFORE: [&[u8]; 2] = [b"AWS4-HMAC-SHA256 Credential=", b"AWS4-ECDSA-P256-SHA256 Credential="];

/// The longest part of a scope.
const WORD: usize = 64;

/// Whether what a rule has found there is the id in a signature.
pub(super) fn is_id(rule: &str, place: &Place, value: &[u8], found: &Range<u64>) -> bool {
    let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let (Some(before), Some(behind)) = (value.get(..at(found.start)), value.get(at(found.end)..)) else {
        return false;
    };
    RULES.contains(&rule)
        && match place {
            Place::Parameter(_) => before.is_empty() && behind_scope(behind) == Some(b""),
            Place::Header(_) => {
                BEFORE.contains(&before) && behind_scope(behind).is_some_and(|rest| rest.starts_with(b","))
            }
            _ => false,
        }
}

/// What follows `/day/region/service/aws4_request`; one for several regions has no region.
fn behind_scope(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|b| *b == b',').unwrap_or(text.len());
    let words: Vec<&[u8]> = text[..end].split(|b| *b == b'/').collect();
    let is_word = |word: &&[u8]| {
        (1..=WORD).contains(&word.len())
            && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let [b"", day, words @ .., b"aws4_request"] = &words[..] else { return None };
    let is_scope = day.len() == 8
        && day.iter().all(u8::is_ascii_digit)
        && (1..=2).contains(&words.len())
        && words.iter().all(is_word);
    is_scope.then_some(&text[end..])
}

#[cfg(test)]
mod tests {
    use exfilter_testing::Rng;

    use super::*;

    #[test]
    fn ids_stand_before_a_scope() {
        let drawn = Rng::new(44).text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16);
        let id = format!("AKIA{}", String::from_utf8_lossy(&drawn));
        let is = |rule: &str, place: &Place, before: &str, behind: &str| {
            let value = format!("{before}{id}{behind}");
            let start = before.len() as u64;
            is_id(rule, place, value.as_bytes(), &(start..start + id.len() as u64))
        };
        let (header, parameter) =
            (Place::Header("authorization".into()), Place::Parameter(b"X-Amz-Credential".to_vec()));
        let scope = "/20261129/eu-west-1/s3/aws4_request";
        let rest = format!("{scope}, SignedHeaders=host, Signature=00");
        assert!(is(RULES[0], &header, "AWS4-HMAC-SHA256 Credential=", &rest));
        assert!(
            is(RULES[1], &parameter, "", scope) && is(RULES[1], &parameter, "", "/20261129/s3/aws4_request")
        );
        for (rule, place, before, behind) in [
            ("github-pat", &parameter, "", scope),
            (RULES[0], &parameter, "x", scope),
            (RULES[0], &parameter, "", ""),
            (RULES[0], &parameter, "", "/20261129/aws4_request"),
            (RULES[0], &parameter, "", "/2026112x/eu-west-1/s3/aws4_request"),
            (RULES[0], &parameter, "", "/20261129/eu west/s3/aws4_request"),
            (RULES[0], &parameter, "", "/20261129/eu-west-1/s3/aws4_request/x"),
            (RULES[0], &parameter, "", &rest),
            (RULES[0], &header, "AWS4-HMAC-SHA256 Credential=", scope),
            (RULES[0], &header, "Bearer ", &rest),
            (RULES[0], &Place::Body, "", scope),
        ] {
            assert!(!is(rule, place, before, behind), "{rule} {before} {behind}");
        }
    }
}
