//! policy_file: any text is a policy or a fault in it, whose line is one of the text's; what was read can be used.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter::config::Config;
use exfilter::{Authority, Engine, Inspection, Limits};
use libfuzzer_sys::fuzz_target;

/// What files are put together of.
const PIECES: [&str; 52] = [
    "version = 1\n",
    "mode",
    "strict_examples",
    "foreign",
    "actions",
    "llm",
    "opaque",
    "hosts",
    "limits",
    "hold",
    "low",
    "medium",
    "high",
    "confirmed",
    "encrypted",
    "high-entropy",
    "allow",
    "deny",
    "tunnel",
    "findings",
    "lanes",
    "containers",
    "ratio",
    "window",
    "bases",
    "oauth",
    "endpoints",
    "other",
    "\"https://a.example/token\"",
    "stream",
    "body",
    " = ",
    "\n",
    ".",
    "[",
    "]",
    "[[",
    "{",
    "}",
    ", ",
    "\"",
    "'",
    "\"\"\"",
    "\"block\"",
    "\"report\"",
    "\"observe\"",
    "\"*.a.example\"",
    "\"64 KiB\"",
    "1",
    "0x7fffffffffffffff",
    "true",
    "# x",
];

#[derive(Debug)]
struct Input(String);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let mut text = String::new();
        while !u.is_empty() {
            match u.int_in_range(0..=9u8)? {
                0 => text.push(u.arbitrary()?),
                _ => text.push_str(u.choose(&PIECES)?),
            }
        }
        Ok(Input(text))
    }
}

fuzz_target!(|input: Input| {
    let text = &input.0;
    let config = match Config::parse("policy.toml", text) {
        Ok(config) => config,
        Err(error) => {
            assert!(error.line() <= 1 + text.matches('\n').count());
            let _ = error.to_string();
            return;
        }
    };
    let limits = config.limits_over(Limits::default());
    assert!(limits.lanes > 0 && limits.ratio > 0);
    let _ = Engine::builder()
        .policy(config.policy().clone())
        .limits(limits)
        .build()
        .expect("a policy fits any engine");
    config.apply(&mut Inspection::new(Authority::parse(b"https://a.example").expect("an authority")));
    let _ = (config.admits("a.example"), config.tunnels_to("a.example"), config.acts_from());
});
