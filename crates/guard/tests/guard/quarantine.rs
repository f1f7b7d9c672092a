//! A session that is refused for secrets again and again: from then on nothing leaves.

use std::time::Duration;

use exfilter::config::Config;
use exfilter::{Engine, KnownSecrets, StoreKey};
use exfilter_guard::Settings;
use exfilter_testing::{Rng, canary, keys};

use crate::stage::{Stage, has, ok};

const URL: &str = "https://echo.example.com/";

fn stage(value: &[u8], policy: &str) -> Stage {
    canary::note([value]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    known.fragments(true).add("TOKEN", value, Vec::new()).unwrap();
    let engine = Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap();
    let config = Config::parse("policy.toml", &format!("version = 1\n{policy}")).unwrap();
    let set = |settings: &mut Settings| {
        settings.config(config);
    };
    Stage::new(engine, set, |_| ok(b"done"))
}

impl Stage {
    fn post(&self, body: &str) -> String {
        let said = self.run(&["curl", "-sS", "-w", " %{http_code}", "-d", body, URL]).said;
        // The number of a refusal differs, its length does not.
        match said.split_once(", reference ") {
            Some((before, after)) => format!("{before} {}", &after[12..]),
            None => said,
        }
    }
}

#[test]
fn after_repeated_hits_nothing_leaves_until_it_is_lifted() {
    if !has("curl", &["--version"]) {
        return;
    }
    let mut rng = Rng::new(91);
    let value = String::from_utf8(rng.text(keys::BASE62, 40)).unwrap();
    let stage = stage(value.as_bytes(), "[quarantine]\nhits = 3\nminutes = 1\n");
    assert_eq!(stage.post("clean"), "done 200");
    // A rule's finding is no hit, whole values and pieces are, and so is one in a host's name.
    let token = String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap();
    assert!((0..4).all(|_| stage.post(&token).contains("secret detected")));
    let refused = stage.post(&value);
    assert!(refused.contains("blocked by policy") && !stage.guard.is_quarantined(), "{refused}");
    assert_eq!(stage.post(&value[..30]), refused);
    assert_eq!(stage.post("clean again"), "done 200");
    let name = format!("http://{value}.echo.example.com/");
    assert!(stage.run(&["curl", "-sS", &name]).said.contains("blocked by policy"));
    assert!(stage.guard.is_quarantined());
    stage.server.forget();
    assert_eq!(stage.post("clean"), refused, "in the words of any other refusal");
    assert_eq!(stage.post(&value), refused);
    assert!(stage.server.requests().is_empty());
    let records = stage.records();
    let began: Vec<usize> = (0..records.len()).filter(|n| records[*n].quarantine).collect();
    assert_eq!(began, [records.len() - 3]);
    assert!(stage.refusals().last().is_some_and(|why| why.contains("in quarantine after repeated hits")));
    // What the sender is not told, the operator is.
    let last = &records[records.len() - 1];
    assert!(last.noted.iter().any(|noted| noted.what == "TOKEN"), "{last:?}");
    stage.guard.lift_quarantine();
    assert_eq!(stage.post("clean"), "done 200");
    assert_eq!((stage.post(&value), stage.guard.is_quarantined()), (refused, false));
}

#[test]
fn hits_that_are_far_apart_or_not_counted_begin_nothing() {
    if !has("curl", &["--version"]) {
        return;
    }
    let mut rng = Rng::new(92);
    let value = String::from_utf8(rng.text(keys::BASE62, 40)).unwrap();
    let off = stage(value.as_bytes(), "[quarantine]\nhits = 0\n");
    assert!((0..7).all(|_| off.post(&value).contains("blocked")));
    assert_eq!(off.post("clean"), "done 200");
    // The usual number.
    let usual = stage(value.as_bytes(), "");
    assert!((0..4).all(|n| usual.post(&format!("{n} {value}")).contains("blocked")));
    assert_eq!(usual.post("clean"), "done 200");
    assert!(usual.post(&value).contains("blocked") && usual.guard.is_quarantined());
    assert!(exfilter::Quarantine::WITHIN > Duration::from_secs(60));
}

/// git-lfs tries a refused object eight times more, at addresses whose parameters differ.
#[test]
fn the_same_body_again_counts_once() {
    if !has("curl", &["--version"]) {
        return;
    }
    let value = String::from_utf8(Rng::new(93).text(keys::BASE62, 40)).unwrap();
    let stage = stage(value.as_bytes(), "[quarantine]\nhits = 3\n");
    let put = |query: &str, body: &str, more: &[&str]| {
        let url = format!("{URL}objects/1?{query}");
        let args = [&["curl", "-sS", "-X", "PUT", "--data-binary", body, &url], more].concat();
        let said = stage.run(&args).said;
        assert!(said.contains("blocked by policy"), "{said}");
        stage.guard.is_quarantined()
    };
    let object =
        stage.write("object", format!("{} {value} {}", "x".repeat(300_000), "y".repeat(300_000)).as_bytes());
    let object = format!("@{object}");
    assert!((0..9).all(|n| !put(&format!("signature={n}"), &object, &[])));
    let short = format!("a {value}");
    assert!((0..9).all(|n| !put(&format!("signature={n}"), &short, &[])), "the second one");
    // What is read in another way, and a hit elsewhere beside it, are others.
    assert!(put("", &short, &["-H", "Content-Type: text/plain"]), "the third one");
    stage.guard.lift_quarantine();
    let header = |n: usize| format!("X-Guess: {} {value}", "z".repeat(n));
    assert!(!put("", &short, &["-H", &header(1)]) && !put("", &short, &["-H", &header(2)]));
    assert!(put("", &short, &["-H", &header(3)]), "guesses in a head count, whatever the body");
    assert!(stage.server.requests().is_empty());
    // So do guesses in bodies, whatever else refuses the request.
    stage.guard.lift_quarantine();
    let token = String::from_utf8(keys::github(&mut Rng::new(94), "ghp_")).unwrap();
    let header = format!("X-Key: {token}");
    let hits: Vec<bool> = (0..3).map(|n| put("", &format!("guess {n} {value}"), &["-H", &header])).collect();
    assert_eq!(hits, [false, false, true]);
    // And those behind something else in a long body, of which the beginning alone is the same.
    stage.guard.lift_quarantine();
    let hits: Vec<bool> = (0..3)
        .map(|n| {
            let long = format!("{} {token} {} {value} {n}", "x".repeat(600_000), "y".repeat(600_000));
            let object = stage.write(&format!("object-{n}"), long.as_bytes());
            put("", &format!("@{object}"), &[])
        })
        .collect();
    assert_eq!(hits, [false, false, true]);
    assert!(stage.server.requests().is_empty());
}
