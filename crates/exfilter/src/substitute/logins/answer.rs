//! [`TokenAnswer`]: the answer of a token endpoint, held whole and rewritten.

use std::fmt;

use exfilter_wire::Headers;
use exfilter_wire::fields::{self, Member};
use exfilter_wire::places::Place;
use zeroize::Zeroizing;

use super::kept::SECRET_MIN;
use super::request::Members;
use super::url::SecretUrl;
use super::{Logins, Token, TokenRequest};
use crate::inspector::decoded;
use crate::substitute::request::{percent, quoted};
use crate::substitute::{Accounts, Asked, SubstituteError};

/// The longest answer, as it comes and decoded, in bytes: they have a few thousand.
const ANSWER_MAX: usize = 1 << 20;

/// The most members of one.
const MEMBERS_MAX: usize = 4096;

/// The most tokens of one.
const TOKENS_MAX: usize = 16;

/// The most memory of a decoder, in bytes: answers are short.
pub(super) const WINDOW: u64 = 8 << 20;

/// An answer as it comes. Holds all of it until its end, which is wiped.
///
/// Of an answer whose tokens are kept outside nothing passes that could not be read. One whose tokens are not kept is looked at, and passes as it came.
pub struct TokenAnswer {
    request: TokenRequest,
    is_success: bool,
    /// Whether it says that it is a part.
    is_part: bool,
    media_type: Vec<u8>,
    codings: Vec<u8>,
    /// Whether a token stands in the head.
    in_head: bool,
    bytes: Zeroizing<Vec<u8>>,
}

/// What becomes of an answer.
pub struct Rewritten {
    body: Option<Zeroizing<Vec<u8>>>,
    /// Whether tokens are kept.
    kept: bool,
    names: Vec<&'static str>,
    words: String,
}

/// Why an answer must not pass. Holds no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerError(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Long,
    Coding,
    Unreadable,
    Head,
    Many,
    Form(SubstituteError),
    Other,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            Kind::Long => "the answer of the token endpoint is longer than 1 MiB",
            Kind::Coding => "the answer of the token endpoint is coded in a way that cannot be undone",
            Kind::Unreadable => {
                "the answer of the token endpoint is neither a JSON document nor a form, so its tokens cannot be kept outside"
            }
            Kind::Head => "a token stands in the head of the token endpoint's answer",
            Kind::Many => "the answer of the token endpoint has more than 16 tokens",
            Kind::Form(error) => return write!(f, "a token of the answer cannot be kept outside: {error}"),
            Kind::Other => {
                "the policy refuses answers with tokens that are not kept outside ([oauth] other = \"block\")"
            }
        };
        f.write_str(text)
    }
}

impl std::error::Error for AnswerError {}

