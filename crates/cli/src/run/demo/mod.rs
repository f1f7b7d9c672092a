//! `exfilter run --demo`: a run as anybody would make it, of a program that tries to send two made-up secrets, and what arrived.
//!
//! ```text
//! exfilter run --demo
//!    |-- server.rs   in the place of a provider's: keeps every byte that it gets
//!    `-- exfilter run -- exfilter demo-client FOLDER
//!                           `-- client.rs   sends them in ways that programs and attackers have; wrap.rs, as what
//! ```

mod client;
mod server;
mod wrap;

use std::fs;
use std::process::Command;

pub(crate) use client::{ClientArgs, run as client};
use exfilter_store::os::write_private;
use server::Server;
use zeroize::Zeroizing;

use super::setup;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, size};

/// The host whose place the server takes: tokens of the kind that is made up belong there.
const HOST: &str = "api.github.com";
/// The variable of the token, which becomes a placeholder.
const TOKEN: &str = "GITHUB_TOKEN";
/// The variable of the password, which belongs nowhere and is taken away.
const PASSWORD: &str = "DEPLOY_PASSWORD";
/// The file in which the program finds both, as agents do.
const FILE: &str = ".env";

/// Letters of the password, a row for each place in turn: each quarter of it has some of all.
const LETTERS: [&[u8; 24]; 3] =
    [b"abcdefghijkmnpqrstuvwxyz", b"234567892345678923456789", b"ABCDEFGHJKLMNPQRSTUVWXYZ"];
/// Its length, in bytes.
const LENGTH: usize = 32;

/// Runs it.
///
/// # Errors
///
/// What could not be set up.
pub(super) fn run(term: &Term) -> Result<u8, Fault> {
    let broken = |what: String| Fault::new("--demo", what, "set TMPDIR to a folder that can be written");
    let token = Zeroizing::new(setup::made_up_key()?);
    let password = password()?;
    let folder = tempfile::Builder::new().prefix("exfilter-demo-").tempdir();
    let folder = folder.map_err(|error| broken(format!("no folder of its own: {error}")))?;
    let server = Server::start(HOST).map_err(|error| broken(format!("no server: {error}")))?;
    let env =
        Zeroizing::new([b"GITHUB_TOKEN=", &token[..], b"\nDEPLOY_PASSWORD=", &password, b"\n"].concat());
    let [certificate, policy] = ["server.pem", "policy.toml"].map(|name| folder.path().join(name));
    let write = |path: &std::path::Path, text: &[u8]| {
        write_private(path, text, &mut |_| Ok(())).map_err(|error| broken(error.to_string()))
    };
    write(&folder.path().join(FILE), &env)?;
    write(&certificate, server.certificate().as_bytes())?;
    // After five refusals a session is not heard any more, and here all are to be shown.
    write(&policy, b"version = 1\n[quarantine]\nhits = 0\n")?;
    let program =
        std::env::current_exe().map_err(|error| broken(format!("this program is not found: {error}")))?;
    term.note(&format_args!(
        "two made-up secrets, {TOKEN} and {PASSWORD}, and a server on this machine in the place of {HOST}; a program that holds both in its {FILE} runs behind `exfilter run`"
    ));
    let mut command = Command::new(&program);
    // The secrets of whoever looks at this are not part of it.
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "SystemRoot", "TEMP"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.arg("run").args(["--no-store", "--direct", "--allow", HOST]);
    command.args(["--resolve", &format!("{HOST}:443:{}", server.address())]);
    command.arg("--upstream-ca").arg(&certificate).arg("--policy").arg(&policy);
    command.arg("--").arg(&program).arg("demo-client").arg(folder.path());
    for (name, value) in [(TOKEN, &token), (PASSWORD, &password)] {
        // Made of ASCII, here.
        command.env(name, String::from_utf8_lossy(value).into_owned());
    }
    let status = command.status().map_err(|error| broken(format!("this program cannot be run: {error}")))?;
    let _ = fs::remove_file(folder.path().join(FILE));
    let arrived = server.arrived();
    let (of_token, of_password) = (spellings(&arrived.bytes, &token), spellings(&arrived.bytes, &password));
    let is_right = status.success() && of_token == 1 && of_password == 0;
    let requests = count(arrived.requests, "request", "requests");
    let told = term.report(|out| {
        writeln!(
            out,
            "the server got {requests}, {}: the token {} (put in by the guard, where it belongs), the password {}; searched for as they stand, reversed, in base64 and hexadecimal digits",
            size(arrived.bytes.len() as u64),
            times(of_token),
            times(of_password),
        )?;
        writeln!(out, "{}", if is_right { "as it should be" } else { "NOT as it should be: please report this" })
    });
    told.map_err(|error| broken(format!("this cannot be printed: {error}")))?;
    Ok(u8::from(!is_right))
}

fn password() -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut bytes = Zeroizing::new(vec![0; LENGTH]);
    setup::random(&mut bytes)?;
    for (byte, row) in bytes.iter_mut().zip(LETTERS.iter().cycle()) {
        *byte = row[usize::from(*byte) % row.len()];
    }
    Ok(bytes)
}

fn times(n: usize) -> String {
    match n {
        0 => "not at all".into(),
        1 => "once".into(),
        n => format!("{n} times"),
    }
}

/// How often a value stands in `bytes`, in any of a few spellings: looked for by mere search, which knows nothing of how the guard looks.
fn spellings(bytes: &[u8], value: &[u8]) -> usize {
    let mut forms: Vec<Zeroizing<Vec<u8>>> =
        vec![Zeroizing::new(value.to_vec()), wrap::reversed(value), wrap::hex(value)];
    forms.push(Zeroizing::new(wrap::hex(value).to_ascii_uppercase()));
    forms.extend((0..3).map(|before| wrap::inside_base64(value, before)));
    forms.iter().map(|form| wrap::occurrences(bytes, form)).sum()
}
