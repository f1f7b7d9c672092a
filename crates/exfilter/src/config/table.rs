//! [`Table`]: a table of TOML of which every field must be known, and what its fields are.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use exfilter_engine::{HostPattern, ParseError};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use crate::substitute::TokenHost;

/// The longest text that is read, in bytes: a policy has a few hundred.
const TEXT_MAX: usize = 256 << 10;

/// The longest list of hosts.
const HOSTS_MAX: usize = 10_000;

/// The longest name that is repeated where it is none of ours, in bytes: less than any secret has.
const NAME_MAX: usize = 11;

/// A text under its name.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn parse(&self) -> Result<DeTable<'a>, ConfigError> {
        if self.text.len() > TEXT_MAX {
            return Err(self.fault(0..0, "", format!("is longer than {} KiB", TEXT_MAX >> 10)));
        }
        let parsed = DeTable::parse(self.text).map(Spanned::into_inner);
        parsed.map_err(|error| {
            let message = error.message().replace('\n', " ");
            self.fault(error.span().unwrap_or(0..0), "", format!("is no TOML: {message}"))
        })
    }

    pub(super) fn fault(
        &self,
        span: Range<usize>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> ConfigError {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        ConfigError::new(self.name, line, field.into(), message.into())
    }
}

/// A table that is being read.
pub(super) struct Table<'t, 'a> {
    document: Document<'a>,
    /// The names of the tables that it is in, each with a dot behind it.
    path: String,
    fields: &'t DeTable<'a>,
}

/// A name that is the file's own.
pub(super) struct Named {
    pub(super) name: String,
    span: Range<usize>,
}

/// A field of it.
struct Field<'t, 'a> {
    name: String,
    value: &'t DeValue<'a>,
    span: Range<usize>,
}

impl<'t, 'a> Table<'t, 'a> {
    /// The outermost table; all of its fields are `known`.
    pub(super) fn new(
        document: Document<'a>,
        fields: &'t DeTable<'a>,
        known: &[&str],
    ) -> Result<Table<'t, 'a>, ConfigError> {
        let table = Table { document, path: String::new(), fields };
        table.check(known)?;
        Ok(table)
    }

