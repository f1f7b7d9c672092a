//! What credentials travel in.

/// One carrier.
pub(crate) struct Carrier {
    pub(crate) name: &'static str,
    /// The name for narrow columns.
    pub(crate) short: &'static str,
    put: fn(&str, &str) -> String,
    /// Whether it has one line only.
    line: bool,
}

/// The twelve carriers, the last of them none.
pub(crate) const CARRIERS: [Carrier; 12] = [
    Carrier { name: "env", short: "env", put: |n, v| format!("{n}={}\nB=1\n", shell(v)), line: false },
    Carrier {
        name: "json",
        short: "json",
        put: |n, v| format!("{{\"a\": 1, \"{n}\": \"{}\"}}", json(v)),
        line: false,
    },
    Carrier { name: "yaml", short: "yaml", put: |n, v| format!("a: 1\n{n}: {}\n", yaml(v)), line: false },
    Carrier {
        name: "url query",
        short: "url",
        put: |n, v| format!("GET /v1?{n}={}&src=web HTTP/1.1", percent(v)),
        line: false,
    },
    Carrier {
        name: "header",
        short: "header",
        put: |n, v| format!("{n}: {v}\r\nAccept: */*\r\n"),
        line: true,
    },
    Carrier { name: "multipart", short: "multi", put: multipart, line: false },
    Carrier { name: "diff", short: "diff", put: diff, line: false },
    Carrier {
        name: "log line",
        short: "log",
        put: |n, v| format!("12:00:01 INFO client up {n}={v} retry=0\n"),
        line: true,
    },
    Carrier {
        name: "minified js",
        short: "js",
        put: |n, v| format!("}},t.x=!0,e.exports={{{n}:\"{}\"}},n(3)", json(v)),
        line: false,
    },
    Carrier { name: "xml", short: "xml", put: |n, v| format!("<c><{n}>{}</{n}></c>", xml(v)), line: false },
    Carrier {
        name: "sql",
        short: "sql",
        put: |n, v| format!("INSERT INTO s VALUES (1, '{n}', '{}');", v.replace('\'', "''")),
        line: false,
    },
    Carrier { name: "bare", short: "bare", put: |_, v| v.to_string(), line: false },
];

impl Carrier {
    /// The text that carries a value, under its name or under one that says nothing; `None` where it cannot. A bare value keeps the name that it needs.
    pub(crate) fn carry(&self, name: Option<&str>, value: &[u8]) -> Option<Vec<u8>> {
        let value = std::str::from_utf8(value).ok()?;
        if self.line && value.trim_end().contains(['\n', '\r']) {
            return None;
        }
        let text = match name {
            Some(name) if self.name == "bare" => format!("{name}={value}"),
            _ => (self.put)(name.unwrap_or("value"), value),
        };
        Some(text.into_bytes())
    }
}

fn shell(value: &str) -> String {
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./+=:@%,~-".contains(&b));
    if plain { value.into() } else { format!("'{value}'") }
}

fn json(value: &str) -> String {
    value
        .chars()
        .map(|c| match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

fn yaml(value: &str) -> String {
    let plain = !value.contains(['\n', '"', '#', '{', '\'', ':'])
        && !value.starts_with(['@', '*', '&', '!', '%', '-']);
    if plain { value.into() } else { format!("\"{}\"", json(value)) }
}

fn percent(value: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn xml(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn multipart(name: &str, value: &str) -> String {
    format!("--b0b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--b0b--\r\n")
}

fn diff(name: &str, value: &str) -> String {
    let text = format!("{name}={value}");
    let added: String = text.lines().map(|line| format!("+{line}\n")).collect();
    format!("--- a/.env\n+++ b/.env\n@@ -1 +1,2 @@\n-A=0\n{added}")
}
