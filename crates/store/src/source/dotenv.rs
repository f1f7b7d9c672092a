//! [`variables`]: files of variables, as `.env` has them.
//!
//! There is no standard; this is what the common readers agree on:
//!
//! ```text
//! # comment
//! export NAME=value # comment              blanks around the value go; a `#` behind a blank begins a comment
//! NAME="a \"value\"\nof two lines"         escapes \n \r \t \" \\ \$ \`, over several lines too
//! NAME='as it is'    NAME=`as it is`       over several lines too
//! ```
//!
//! A quote that is not closed is part of a value that ends with its line. No variable is expanded.

use std::fmt;

use zeroize::Zeroizing;

/// A variable and its value.
#[derive(PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; wiped on drop.
    pub value: Zeroizing<Vec<u8>>,
    /// The line in which it begins, from 1.
    pub line: usize,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({:?}, line {})", self.name, self.line)
    }
}

/// The longest name, in bytes.
const NAME_MAX: usize = 256;

/// The variables of a file, in order; lines that set none are passed over. Takes time linear in the length of the text: what follows a quote that nothing
/// closes holds no other one of its kind, so at most one of each kind is looked for in vain.
pub fn variables(text: &[u8]) -> Vec<Variable> {
    let mut reader = Reader { text: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), at: 0, line: 1 };
    let mut variables = Vec::new();
    while reader.at < reader.text.len() {
        let line = reader.line;
        if let Some(name) = reader.name() {
            let value = reader.value();
            variables.push(Variable { name, value, line });
        }
        reader.skip_line();
    }
    variables
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Reader<'_> {
    fn rest_of_line(&self) -> &[u8] {
        let rest = &self.text[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end])
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |end| end + 1);
        self.line += 1;
    }

    /// The name that is set at the beginning of the line; moves behind its `=`.
    fn name(&mut self) -> Option<String> {
        let line = self.rest_of_line();
        let whole = line.len();
        let mut rest = line.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b"export")
            && after.first().is_some_and(u8::is_ascii_whitespace)
        {
            rest = after.trim_ascii_start();
        }
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let len = rest.iter().take(NAME_MAX + 1).take_while(|b| is_name(b)).count();
        let name = rest[..len].to_vec();
        let after = rest[len..].trim_ascii_start();
        let first = name.first().filter(|_| len <= NAME_MAX)?;
        if first.is_ascii_digit() || matches!(first, b'.' | b'-') || after.first() != Some(&b'=') {
            return None;
        }
        self.at += whole - after.len() + 1;
        String::from_utf8(name).ok()
    }

    fn value(&mut self) -> Zeroizing<Vec<u8>> {
        let line = self.rest_of_line();
        let blanks = line.len() - line.trim_ascii_start().len();
        let quote = line.get(blanks).copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'));
        if let Some(quote) = quote
            && let Some(value) = self.quoted(self.at + blanks + 1, quote)
        {
            return value;
        }
        let line = self.rest_of_line();
        let comment = line.windows(2).position(|two| two[0].is_ascii_whitespace() && two[1] == b'#');
        let value = &line[..comment.unwrap_or(line.len())];
        let value = if value.starts_with(b"#") { &[][..] } else { value };
        Zeroizing::new(value.trim_ascii().to_vec())
    }

    /// The value between the quote before `from` and the next one; moves behind it.
    fn quoted(&mut self, from: usize, quote: u8) -> Option<Zeroizing<Vec<u8>>> {
        let escapes = quote == b'"';
        let mut end = from;
        loop {
            match self.text.get(end)? {
                b'\\' if escapes => end += 2,
                b if *b == quote => break,
                _ => end += 1,
            }
        }
        let text = &self.text[from..end];
        self.line += text.iter().filter(|b| **b == b'\n').count();
        self.at = end + 1;
        let mut value = Zeroizing::new(Vec::with_capacity(text.len()));
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            let escaped = if escapes && *byte == b'\\' { bytes.next() } else { None };
            match escaped {
                None => value.push(*byte),
                Some(b'n') => value.push(b'\n'),
                Some(b'r') => value.push(b'\r'),
                Some(b't') => value.push(b'\t'),
                Some(other @ (b'"' | b'\\' | b'$' | b'`')) => value.push(*other),
                Some(other) => value.extend([b'\\', *other]),
            }
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String, usize)> {
        let of = |v: Variable| (v.name, String::from_utf8(v.value.to_vec()).unwrap(), v.line);
        variables(text.as_bytes()).into_iter().map(of).collect()
    }

    #[test]
    fn lines_are_read_as_the_common_readers_do() {
        for (text, value) in [
            ("A=b", "b"),
            ("A = b c ", "b c"),
            ("export A=b # c", "b"),
            ("A=b#c", "b#c"),
            ("A=#c", ""),
            ("A=", ""),
            ("A='b # \\n'", "b # \\n"),
            ("A=\"b\\\"c\\n\\x\"", "b\"c\n\\x"),
            ("A=`b\"'`", "b\"'"),
            ("A=\"b", "\"b"),
            ("\u{feff}A=b\r\n", "b"),
            ("exportA=b", "b"),
        ] {
            let name = if text.starts_with("exportA") { "exportA" } else { "A" };
            assert_eq!(read(text), [(name.into(), value.into(), 1)], "{text:?}");
        }
        assert!(read("# A=b\n\n=b\n1A=b\nA b\nA").is_empty());
    }

    #[test]
    fn values_may_have_several_lines() {
        let text = "A=\"one\ntwo\"\nB='x\ny\n'\nC=z";
        let want = [("A", "one\ntwo", 1), ("B", "x\ny\n", 3), ("C", "z", 6)];
        assert_eq!(read(text), want.map(|(n, v, l)| (n.to_string(), v.to_string(), l)));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text_is_read(text in "[A=\"'`\\\\ #n\n\r\t]{0,60}") {
            for variable in variables(text.as_bytes()) {
                prop_assert!(variable.value.len() < text.len() && variable.line <= 1 + text.matches('\n').count());
            }
        }

        #[test]
        fn what_is_quoted_is_read_back(value in "[ -~\n]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            prop_assert_eq!(read(&format!("K=\"{quoted}\" # k\n")), [("K".to_string(), value, 1)]);
        }
    }

    #[test]
    fn reading_is_linear() {
        // Quotes that nothing closes, and escapes in them: seconds if each were looked for to the end.
        let text = "A=\"\\\"\\\"\nB='\nC=`\n".repeat(60_000);
        assert!(!variables(text.as_bytes()).is_empty());
    }
}
