//! Rules of a foreign file on both sides: the engine's, Vectorscan's, and a program's that looks for keywords first.

use std::collections::{HashMap, HashSet};
use std::fs;

use aho_corasick::AhoCorasick;
use exfilter::rules::{Import, ImportOptions, ImportedRule};
use exfilter::{Boundary, Rule};
use regex::bytes::{Regex, RegexBuilder};

use crate::corpus;

/// The piece of text that a scanner of files takes at a time, in bytes.
const FRAGMENT: usize = 100_000;

/// A rule as its file has it, and the rules that it became.
pub struct Pair {
    /// Its id.
    pub id: String,
    /// Its regular expression.
    pub regex: String,
    /// Its keywords.
    pub keywords: Vec<String>,
    /// What it became.
    pub rules: Vec<Rule>,
}

/// Imports the file that `ruleset.py` fetches, or another.
///
/// # Panics
///
/// If there is no such file, or it has no rules.
pub fn import(path: &str) -> Import {
    let path = if path.is_empty() { corpus::cache().join("gitleaks.toml") } else { path.into() };
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}: run `python3 bench/ruleset.py` first, it fetches the rule file", path.display())
    });
    exfilter::rules::import(&path.display().to_string(), &text, &ImportOptions::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The rules that are imported whole.
pub fn pairs(import: &Import) -> Vec<Pair> {
    let in_part: HashSet<&str> = import
        .remarks
        .iter()
        .filter(|remark| remark.kind == exfilter::rules::RemarkKind::Partly)
        .map(|remark| remark.rule.as_str())
        .collect();
    let mut pairs: Vec<Pair> = Vec::new();
    for imported in import.rules.iter().filter(|imported| !in_part.contains(imported.from.as_str())) {
        let ImportedRule { rule, from, regex, keywords, .. } = imported;
        match pairs.last_mut() {
            Some(pair) if pair.id == *from => pair.rules.push(rule.clone()),
            _ => pairs.push(Pair {
                id: from.clone(),
                regex: regex.clone(),
                keywords: keywords.clone(),
                rules: vec![rule.clone()],
            }),
        }
    }
    pairs
}

/// A rule as one regular expression for a matcher that knows no boundaries and no leads: what stands beside a match is spelled out.
pub fn spelled(rule: &Rule) -> String {
    let outside = |boundary| match boundary {
        Boundary::Word => "[^0-9A-Za-z_]",
        Boundary::Dashed => r"[^0-9A-Za-z_\-]",
        Boundary::Base64 => r"[^0-9A-Za-z_+/=\-]",
        _ => "",
    };
    let mut out = String::new();
    if rule.left != Boundary::None {
        out += &format!("(?:^|{})", outside(rule.left));
    }
    if let Some(lead) = &rule.lead {
        out += &format!("[{}]{{{},{}}}", lead.class, lead.min, lead.max);
    }
    let branches = rule.pattern.contains('|');
    let pattern = rule.pattern.replace("(?P<value>", "(?:");
    out += &if branches { format!("(?:{pattern})") } else { pattern };
    if rule.right != Boundary::None {
        out += &format!("(?:{}|\\z)", outside(rule.right));
    }
    out
}

/// Keywords, then one regular expression after another on each fragment that holds a keyword of it: how scanners of repositories work.
pub struct KeywordsFirst {
    keywords: AhoCorasick,
    /// Rules of each keyword.
    of: Vec<Vec<usize>>,
    always: Vec<usize>,
    regexes: Vec<Regex>,
}

impl KeywordsFirst {
    /// Compiles the rules' own regular expressions. Unicode is off and the lazy automata get 32 MB each, which is much faster than the defaults.
    ///
    /// # Panics
    ///
    /// If one does not compile.
    pub fn new(pairs: &[Pair]) -> KeywordsFirst {
        let mut words: Vec<String> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut of: Vec<Vec<usize>> = Vec::new();
        let mut always = Vec::new();
        for (rule, pair) in pairs.iter().enumerate() {
            if pair.keywords.is_empty() {
                always.push(rule);
            }
            for word in &pair.keywords {
                let at = *index.entry(word.to_ascii_lowercase()).or_insert_with(|| {
                    words.push(word.to_ascii_lowercase());
                    of.push(Vec::new());
                    words.len() - 1
                });
                of[at].push(rule);
            }
        }
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&words)
            .expect("the keywords fit one DFA");
        let regexes = pairs
            .iter()
            .map(|pair| {
                RegexBuilder::new(&pair.regex)
                    .unicode(false)
                    .size_limit(64 << 20)
                    .dfa_size_limit(32 << 20)
                    .build()
                    .unwrap_or_else(|error| panic!("{}: {error}", pair.id))
            })
            .collect();
        KeywordsFirst { keywords, of, always, regexes }
    }

    /// Scans `body` and tells the rule and the end of every match.
    pub fn scan(&self, body: &[u8], mut found: impl FnMut(usize, usize)) {
        let mut wanted = vec![false; self.regexes.len()];
        for (n, fragment) in body.chunks(FRAGMENT).enumerate() {
            wanted.fill(false);
            self.always.iter().for_each(|rule| wanted[*rule] = true);
            for hit in self.keywords.find_overlapping_iter(fragment) {
                self.of[hit.pattern().as_usize()].iter().for_each(|rule| wanted[*rule] = true);
            }
            for (rule, regex) in self.regexes.iter().enumerate().filter(|(rule, _)| wanted[*rule]) {
                regex.find_iter(fragment).for_each(|hit| found(rule, n * FRAGMENT + hit.end()));
            }
        }
    }
}
