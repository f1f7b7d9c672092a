//! Files, modes, locks, faults at every step, and moving to another key.

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use exfilter_store::os::{Edit, Home, Step, replace};
use exfilter_testing::{Rng, keys};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::support::{found, named, values};

struct Place {
    dir: TempDir,
    home: Home,
}

impl Place {
    fn new() -> Place {
        let dir = TempDir::new().unwrap();
        let home = Home::new(dir.path().join("data/store"), dir.path().join("state/store.key"));
        Place { dir, home }
    }

    /// A store with one value.
    fn with(value: &[u8]) -> Place {
        let place = Place::new();
        let mut edit = place.home.edit().unwrap();
        edit.add(named("FIRST"), value, false).unwrap();
        edit.commit().unwrap();
        place
    }

    fn add(&self, name: &str, value: &[u8]) -> Edit {
        let mut edit = self.home.edit().unwrap();
        edit.add(named(name), value, false).unwrap();
        edit
    }

    fn names(&self) -> Vec<String> {
        let opened = self.home.load().unwrap();
        opened.store.records().iter().map(|record| record.name().to_owned()).collect()
    }

    fn code(&self) -> &'static str {
        self.home.load().map_or_else(|error| error.code(), |_| "opened")
    }

    /// Files that nothing reads.
    fn litter(&self) -> Vec<PathBuf> {
        let files =
            ["data", "state"].into_iter().flat_map(|name| fs::read_dir(self.dir.path().join(name)).unwrap());
        files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "tmp"))
            .collect()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_is_made_read_and_changed() {
    let values = values(&mut Rng::new(61), 2);
    let place = Place::with(&values[0]);
    assert_eq!((mode(place.home.store_path()), mode(place.home.key_path())), (0o600, 0o600));
    assert_eq!(mode(&place.dir.path().join("state")), 0o700);
    place.add("SECOND", &values[1]).commit().unwrap();
    let opened = place.home.load().unwrap();
    assert_eq!(opened.store.generation(), 2);
    assert_eq!(found(&opened.store, &values[1]), ["SECOND"]);
    let mut edit = place.home.edit().unwrap();
    assert!(edit.change("FIRST", |record| record.bind("example.com", "body")).unwrap());
    edit.remove("SECOND").unwrap();
    edit.commit().unwrap();
    assert_eq!(place.names(), ["FIRST"]);
    // A change that is dropped is none.
    drop(place.add("THIRD", &values[1]));
    assert_eq!(place.names(), ["FIRST"]);
}

#[test]
fn a_key_that_others_reach_is_refused() {
    let place = Place::with(&values(&mut Rng::new(62), 1)[0]);
    let key = place.home.key_path();
    for bad in [0o640, 0o604, 0o660, 0o777] {
        chmod(key, bad);
        assert_eq!(place.code(), "E_MODE", "{bad:o}");
        assert!(place.home.edit().is_err());
    }
    chmod(key, 0o600);
    let folder = key.parent().unwrap();
    chmod(folder, 0o777);
    assert_eq!(place.code(), "E_MODE");
    chmod(folder, 0o700);
    assert_eq!(place.code(), "opened");
    let elsewhere = place.dir.path().join("elsewhere");
    fs::rename(key, &elsewhere).unwrap();
    assert_eq!(place.code(), "E_NOKEY");
    symlink(&elsewhere, key).unwrap();
    assert_eq!(place.code(), "E_MODE");
    fs::remove_file(key).unwrap();
    fs::create_dir(key).unwrap();
    assert_eq!(place.code(), "E_MODE");
}

