//! Tests of the rule format and of the built-in pack.

#[test]
fn builtin_pack_parses() {
    for (name, text) in exfilter_rules::builtin_files() {
        if let Err(error) = exfilter_rules::parse(name, text) {
            panic!("{error}");
        }
    }
    assert!(exfilter_rules::builtin().len() > 40);
}

#[test]
fn builtin_pack_is_sound() {
    let problems = exfilter_rules::check(&exfilter_rules::builtin_entries());
    for problem in &problems {
        eprintln!("{problem}");
    }
    assert!(problems.is_empty());
}
