//! Placeholders of the store's sealed secrets.

use std::path::{Path, PathBuf};

use exfilter::substitute::Substitutes;
use exfilter_store::os::{read_private, write_private};
use exfilter_store::{Mode, Record, Source, Store};
use zeroize::Zeroizing;

use super::args::EnvArgs;
use crate::fault::Fault;
use crate::secrets::open::{Place, bindings, fault, secret_fault, shown};
use crate::term::Term;
use crate::text::{escape, shorten};

const SEED: usize = 32;

/// Names of variables and placeholders, by name.
///
/// # Errors
///
/// A store or a seed that cannot be opened, and a secret that was asked for and has no placeholder.
pub(super) fn of(args: &EnvArgs, term: &Term) -> Result<Vec<(String, String)>, Fault> {
    let place = Place::of(&args.place);
    if args.no_secrets || args.secret.is_empty() && !place.as_ref().is_ok_and(|place| place.home().exists()) {
        return Ok(Vec::new());
    }
    let opened = place?.load()?;
    let store = &opened.store;
    let mut records = chosen(store, &args.secret)?;
    records.sort_by(|a, b| a.name().cmp(b.name()));
    let mut substitutes = Substitutes::new(*asked(args.seed.as_deref())?);
    let mut variables: Vec<(String, String)> = Vec::new();
    for record in records {
        match add(&mut substitutes, store, record) {
            Ok((name, _)) if variables.iter().any(|(other, _)| *other == name) => {
                return Err(Fault::new(
                    told(record),
                    "another secret has this variable",
                    "name one by --secret",
                ));
            }
            Ok(variable) => variables.push(variable),
            Err(fault) if args.secret.is_empty() => term.note(&format_args!("no placeholder: {fault}")),
            Err(fault) => return Err(fault),
        }
    }
    Ok(variables)
}

/// The records that are asked for, or all that may have a placeholder.
fn chosen<'a>(store: &'a Store, names: &[String]) -> Result<Vec<&'a Record>, Fault> {
    let records = store.records();
    if names.is_empty() {
        let may = |record: &&Record| {
            !record.is_canary() && record.mode() == Mode::Sealed && !record.bindings().is_empty()
        };
        return Ok(records.iter().filter(may).collect());
    }
    let of = |name: &String| {
        records.iter().find(|record| record.name() == name).ok_or_else(|| {
            let name = shorten(&escape(name.as_bytes())).into_owned();
            Fault::new(name, "no secret has this name", "`exfilter secrets list` lists them")
        })
    };
    names.iter().map(of).collect()
}

fn add(substitutes: &mut Substitutes, store: &Store, record: &Record) -> Result<(String, String), Fault> {
    let fault = |what: &str, remedy: &str| Fault::new(told(record), what, remedy);
    let value = store.unseal(record.name()).map_err(|error| secret_fault(record.name(), &error))?;
    let value = value.ok_or_else(|| {
        fault(
            "it is kept as a fingerprint, so nobody can put it anywhere",
            "`exfilter secrets add --sealed --replace` keeps it sealed",
        )
    })?;
    let variable = variable(record).ok_or_else(|| {
        fault(
            "neither it nor what it came from has the name of a variable",
            "give it a name of letters, digits and _",
        )
    })?;
    let placeholder = substitutes
        .add(record.name(), &value, bindings(record.bindings()))
        .map_err(|error| fault(&format!("{}: {error}", error.code()), error.remedy()))?;
    Ok((variable, placeholder.to_owned()))
}

/// The variable in which programs look for a secret: the one that it came from, or its own name.
fn variable(record: &Record) -> Option<String> {
    let name = match record.source() {
        Source::Env(name) | Source::EnvFile { name, .. } => name,
        _ => record.name(),
    };
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_name && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())).then(|| name.to_owned())
}

/// The seed in a file, or in the usual one.
fn asked(path: Option<&Path>) -> Result<Zeroizing<[u8; SEED]>, Fault> {
    let path = path.map(Path::to_owned).or_else(usual).ok_or_else(|| {
        Fault::new("--seed", "no usual place: neither HOME nor XDG_STATE_HOME is set", "name a file")
    })?;
    seed(&path)
}

/// The seed in a file, which is made if there is none.
///
/// # Errors
///
/// A file that is not its owner's alone, or that holds something else.
pub(crate) fn seed(path: &Path) -> Result<Zeroizing<[u8; SEED]>, Fault> {
    if let Some(bytes) = read_private(path, SEED).map_err(|error| fault(&error))? {
        return bytes
            .as_slice()
            .try_into()
            .map(Zeroizing::new)
            .map_err(|_| Fault::new(shown(path), "it is no seed of 32 bytes", "remove it to have one made"));
    }
    let mut seed = Zeroizing::new([0; SEED]);
    getrandom::fill(&mut *seed)
        .map_err(|_| Fault::new("--seed", "the system gives no random numbers", "give a seed"))?;
    write_private(path, &*seed, &mut |_| Ok(())).map_err(|error| fault(&error))?;
    Ok(seed)
}

fn usual() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("exfilter/sandbox.seed"))
}

fn told(record: &Record) -> String {
    shorten(&escape(record.name().as_bytes())).into_owned()
}