impl TokenAnswer {
    pub(super) fn new(request: TokenRequest, status: u16, headers: &Headers) -> TokenAnswer {
        let codings: Vec<&[u8]> = headers.all("content-encoding").map(<[u8]>::trim_ascii).collect();
        let codings = codings.join(&b","[..]).to_ascii_lowercase();
        let media_type = headers.get("content-type").unwrap_or_default();
        let media_type = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
        let names = request.members();
        let in_head = headers.iter().any(|(_, value)| names.iter().any(|name| is_given(value, name)));
        TokenAnswer {
            is_success: (200..300).contains(&status),
            is_part: status == 206 || headers.get("content-range").is_some(),
            media_type: media_type.trim_ascii().to_ascii_lowercase(),
            codings: if codings == b"identity" { Vec::new() } else { codings },
            in_head,
            request,
            bytes: Zeroizing::default(),
        }
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if there are too many. Those that came before are there still.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), AnswerError> {
        let len = self.bytes.len() + chunk.len();
        if len > ANSWER_MAX {
            return Err(AnswerError(Kind::Long));
        }
        if self.bytes.capacity() < len {
            // Grown by hand, so that no copy is left behind.
            let mut grown = Zeroizing::new(Vec::with_capacity((2 * len).clamp(4 << 10, ANSWER_MAX)));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// What has come so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Ends the answer: its tokens are kept, and their placeholders stand in it.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if it must not pass. Then none of its tokens is kept.
    pub fn finish(&self, logins: &Logins) -> Result<Rewritten, AnswerError> {
        let found = self.found();
        let Some(endpoint) = self.request.endpoint() else {
            let refuses = self.request.refuses_others();
            let names = match found {
                Ok((_, members)) => members.iter().map(|member| member.name).collect(),
                // Who refuses them wants to know.
                Err(error) if refuses => return Err(error),
                Err(_) => Vec::new(),
            };
            if refuses && (self.in_head || !names.is_empty()) {
                return Err(AnswerError(Kind::Other));
            }
            return Ok(Rewritten { body: None, kept: false, names, words: self.request.words() });
        };
        if self.in_head {
            return Err(AnswerError(Kind::Head));
        }
        // Names may stand before it.
        if self.is_part {
            return Err(AnswerError(Kind::Unreadable));
        }
        let (text, found) = found?;
        let tokens: Vec<(Token, Zeroizing<Vec<u8>>)> = found
            .iter()
            .map(|one| (one.token, Zeroizing::new(one.member.value[one.before..].to_vec())))
            .collect();
        if tokens.is_empty() {
            // Without its coding, so that it can be looked at once more.
            let body = (!self.codings.is_empty()).then_some(text);
            return Ok(Rewritten { body, kept: false, names: Vec::new(), words: String::new() });
        }
        let placeholders = logins.keep(endpoint, &tokens).map_err(|error| AnswerError(Kind::Form(error)))?;
        let mut body = Zeroizing::new(Vec::with_capacity(text.len() + ANSWER_MAX / 16));
        let mut at = 0;
        for (one, placeholder) in found.iter().zip(&placeholders) {
            let range = &one.member.range;
            body.extend_from_slice(&text[at..range.start]);
            match one.member.place {
                Place::Json(_) => {
                    body.extend_from_slice(&quoted(&one.member.value[..one.before]));
                    body.extend_from_slice(&quoted(placeholder.as_bytes()));
                }
                _ => body.extend_from_slice(&percent(placeholder.as_bytes())),
            }
            at = range.end;
        }
        body.extend_from_slice(&text[at..]);
        let mut names: Vec<&'static str> = found.iter().map(|one| one.name).collect();
        names.sort_unstable();
        names.dedup();
        Ok(Rewritten { body: Some(body), kept: true, names, words: self.request.words() })
    }

    /// Tells a session of tokens that are given for a credential: they are its own if that is, and a stranger's if not, also where they stay outside. Before the client has them.
    pub fn teach(&self, accounts: &Accounts, asked: &Asked<'_>) {
        let Some(asking) = self.request.asking().filter(|_| self.is_success && !self.is_part) else { return };
        let Ok((_, found)) = self.found() else { return };
        let given: Vec<&[u8]> = found.iter().map(|one| &one.member.value[one.before..]).collect();
        accounts.learn(asked, asking, &given, self.request.keeps());
    }

    /// The text, and the tokens in it, in order.
    fn found(&self) -> Result<(Zeroizing<Vec<u8>>, Vec<Found>), AnswerError> {
        let text = match self.codings.is_empty() {
            true => self.bytes.clone(),
            false if self.bytes.is_empty() => Zeroizing::default(),
            false => {
                decoded(&self.codings, &self.bytes, ANSWER_MAX, WINDOW).ok_or(AnswerError(Kind::Coding))?
            }
        };
        let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let may_be_form =
            matches!(&self.media_type[..], b"application/x-www-form-urlencoded" | b"text/plain" | b"");
        let members = match text.get(blank) {
            None => Some(Members::default()),
            Some(b'{' | b'[') => fields::document(&text, MEMBERS_MAX).map(Members::new),
            Some(_) if may_be_form => {
                let members = fields::fields(&text, MEMBERS_MAX).map(Members::new);
                members.filter(|members| is_form(&text, members))
            }
            Some(_) => None,
        };
        let names = self.request.members();
        let Some(mut members) = members else {
            let lower = Zeroizing::new(text.to_ascii_lowercase());
            let mentions = names.iter().any(|name| lower.windows(name.len()).any(|w| w == name.as_bytes()));
            // Pages of gateways say that something is wrong in HTML.
            return match self.is_success || mentions {
                true => Err(AnswerError(Kind::Unreadable)),
                false => Ok((text, Vec::new())),
            };
        };
        let mut found = Vec::new();
        for member in members.iter_mut() {
            if let Some(url) = self.url(member) {
                if is_nothing(member) {
                    continue;
                }
                let before = url.secret(&member.value).filter(|_| member.is_string);
                let before = before.ok_or(AnswerError(Kind::Unreadable))?;
                found.push(Found { name: url.name, token: Token::Url, before, member: take(member) });
                continue;
            }
            let Some((name, is_whole)) = named(member, names) else {
                // A document within a string, or a form: who reads it finds the token.
                if names.iter().any(|name| is_told_within(&member.value, name)) {
                    return Err(AnswerError(Kind::Unreadable));
                }
                continue;
            };
            // A token that nobody signed opens nothing, and has nothing that could be drawn anew.
            let is_unsigned = Token::of(name) == Token::Id && member.value.ends_with(b".");
            if is_whole && (is_nothing(member) || is_unsigned) {
                continue;
            }
            if !is_whole || !member.is_string {
                return Err(AnswerError(Kind::Unreadable));
            }
            found.push(Found { name, token: Token::of(name), before: 0, member: take(member) });
        }
        if found.len() > TOKENS_MAX {
            return Err(AnswerError(Kind::Many));
        }
        Ok((text, found))
    }

    /// Which address that is a credential a member is.
    fn url(&self, member: &Member) -> Option<&'static SecretUrl> {
        let Place::Json(pointer) = &member.place else { return None };
        self.request.urls().iter().find(|url| url.is_at(pointer))
    }
}

/// A token in an answer.
struct Found {
    name: &'static str,
    token: Token,
    /// Where in the member's value it begins, and goes to its end.
    before: usize,
    member: Member,
}

impl Drop for Found {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.member.value);
    }
}