#[test]
fn a_wrong_store_is_told_and_left_alone() {
    let values = values(&mut Rng::new(63), 2);
    let place = Place::with(&values[0]);
    let path = place.home.store_path();
    let old = fs::read(path).unwrap();
    place.add("SECOND", &values[1]).commit().unwrap();
    let new = fs::read(path).unwrap();
    let other = fs::read(Place::with(&values[1]).home.store_path()).unwrap();
    let mut damaged = new.clone();
    damaged[120] ^= 1;
    for (bytes, code) in [
        (&old[..], "E_DOWNGRADED"),
        (&new[..50], "E_TRUNCATED"),
        (&damaged, "E_DAMAGED"),
        (&other, "E_KEY"),
        (b"# notes\n", "E_FOREIGN"),
        (b"", "E_TRUNCATED"),
    ] {
        fs::write(path, bytes).unwrap();
        assert_eq!(place.code(), code);
        let error = place.home.edit().unwrap_err();
        assert_eq!(error.code(), code, "it is not written over");
        assert!(!error.remedy().is_empty() && error.path() == path);
        assert_eq!(fs::read(path).unwrap(), bytes);
    }
    fs::write(path, new).unwrap();
    assert_eq!(place.names(), ["FIRST", "SECOND"]);
    fs::remove_file(path).unwrap();
    assert_eq!(place.code(), "E_NOSTORE");
    fs::create_dir(path).unwrap();
    assert_eq!(place.code(), "E_MODE");
}

/// Every file and step at which a change can fail.
fn faults(run: impl Fn(&mut dyn FnMut(&Path, Step) -> io::Result<()>)) -> usize {
    let count = Cell::new(0);
    run(&mut |_, _| {
        count.set(count.get() + 1);
        Ok(())
    });
    count.get()
}

#[test]
fn a_fault_at_any_step_of_a_change_leaves_the_old_store_or_the_new_one() {
    let values = values(&mut Rng::new(64), 2);
    let steps = faults(|hook| {
        let place = Place::with(&values[0]);
        place.add("SECOND", &values[1]).commit_with(hook).unwrap();
    });
    assert!(steps >= 2 * Step::ALL.len(), "{steps}");
    let mut news = 0;
    for fail_at in 0..steps {
        let place = Place::with(&values[0]);
        let mut step = 0;
        let mut renamed = false;
        let outcome = place.add("SECOND", &values[1]).commit_with(&mut |path, now| {
            step += 1;
            renamed |= path == place.home.store_path() && now == Step::Renamed;
            if step > fail_at { Err(io::Error::other("the disk failed")) } else { Ok(()) }
        });
        assert_eq!(outcome.unwrap_err().code(), "E_IO");
        let names = place.names();
        assert_eq!(names.len(), if renamed { 2 } else { 1 }, "step {fail_at}");
        news += usize::from(renamed);
        assert!(place.litter().is_empty(), "step {fail_at}");
        // What failed can be done again.
        let mut edit = place.home.edit().unwrap();
        edit.add(named("SECOND"), &values[1], false).unwrap();
        edit.commit().unwrap();
        assert_eq!(place.names(), ["FIRST", "SECOND"]);
    }
    assert!(news > 0 && news < steps);
}

#[test]
fn a_fault_while_the_first_store_is_made_leaves_none_or_one_that_opens() {
    let values = values(&mut Rng::new(65), 1);
    let steps = faults(|hook| Place::new().add("FIRST", &values[0]).commit_with(hook).unwrap());
    for fail_at in 0..steps {
        let place = Place::new();
        let mut step = 0;
        let outcome = place.add("FIRST", &values[0]).commit_with(&mut |_, _| {
            step += 1;
            if step > fail_at { Err(io::Error::other("the disk failed")) } else { Ok(()) }
        });
        assert!(outcome.is_err());
        assert!(["E_NOSTORE", "opened"].contains(&place.code()), "step {fail_at}: {}", place.code());
        place.add("FIRST", &values[0]).commit().unwrap();
        assert_eq!(place.names(), ["FIRST"]);
    }
}

#[test]
fn a_power_cut_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    for at in Step::ALL {
        fs::write(&path, b"old").unwrap();
        // Nothing is cleaned up after a panic, as after a power cut.
        let cut = std::panic::catch_unwind(|| {
            replace(&path, b"new contents", &mut |step| {
                assert!(step != at, "the power is cut");
                Ok(())
            })
        });
        assert!(cut.is_err());
        let now = fs::read(&path).unwrap();
        let done = matches!(at, Step::Renamed | Step::Done);
        assert_eq!(now, if done { &b"new contents"[..] } else { b"old" }, "{at:?}");
        replace(&path, b"newer", &mut |_| Ok(())).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
    }
}

#[test]
fn a_link_stays_one() {
    let folder = TempDir::new().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, b"old").unwrap();
    symlink(&real, &link).unwrap();
    replace(&link, b"new", &mut |_| Ok(())).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
}

