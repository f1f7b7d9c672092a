//! Many secrets at once: files of variables, the environment, what other programs print.

use exfilter_store::os::Edit;
use exfilter_store::source::{Tool, fields, variables};
use exfilter_store::{Added, Source};

use super::add::{Candidate, How, Outcome, keep, shown};
use super::args::{EnrollArgs, ImportArgs, ToolArg};
use super::open::{Place, fault};
use super::recognise::Recogniser;
use super::value;
use crate::env::{self, Found, Refused};
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text;

/// Runs `secrets enroll`.
pub(crate) fn enroll(place: &Place, args: &EnrollArgs, term: &Term) -> Result<u8, Fault> {
    let mut candidates = Vec::new();
    let mut refused = Vec::new();
    for path in &args.files {
        let text = value::file(path, value::LONGEST_FILE + 1)?;
        if text.len() as u64 > value::LONGEST_FILE {
            return Err(Fault::new(
                open_name(path),
                "a file of variables has at most 1 MiB",
                "enrol its secrets one by one",
            ));
        }
        let path = value::path_text(path)?;
        let all = variables(&text).into_iter().map(|variable| (variable.name, variable.value));
        for Found { names, variable, value } in env::chosen(all, &args.name, &mut refused) {
            let source = Source::EnvFile { path: path.clone(), name: variable };
            candidates.push(Candidate { name: names, value, source });
        }
    }
    if args.env {
        for Found { names, variable, value } in env::chosen(env::variables(), &args.name, &mut refused) {
            candidates.push(Candidate { name: names, value, source: Source::Env(variable) });
        }
    }
    keep_all(place, candidates, refused, (args.sealed, args.dry_run), term)
}

/// Runs `secrets import`.
pub(crate) fn import(place: &Place, args: &ImportArgs, term: &Term) -> Result<u8, Fault> {
    let tool = match args.from {
        ToolArg::Op => Tool::OnePassword,
        ToolArg::Vault => Tool::Vault,
        ToolArg::Doppler => Tool::Doppler,
        ToolArg::Sops => Tool::Sops,
        ToolArg::Aws => Tool::AwsSecretsManager,
        ToolArg::Kubernetes => Tool::Kubernetes,
    };
    let json = value::piped((16 << 20) + 1)?;
    let all = fields(tool, &json).map_err(|error| {
        Fault::new("standard input", error.to_string(), "`exfilter secrets import --help` has the commands")
    })?;
    drop(json);
    let mut candidates = Vec::new();
    let mut refused = Vec::new();
    for field in all {
        let last = field.name.rsplit(['/', '.']).next().unwrap_or("").to_owned();
        let is_named = |pattern: &String| env::matches(pattern, &field.name) || env::matches(pattern, &last);
        let asked = args.name.iter().any(is_named);
        if !args.name.is_empty() && !asked {
            continue;
        }
        if !asked && is_setting(&last, &field.value) {
            let remedy = "it looks like a setting beside the secret; --name takes it all the same";
            refused.push(Refused {
                name: text::escape(field.name.as_bytes()),
                code: "E_NOTSECRET",
                remedy: remedy.into(),
            });
            continue;
        }
        let source = Source::Import { tool: tool.as_str().into(), field: field.name.clone() };
        candidates.push(Candidate {
            name: format!("{}{}", args.prefix, field.name),
            value: field.value,
            source,
        });
    }
    keep_all(place, candidates, refused, (args.sealed, args.dry_run), term)
}

/// Whether a field beside secrets is none: a host, a name, an address of mail.
fn is_setting(name: &str, value: &[u8]) -> bool {
    const NAMES: [&str; 14] = [
        "host", "hostname", "port", "user", "username", "database", "dbname", "engine", "region", "endpoint",
        "email", "account", "bucket", "name",
    ];
    let lower = name.to_ascii_lowercase();
    let of = |word: &str| {
        lower == word || lower.ends_with(&format!("_{word}")) || lower.ends_with(&format!("-{word}"))
    };
    let text = std::str::from_utf8(value).unwrap_or("");
    let is_label = |label: &str| {
        !label.is_empty() && label.len() < 24 && label.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    };
    let is_host = text.contains('.') && text.split('.').all(is_label);
    NAMES.iter().any(|word| of(word)) || is_host
}

/// Keeps what is kept, and says what is not and why; the exit code tells whether something was refused.
pub(crate) fn keep_all(
    place: &Place,
    candidates: Vec<Candidate>,
    mut refused: Vec<Refused>,
    (sealed, dry_run): (bool, bool),
    term: &Term,
) -> Result<u8, Fault> {
    let mut edit = place.edit()?;
    let mut recogniser = Recogniser::new()?;
    let (mut new, mut replaced, mut unchanged) = (0, 0, 0);
    for candidate in candidates {
        let name = candidate.name.clone();
        // What a source says now is what is meant.
        let how = How { sealed, replace: true, unbound: false };
        match keep_beside(&mut edit, &mut recogniser, candidate, how)? {
            Outcome::Kept(added, facts) => {
                let word = match added {
                    Added::New => "kept",
                    Added::Replaced => "replaced, for its source has another value now,",
                    Added::Unchanged => "unchanged",
                };
                match added {
                    Added::New => new += 1,
                    Added::Replaced => replaced += 1,
                    Added::Unchanged => unchanged += 1,
                }
                term.note(&format_args!("{}: {word} {facts}", shown(&name)));
            }
            Outcome::Refused(code, remedy) => refused.push(Refused { name: shown(&name), code, remedy }),
        }
    }
    refused.sort_by(|a, b| a.name.cmp(&b.name));
    for one in &refused {
        term.note(&format_args!("{} not kept: {}: {}", text::shorten(&one.name), one.code, one.remedy));
    }
    if !dry_run && new + replaced > 0 {
        edit.commit().map_err(|error| fault(&error))?;
    }
    let done = if dry_run { " (a dry run: nothing was written)" } else { "" };
    term.note(&format_args!(
        "{}: {new} new, {replaced} replaced, {unchanged} unchanged, {} not kept{done}",
        place.name(),
        refused.len()
    ));
    Ok(exit::CLEAN)
}

/// Keeps a value; where another source's secret has the name, under a name with its source.
fn keep_beside(
    edit: &mut Edit,
    recogniser: &mut Recogniser,
    mut candidate: Candidate,
    how: How,
) -> Result<Outcome, Fault> {
    let other = edit.store().records().iter().find(|record| record.name() == candidate.name);
    if other.is_some_and(|record| *record.source() != candidate.source) {
        candidate.name = format!("{} ({})", candidate.name, candidate.source);
        if candidate.name.len() > 500 {
            let why = "there is a secret of that name from elsewhere; add it under another name";
            return Ok(Outcome::Refused("E_NAME", why.into()));
        }
    }
    keep(edit, recogniser, candidate, how)
}

fn open_name(path: &std::path::Path) -> String {
    super::open::shown(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_from_secrets() {
        for (name, value) in
            [("host", "anything"), ("DB_PORT", "5432"), ("x", "db.internal.example.com"), ("db-user", "app")]
        {
            assert!(is_setting(name, value.as_bytes()), "{name} {value}");
        }
        for (name, value) in
            [("password", "a-b-c"), ("x", "Db.internal"), ("token", "a1.b2"), ("tokenname2", "x")]
        {
            assert!(!is_setting(name, value.as_bytes()), "{name} {value}");
        }
    }
}
