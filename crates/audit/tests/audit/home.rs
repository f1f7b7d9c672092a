//! A home with planted secrets, and audits of it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use exfilter::Engine;
use exfilter_audit::{Audit, Find, Looks, Report, View};
use exfilter_testing::{Rng, keys};
use tempfile::TempDir;

/// The engine of all tests.
pub(crate) static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::builder().rules(exfilter::rules::builtin()).build().unwrap());

/// A home of its own, `/home/u` of a root of its own.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        let dir = TempDir::new().unwrap();
        fs::create_dir_all(dir.path().join("home/u")).unwrap();
        Home { dir }
    }

    /// The root.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the home.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join("home/u").join(name)
    }

    /// Writes a file into the home.
    pub(crate) fn file(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        mode(&path, 0o600);
        path
    }

    /// A view of the root with this home.
    pub(crate) fn view(&self) -> View {
        let mut view = View::of_root(self.root(), None).unwrap();
        view.home(Path::new("/home/u"));
        view
    }

    /// An audit of the files.
    pub(crate) fn audit(&self) -> Report {
        audit(self.view())
    }
}

/// Sets the permission bits of a file.
pub(crate) fn mode(path: &Path, bits: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    }
}

/// Audits a view, without what stands outside it.
pub(crate) fn audit(view: View) -> Report {
    let report = Audit::new(ENGINE.clone(), view).run().unwrap();
    assert_mute(&report);
    report
}

/// Audits the variables of a view only.
pub(crate) fn audit_variables(view: View) -> Report {
    let mut looks = Looks::nothing();
    looks.environment = true;
    let report = Audit::new(ENGINE.clone(), view).looks(looks).run().unwrap();
    assert_mute(&report);
    report
}

/// The find in a file of the home, by the last part of its name.
#[track_caller]
pub(crate) fn find<'a>(report: &'a Report, file: &str, field: &str) -> &'a Find {
    let found = report.finds.iter().find(|find| {
        find.places.iter().any(|place| {
            String::from_utf8_lossy(place.name.as_bytes()).ends_with(file)
                && String::from_utf8_lossy(place.field.as_bytes()).ends_with(field)
        })
    });
    found.unwrap_or_else(|| panic!("no find for {file} {field} in {:#?}", report.finds))
}

/// Windows of planted secrets that may not be seen.
static PLANTED: LazyLock<Mutex<HashSet<Vec<u8>>>> = LazyLock::new(Mutex::default);

const WINDOW: usize = 8;

/// A secret of random letters and digits that no report may show.
pub(crate) fn secret(len: usize) -> String {
    static SEED: AtomicU64 = AtomicU64::new(1000);
    let mut rng = Rng::new(SEED.fetch_add(1, Ordering::Relaxed));
    let text = String::from_utf8(rng.text(keys::BASE62, len)).unwrap();
    plant(&text);
    text
}

/// A token of GitHub's form.
pub(crate) fn github() -> String {
    let body = secret(30);
    let sum = keys::github_checksum(body.as_bytes());
    format!("ghp_{body}{}", std::str::from_utf8(&sum).unwrap())
}

/// Remembers a value that no report may show.
pub(crate) fn plant(value: &str) {
    PLANTED.lock().unwrap().extend(value.as_bytes().windows(WINDOW).map(<[u8]>::to_vec));
}

#[track_caller]
pub(crate) fn assert_mute(report: &Report) {
    let text = format!("{report:?}");
    let planted = PLANTED.lock().unwrap();
    assert!(
        !text.as_bytes().windows(WINDOW).any(|w| planted.contains(w)),
        "a planted secret stands in the report"
    );
}

/// The path of a program, if it is there; a test that needs it says that it is skipped.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {name} is not installed");
    }
    found
}

/// Runs a client with the home as its own and nothing else of the environment.
#[track_caller]
pub(crate) fn client<S: AsRef<OsStr>>(
    home: &Home,
    program: &Path,
    args: &[S],
    input: &[u8],
) -> Option<Vec<u8>> {
    client_with(home, program, args, &[], input)
}

/// The same, with some variables more.
#[track_caller]
pub(crate) fn client_with<S: AsRef<OsStr>>(
    home: &Home,
    program: &Path,
    args: &[S],
    variables: &[(&str, &str)],
    input: &[u8],
) -> Option<Vec<u8>> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new(program)
        .args(args)
        .current_dir(home.path(""))
        .env_clear()
        .env("HOME", home.path(""))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LANG", "C")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A client that reads nothing closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        println!("skipped: {} failed here ({})", program.display(), output.status);
        return None;
    }
    Some(output.stdout)
}
