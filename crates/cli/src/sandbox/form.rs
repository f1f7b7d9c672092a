//! Variables, as those who read them want them.

use serde_json::{Map, Value, json};

use super::args::Seat;
use super::variables::Variable;

/// The text of an environment. Only a shell can be told to take a variable away; the others begin without those of whoever starts them.
pub(crate) fn text(seat: Seat, variables: &[Variable]) -> String {
    match seat {
        Seat::Shell | Seat::Codex => {
            let line = |(name, value): &Variable| match value {
                Some(value) => format!("export {name}={}\n", quoted(value)),
                None => format!("unset {name}\n"),
            };
            variables.iter().map(line).collect()
        }
        Seat::Docker => set(variables).map(|(name, value)| format!("{name}={value}\n")).collect(),
        Seat::Claude => json(&json!({ "env": object(variables) })),
        Seat::Cursor => {
            let mut settings = Map::new();
            if let Some((_, proxy)) = set(variables).find(|(name, _)| *name == "HTTPS_PROXY") {
                settings.insert("http.proxy".into(), proxy.into());
            }
            for system in ["linux", "osx", "windows"] {
                settings.insert(format!("terminal.integrated.env.{system}"), object(variables));
            }
            json(&Value::Object(settings))
        }
    }
}

/// Those that have a value.
fn set(variables: &[Variable]) -> impl Iterator<Item = (&str, &str)> {
    variables.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
}

fn object(variables: &[Variable]) -> Value {
    let members = set(variables).map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(members.collect())
}

fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// As a POSIX shell takes it for one word, whatever it is.
fn quoted(value: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&b);
    match !value.is_empty() && value.bytes().all(is_plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_stay_one_word() {
        for (value, expected) in
            [("a/b:1", "a/b:1"), ("", "''"), ("a b", "'a b'"), ("it's $x", "'it'\\''s $x'")]
        {
            assert_eq!(quoted(value), expected);
        }
    }
}
