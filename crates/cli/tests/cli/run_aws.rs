//! Keys of AWS in the environment of `exfilter run`.

use exfilter_testing::Rng;

use crate::harness::{plant, secret};
use crate::run::Stage;

#[test]
fn keys_of_aws_become_placeholders_together() {
    let stage = Stage::new();
    let mut rng = Rng::new(801);
    let mut id =
        || format!("AKIA{}", String::from_utf8(rng.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)).unwrap());
    let (first, second) = (id(), id());
    let (key, token) = (secret(40), secret(200));
    for value in [&first, &key, &token] {
        plant(value.as_bytes());
    }
    let variables = [
        ("AWS_ACCESS_KEY_ID", first.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &key),
        ("AWS_SESSION_TOKEN", &token),
    ];
    let run = stage.run(&[], &variables, &["env"]).exits_with(0);
    for (name, real) in variables {
        let value = run.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap();
        assert!(value.len() == real.len() && value != real, "{run:#?}");
    }
    let run =
        run.notes("AWS_SECRET_ACCESS_KEY is a placeholder; the real value goes to AWS, in signatures, alone");
    run.notes("AWS_SESSION_TOKEN is a placeholder").notes("AWS_ACCESS_KEY_ID is a placeholder");
    // A secret without an id signs nothing.
    let run = stage.run(&[], &[("AWS_SECRET_ACCESS_KEY", &key)], &["env"]).exits_with(0);
    assert!(!run.stdout.contains("AWS_SECRET_ACCESS_KEY="), "{run:#?}");
    // What is kept is kept as it is.
    let run = stage.run(
        &["--keep", "AWS_ACCESS_KEY_ID"],
        &[("AWS_ACCESS_KEY_ID", &second), ("AWS_SECRET_ACCESS_KEY", &key)],
        &["env"],
    );
    let run = run.exits_with(0).prints(&second);
    assert!(!run.stdout.contains("AWS_SECRET_ACCESS_KEY="), "{run:#?}");
}
