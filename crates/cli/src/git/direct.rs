//! Objects out of packs and loose files, read here instead of by git: a history takes a quarter less time then.
//!
//! What is not found, is damaged, too long, or not what its id says is left, and git is asked for it: a repository that only git understands is scanned as one that
//! is understood here, but for the time.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use exfilter_odb::{Damage, Found, HEAD, Hash, Index, Kind, Plan, Source, Walker, Wanted, parse_id};

use super::folders;
use super::list::Listed;
use super::repo::Repo;
use crate::fault::Fault;
use crate::scan::file;

/// Objects under which git is asked: to find out where they are takes as long as that.
const FEW: usize = 512;

/// The longest object that is made in memory, in bytes; git is asked for longer ones, which it can pass on piece by piece.
const LARGEST: usize = 32 << 20;

/// Bytes of an index that are worth reading for each object that is wanted: to sort 150 offsets takes as long as to ask git for one object.
const WORTH: u64 = 4 << 10;

/// Loose objects that a thread takes at once.
const LOOSE: usize = 64;

/// An object that git is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Its number.
    pub(super) object: usize,
    /// What is wrong with it here, if it is here.
    pub(super) why: Option<Damage>,
}

/// Shows `look` objects by their numbers, each at most once, by so many threads; the others are left, in order.
///
/// # Errors
///
/// When a thread fails.
pub(super) fn run<F>(repo: &Repo, objects: &[Listed], threads: usize, look: &F) -> Result<Vec<Left>, Fault>
where
    F: Fn(usize, Kind, &[u8]) + Sync,
{
    if (FEW..u32::MAX as usize).contains(&objects.len()) {
        return read(repo, objects, threads, look);
    }
    Ok((0..objects.len()).map(|object| Left { object, why: None }).collect())
}

fn read<F>(repo: &Repo, objects: &[Listed], threads: usize, look: &F) -> Result<Vec<Left>, Fault>
where
    F: Fn(usize, Kind, &[u8]) + Sync,
{
    // Ids of another length are not found.
    let hash = objects.first().and_then(|object| Hash::of_hex(&object.id)).unwrap_or(Hash::Sha1);
    let mut reading = Reading::new(repo, objects, hash, threads);
    let folders = folders::of(repo);
    for pack in folders.iter().flat_map(|folder| folders::packs(folder)) {
        if reading.rest.is_empty() {
            break;
        }
        reading.pack(&pack, look)?;
    }
    reading.loose(&folders, look)?;
    let Reading { mut rest, why, .. } = reading;
    rest.sort_unstable();
    Ok(rest
        .into_iter()
        .map(|object| Left { object: object as usize, why: why.get(&object).copied() })
        .collect())
}

/// What came of an object.
type Came = (u32, Result<(), Damage>);

/// What is wanted still.
struct Reading<'a> {
    repo: &'a Repo,
    objects: &'a [Listed],
    hash: Hash,
    threads: usize,
    /// Numbers of objects, sorted by id.
    rest: Vec<u32>,
    why: HashMap<u32, Damage>,
}

