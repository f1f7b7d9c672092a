//! [`Index`]: which place a path is.

use std::collections::HashMap;

use memchr::memmem::Finder;

use super::glob::{ends_with, matches};
use super::{PLACES, Place};
use crate::sieve::Sieve;

/// One pattern of the table, without the root it begins at.
struct Entry {
    place: &'static Place,
    /// Its number in the table: the first that fits decides.
    rank: usize,
    parts: Vec<&'static str>,
}

/// An entry whose last part is a pattern, and what a name must have at the least to fit it: nearly every file of a home is asked about, and nearly none fits.
struct Pattern {
    entry: usize,
    /// Its first byte, and its last one, where they are not left open.
    first: Option<u8>,
    last: Option<u8>,
    /// The folder that it stands in, where that is named.
    folder: Option<&'static [u8]>,
    /// What stands before a `**`, where the folder is left open: with a slash behind it, somewhere in the path.
    within: Option<Finder<'static>>,
}

/// The patterns of the table by their last part.
pub(crate) struct Index {
    entries: Vec<Entry>,
    by_name: HashMap<&'static [u8], Vec<usize>>,
    /// The names among them.
    names: Sieve,
    /// Those whose last part is a pattern.
    patterns: Vec<Pattern>,
}

impl Index {
    /// Reads the table.
    pub(crate) fn new() -> Index {
        let mut index = Index {
            entries: Vec::new(),
            by_name: HashMap::new(),
            names: Sieve::default(),
            patterns: Vec::new(),
        };
        for (rank, place) in PLACES.iter().enumerate() {
            for path in place.paths {
                let path = path.strip_prefix("~/").or_else(|| path.strip_prefix('/')).unwrap_or(path);
                let path = path.strip_prefix("$XDG_RUNTIME_DIR/").unwrap_or(path);
                let parts: Vec<&str> = path.split('/').collect();
                let last = parts.last().expect("a path has a last part").as_bytes();
                let at = index.entries.len();
                if last.contains(&b'*') {
                    let fixed = |byte: Option<&u8>| byte.copied().filter(|byte| *byte != b'*');
                    let folder = parts.len().checked_sub(2).map(|at| parts[at].as_bytes());
                    index.patterns.push(Pattern {
                        entry: at,
                        first: fixed(last.first()),
                        last: fixed(last.last()),
                        folder: folder.filter(|folder| !folder.contains(&b'*')),
                        within: path.split_once("/**/").map(|(above, _)| {
                            // A part that is a pattern is no text.
                            let fixed = above.rsplit('/').take_while(|part| !part.contains('*')).count();
                            let skipped = above.split('/').count() - fixed;
                            let text: String =
                                above.split('/').skip(skipped).flat_map(|part| [part, "/"]).collect();
                            Finder::new(text.as_bytes()).into_owned()
                        }),
                    });
                } else {
                    index.by_name.entry(last).or_default().push(at);
                    index.names.add(last);
                }
                index.entries.push(Entry { place, rank, parts });
            }
        }
        index
    }