#[test]
fn whoever_reads_beside_a_change_reads_one_state_or_the_other() {
    let values = values(&mut Rng::new(73), 41);
    let place = Place::with(&values[0]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        place.home.load().unwrap();
                    }
                })
            })
            .collect();
        for (i, value) in values[1..].iter().enumerate() {
            place.add(&format!("NEXT_{i}"), value).commit().unwrap();
        }
        let mut edit = place.home.edit().unwrap();
        edit.rotate(|_| values.iter().cloned().map(Zeroizing::new).collect()).unwrap();
        edit.finish_rotation(&mut |_, _| Ok(())).unwrap();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(place.names().len(), 41);
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    let values = values(&mut Rng::new(66), 9);
    let place = Place::with(&values[0]);
    std::thread::scope(|scope| {
        for (i, value) in values[1..].iter().enumerate() {
            let home = place.home.clone();
            scope.spawn(move || {
                let mut edit = home.edit().unwrap();
                edit.add(named(&format!("N{i}")), value, false).unwrap();
                edit.commit().unwrap();
            });
        }
    });
    assert_eq!(place.names().len(), 9);
}

#[test]
fn a_key_is_rotated_when_all_values_are_found_or_given_up() {
    let values = values(&mut Rng::new(67), 3);
    let place = Place::with(&values[0]);
    place.add("SECOND", &values[1]).commit().unwrap();
    let mut edit = place.home.edit().unwrap();
    let mut sealed = named("SEALED");
    sealed.sealed = true;
    edit.add(sealed, &values[2], false).unwrap();
    edit.commit().unwrap();
    let key = place.home.load().unwrap().store.key().clone();

    let reread = |name: &str, value: &[u8]| {
        let (name, value) = (name.to_owned(), value.to_vec());
        move |record: &exfilter_store::Record| {
            (record.name() == name).then(|| Zeroizing::new(value.clone())).into_iter().collect()
        }
    };
    // SECOND has another value now, so it is not the secret that was enrolled.
    let mut edit = place.home.edit().unwrap();
    let rotation = edit.rotate(reread("SECOND", &values[0])).unwrap();
    assert_eq!(
        (rotation.moved.join(" "), rotation.missing.join(" ")),
        ("SEALED".into(), "FIRST SECOND".into())
    );
    edit.commit().unwrap();
    let opened = place.home.load().unwrap();
    assert!(*opened.store.key() == key, "the store is under its key until all are found");
    assert_eq!(opened.rotation().unwrap(), rotation);
    assert_eq!(found(&opened.store, &values[1]), ["SECOND"]);
    drop(opened);

    // One is found, one is enrolled anew, which goes under both keys.
    let mut edit = place.home.edit().unwrap();
    assert_eq!(edit.rotate(reread("FIRST", &values[0])).unwrap().missing, ["SECOND"]);
    edit.commit().unwrap();
    let mut edit = place.home.edit().unwrap();
    edit.add(named("SECOND"), &values[1], true).unwrap();
    assert!(edit.rotation().unwrap().missing.is_empty());
    edit.commit().unwrap();
    place.home.edit().unwrap().finish_rotation(&mut |_, _| Ok(())).unwrap();

    let opened = place.home.load().unwrap();
    assert!(*opened.store.key() != key && opened.rotation().is_none());
    assert_eq!(opened.store.records().len(), 3);
    for (value, name) in values.iter().zip(["FIRST", "SECOND", "SEALED"]) {
        assert_eq!(found(&opened.store, value), [name]);
    }
    drop(opened);
    assert_eq!(
        place.home.edit().unwrap().finish_rotation(&mut |_, _| Ok(())).unwrap_err().code(),
        "E_ROTATING"
    );
    place.add("FOURTH", &Rng::new(68).text(keys::BASE62, 30)).commit().unwrap();
}

