//! [`fields`]: the secrets in what other programs print as JSON.
//!
//! | tool | command | what is taken |
//! |---|---|---|
//! | 1Password | `op item get NAME --format json` | concealed fields |
//! | Vault | `vault kv get -format=json PATH` | the strings under `data`, a client token |
//! | Doppler | `doppler secrets --json`, `doppler secrets download --no-file --format json` | every variable |
//! | SOPS | `sops decrypt --output-type json FILE` | every string, what is still encrypted apart |
//! | AWS Secrets Manager | `aws secretsmanager get-secret-value`, `batch-get-secret-value` | the secret, or the strings in it if it is JSON |
//! | Kubernetes | `kubectl get secret NAME -o json` | what `data` has in base64, `stringData` |

use std::collections::HashSet;
use std::fmt;

use exfilter_codec::base64::{Phase, is_char};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

/// A program that keeps secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// 1Password's `op`.
    OnePassword,
    /// HashiCorp Vault, and OpenBao.
    Vault,
    /// Doppler.
    Doppler,
    /// SOPS.
    Sops,
    /// AWS Secrets Manager.
    AwsSecretsManager,
    /// Kubernetes.
    Kubernetes,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 6] = [
        Tool::OnePassword,
        Tool::Vault,
        Tool::Doppler,
        Tool::Sops,
        Tool::AwsSecretsManager,
        Tool::Kubernetes,
    ];

    /// The word for it: `op`, `vault`, `doppler`, `sops`, `aws`, `kubernetes`.
    pub fn as_str(self) -> &'static str {
        match self {
            Tool::OnePassword => "op",
            Tool::Vault => "vault",
            Tool::Doppler => "doppler",
            Tool::Sops => "sops",
            Tool::AwsSecretsManager => "aws",
            Tool::Kubernetes => "kubernetes",
        }
    }
}

/// A secret in what a tool printed.
pub struct Field {
    /// A name for it: `item/label`, `path.to.key`.
    pub name: String,
    /// Its value; wiped on drop.
    pub value: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({:?})", self.name)
    }
}

/// Why nothing was taken out of a text. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportError {
    message: &'static str,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for ImportError {}

/// The longest text, in bytes.
const LONGEST: usize = 16 << 20;
/// The most fields.
const MOST: usize = 10_000;
/// The longest name, in bytes.
const NAME_MAX: usize = 400;

