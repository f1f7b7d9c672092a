//! Patterns of names: `*` stands for any characters, and nothing else is special.

/// Whether `text` matches `pattern`, in which `*` stands for any characters; without regard to ASCII case if told so. Takes time
/// proportional to the product of the lengths at the most, and names and patterns are short.
pub(crate) fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let same = |a: u8, b: u8| a == b || (ignore_case && a.eq_ignore_ascii_case(&b));
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| same(*c, text[t])) {
            p += 1;
            t += 1;
        } else if let Some((star, at)) = back {
            back = Some((star, at + 1));
            p = star + 1;
            t = at + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Whether the last parts of a path match the parts of a pattern; `**` stands for any number of parts.
pub(crate) fn ends_with(pattern: &[&str], path: &[&[u8]]) -> bool {
    let (Some((last, pattern)), true) = (pattern.split_last(), !path.is_empty()) else {
        return pattern.is_empty();
    };
    if *last == "**" {
        return (0..=path.len()).rev().any(|n| ends_with(pattern, &path[..n]));
    }
    let (name, path) = path.split_last().expect("the path is not empty");
    matches(last.as_bytes(), name, false) && ends_with(pattern, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pattern: &str, path: &str) -> bool {
        let pattern: Vec<&str> = pattern.split('/').collect();
        let path: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
        ends_with(&pattern, &path)
    }

    #[test]
    fn names() {
        assert!(matches(b"*_TOKEN", b"gh_token", true));
        assert!(!matches(b"*_TOKEN", b"gh_token", false));
        assert!(matches(b"users.*.user.token", b"users.0.user.token", true));
        assert!(matches(b"*a*b*", b"xxaxxbxx", false));
        assert!(!matches(b"", b"x", false));
        assert!(matches(b"", b"", false));
    }

    #[test]
    fn paths() {
        assert!(ends(".aws/credentials", "home/u/.aws/credentials"));
        assert!(!ends(".aws/credentials", "home/u/aws/credentials"));
        assert!(ends(".claude/projects/**/*.jsonl", "u/.claude/projects/a/b/c.jsonl"));
        assert!(ends(".claude/projects/**/*.jsonl", "u/.claude/projects/c.jsonl"));
        assert!(!ends(".claude/projects/**/*.jsonl", "u/.claude/c.jsonl"));
        assert!(ends(".env.*", "p/.env.local"));
    }
}
