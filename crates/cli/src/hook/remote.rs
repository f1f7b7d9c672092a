//! Whether what is known here of a remote is known of where a push goes.

use std::ffi::OsStr;

use crate::git::repo::{Repo, path_of};
use crate::text::path_bytes;

/// Whether `refs/remotes/NAME` says what the place at `url` has. A remote may be pushed to elsewhere than it is fetched from (`pushurl`, a second `url`,
/// `pushInsteadOf`): what was fetched is not there then, and everything leaves.
pub(super) fn is_tracked(repo: &Repo, name: &str, url: &OsStr) -> bool {
    if !is_name(name) {
        return false;
    }
    // Without such a remote git fails: then it is an address.
    let Ok(fetched) = repo.line(&["remote", "get-url", name]) else { return false };
    is_one_place(&fetched, path_bytes(url.as_ref())) && !has_moved(repo, name, &fetched)
}

/// Whether the clone was made of another place than the one that is fetched from now: then what it brought is still kept as what this one has.
fn has_moved(repo: &Repo, name: &str, fetched: &[u8]) -> bool {
    let log = format!("logs/refs/remotes/{name}/HEAD");
    let Ok(path) = repo.line(&["rev-parse", "--path-format=absolute", "--git-path", &log]) else {
        return true;
    };
    // Without a log nobody knows.
    let Ok(log) = std::fs::read(path_of(&path)) else { return false };
    let Some(from) = cloned_from(&log) else { return false };
    let as_written = || repo.line(&["config", "--get", &format!("remote.{name}.url")]).unwrap_or_default();
    !is_one_place(from, fetched) && !is_one_place(from, &as_written())
}

/// What a log of changes says of where a clone came from: `<old> <new> <who> <when> TAB clone: from <url>`.
fn cloned_from(log: &[u8]) -> Option<&[u8]> {
    log.split(|byte| *byte == b'\n').find_map(|line| {
        let at = line.iter().position(|byte| *byte == b'\t')?;
        line[at + 1..].strip_prefix(b"clone: from ")
    })
}

fn is_one_place(a: &[u8], b: &[u8]) -> bool {
    a == b || place(a).is_some_and(|a| Some(a) == place(b))
}

/// Whether it may name a remote, and nothing that git reads as a pattern.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    !name.is_empty() && !name.starts_with(['-', '/', '.']) && name.chars().all(is_plain)
}

/// The host and the path of an address, whatever the protocol: `https://host/a/b.git` and `git@host:a/b` are one place. None for what has no host, which is compared as it is.
fn place(url: &[u8]) -> Option<(String, String)> {
    let url = path_of(url);
    let url = url.to_str()?;
    let (authority, path) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') => {
            rest.split_once('/')?
        }
        Some(_) => return None,
        None => url.split_once(':').filter(|(host, _)| !host.contains('/'))?,
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = [":443", ":22", ":80"].iter().find_map(|port| host.strip_suffix(port)).unwrap_or(host);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| (host.to_ascii_lowercase(), path.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_many_addresses() {
        let of = |url: &str| place(url.as_bytes());
        let one = of("https://git.example.org/a/b.git");
        assert!(one.is_some());
        for same in [
            "git@git.example.org:a/b",
            "ssh://git@Git.example.org:22/a/b.git/",
            "https://git.example.org:443/a/b",
        ] {
            assert_eq!(of(same), one, "{same}");
        }
        for other in ["git@git.example.org:a/c", "https://example.org/a/b", "ssh://git.example.org:2222/a/b"]
        {
            assert_ne!(of(other), one, "{other}");
        }
        for none in ["/srv/git/b.git", "../b", "file:///srv/b", "", "host:"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