#[test]
fn a_fault_at_any_step_of_a_rotation_leaves_a_store_that_opens() {
    let values = values(&mut Rng::new(69), 1);
    let rotate = |place: &Place, hook: &mut dyn FnMut(&Path, Step) -> io::Result<()>| {
        let mut edit = place.home.edit().unwrap();
        let rotation = edit
            .rotate(|_| vec![Zeroizing::new(b"another".to_vec()), Zeroizing::new(values[0].clone())])
            .unwrap();
        assert!(rotation.missing.is_empty());
        edit.finish_rotation(hook)
    };
    let steps = faults(|hook| rotate(&Place::with(&values[0]), hook).unwrap());
    assert_eq!(steps, 3 * Step::ALL.len());
    for fail_at in 0..steps {
        let place = Place::with(&values[0]);
        let mut step = 0;
        let outcome = rotate(&place, &mut |_, _| {
            step += 1;
            if step > fail_at { Err(io::Error::other("the disk failed")) } else { Ok(()) }
        });
        assert!(outcome.is_err());
        let opened = place.home.load().unwrap();
        assert_eq!(found(&opened.store, &values[0]), ["FIRST"], "step {fail_at}");
        drop(opened);
        // It can be done again, and the store can be changed.
        place.add("OTHER", &Rng::new(fail_at as u64).text(keys::BASE62, 30)).commit().unwrap();
        let mut edit = place.home.edit().unwrap();
        edit.remove("OTHER").unwrap();
        edit.commit().unwrap();
        rotate(&place, &mut |_, _| Ok(())).unwrap();
        assert_eq!(found(&place.home.load().unwrap().store, &values[0]), ["FIRST"]);
    }
}

#[test]
fn the_usual_place_follows_the_variables() {
    let home = |vars: &[(&str, &str)]| {
        let vars: Vec<_> = vars.iter().map(|(n, v)| (n.to_string(), v.into())).collect();
        Home::usual(|name| {
            vars.iter().find(|(n, _)| n == name).map(|(_, value): &(_, std::ffi::OsString)| value.clone())
        })
    };
    let usual = home(&[("HOME", "/h")]).unwrap();
    assert_eq!(usual.store_path(), Path::new("/h/.local/share/exfilter/store"));
    assert_eq!(usual.key_path(), Path::new("/h/.local/state/exfilter/store.key"));
    let set = home(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "relative")]).unwrap();
    assert_eq!((set.store_path(), set.key_path()), (Path::new("/d/exfilter/store"), usual.key_path()));
    assert!(home(&[]).is_none());
    assert_eq!(Home::beside("/x/ci".into()).key_path(), Path::new("/x/ci.key"));
}

/// By hand, in a session of its own: `dbus-run-session -- sh -c 'echo pw | gnome-keyring-daemon --unlock --components=secrets; cargo test ... -- --ignored keyring'`.
#[cfg(feature = "keyring")]
#[test]
#[ignore = "writes to the keyring of the session"]
fn a_key_lives_in_the_keyring_if_one_answers() {
    let values = values(&mut Rng::new(70), 2);
    let dir = TempDir::new().unwrap();
    let home = Home::usual(|name| (name == "HOME").then(|| dir.path().into())).unwrap();
    let place = Place { dir, home };
    place.add("FIRST", &values[0]).commit().unwrap();
    assert!(place.home.is_key_in_keyring() && !place.home.key_path().exists());
    place.add("SECOND", &values[1]).commit().unwrap();
    let mut edit = place.home.edit().unwrap();
    let reread = |record: &exfilter_store::Record| {
        let value = &values[usize::from(record.name() == "SECOND")];
        vec![Zeroizing::new(value.clone())]
    };
    assert!(edit.rotate(reread).unwrap().missing.is_empty());
    edit.finish_rotation(&mut |_, _| Ok(())).unwrap();
    assert_eq!(place.names(), ["FIRST", "SECOND"]);
    assert!(!place.home.key_path().exists());
}

/// What the kernel says is locked of this process, in KiB.
#[cfg(target_os = "linux")]
fn kept_out_of_swap() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn keys_are_kept_out_of_swap_or_the_store_says_that_they_are_not() {
    let place = Place::with(&values(&mut Rng::new(89), 1)[0]);
    let opened = place.home.load().unwrap();
    let is_locked = opened.health().is_locked();
    assert!(!is_locked || kept_out_of_swap() > 0);
    let said = format!("{:?}", opened.health());
    assert!(said.contains(if is_locked { "locked: true" } else { "locked: false" }), "{said}");
}