impl Rewritten {
    /// The body that the client gets instead, without a coding; `None` for the one that came.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_ref().map(|body| &body[..])
    }

    /// Whether tokens of it are kept outside.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// What is told of it: `access_token, refresh_token: the client has placeholders, good at api.example.com`. `None` if there was no token.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let names = || self.names.join(", ");
        (!self.names.is_empty()).then(|| format!("{}: the client has {}", names(), self.words))
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenAnswer({} bytes)", self.bytes.len())
    }
}

impl fmt::Debug for Rewritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rewritten({})", self.names.join(", "))
    }
}

/// A member whose value is taken away from where it is wiped.
fn take(member: &mut Member) -> Member {
    Member {
        place: member.place.clone(),
        range: member.range.clone(),
        value: std::mem::take(&mut member.value),
        is_string: member.is_string,
    }
}

/// Whether a member stands for no value.
fn is_nothing(member: &Member) -> bool {
    member.value.is_empty() || !member.is_string && &member.value[..] == b"null"
}

/// The token that a member is, or stands in, and whether it is all of it. Some readers take names in any case.
fn named(member: &Member, names: &[&'static str]) -> Option<(&'static str, bool)> {
    let of = |text: &[u8]| names.iter().find(|name| text.eq_ignore_ascii_case(name.as_bytes())).copied();
    match &member.place {
        Place::Field(name) => of(name).map(|name| (name, true)),
        Place::Json(pointer) => {
            let mut segments = pointer.split('/').rev();
            match segments.next().and_then(|last| of(last.as_bytes())) {
                Some(name) => Some((name, true)),
                None => segments.find_map(|segment| of(segment.as_bytes())).map(|name| (name, false)),
            }
        }
        _ => None,
    }
}

/// Whether it is nothing but `name=value&name=value`: text is not read as a form.
fn is_form(text: &[u8], members: &[Member]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_plain = |member: &Member| matches!(&member.place, Place::Field(name) if !name.is_empty() && name.iter().all(is_name));
    let pairs = 1 + text.iter().filter(|byte| **byte == b'&').count();
    pairs == members.len() && text.iter().all(u8::is_ascii_graphic) && members.iter().all(is_plain)
}

/// Whether a text has a member of this name with a value: `access_token=x`, `"access_token": "x"`, in any escapes of quotes.
fn is_told_within(value: &[u8], name: &str) -> bool {
    let (value, len) = (Zeroizing::new(value.to_ascii_lowercase()), name.len());
    let begins = |at: usize| at == 0 || !matches!(value[at - 1], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let is_around = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ');
    // What is shorter is a word: `refresh_token: expired`.
    let is_long = |rest: &[u8]| {
        let is_of_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/%".contains(byte);
        rest.iter().take_while(is_of_token).count() >= SECRET_MIN
    };
    let goes_on = |behind: &[u8]| {
        let at = behind.iter().position(|byte| !is_around(byte)).unwrap_or(behind.len());
        let rest = behind[at..].strip_prefix(b"=").or_else(|| behind[at..].strip_prefix(b":"));
        let value =
            rest.map(|rest| &rest[rest.iter().position(|byte| !is_around(byte)).unwrap_or(rest.len())..]);
        value.is_some_and(is_long)
    };
    (0..value.len().saturating_sub(len))
        .any(|at| begins(at) && value[at..].starts_with(name.as_bytes()) && goes_on(&value[at + len..]))
}

/// Whether a field of a head says `access_token=...`.
fn is_given(value: &[u8], name: &str) -> bool {
    let value = Zeroizing::new(value.to_ascii_lowercase());
    let len = name.len();
    // One name may be the end of another: `token` of `csrf-token`.
    let begins = |at: usize| at == 0 || !matches!(value[at - 1], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (0..value.len().saturating_sub(len))
        .any(|at| begins(at) && value[at..].starts_with(name.as_bytes()) && value[at + len] == b'=')
}
