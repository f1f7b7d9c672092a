//! What the user may say to `exfilter rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use exfilter::KeyClass;

use crate::args::{Level, ListFormat};

/// `exfilter rules`.
#[derive(Args)]
pub(crate) struct RulesArgs {
    /// What to do with rules.
    #[command(subcommand)]
    pub(crate) command: RulesCommand,
}

/// What `exfilter rules` does.
#[derive(Subcommand)]
pub(crate) enum RulesCommand {
    /// Check rule files: syntax, fields, bounds, and that their examples match
    Check {
        /// Rule files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List the rules
    List {
        #[command(flatten)]
        from: RuleSource,
        #[command(flatten)]
        filter: RuleFilter,
        /// The form of the list
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Say everything about one rule, be it built in or a further one
    Show {
        /// The rule's id
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        from: RuleSource,
        /// The form: words, or a rule file to begin from
        #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
        format: ShowFormat,
    },
    /// Say which rules match where in a file, and which nearly do and why not
    ///
    /// All rules that come with the program are tried. Places and reasons are printed, never content. Exits with 1 if something matches.
    Test {
        /// The file; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        from: RuleSource,
        /// Only this rule, and every place where it could begin; may be given several times
        #[arg(long, value_name = "ID")]
        rule: Vec<String>,
    },
    /// Write a rule file to begin from, with a word about every field
    New {
        /// The rule's id, such as acme-api-key
        #[arg(value_name = "ID")]
        id: String,
        /// Who issues the credential [default: the id's first word]
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
        /// Write to a new file [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write the page that lists all rules (rules/README.md)
    Page {
        /// Write to a file, whole or not at all [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write the JSON schema of rule files, for editors (rules/schema.json)
    Schema {
        /// Write to a file, whole or not at all [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Turn a rule file of gitleaks, Kingfisher or Nosey Parker, or one that reads the same, into rules of our form
    ///
    /// Every rule that cannot be expressed is named on standard error with the reason, and so is whatever is read otherwise
    /// than it was meant. What came of the rest can be given to `scan --rules`.
    Import {
        /// The file: TOML with its rules under [[rules]], or YAML (.yml, .yaml) with them under rules:
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the rules to a file, whole or not at all [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What the ids begin with, so that they are none of the built-in rules'
        #[arg(long, default_value = "imported-", value_name = "TEXT")]
        prefix: String,
        /// Only the rules that could not be imported, and the summary
        #[arg(long, short)]
        quiet: bool,
    },
}

/// Where rules come from.
#[derive(Args)]
pub(crate) struct RuleSource {
    /// A rule file to add to the built-in rules; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Leave the rules that come with the program out
    #[arg(long)]
    pub(crate) no_builtin: bool,
    /// Add the further rules that come with the program
    #[arg(long)]
    pub(crate) more_rules: bool,
}

/// Which rules are listed.
#[derive(Args)]
pub(crate) struct RuleFilter {
    /// Only of providers with this in their name
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Only of this class
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(crate) class: Option<Class>,
    /// Only of this confidence
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) confidence: Option<Level>,
}

/// A class of keys, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    /// Administers an account
    Admin,
    /// Acts as a person
    User,
    /// Acts as a program
    Service,
    /// Reaches a sandbox only
    Test,
    /// Meant to be seen
    Publishable,
}

impl Class {
    /// Whether it is this class.
    pub(crate) fn is(self, class: KeyClass) -> bool {
        class
            == match self {
                Class::Admin => KeyClass::Admin,
                Class::User => KeyClass::User,
                Class::Service => KeyClass::Service,
                Class::Test => KeyClass::Test,
                Class::Publishable => KeyClass::Publishable,
            }
    }
}

/// The form in which a rule is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// Words for people
    Text,
    /// A rule file
    Toml,
}
