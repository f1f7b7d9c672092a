//! [`Named`]: rules of credentials that are known by the name beside them, `ACME_API_KEY=...`, in all the ways in which people write names and values.
//!
//! The rule file says which words are in the name and what the value looks like; the spellings and what may stand between are the same for all and are written here.
//!
//! ```text
//!   acme Api_ Key      "] =  "     d41d...
//!   head gap  keyword  between     value
//! ```

use std::sync::OnceLock;

use crate::format::LITERAL_LEN;

/// The characters that may stand between the first and the last word of a name, and how many. They are characters of tokens, as a name is, so that the gate passes over what
/// is shorter than [`RUN`].
const GAP: &str = "[A-Za-z0-9_.-]";
const GAP_MAX: usize = 18;
/// How long a name is at least, where more may stand between its words: the length of the runs that the gate looks for.
const RUN: usize = 10;
/// What stands between a name and its value: the end of quotes and brackets; then an assignment, an element or an option; blanks or words; a type; a line of Kubernetes; an
/// attribute or element of XML; a default of Terraform; then the beginning of quotes. Each state of it is one of every rule's automaton.
const BETWEEN: &str = concat!(
    r#"(?:\\?["'`\])]){0,2}(?:"#,
    r"\s{0,3}(?::=|=[=>]?|::?|[,>|]|\|\||\?\?|%3[AD]|\r\n\r\n)\s{0,3}",
    r"| {1,2}(?:(?:is|to) )?",
    r"|: ?(?:&str|[Ss]tring) = ",
    r"| \{ get; set; \} = ",
    r"|\n {1,20}value: ",
    r"| value=",
    r"|</key>\s{1,6}<string>",
    r"| \{\n? {1,4}default {1,3}= ",
    r#")(?:\\?["'`(<])?"#,
);
/// From how many characters on a literal needs no further word.
const STEM: usize = 8;
/// How the words of a head may be joined, as literals have it.
const JOINTS: [&str; 4] = ["", "_", "-", "."];

/// The words of a credential's name.
///
/// A term is `head`, or `head last|last`: a head stands whole, its words joined in any way where the file has `_`, and between it and one of the last words may be more of the name.
pub(crate) struct Named {
    /// How matches begin, in lower case.
    pub(crate) literals: Vec<String>,
    /// The pattern of name and value.
    pub(crate) pattern: String,
    /// The longest match, in bytes; `None` where the value does not parse or has no bound.
    pub(crate) longest: Option<usize>,
}

impl Named {
    /// The literals and the pattern of the terms before a value.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub(crate) fn new(terms: &[String], value: &str) -> Result<Named, String> {
        let mut literals = Vec::new();
        let mut names: Vec<(&str, Vec<&str>)> = Vec::new();
        for term in terms {
            let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_| ".contains(&b);
            let (head, lasts) = term.split_once(' ').unwrap_or((term, ""));
            if !term.bytes().all(sound)
                || head.contains('|')
                || lasts.contains(' ')
                || head.split('_').any(str::is_empty)
            {
                return Err(format!(
                    "`{term}` is no name; write lower-case words, as in \"acme key|token\" or \"acme_api key\""
                ));
            }
            for literal in spellings(stem(head)) {
                if !LITERAL_LEN.contains(&literal.len()) {
                    return Err(format!("`{head}` is too long or too short; write 2 to 32 characters"));
                }
                if !literals.contains(&literal) {
                    literals.push(literal);
                }
            }
            // Heads with the same last words share what stands between, which is the larger part of an automaton.
            match names.iter_mut().find(|(of, _)| *of == lasts) {
                Some((_, heads)) => heads.push(head),
                None => names.push((lasts, vec![head])),
            }
        }
        if names.is_empty() {
            return Err("is empty; write the words of the name, as in \"acme key|token\"".into());
        }
        let name = |(lasts, heads): &(&str, Vec<&str>)| match *lasts {
            "" => heads.iter().map(|head| spelled(head)).collect::<Vec<_>>().join("|"),
            _ => {
                let shortest = heads.iter().map(|head| bare(head)).min().unwrap_or(0);
                let ends: Vec<String> = lasts
                    .split('|')
                    .map(|last| {
                        let least = RUN.saturating_sub(shortest + bare(last));
                        format!("{GAP}{{{least},{GAP_MAX}}}{}", spelled(last))
                    })
                    .collect();
                // Of short words, those that are long enough with what joins them.
                let joined = heads.iter().flat_map(|head| lasts.split('|').map(move |last| (head, last)));
                let is_long = |(head, last): &(&&str, &str)| {
                    shortest + bare(last) < RUN - 1 && head.len() + 1 + last.len() >= RUN
                };
                let whole = joined
                    .filter(is_long)
                    .map(|(head, last)| format!("|{}[_.-]{}", head.replace('_', "[_.-]"), spelled(last)));
                let whole: String = whole.collect();
                let heads: Vec<String> = heads.iter().map(|head| spelled(head)).collect();
                format!("(?:{})(?:{}){whole}", heads.join("|"), ends.join("|"))
            }
        };
        let longest_name = names.iter().map(longest_of).max();
        let names: Vec<String> = names.iter().map(name).collect();
        let pattern = format!("(?i:{}){BETWEEN}(?P<value>{value})", names.join("|"));
        // What stands between is the same for all rules.
        static BETWEEN_MAX: OnceLock<Option<usize>> = OnceLock::new();
        let between = *BETWEEN_MAX.get_or_init(|| longest(BETWEEN));
        let longest = longest_name.and_then(|name| Some(name + between? + longest(value)?));
        Ok(Named { literals, pattern, longest })
    }
}