/// The secrets in what `tool` printed, each once, in order of the text's own names.
///
/// # Errors
///
/// The text is no JSON, or not what that tool prints.
pub fn fields(tool: Tool, json: &[u8]) -> Result<Vec<Field>, ImportError> {
    let fail = |message| Err(ImportError { message });
    if json.len() > LONGEST {
        return fail("the text has more than 16 MiB");
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(json) else {
        return fail("the text is not JSON; ask the tool for JSON");
    };
    let mut fields = Fields::default();
    let taken = match tool {
        Tool::OnePassword => fields.one_password(&value),
        Tool::Vault => fields.vault(&value),
        Tool::Doppler => fields.doppler(&value),
        Tool::Sops => fields.sops(&value),
        Tool::AwsSecretsManager => fields.aws(&value),
        Tool::Kubernetes => fields.kubernetes(&value),
    };
    wipe(&mut value);
    if taken.is_none() {
        return fail("the JSON is not what this tool prints for a secret");
    }
    if fields.list.len() > MOST {
        return fail("the text has more than 10 000 secrets");
    }
    Ok(fields.list)
}

#[derive(Default)]
struct Fields {
    list: Vec<Field>,
    names: HashSet<String>,
}

impl Fields {
    fn push(&mut self, name: &[&str], value: &[u8]) {
        let parts = name.iter().filter(|part| !part.is_empty()).map(|part| cut(part));
        let text = cut(&parts.collect::<Vec<_>>().join("/")).to_owned();
        if !value.is_empty() && !text.is_empty() && self.list.len() <= MOST {
            // A name may stand twice: in two items of a list, or where long ones were cut.
            let numbered = (self.list.len() + 1..).map(|n| format!("{text}#{n}"));
            let name = std::iter::once(text.clone()).chain(numbered).find(|name| !self.names.contains(name));
            let name = name.expect("there are more numbers than fields");
            self.names.insert(name.clone());
            self.list.push(Field { name, value: Zeroizing::new(value.to_vec()) });
        }
    }

    /// The strings of a tree, named by their paths.
    fn leaves(&mut self, name: &[&str], path: &str, value: &Value) {
        // What is cut from a name anyway is not copied to every leaf below it.
        let path = cut(path);
        let join =
            |key: &str| if path.is_empty() { cut(key).to_owned() } else { format!("{path}.{}", cut(key)) };
        match value {
            Value::String(text) => self.push(&[name, &[path]].concat(), text.as_bytes()),
            Value::Object(map) => map.iter().for_each(|(key, value)| self.leaves(name, &join(key), value)),
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(i, value)| self.leaves(name, &join(&i.to_string()), value));
            }
            _ => {}
        }
    }

    fn one_password(&mut self, value: &Value) -> Option<()> {
        if let Value::Array(items) = value {
            return items.iter().try_for_each(|item| self.one_password(item));
        }
        let item = value.as_object()?;
        let title = text(item, "title");
        let fields = match item.get("fields") {
            Some(fields) => fields.as_array()?,
            // `op item get NAME --fields LABEL --format json` prints a field alone.
            None => return self.concealed("", item),
        };
        for field in fields {
            let _ = self.concealed(title, field.as_object()?);
        }
        Some(())
    }

    fn concealed(&mut self, title: &str, field: &Map<String, Value>) -> Option<()> {
        let kind = field.get("type")?.as_str()?;
        let value = field.get("value").and_then(Value::as_str).unwrap_or("");
        if matches!(kind, "CONCEALED" | "SSHKEY") {
            let label = Some(text(field, "label")).filter(|label| !label.is_empty());
            self.push(&[title, label.unwrap_or(text(field, "id"))], value.as_bytes());
        }
        Some(())
    }

    fn vault(&mut self, value: &Value) -> Option<()> {
        let answer = value.as_object()?;
        if let Some(token) =
            answer.get("auth").and_then(|auth| auth.get("client_token")).and_then(Value::as_str)
        {
            self.push(&["client_token"], token.as_bytes());
            return Some(());
        }
        let data = answer.get("data")?.as_object()?;
        // The second version of the engine has the data in `data`, beside its metadata.
        let inner = data.get("data").filter(|inner| inner.is_object() && data.contains_key("metadata"));
        match inner {
            Some(inner) => self.leaves(&[], "", inner),
            None => data.iter().for_each(|(key, value)| self.leaves(&[], key, value)),
        }
        Some(())
    }

    fn doppler(&mut self, value: &Value) -> Option<()> {
        for (name, value) in value.as_object()? {
            let computed = match value {
                Value::String(text) => text,
                Value::Object(facts) => facts.get("computed")?.as_str().unwrap_or(""),
                _ => return None,
            };
            // What it says of itself is no secret.
            if !matches!(name.as_str(), "DOPPLER_PROJECT" | "DOPPLER_ENVIRONMENT" | "DOPPLER_CONFIG") {
                self.push(&[name], computed.as_bytes());
            }
        }
        Some(())
    }

    fn sops(&mut self, value: &Value) -> Option<()> {
        for (key, value) in value.as_object()? {
            if key != "sops" {
                self.leaves(&[], key, value);
            }
        }
        self.list.retain(|field| !field.value.starts_with(b"ENC["));
        Some(())
    }

    fn aws(&mut self, value: &Value) -> Option<()> {
        let answer = value.as_object()?;
        if let Some(values) = answer.get("SecretValues") {
            return values.as_array()?.iter().try_for_each(|value| self.aws(value));
        }
        let name = text(answer, "Name");
        if let Some(secret) = answer.get("SecretString").and_then(Value::as_str) {
            match serde_json::from_str::<Value>(secret) {
                Ok(mut inner @ Value::Object(_)) => {
                    self.leaves(&[name], "", &inner);
                    wipe(&mut inner);
                }
                _ => self.push(&[name], secret.as_bytes()),
            }
            return Some(());
        }
        let binary = unbase64(answer.get("SecretBinary")?.as_str()?)?;
        self.push(&[name], &binary);
        Some(())
    }

    fn kubernetes(&mut self, value: &Value) -> Option<()> {
        let object = value.as_object()?;
        if let Some(items) = object.get("items") {
            return items.as_array()?.iter().try_for_each(|item| self.kubernetes(item));
        }
        if text(object, "kind") != "Secret" {
            return None;
        }
        let meta = object.get("metadata").and_then(Value::as_object);
        let name = meta.map_or("", |meta| text(meta, "name"));
        let entries = |key: &str| object.get(key).and_then(Value::as_object).into_iter().flatten();
        for (key, value) in entries("data") {
            let value = unbase64(value.as_str()?)?;
            self.push(&[name, key], value.trim_ascii_end());
        }
        for (key, value) in entries("stringData") {
            self.push(&[name, key], value.as_str()?.as_bytes());
        }
        Some(())
    }
}

/// The first [`NAME_MAX`] bytes, without half a character.
fn cut(text: &str) -> &str {
    let end = (0..=NAME_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or("")
}

/// Base64 with its padding and nothing else.
fn unbase64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let chars = text.trim_end_matches('=').as_bytes();
    if !chars.iter().all(|b| is_char(*b)) {
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut phase = Phase::new(0);
    phase.decode(chars, &mut out);
    phase.finish(&mut out);
    Some(out)
}

/// Overwrites every string of a tree.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}