impl<'a> Reading<'a> {
    fn new(repo: &'a Repo, objects: &'a [Listed], hash: Hash, threads: usize) -> Reading<'a> {
        let mut rest: Vec<u32> = (0..objects.len() as u32).collect();
        rest.sort_unstable_by_key(|object| &objects[*object as usize].id);
        Reading { repo, objects, hash, threads, rest, why: HashMap::new() }
    }

    /// Reads what is in a pack.
    fn pack<F>(&mut self, path: &Path, look: &F) -> Result<(), Fault>
    where
        F: Fn(usize, Kind, &[u8]) + Sync,
    {
        // One that is damaged or is just being replaced is git's affair: what it has is not found.
        let Some((pack, plan)) = self.open(path) else { return Ok(()) };
        for (tag, damage) in plan.missed() {
            self.why.insert(*tag, *damage);
        }
        let next = AtomicUsize::new(0);
        // Small packs may be many.
        let threads = if plan.families() < FEW { 1 } else { self.threads };
        self.by_threads(threads, &|reading, came| {
            let mut walker = Walker::new(LARGEST);
            loop {
                let family = next.fetch_add(1, Ordering::Relaxed);
                if family >= plan.families() {
                    return;
                }
                walker.walk(&plan, family, &pack, &mut |tag, found| {
                    came.push((tag, reading.look(tag, found, look)));
                });
            }
        })
    }

    /// Reads what is loose.
    fn loose<F>(&mut self, folders: &[PathBuf], look: &F) -> Result<(), Fault>
    where
        F: Fn(usize, Kind, &[u8]) + Sync,
    {
        let next = AtomicUsize::new(0);
        self.by_threads(self.threads, &|reading, came| {
            let (mut walker, mut bytes) = (Walker::new(LARGEST), Vec::new());
            loop {
                let first = next.fetch_add(LOOSE, Ordering::Relaxed);
                let batch = reading.rest.get(first..reading.rest.len().min(first.saturating_add(LOOSE)));
                let Some(batch) = batch.filter(|batch| !batch.is_empty()) else { return };
                for &tag in batch {
                    for folder in folders {
                        if reading.read_loose(folder, tag, &mut bytes) {
                            let looked = reading.look(tag, walker.loose(&bytes), look);
                            came.push((tag, looked));
                            if looked.is_ok() {
                                break;
                            }
                        }
                    }
                }
            }
        })
    }

    /// Lets threads read, and takes down what they tell of objects.
    fn by_threads(
        &mut self,
        threads: usize,
        work: &(dyn Fn(&Reading<'_>, &mut Vec<Came>) + Sync),
    ) -> Result<(), Fault> {
        let all = Mutex::new(Vec::new());
        let reading = &*self;
        in_threads(reading.repo, threads, &|| {
            let mut came = Vec::new();
            work(reading, &mut came);
            all.lock().unwrap_or_else(PoisonError::into_inner).append(&mut came);
            Ok(())
        })?;
        let mut done = HashSet::new();
        for (tag, came) in all.into_inner().unwrap_or_else(PoisonError::into_inner) {
            match came {
                Ok(()) => _ = done.insert(tag),
                Err(damage) => _ = self.why.insert(tag, damage),
            }
        }
        self.rest.retain(|tag| !done.contains(tag));
        Ok(())
    }

    /// Shows an object, if it is the one that was asked for.
    fn look<F>(&self, tag: u32, found: Found<'_>, look: &F) -> Result<(), Damage>
    where
        F: Fn(usize, Kind, &[u8]) + Sync,
    {
        let (kind, content) = found?;
        let id = parse_id(&self.objects[tag as usize].id).ok_or(Damage::Id)?;
        if !self.hash.names(&id, kind, content) {
            return Err(Damage::Id);
        }
        look(tag as usize, kind, content);
        Ok(())
    }

    /// Opens a pack in which something is that is wanted.
    fn open(&self, path: &Path) -> Option<(Pack, Plan)> {
        let pack = file::open(path, true).ok()?;
        let len = pack.metadata().ok()?.len();
        let index = self.index(&path.with_extension("idx"), len)?;
        let wanted = self.wanted(&index);
        if wanted.is_empty() {
            return None;
        }
        let pack = Pack(pack);
        let plan = Plan::new(&index, &wanted, &pack, len).ok()?;
        Some((pack, plan))
    }

    /// The index of a pack of `pack_len` bytes, if it is worth reading.
    fn index(&self, path: &Path, pack_len: u64) -> Option<Index> {
        let mut file = file::open(path, true).ok()?;
        let len = file.metadata().ok()?.len();
        let mut bytes = Vec::new();
        (&mut file).take(HEAD as u64).read_to_end(&mut bytes).ok()?;
        let least = Index::size(&bytes, self.hash, pack_len).ok()?;
        // Beyond what it must have it has eight bytes at most for each object.
        if !(least..=2 * least).contains(&len) || len > WORTH * self.rest.len().max(FEW) as u64 {
            return None;
        }
        bytes.reserve_exact((len - HEAD as u64) as usize);
        file.take(len - HEAD as u64).read_to_end(&mut bytes).ok()?;
        Index::parse(bytes, self.hash, pack_len).ok()
    }

    /// What an index has of what is wanted.
    fn wanted(&self, index: &Index) -> Vec<Wanted> {
        let id = |tag: u32| self.objects[tag as usize].id.as_str();
        if (index.count() as usize) < self.rest.len() {
            let found = |number| {
                let digits = hex(index.id(number)?);
                let at = self.rest.binary_search_by(|tag| id(*tag).as_bytes().cmp(&digits)).ok()?;
                Some(Wanted { number, tag: self.rest[at] })
            };
            let mut wanted: Vec<Wanted> = (0..index.count()).filter_map(found).collect();
            // A pack may have an object twice.
            wanted.sort_by_key(|wanted| wanted.tag);
            wanted.dedup_by_key(|wanted| wanted.tag);
            wanted
        } else {
            let found = |tag: &u32| Some(Wanted { number: index.find(&parse_id(id(*tag))?)?, tag: *tag });
            self.rest.iter().filter_map(found).collect()
        }
    }

    /// Reads a loose object as it stands; false if it is not there or too long.
    fn read_loose(&self, folder: &Path, tag: u32, into: &mut Vec<u8>) -> bool {
        let id = &self.objects[tag as usize].id;
        let Some((first, rest)) = id.split_at_checked(2) else { return false };
        let Ok(file) = file::open(&folder.join(first).join(rest), true) else { return false };
        into.clear();
        let whole = file.take(LARGEST as u64 + 1).read_to_end(into);
        whole.is_ok() && into.len() <= LARGEST
    }
}

/// An open pack.
struct Pack(File);

impl Source for Pack {
    fn read(&self, at: u64, len: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.resize(len, 0);
        let mut done = 0;
        while done < len {
            match read_at(&self.0, &mut into[done..], at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        into.truncate(done);
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

fn hex(id: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    id.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// Does `work` in so many threads, all at once.
///
/// # Errors
///
/// What the work says, and when a thread fails.
pub(super) fn in_threads(
    repo: &Repo,
    threads: usize,
    work: &(dyn Fn() -> Result<(), Fault> + Sync),
) -> Result<(), Fault> {
    if threads <= 1 {
        return work();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(ended) => ended,
            Err(_) => Err(Fault::new(repo.name(), "a thread of the scan failed", "please report this")),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::process::Command;

    use super::super::list;
    use super::*;

    /// A repository of 300 commits, each of which changes a line of a file; none where there is no git.
    fn history(dir: &Path) -> Option<Repo> {
        git(dir, &["init", "-q", "-b", "main"])?;
        let mut stream = String::new();
        let mut lines: Vec<String> = (0..300).map(|n| format!("line {n}")).collect();
        for n in 0..300 {
            lines[n * 7 % 300] = format!("changed by {n}");
            let content = lines.join("\n");
            let head = format!("commit refs/heads/main\ncommitter A <a@example.org> {n} +0000\ndata 1\nm");
            stream += &format!("{head}\nM 100644 inline file\ndata {}\n{content}\n", content.len());
        }
        fs::write(dir.join("stream"), stream).expect("it can be written");
        let input = File::open(dir.join("stream")).expect("it was written");
        let done =
            Command::new("git").args(["fast-import", "--quiet"]).current_dir(dir).stdin(input).status();
        assert!(done.is_ok_and(|done| done.success()));
        git(dir, &["repack", "-q", "-adf"])?;
        Some(Repo::named(dir))
    }

    fn git(dir: &Path, args: &[&str]) -> Option<String> {
        let environment = [("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")];
        let output = Command::new("git").args(args).current_dir(dir).envs(environment).output().ok()?;
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
    }

    /// What was shown, and what was left.
    fn look(repo: &Repo, threads: usize) -> (Vec<Listed>, BTreeMap<usize, Vec<u8>>, Vec<Left>) {
        let objects = list::reachable(repo, &["--all"], &[]).expect("git lists them");
        let shown = Mutex::new(BTreeMap::new());
        let left = read(repo, &objects, threads, &|object, _, content: &[u8]| {
            let before = shown.lock().expect("nobody panics").insert(object, content.to_vec());
            assert_eq!(before, None, "each is shown once");
        });
        (objects, shown.into_inner().expect("nobody panics"), left.expect("threads do not fail"))
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder can be made")
    }

    #[test]
    fn packs_loose_objects_and_what_is_borrowed_are_read() {
        let dir = folder();
        let Some(repo) = history(dir.path()) else { return };
        for threads in [1, 3] {
            let (objects, shown, left) = look(&repo, threads);
            assert_eq!((objects.len(), shown.len(), left), (900, 900, vec![]));
        }
        // A clone that borrows them, with a commit of its own.
        let clone = dir.path().join("clone");
        git(dir.path(), &["clone", "-q", "--shared", ".", "clone"]);
        fs::write(clone.join("new"), b"it is new").expect("it can be written");
        git(&clone, &["add", "new"]);
        let who =
            ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "--no-verify", "-m", "m"];
        git(&clone, &who);
        let (objects, shown, left) = look(&Repo::named(&clone), 2);
        assert_eq!((objects.len(), shown.len(), left), (903, 903, vec![]));
        assert!(shown.values().any(|content| content == b"it is new"));
    }

    #[test]
    fn what_is_damaged_is_left_and_the_rest_is_read() {
        let dir = folder();
        let Some(repo) = history(dir.path()) else { return };
        let pack = folders::packs(&dir.path().join(".git/objects")).remove(0);
        let bytes = fs::read(&pack).expect("it is there");
        let write = |bytes: &[u8]| {
            // Git makes them read-only.
            fs::remove_file(&pack).expect("it is there");
            fs::write(&pack, bytes).expect("it can be written");
        };
        let objects = list::reachable(&repo, &["--all"], &[]).expect("git lists them").len();
        let commit = git(dir.path(), &["rev-parse", "HEAD"]).expect("there is git");
        let verified = git(dir.path(), &["verify-pack", "-v", pack.to_str().expect("it is text")])
            .expect("there is git");
        let place = |id: &str| {
            let line = verified.lines().find(|line| line.starts_with(id)).expect("it is in the pack");
            let number = |n| line.split_whitespace().nth(n).and_then(|word: &str| word.parse::<usize>().ok());
            (number(4).expect("an offset"), number(3).expect("a length"))
        };
        // A bit of the compressed content of a commit, so that its checksum is wrong.
        let (at, len) = place(&commit);
        let mut changed = bytes.clone();
        changed[at + len - 1] ^= 1;
        write(&changed);
        let listed = Listed { id: commit, path: Vec::new(), commit: None };
        let left = read(&repo, &[listed], 1, &|_, _, _: &[u8]| panic!("it is damaged"))
            .expect("threads do not fail");
        assert_eq!(left, [Left { object: 0, why: Some(Damage::Body) }]);
        write(&bytes);
        assert_eq!(look(&repo, 1).1.len(), objects);
        // A pack of another index, or of none, is left to git.
        let index = pack.with_extension("idx");
        let sound = fs::read(&index).expect("it is there");
        fs::remove_file(&index).expect("it is there");
        fs::write(&index, &sound[..sound.len() / 2]).expect("it can be written");
        let listed: Vec<Listed> = verified
            .lines()
            .filter_map(|line| line.split_once(' ').filter(|(id, _)| id.len() == 40))
            .map(|(id, _)| Listed { id: id.to_string(), path: Vec::new(), commit: None })
            .collect();
        let left = read(&repo, &listed, 2, &|_, _, _: &[u8]| panic!("nothing is found"))
            .expect("threads do not fail");
        assert_eq!((left.len(), left[7]), (900, Left { object: 7, why: None }));
        // Two entries that change places in the index are not what their ids say.
        let offsets = HEAD + 900 * 24;
        let mut lies = sound.clone();
        lies[offsets..offsets + 4].copy_from_slice(&sound[offsets + 4..offsets + 8]);
        lies[offsets + 4..offsets + 8].copy_from_slice(&sound[offsets..offsets + 4]);
        fs::write(&index, &lies).expect("it can be written");
        let left = read(&repo, &listed, 2, &|_, _, _: &[u8]| {}).expect("threads do not fail");
        assert_eq!(left.iter().map(|left| left.why).collect::<Vec<_>>(), [Some(Damage::Id); 2]);
    }

    #[test]
    fn of_two_copies_the_sound_one_is_read() {
        let dir = folder();
        let Some(repo) = history(dir.path()) else { return };
        let objects = dir.path().join(".git/objects");
        let pack = folders::packs(&objects).remove(0);
        let other = dir.path().join("other/pack");
        fs::create_dir_all(&other).expect("it can be made");
        for path in [pack.clone(), pack.with_extension("idx")] {
            fs::copy(&path, other.join(path.file_name().expect("it has a name"))).expect("it can be copied");
        }
        let mut bytes = fs::read(&pack).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0x55);
        fs::remove_file(&pack).expect("it is there");
        fs::write(&pack, &bytes).expect("it can be written");
        fs::create_dir_all(objects.join("info")).expect("it can be made");
        fs::write(objects.join("info/alternates"), "../../other\n").expect("it can be written");
        let verified = git(
            dir.path(),
            &["verify-pack", "-v", other.join(pack.file_name().expect("a name")).to_str().expect("text")],
        );
        let verified = verified.expect("there is git");
        let listed: Vec<Listed> = verified
            .lines()
            .filter_map(|line| line.split_once(' ').filter(|(id, _)| id.len() == 40))
            .map(|(id, _)| Listed { id: id.to_string(), path: Vec::new(), commit: None })
            .collect();
        let shown = AtomicUsize::new(0);
        let left = read(&repo, &listed, 2, &|_, _, _: &[u8]| _ = shown.fetch_add(1, Ordering::Relaxed));
        assert_eq!((shown.into_inner(), left.expect("threads do not fail")), (900, vec![]));
    }

    #[test]
    fn folders_that_borrow_from_each_other_end() {
        let dir = folder();
        let Some(repo) = history(dir.path()) else { return };
        let objects = dir.path().join(".git/objects");
        fs::create_dir_all(objects.join("info")).expect("it can be made");
        let list = format!("# no folder\n../objects\n\n{}\n/nowhere/at/all\n\"quoted\"\n", objects.display());
        fs::write(objects.join("info/alternates"), list).expect("it can be written");
        let folders = folders::of(&repo);
        assert!((1..=8).contains(&folders.len()), "{folders:?}");
        let listed = Listed {
            id: git(dir.path(), &["rev-parse", "HEAD"]).expect("there is git"),
            path: Vec::new(),
            commit: None,
        };
        let left = read(&repo, &[listed], 1, &|_, _, _: &[u8]| {}).expect("threads do not fail");
        assert_eq!(left, []);
    }
}