/// The length of a word of the file with nothing between its parts.
fn bare(word: &str) -> usize {
    word.bytes().filter(|b| *b != b'_').count()
}

/// The longest name of heads and last words.
fn longest_of((lasts, heads): &(&str, Vec<&str>)) -> usize {
    let spelled = |word: &str| word.len() + if word.ends_with("secret") { SECRET_KEY.len() } else { 0 };
    let head = heads.iter().map(|head| spelled(head)).max().unwrap_or(0);
    let last = lasts.split('|').map(spelled).max().unwrap_or(0);
    head + if lasts.is_empty() { 0 } else { GAP_MAX + last }
}

/// What may stand behind a secret, at its longest.
const SECRET_KEY: &str = "_key";

/// A word of the file as a pattern. A secret may be called a secret key.
fn spelled(word: &str) -> String {
    let pattern = word.replace('_', "[_.-]?");
    if word.ends_with("secret") { pattern + "(?:[_.-]?key)?" } else { pattern }
}

/// The first words of a head that are long enough to be seldom: each further word would have five times as many spellings.
fn stem(head: &str) -> &str {
    let ends = head.bytes().enumerate().filter(|(_, b)| *b == b'_').map(|(at, _)| at);
    ends.into_iter().find(|end| *end >= STEM).map_or(head, |end| &head[..end])
}

/// All texts that the pattern of a head stands for.
fn spellings(head: &str) -> Vec<String> {
    let mut words = head.split('_');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(vec![first], |texts, word| {
        texts.iter().flat_map(|text| JOINTS.map(|joint| format!("{text}{joint}{word}"))).collect()
    })
}

