//! What scans, hooks and audits set up alike: rules, known secrets and the engine.

use exfilter::config::Config;
use exfilter::{Engine, KnownSecrets, Limits, Profile, Rule};

use crate::args::{RuleArgs, SecretArgs};
use crate::fault::Fault;
use crate::rulepack::Origins;
use crate::secrets::open;
use crate::term::Term;
use crate::{env, rulepack, text};

/// Findings listed per file; the rest are counted per rule.
const FINDINGS: u32 = 100_000;

/// Ranges that were not examined, listed per file; the rest are counted.
const OPAQUES: u32 = 10_000;

/// Bytes of objects kept for deltas of a pack that is scanned as a file, where memory is the process's own.
const BASES: u64 = 512 << 20;

/// A builder for content at rest.
pub(crate) fn engine(
    rules: Vec<Rule>,
    secrets: Option<KnownSecrets>,
    config: &Config,
    strict_examples: bool,
) -> exfilter::EngineBuilder {
    let mut policy = config.policy().clone();
    policy.strict_examples(strict_examples);
    let mut limits = Limits::default();
    limits.findings = FINDINGS;
    limits.opaques = OPAQUES;
    limits.bases = BASES;
    let mut builder = Engine::builder();
    // Nothing waits for a verdict here, so every way is tried.
    builder.rules(rules).policy(policy).limits(config.limits_over(limits)).profile(Profile::Thorough);
    if let Some(secrets) = secrets {
        builder.known_secrets(secrets);
    }
    builder
}

/// The rules that are asked for, and where each of a file's stands.
///
/// # Errors
///
/// What is wrong with a file, or with its rules unless the rest is to be taken.
pub(crate) fn rules(args: &RuleArgs, term: &Term) -> Result<(Vec<Rule>, Origins), Fault> {
    let mut faults = Vec::new();
    let kept = args.keep_going.then_some(&mut faults);
    let loaded = rulepack::load(&args.rules, !args.no_builtin, args.more_rules, kept)?;
    let (mut rules, origins) = loaded.split();
    if args.keep_going {
        rulepack::drop_unsound(&mut rules, &origins, &mut faults);
        faults.iter().for_each(|fault| term.note(&format_args!("left out: {fault}")));
    }
    Ok((rules, origins))
}

/// The secrets of the store, if there is one, and those of the environment, if they are asked for; none if there are none of either.
///
/// # Errors
///
/// A store that cannot be opened, or an environment that cannot be read.
pub(crate) fn secrets(
    args: &SecretArgs,
    quiet: bool,
    verbose: bool,
    term: &Term,
) -> Result<Option<KnownSecrets>, Fault> {
    let stored = open::known(&args.choice())?;
    if let Some(stored) = &stored
        && !quiet
    {
        term.note(&stored.note);
    }
    let mut secrets = stored.map(|stored| stored.secrets);
    if args.secrets_from_env {
        let from = env::collect(&args.env_name, secrets)?;
        if !quiet {
            tell_refused(&from.refused, verbose, term);
            if from.taken == 0 {
                term.note(&"--secrets-from-env: no variable holds a secret that could be taken");
            }
        }
        secrets = Some(from.secrets);
    }
    Ok(secrets.filter(|secrets| !secrets.is_empty()))
}

fn tell_refused(refused: &[env::Refused], verbose: bool, term: &Term) {
    if refused.is_empty() {
        return;
    }
    if verbose {
        for one in refused {
            term.note(&format_args!("{} not taken: {}: {}", text::shorten(&one.name), one.code, one.remedy));
        }
    } else {
        let count = text::count(refused.len() as u64, "variable was", "variables were");
        term.note(&format_args!("--secrets-from-env: {count} not taken; --verbose says which and why"));
    }
}
