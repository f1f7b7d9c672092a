//! Which objects are meant, in the order of their commits: as git lists them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use super::repo::{Repo, path_of};
use crate::fault::Fault;
use crate::text::{escape, path_bytes};

/// Digits shown of a commit.
const SHORT: usize = 8;

/// An object to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its id.
    pub(crate) id: String,
    /// Where it stands since `commit`: a file, or a folder; nothing for a commit or a tag.
    pub(crate) path: Vec<u8>,
    /// The first commit that has it, shortened.
    pub(crate) commit: Option<String>,
}

impl Listed {
    /// Its path.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.path)
    }
}

/// The first digits of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// The objects that `revisions` reach, or do not where they begin with `^`, oldest commit first, each once. `extra` are options of rev-list that say what else.
///
/// # Errors
///
/// Those of git: a revision that does not exist, say.
pub(crate) fn reachable(repo: &Repo, extra: &[&str], revisions: &[String]) -> Result<Vec<Listed>, Fault> {
    let mut args = vec!["rev-list", "--objects", "--in-commit-order", "--topo-order", "--reverse"];
    // Before what else is said: a negation there holds for what comes after it.
    args.push("--stdin");
    args.extend(extra);
    let mut input: String = revisions.iter().map(|revision| format!("{revision}\n")).collect();
    // Never empty, so that there is a standard input.
    input.push('\n');
    let out = repo.run(&args, input.as_bytes())?;
    Ok(parse_reachable(&out))
}

fn parse_reachable(out: &[u8]) -> Vec<Listed> {
    let mut objects = Vec::new();
    let mut commit = None;
    for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let at = line.iter().position(|byte| *byte == b' ');
        let (id, path) = at.map_or((line, &[][..]), |at| (&line[..at], &line[at + 1..]));
        let id = String::from_utf8_lossy(id).into_owned();
        if at.is_none() {
            commit = Some(short(&id).to_string());
        }
        objects.push(Listed { id, path: path.to_vec(), commit: commit.clone() });
    }
    objects
}

/// The commits whose parents are not here, because the clone is shallow.
///
/// # Errors
///
/// Those of git.
pub(crate) fn shallow(repo: &Repo) -> Result<HashSet<String>, Fault> {
    if repo.line(&["rev-parse", "--is-shallow-repository"])? != b"true" {
        return Ok(HashSet::new());
    }
    let path = path_of(&repo.line(&["rev-parse", "--path-format=absolute", "--git-path", "shallow"])?);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Fault::new(escape(path_bytes(&path)), format!("it cannot be read: {error}"), ""))?;
    Ok(text.lines().map(String::from).collect())
}

/// What a push has brought into the quarantine beside `reached`, and this repository has not: no ref will reach it, and it stays here all the same.
///
/// # Errors
///
/// Those of git.
pub(crate) fn stray(repo: &Repo, quarantine: &OsStr, reached: &[Listed]) -> Result<Vec<Listed>, Fault> {
    let all = ["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)"];
    let brought = repo.run_as(&all, &[], |git| {
        git.env("GIT_OBJECT_DIRECTORY", quarantine).env_remove("GIT_ALTERNATE_OBJECT_DIRECTORIES");
    })?;
    let reached: HashSet<&[u8]> = reached.iter().map(|object| object.id.as_bytes()).collect();
    let mut stray: Vec<&[u8]> = brought.split(|byte| *byte == b'\n').filter(|id| !id.is_empty()).collect();
    stray.retain(|id| !reached.contains(id));
    if stray.is_empty() {
        return Ok(Vec::new());
    }
    let asked = [&stray.join(&b'\n')[..], b"\n"].concat();
    // Clients send again what they do not know to be here.
    let there = repo.run_as(&["cat-file", "--batch-check=%(objectname)"], &asked, |git| {
        for name in ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"] {
            git.env_remove(name);
        }
    })?;
    let missing = there.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b" missing"));
    let object =
        |id: &[u8]| Listed { id: String::from_utf8_lossy(id).into_owned(), path: Vec::new(), commit: None };
    Ok(missing.map(object).collect())
}

/// What is staged: the files whose content or name the next commit has and the last one has not.
///
/// # Errors
///
/// Those of git.
pub(crate) fn staged(repo: &Repo) -> Result<Vec<Listed>, Fault> {
    let args = [
        "diff",
        "--cached",
        "--raw",
        "--no-abbrev",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-relative",
        "--ignore-submodules=none",
        "--diff-filter=d",
    ];
    parse_staged(&repo.run(&args, &[])?)
        .ok_or_else(|| Fault::new(repo.name(), "git diff says what is not understood", "update exfilter"))
}

/// `:100644 100755 <old> <new> M`, NUL, the path, NUL.
fn parse_staged(out: &[u8]) -> Option<Vec<Listed>> {
    let mut objects = Vec::new();
    let mut fields = out.split(|byte| *byte == 0);
    while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
        let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
        let [_, mode, _, id, _] = head.split(' ').collect::<Vec<_>>()[..] else { return None };
        let path = fields.next()?.to_vec();
        // The commit of another repository, whose objects do not leave this one.
        if mode != "160000" {
            objects.push(Listed { id: id.to_string(), path, commit: None });
        }
    }
    Some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_git_writes_them() {
        let out = b"aaaaaaaaaa\nbbbbbbbbbb \ncccccccccc a file\ndddddddddd\n";
        let listed = parse_reachable(out);
        let of = |n: usize| (listed[n].path.as_slice(), listed[n].commit.as_deref());
        assert_eq!(of(0), (&b""[..], Some("aaaaaaaa")));
        assert_eq!(of(2), (&b"a file"[..], Some("aaaaaaaa")));
        assert_eq!(of(3), (&b""[..], Some("dddddddd")));
        let out = b":100644 100755 11 22 M\0a\nb\0:000000 160000 00 33 A\0sub\0";
        let staged = parse_staged(out).expect("it is well-formed");
        assert_eq!(staged, [Listed { id: "22".into(), path: b"a\nb".to_vec(), commit: None }]);
        assert_eq!(parse_staged(b"else"), None);
    }
}
