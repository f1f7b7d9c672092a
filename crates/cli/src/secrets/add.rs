//! One secret: kept, bound, forgotten.

use exfilter::KeyClass;
use exfilter_store::os::{Edit, now};
use exfilter_store::{Added, Mode, NewRecord, Source, StoreError};

use super::args::AddArgs;
use super::open::{Place, fault, secret_fault};
use super::recognise::Recogniser;
use super::value::{self, Value};
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{self, escape};

/// A value that is to be kept.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// How values are to be kept.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) sealed: bool,
    pub(crate) replace: bool,
    pub(crate) unbound: bool,
}

/// What became of a candidate.
pub(crate) enum Outcome {
    /// It is kept, or was: how, and what is known of it.
    Kept(Added, String),
    /// It is not; a code, and the reason with a remedy.
    Refused(&'static str, String),
}

/// Runs `secrets add`.
pub(crate) fn add(place: &Place, args: &AddArgs, term: &Term) -> Result<(), Fault> {
    let mut edit = place.edit()?;
    let (value, source) = value::read(&args.name, &args.from)?;
    let how = How { sealed: args.sealed, replace: args.replace, unbound: args.unbound };
    let candidate = Candidate { name: args.name.clone(), value, source };
    match keep(&mut edit, &mut Recogniser::new()?, candidate, how)? {
        Outcome::Refused(code, why) => Err(Fault::new(shown(&args.name), format!("{code}: {why}"), "")),
        Outcome::Kept(added, facts) => {
            let word = match added {
                Added::New => "kept",
                Added::Replaced => "replaced",
                Added::Unchanged => "unchanged",
            };
            edit.commit().map_err(|error| fault(&error))?;
            term.note(&format_args!("{}: {word} {facts}", shown(&args.name)));
            Ok(())
        }
    }
}

/// Keeps a value, with what the rules know of it. What is refused is an outcome and no error.
pub(crate) fn keep(
    edit: &mut Edit,
    recogniser: &mut Recogniser,
    candidate: Candidate,
    how: How,
) -> Result<Outcome, Fault> {
    let Candidate { name, value, source } = candidate;
    let mut new = NewRecord::new(&name, source, now());
    new.sealed = how.sealed;
    let known = recogniser.recognise(&name, &value);
    if let Some(known) = &known {
        if known.documented {
            let why = "the value stands in the provider's documentation; enrol a real credential";
            return Ok(Outcome::Refused("E_EXAMPLE", why.into()));
        }
        if known.class == KeyClass::Publishable {
            let why = "keys of this kind are meant to be seen; enrol the secret one that belongs to it";
            return Ok(Outcome::Refused("E_PUBLIC", why.into()));
        }
        new.rule = Some(known.rule.clone());
        new.class = Some(known.class);
        if !how.unbound {
            new.bindings = known.bindings.clone();
        }
    }
    if let Ok(Some(other)) = edit.store().name_of(&value)
        && other != name
    {
        return Ok(Outcome::Refused(
            "E_TWICE",
            format!("the value is kept under the name {} already", shown(other)),
        ));
    }
    let bound = new.bindings.len() as u64;
    let added = match edit.add(new, &value, how.replace) {
        Ok(added) => added,
        Err(error) => return refused(&name, &error),
    };
    let record = edit.store().records().iter().find(|record| record.name() == name);
    let Some(record) = record else {
        return Err(Fault::new(shown(&name), "it was not kept", "please report this"));
    };
    let mut facts = match record.mode() {
        Mode::Fingerprint => {
            format!("as a fingerprint: {} bits remain if file and key are stolen", record.remaining())
        }
        Mode::Sealed if how.sealed => "sealed, as asked".to_owned(),
        Mode::Sealed => format!("sealed: its {} bits are too few for a fingerprint", record.bits()),
    };
    if let Some(known) = known {
        facts += &format!("; {} ({})", known.rule, known.provider);
    }
    if bound > 0 {
        facts += &format!("; at home in {}", text::count(bound, "place", "places"));
    }
    if record.mode() == Mode::Fingerprint && !value.iter().all(|b| is_plain(*b)) {
        facts += "; it has characters that are written in many ways, of which --sealed finds more";
    }
    Ok(Outcome::Kept(added, facts))
}

/// Characters that encoders leave as they are, or write in ways that are undone.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.+/=~-".contains(&byte)
}

fn refused(name: &str, error: &StoreError) -> Result<Outcome, Fault> {
    match error.refusal() {
        Some(refusal) => {
            // The text begins with the code.
            let why = refusal.to_string();
            let why = why.strip_prefix(refusal.code()).and_then(|why| why.strip_prefix(": ")).unwrap_or(&why);
            Ok(Outcome::Refused(refusal.code(), why.to_owned()))
        }
        None if error.code() == "E_NAME" => Ok(Outcome::Refused(
            "E_NAME",
            "there is another value of that name; give --replace, or another name".into(),
        )),
        None => Err(secret_fault(name, error)),
    }
}

/// Runs `secrets bind`.
pub(crate) fn bind(place: &Place, name: &str, host: &str, slot: &str, term: &Term) -> Result<(), Fault> {
    place.load()?;
    let mut edit = place.edit()?;
    let is_new =
        edit.change(name, |record| record.bind(host, slot)).map_err(|error| secret_fault(name, &error))?;
    edit.commit().map_err(|error| fault(&error))?;
    let word = if is_new { "is at home in" } else { "was at home in" };
    term.note(&format_args!(
        "{} {word} {} at {}",
        shown(name),
        escape(slot.as_bytes()),
        escape(host.as_bytes())
    ));
    Ok(())
}

/// Runs `secrets bind --remove`.
pub(crate) fn unbind(
    place: &Place,
    name: &str,
    host: &str,
    slot: Option<&str>,
    term: &Term,
) -> Result<(), Fault> {
    place.load()?;
    let mut edit = place.edit()?;
    let gone = edit.change(name, |record| Ok(record.unbind(host, slot)));
    let gone = gone.map_err(|error| secret_fault(name, &error))?;
    if gone == 0 {
        return Err(Fault::new(
            shown(name),
            "it is not at home there",
            "`exfilter secrets list --format json` says where",
        ));
    }
    edit.commit().map_err(|error| fault(&error))?;
    term.note(&format_args!("{}: {} removed", shown(name), text::count(gone as u64, "binding", "bindings")));
    Ok(())
}

/// Runs `secrets remove`: all of them, or none.
pub(crate) fn remove(place: &Place, names: &[String], term: &Term) -> Result<(), Fault> {
    place.load()?;
    let mut edit = place.edit()?;
    for name in names {
        edit.remove(name).map_err(|error| secret_fault(name, &error))?;
    }
    edit.commit().map_err(|error| fault(&error))?;
    term.note(&format_args!("{} forgotten", text::count(names.len() as u64, "secret", "secrets")));
    Ok(())
}

/// A name, to be printed.
pub(crate) fn shown(name: &str) -> String {
    text::shorten(&escape(name.as_bytes())).into_owned()
}
