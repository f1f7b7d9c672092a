//! Repositories with random histories, and what git says of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exfilter_odb::{Damage, Hash, Index, Kind, Plan, Walker, Wanted, parse_id};
use exfilter_testing::Rng;

/// More than any object in these tests is long.
pub(crate) const LARGEST: usize = 1 << 20;

/// What an object is, and its content.
pub(crate) type Object = (String, Vec<u8>);

/// What files and messages are made of.
const LETTERS: &[u8] = b"abcdefgh \n";

/// A repository in a folder of its own.
pub(crate) struct Repository {
    dir: tempfile::TempDir,
    pub(crate) hash: Hash,
}

impl Repository {
    /// One with a random history; none, and a word about it, where there is no git.
    pub(crate) fn new(rng: &mut Rng, hash: Hash) -> Option<Repository> {
        if Command::new("git").arg("--version").output().is_err() {
            println!("skipped: there is no git");
            return None;
        }
        let repository = Repository { dir: tempfile::tempdir().unwrap(), hash };
        let format = if hash == Hash::Sha1 { "sha1" } else { "sha256" };
        repository
            .git(&["init", "-q", "--bare", "-b", "main", &format!("--object-format={format}"), "."], b"");
        // Objects of a fast-import stay loose, unless there are many.
        repository.git(&["config", "fastimport.unpackLimit", ["0", "1000"][rng.below(2)]], b"");
        repository.add_history(rng);
        Some(repository)
    }

    /// Commits that change a few files a little, and a tag.
    pub(crate) fn add_history(&self, rng: &mut Rng) {
        let mut files: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let mut stream = Vec::new();
        let branch = rng.next_u64();
        for commit in 1..=3 + rng.below(30) {
            let message = rng.text(LETTERS, 30);
            let who = format!("committer A <a@example.org> {commit} +0000");
            write!(stream, "commit refs/heads/b{branch}\nmark :{commit}\n{who}\ndata {}\n", message.len())
                .unwrap();
            stream.extend(message);
            stream.push(b'\n');
            // Each file once, or what it was before would be in no commit.
            let first = rng.below(6);
            for name in (first..first + 1 + rng.below(3)).map(|name| name % 6) {
                let len = [0, 40, 900, 20_000, 90_000][rng.below(5)];
                let content = files.entry(name).or_insert_with(|| rng.text(LETTERS, len));
                for _ in 0..rng.below(4) {
                    let at = rng.below(content.len() + 1);
                    let new = rng.below(60);
                    content.splice(at..at, rng.text(LETTERS, new));
                }
                write!(stream, "M 100644 inline dir{}/file{name}\ndata {}\n", name % 2, content.len())
                    .unwrap();
                stream.extend_from_slice(content);
                stream.push(b'\n');
            }
        }
        write!(stream, "tag v{branch}\nfrom :1\ntagger A <a@example.org> 9 +0000\ndata 5\nfirst\n").unwrap();
        self.git(&["fast-import", "--quiet"], &stream);
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Git in the repository; it must succeed.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("git")
            .args(args)
            .current_dir(self.path())
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("LC_ALL", "C")])
            .env_remove("GIT_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "git {args:?}");
        output.stdout
    }

    /// Every object, as git shows it.
    pub(crate) fn expected(&self) -> BTreeMap<String, Object> {
        let format = "--batch=%(objecttype) %(objectname) %(objectsize)";
        let all = self.git(&["cat-file", "--batch-all-objects", format], b"");
        let (mut rest, mut objects) = (&all[..], BTreeMap::new());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            let [kind, id, size] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("three words: {line}")
            };
            let (content, after) = rest[end + 1..].split_at(size.parse().unwrap());
            objects.insert(id.to_string(), (kind.to_string(), content.to_vec()));
            rest = &after[1..];
        }
        objects
    }

    /// The packs, without their ending.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join("objects/pack")).unwrap();
        let mut packs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        packs.retain(|path| path.extension().is_some_and(|ending| ending == "pack"));
        packs.sort();
        packs
    }

    /// Every object that is read directly, from packs and loose files. All must be sound.
    pub(crate) fn read(&self) -> BTreeMap<String, Object> {
        let mut objects = BTreeMap::new();
        for pack in self.packs() {
            let index = fs::read(pack.with_extension("idx")).unwrap();
            for (id, found) in read(&fs::read(&pack).unwrap(), index, self.hash).unwrap() {
                objects.insert(id, found.unwrap());
            }
        }
        let mut walker = Walker::new(LARGEST);
        for folder in fs::read_dir(self.path().join("objects")).unwrap() {
            let folder = folder.unwrap();
            let first = folder.file_name().into_string().unwrap();
            if first.len() != 2 {
                continue;
            }
            for file in fs::read_dir(folder.path()).unwrap() {
                let file = file.unwrap();
                let id = first.clone() + &file.file_name().into_string().unwrap();
                let bytes = fs::read(file.path()).unwrap();
                let (kind, content) = walker.loose(&bytes).unwrap();
                assert!(self.hash.names(&parse_id(&id).unwrap(), kind, content));
                objects.insert(id, (word(kind).to_string(), content.to_vec()));
            }
        }
        objects
    }
}

/// What comes of each object that an index names, wrong ids told.
pub(crate) fn read(
    pack: &[u8],
    index: Vec<u8>,
    hash: Hash,
) -> Result<BTreeMap<String, Result<Object, Damage>>, Damage> {
    let index = Index::parse(index, hash, pack.len() as u64)?;
    let wanted: Vec<Wanted> = (0..index.count()).map(|number| Wanted { number, tag: number }).collect();
    let plan = Plan::new(&index, &wanted, pack, pack.len() as u64)?;
    let mut objects = BTreeMap::new();
    let mut told = vec![0; wanted.len()];
    for (tag, damage) in plan.missed() {
        told[*tag as usize] += 1;
        objects.insert(hex(index.id(*tag).unwrap()), Err(*damage));
    }
    let mut walker = Walker::new(LARGEST);
    for family in 0..plan.families() {
        walker.walk(&plan, family, pack, &mut |tag, found| {
            told[tag as usize] += 1;
            let id = index.id(tag).unwrap();
            let object = found.and_then(|(kind, content)| {
                let is_it = hash.names(id, kind, content);
                if is_it { Ok((word(kind).to_string(), content.to_vec())) } else { Err(Damage::Id) }
            });
            objects.insert(hex(id), object);
        });
    }
    assert!(told.iter().all(|n| *n == 1), "each is told of once");
    Ok(objects)
}

pub(crate) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Commit => "commit",
        Kind::Tree => "tree",
        Kind::Blob => "blob",
        Kind::Tag => "tag",
    }
}

pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