    /// The place that a path is, by its last parts.
    pub(crate) fn of(&self, path: &[u8]) -> Option<&'static Place> {
        let slash = memchr::memrchr(b'/', path).map_or(0, |n| n + 1);
        let name = &path[slash..];
        let exact = self.names.may_hold(name).then(|| self.by_name.get(name)).flatten();
        let exact = exact.into_iter().flatten();
        let above = path[..slash].strip_suffix(b"/").unwrap_or_default();
        let folder = &above[memchr::memrchr(b'/', above).map_or(0, |n| n + 1)..];
        let patterns = self.patterns.iter().filter(|pattern| {
            pattern.last.is_none_or(|last| name.last() == Some(&last))
                && pattern.first.is_none_or(|first| name.first() == Some(&first))
                && pattern.folder.is_none_or(|there| there == folder)
                && pattern.within.as_ref().is_none_or(|above| above.find(path).is_some())
        });
        let patterns = patterns.map(|pattern| &pattern.entry).filter(|at| {
            let last = self.entries[**at].parts.last().expect("a path has a last part");
            matches(last.as_bytes(), name, false)
        });
        let mut parts: Option<Vec<&[u8]>> = None;
        let mut best: Option<&Entry> = None;
        for at in exact.chain(patterns) {
            let entry = &self.entries[*at];
            if best.is_some_and(|best| best.rank <= entry.rank) {
                continue;
            }
            let fits = entry.parts.len() == 1 || {
                let parts = parts
                    .get_or_insert_with(|| path.split(|b| *b == b'/').filter(|p| !p.is_empty()).collect());
                ends_with(&entry.parts, parts)
            };
            if fits {
                best = Some(entry);
            }
        }
        best.map(|entry| entry.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant;
    use crate::place::{FILES, FOLDERS};

    #[test]
    fn files_are_recognised_by_their_last_parts() {
        let index = Index::new();
        for (path, tool) in [
            ("/home/u/.aws/credentials", "AWS CLI"),
            ("/mnt/backup/u/.aws/credentials", "AWS CLI"),
            ("/home/u/.claude/projects/a/b.jsonl", "Claude Code transcript"),
            ("/home/u/p/.git/config", "git"),
            ("/home/u/.config/gh/hosts.yml", "GitHub CLI"),
            ("/home/u/p/.env.production", "variables file"),
            ("/home/u/.ssh/work", "SSH"),
            ("/srv/app/docker-compose.prod.yml", "Docker Compose"),
        ] {
            assert_eq!(index.of(path.as_bytes()).map(|p| p.tool), Some(tool), "{path}");
        }
        for path in ["/home/u/credentials", "/home/u/hosts.yml", "/home/u/main.rs"] {
            assert!(index.of(path.as_bytes()).is_none(), "{path}");
        }
    }

    #[test]
    fn what_is_passed_over_fits_nothing() {
        let index = Index::new();
        let names = [
            "",
            "a",
            "id_work",
            ".env",
            ".env.x",
            "x.env",
            "a.pem",
            "x-secrets.yaml",
            "b.jsonl",
            "HEAD",
            "dataSources.x.xml",
        ];
        let folders = [
            "",
            "/",
            "/p/",
            "/home/u/.ssh/",
            "/x/.git/logs/",
            "/x/.git/logs/refs/heads/",
            "/x/.idea/",
            "/x/.idea/a/b/",
            "/x/.claude/file-history/",
            "/.claude/projects/a/b/",
        ];
        for (folder, name) in folders.iter().flat_map(|folder| names.iter().map(move |name| (folder, name))) {
            let path = format!("{folder}{name}");
            let parts: Vec<&[u8]> = path.as_bytes().split(|b| *b == b'/').filter(|p| !p.is_empty()).collect();
            // As the table says it, without an index.
            let fits = |entry: &&Entry| ends_with(&entry.parts, &parts);
            let want = index.entries.iter().filter(fits).min_by_key(|entry| entry.rank);
            let want = want.map(|entry| entry.place.tool);
            assert_eq!(index.of(path.as_bytes()).map(|place| place.tool), want, "{path}");
        }
    }

    #[test]
    fn every_override_stands_for_a_place() {
        let index = Index::new();
        for (variable, path) in FILES {
            assert!(index.of(path.trim_start_matches("~/").as_bytes()).is_some(), "{variable}");
        }
        for (variable, folder) in FOLDERS {
            let moved = PLACES.iter().flat_map(|p| p.paths).any(|p| p.starts_with(&format!("{folder}/")));
            assert!(moved, "{variable} moves nothing");
        }
    }

    #[test]
    fn grants_have_an_id_of_their_own_and_say_what_to_do() {
        let mut ids: Vec<&str> = grant::ALL.iter().map(|grant| grant.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
        for grant in grant::ALL {
            assert!(!grant.opens.is_empty() && !grant.revoke.is_empty(), "{}", grant.id);
        }
    }
}