/// The longest match of a pattern, in bytes, if it has a bound.
fn longest(pattern: &str) -> Option<usize> {
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()?;
    parsed.properties().maximum_len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Oracle;

    /// A rule of a name with 24 capitals for its value.
    fn rule(terms: &[&str]) -> exfilter_engine::Rule {
        let terms: Vec<String> = terms.iter().map(|term| term.to_string()).collect();
        let named = Named::new(&terms, "[A-Z]{24}").expect("the terms are sound");
        let mut rule = exfilter_engine::Rule::new("acme", "", &named.pattern);
        (rule.literals, rule.ignore_case) = (named.literals, true);
        rule.left = exfilter_engine::Boundary::None;
        rule
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        let oracle = Oracle::new(&[rule(&["brandname key|token"])]);
        let value = "QWERTZUIOPASDFGHJKLYXCVB";
        for text in [
            "BRANDNAME_API_KEY=@",
            "export BRANDNAME_PROD_KEY='@'",
            "const brandnameApiKey = `@`;",
            "brandname.api.key=@",
            "brandname-api-key: \"@\"",
            "{\"brandnameApiKey\":\"@\"}",
            "{\\\"brandname_key\\\": \\\"@\\\"}",
            "variable \"brandname_api_key\" {\n  default = \"@\"",
            "- name: BRANDNAME_API_KEY\n          value: \"@\"",
            "ENV BRANDNAME_API_KEY @",
            "deploy --brandname-token @",
            "deploy --brandname-token=@",
            "os.environ[\"BRANDNAME_API_KEY\"] = \"@\"",
            "process.env.BRANDNAME_API_KEY || '@'",
            "const BRANDNAME_KEY: &str = \"@\";",
            "let brandnameKey: String = \"@\"",
            "public string BrandnameApiKey { get; set; } = \"@\";",
            "brandnameKey := \"@\"",
            "'brandname_api_key' => '@',",
            "<add key=\"BrandnameApiKey\" value=\"@\" />",
            "<key>BrandnameApiKey</key>\n<string>@</string>",
            "<brandnameApiKey>@</brandnameApiKey>",
            "<string name=\"brandname_api_key\">@</string>",
            "VALUES ('brandname_token', '@')",
            "Set `BRANDNAME_API_KEY` to `@` first",
            "| BRANDNAME_API_KEY | `@` |",
            "?brandname_key%3D@&",
        ] {
            let found = oracle.find_all(text.replace('@', value).as_bytes());
            assert_eq!(found.len(), 1, "{text}");
        }
        for text in [
            "BRANDNAME_API_KEY=${@}",
            "brandname_id=@",
            "brandname and a key of something else: then @",
            "brandname_api_key_of_what_is_not_said_here=@",
            "brandname:\n  token: @\n",
            "api_key=@",
            "BRANDNAME_API_KEY=@X",
            "brandnamekey@",
        ] {
            let found = oracle.find_all(text.replace('@', value).as_bytes());
            assert_eq!(found.len(), 0, "{text}");
        }
    }

    #[test]
    fn short_words_are_long_enough_with_what_joins_them() {
        let oracle = Oracle::new(&[rule(&["ab_api key|token"])]);
        let value = "QWERTZUIOPASDFGHJKLYXCVB";
        for (text, is_found) in [
            ("AB_API_KEY=@", true),
            ("ab-api-key: @", true),
            ("AB_API_TOKEN=@", true),
            ("AB_API_PROD_KEY=@", true),
            // The gate passes over what is shorter.
            ("ABAPI_KEY=@", false),
            ("AB_KEY=@", false),
        ] {
            let found = oracle.find_all(text.replace('@', value).as_bytes());
            assert_eq!(found.len(), usize::from(is_found), "{text}");
        }
    }

    #[test]
    fn the_longest_match_is_counted_and_not_parsed() {
        for entry in crate::builtin_entries().into_iter().chain(crate::more_entries()) {
            if entry.rule.pattern.contains(BETWEEN) {
                assert_eq!(
                    longest(&entry.rule.pattern),
                    Some(entry.rule.max_len as usize),
                    "{}",
                    entry.rule.id
                );
            }
        }
    }

    #[test]
    fn a_name_that_is_none_says_what_to_write() {
        for bad in ["Acme key", "acme key token", "a|b key", "_acme key", "acme-key", "x"] {
            let error = Named::new(&[bad.to_string()], "[A-Z]{24}").err().expect(bad);
            assert!(error.contains("write"), "{error}");
        }
        assert!(Named::new(&[], "x").is_err());
        let named = Named::new(&["my_acme_corporation_api key".into()], "x").expect("it is sound");
        assert_eq!(named.literals.len(), 16);
        assert!(named.literals.iter().any(|literal| literal == "my-acmecorporation"));
        // A short name needs more of it, so that the gate sees it.
        let named = Named::new(&["acme key".into()], "x").expect("it is sound");
        assert!(named.pattern.contains("{3,18}"), "{}", named.pattern);
    }
}