    /// A table in this one.
    pub(super) fn table(&self, key: &str, known: &[&str]) -> Result<Option<Table<'t, 'a>>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(None) };
        let DeValue::Table(fields) = field.value else {
            return Err(self.fault(&field, format!("is a table; write [{}{key}]", self.path)));
        };
        let table = Table { document: self.document, path: format!("{}{key}.", self.path), fields };
        table.check(known)?;
        Ok(Some(table))
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        what: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(None) };
        let given = field.value.as_str();
        let found = words.iter().find(|(word, _)| Some(*word) == given).map(|(_, value)| *value);
        found.map(Some).ok_or_else(|| {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.fault(&field, format!("is no {what}; write {}", listed(&all, "or")))
        })
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(None) };
        field.value.as_bool().map(Some).ok_or_else(|| self.fault(&field, "write true or false"))
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(None) };
        let (least, most) = (range.start(), range.end());
        integer(field.value).filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            self.fault(&field, format!("write a whole number from {least} to {most}, without quotes"))
        })
    }

    /// A number of bytes: `65536`, or `"64 KiB"`.
    pub(super) fn bytes(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(None) };
        let given = integer(field.value).or_else(|| field.value.as_str().and_then(size));
        given.filter(|bytes| range.contains(bytes)).map(Some).ok_or_else(|| {
            let (least, most) = (shown(*range.start()), shown(*range.end()));
            self.fault(
                &field,
                format!("write a number of bytes from {least} to {most}, as 65536 or \"64 KiB\""),
            )
        })
    }

    /// A list of hosts.
    pub(super) fn hosts(&self, key: &str) -> Result<Option<Vec<HostPattern>>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(None) };
        self.hosts_in(&field, HostPattern::parse).map(Some)
    }

    /// A table of lists of hosts with or without ports, by names that are the file's own, each with its line; none of them is repeated in an error.
    pub(super) fn hosts_by_name(&self, key: &str) -> Result<Vec<(Named, Vec<TokenHost>)>, ConfigError> {
        let Some(field) = self.field(key) else { return Ok(Vec::new()) };
        let DeValue::Table(fields) = field.value else {
            return Err(self.fault(&field, format!("is a table; write [{}{key}]", self.path)));
        };
        let one = |(name, value): (&Spanned<_>, &'t Spanned<DeValue<'a>>)| {
            let name: &Cow<'a, str> = name.get_ref();
            let field =
                Field { name: format!("{}{key}.?", self.path), value: value.get_ref(), span: value.span() };
            let hosts = self.hosts_in(&field, TokenHost::parse)?;
            Ok((Named { name: name.clone().into_owned(), span: field.span }, hosts))
        };
        fields.iter().map(one).collect()
    }

    /// That something is wrong with a name of such a table.
    pub(super) fn wrong_name(&self, key: &str, named: &Named, message: &str) -> ConfigError {
        self.document.fault(named.span.clone(), format!("{}{key}.?", self.path), message)
    }

    fn hosts_in<T>(
        &self,
        field: &Field<'t, 'a>,
        parse: impl Fn(&[u8]) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ConfigError> {
        let remedy = "write a list of hosts, as in [\"api.example.com\", \"*.example.org\"]";
        let list = field.value.as_array().ok_or_else(|| self.fault(field, remedy))?;
        if list.len() > HOSTS_MAX {
            return Err(self.fault(field, format!("has more than {HOSTS_MAX} hosts; write *.suffix instead")));
        }
        let host = |item: &Spanned<DeValue<'a>>| {
            let at = Field { name: field.name.clone(), value: item.get_ref(), span: item.span() };
            let text = item.get_ref().as_str().ok_or_else(|| self.fault(&at, remedy))?;
            parse(text.as_bytes())
                .map_err(|error| self.fault(&at, format!("one of them is no host: {error}; {remedy}")))
        };
        list.iter().map(host).collect()
    }

    /// That a field is missing, or is wrong in another way.
    pub(super) fn wrong(&self, key: &str, message: &str) -> ConfigError {
        match self.field(key) {
            Some(field) => self.fault(&field, message),
            None => self.document.fault(0..0, format!("{}{key}", self.path), message),
        }
    }

    /// Refuses the first field that is none of these.
    fn check(&self, known: &[&str]) -> Result<(), ConfigError> {
        let unknown = self.fields.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown.min_by_key(|(key, _)| key.span().start) else { return Ok(()) };
        let name = key.get_ref().as_ref();
        let near = known.iter().map(|known| (distance(name, known), *known)).min();
        let near = near
            .filter(|(steps, known)| *steps <= (known.len() / 2).min(2).max(known.len() / 5))
            .map(|(_, known)| known);
        let remedy = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("known are {}", listed(known, "and")),
        };
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let name = if is_plain && (near.is_some() || name.len() <= NAME_MAX) { name } else { "?" };
        Err(self.document.fault(
            key.span(),
            format!("{}{name}", self.path),
            format!("is not known here; {remedy}"),
        ))
    }

    fn field(&self, key: &str) -> Option<Field<'t, 'a>> {
        let (_, value) = self.fields.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Field { name: format!("{}{key}", self.path), value: value.get_ref(), span: value.span() })
    }

    fn fault(&self, field: &Field<'_, '_>, message: impl Into<String>) -> ConfigError {
        self.document.fault(field.span.clone(), field.name.clone(), message)
    }
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// `64 KiB`, `8MiB`, `16 GiB`, `512 B`.
fn size(text: &str) -> Option<u64> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(end);
    let shift = UNITS.iter().find(|(name, _)| *name == unit.trim_start_matches(' '))?.1;
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// A number of bytes with its unit.
fn shown(bytes: u64) -> String {
    let fits = |shift: u32| bytes >> shift << shift == bytes && bytes >> shift > 0;
    match UNITS.iter().find(|(_, shift)| fits(*shift)) {
        Some((unit, shift)) => format!("{} {unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// `a, b or c`.
fn listed<T: AsRef<str>>(words: &[T], last: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((word, [])) => (*word).to_owned(),
        Some((word, others)) => format!("{} {last} {word}", others.join(", ")),
        None => String::new(),
    }
}

/// How many characters differ, are missing or are too many; of long names, that they are long.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let other = 1 + row[j].min(row[j + 1]);
            let steps = other.min(diagonal + usize::from(x != y));
            diagonal = std::mem::replace(&mut row[j + 1], steps);
        }
    }
    row[b.len()]
}
