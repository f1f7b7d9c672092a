//! Variables, as those who read them want them.

use serde_json::{Map, Value, json};

use super::args::Seat;

/// The text of an environment.
pub(crate) fn text(seat: Seat, variables: &[(String, String)]) -> String {
    match seat {
        Seat::Shell | Seat::Codex => {
            variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
        }
        Seat::Docker => variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
        Seat::Claude => json(&json!({ "env": object(variables) })),
        Seat::Cursor => {
            let mut settings = Map::new();
            if let Some((_, proxy)) = variables.iter().find(|(name, _)| name == "HTTPS_PROXY") {
                settings.insert("http.proxy".into(), proxy.as_str().into());
            }
            for system in ["linux", "osx", "windows"] {
                settings.insert(format!("terminal.integrated.env.{system}"), object(variables));
            }
            json(&Value::Object(settings))
        }
    }
}

fn object(variables: &[(String, String)]) -> Value {
    let members = variables.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
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
