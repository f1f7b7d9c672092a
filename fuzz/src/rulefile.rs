//! [`rule_file`] and [`foreign_file`]: rule files whose fields are strange and whose form is right, so that most of them parse.

use arbitrary::{Result, Unstructured};
use exfilter_engine::Checksum;

/// What patterns are made of.
const FRAGMENTS: [&str; 30] = [
    "[a-z0-9]",
    "[A-Za-z0-9_-]",
    "[^\\s]",
    "{1,20}",
    "{32}",
    "{0,3}",
    "?",
    "(?P<value>",
    "(?:",
    "(",
    ")",
    "|",
    "(?i:",
    "(?i)",
    "(?u)",
    "(?-u:\\xff)",
    "(?s:.)",
    "\\b",
    "^",
    "$",
    ".",
    "*",
    "\\d",
    "\\x00",
    "é",
    "acme",
    "_",
    "ab",
    "k=",
    "://",
];

const LITERALS: [&str; 8] =
    ["acme_", "ab", "k=", "://", "acme", "é_", "Q~", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"];
const CLASSES: [&str; 6] = ["a-z", "A-Za-z0-9_.~-", "0-9", "z-a", "]", "\\w"];
const BOUNDARIES: [&str; 4] = ["none", "word", "dashed", "base64"];
const TEMPLATES: [&str; 6] =
    ["acme_{hex:32}", "{checksum:6}", "{uuid}", "{b64:{alnum:9}}", "{chars:ab:5}", "{"];

/// A file of one to three rules.
pub fn rule_file(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::from("provider = \"Acme\"\n");
    for i in 0..u.int_in_range(1..=3u8)? {
        let literal = *u.choose(&LITERALS)?;
        let class = if u.ratio(1, 2)? { literal } else { "" };
        let mut pattern = String::from(class);
        for _ in 0..u.int_in_range(1..=8u8)? {
            pattern.push_str(u.choose(&FRAGMENTS)?);
        }
        text += &format!("[[rule]]\nid = \"acme-{i}\"\nopens = \"x\"\nclass = \"service\"\n");
        text += &format!("literals = [\"{literal}\"]\npattern = '{pattern}'\n");
        text += &format!("max_len = {}\n", u.choose(&[2048, 64, 0])?);
        text += &format!("left = \"{}\"\nright = \"{}\"\n", u.choose(&BOUNDARIES)?, u.choose(&BOUNDARIES)?);
        text += &format!("ignore_case = {}\nopen_ended = {}\n", u.ratio(1, 4)?, u.ratio(1, 4)?);
        if u.ratio(1, 3)? {
            let (min, max) = (u.int_in_range(0..=9)?, u.int_in_range(0..=300)?);
            text += &format!("lead = {{ class = '{}', min = {min}, max = {max} }}\n", u.choose(&CLASSES)?);
        }
        if u.ratio(1, 3)? {
            text += &format!("checksum = \"{}\"\n", u.choose(&Checksum::ALL)?.as_str());
        }
        if u.ratio(1, 4)? {
            text += &format!("min_entropy = {}\n", u.choose(&["0.0", "3.5", "8.0", "nan"])?);
        }
        text += &format!("confidence = \"{}\"\n", u.choose(&["low", "medium", "high"])?);
        text += "revoke = \"r\"\nsource = \"https://s.example\"\n";
        text += &format!("examples = ['{}']\n", u.choose(&TEMPLATES)?);
        text += &format!("counter_examples = ['{}']\n", u.choose(&TEMPLATES)?);
    }
    Ok(text)
}

/// What regular expressions that are searched for anywhere are made of, beside that.
const SEARCHED: [&str; 12] = [
    "[\\w.-]{0,9}?",
    "(?:^|[\\s\"])",
    "(?:[\\s;]|\\\\[nr]|$)",
    "(?i)",
    "{2,}",
    "+",
    "\\b",
    "\\z",
    "\\B",
    "[\\s\\S]{9,}",
    "{",
    "(?:k|acme|API)",
];

/// Fields that say how a rule is used, right and wrong.
const FIELDS: [&str; 12] = [
    "entropy = 3.5",
    "entropy = 99",
    "entropy = 'x'",
    "secretGroup = 1",
    "secretGroup = 9",
    "keywords = ['acme', 'k']",
    "path = 'x'",
    "tags = []",
    "skipReport = true",
    "regex = 5",
    "description = ''",
    "allowlist = { regexes = ['x'] }",
];

/// A file of one to three rules in the form of gitleaks.
pub fn foreign_file(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for i in 0..u.int_in_range(1..=3u8)? {
        let mut regex = String::new();
        for _ in 0..u.int_in_range(1..=8u8)? {
            regex.push_str(if u.ratio(1, 2)? { u.choose(&FRAGMENTS)? } else { u.choose(&SEARCHED)? });
        }
        let field = *u.choose(&FIELDS)?;
        text += &format!("[[rules]]\nid = \"acme-{}\"\n{field}\n", i / 2);
        if !field.starts_with("regex") {
            text += &format!("regex = '''{regex}'''\n");
        }
    }
    Ok(text)
}
