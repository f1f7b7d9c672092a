//! What a person lets pass: findings of rules of medium confidence, by their ids, and nothing else.

use exfilter::inspector::{Prefixes, Uploads};
use exfilter::{
    Action, Confidence, Engine, FindingId, Inspection, Inspector, KnownSecrets, Policy, Rule, StoreKey,
};
use exfilter_testing::{Rng, canary, keys, split, wrap};

use super::Request;

const TO: &str = "https://example.com";

fn rule(id: &str, mark: &str, confidence: Confidence) -> Rule {
    let mut rule = Rule::new(id, mark, &format!("{mark}[0-9a-zA-Z]{{32}}"));
    rule.confidence = confidence;
    rule
}

fn engine(secret: &[u8]) -> Engine {
    canary::note([secret]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    known.add("S", secret, Vec::new()).unwrap();
    let rules = [rule("maybe", "acme_", Confidence::Medium), rule("sure", "corp_", Confidence::High)];
    let mut policy = Policy::default();
    policy.action(Confidence::Medium, Action::Block);
    Engine::builder().rules(rules).policy(policy).known_secrets(known).build().unwrap()
}

fn key(rng: &mut Rng, mark: &str) -> String {
    format!("{mark}{}", String::from_utf8(rng.text(keys::BASE62, 32)).unwrap())
}

/// Examines it: whether it is refused, what a person may approve, and what passes because one has.
fn examine(
    engine: &Engine,
    inspection: &Inspection,
    request: &Request,
) -> (bool, Option<Vec<FindingId>>, Vec<FindingId>) {
    let mut inspector = Inspector::new(engine, inspection, request.head()).unwrap();
    let _ = inspector.push(&request.body);
    let refused = inspector.finish().is_block();
    (refused, inspector.approvable(), inspector.approved().to_vec())
}

#[test]
fn a_medium_finding_passes_by_its_id_wherever_it_stands() {
    let mut rng = Rng::new(611);
    let engine = engine(&rng.text(keys::BASE62, 40));
    let (token, other) = (key(&mut rng, "acme_"), key(&mut rng, "acme_"));
    let post = || Request::new(TO, "POST", "/x");
    let form = |value: &str| {
        let body = format!("a=1&token={value}");
        let length = body.len().to_string();
        post()
            .field("content-type", "application/x-www-form-urlencoded")
            .field("content-length", length)
            .body(body)
    };
    // Kept until it is decided about: found long before its end, and coded.
    let json = format!("{{\"key\": \"{token}\", \"text\": \"{}\"}}", "words ".repeat(60));
    let kept = |coding: Option<&str>, body: Vec<u8>| {
        let request = post().editable().field("content-type", "application/json");
        let request = request.field("content-length", body.len().to_string());
        match coding {
            Some(coding) => request.field("content-encoding", coding).body(body),
            None => request.body(body),
        }
    };
    let mut ids = Vec::new();
    for request in [
        kept(None, json.clone().into_bytes()),
        kept(Some("gzip"), wrap::wrap(&mut rng, wrap::Layer::Gzip, json.as_bytes())),
        post().body(format!("key: {token}")),
        post().field("x-key", &token).body("clean"),
        Request::new(TO, "GET", format!("/x?key={token}")),
        form(&token),
        post().body(format!("{token} and {token} again")),
    ] {
        let (refused, approvable, approved) = examine(&engine, &request.inspection(), &request);
        let found = approvable.unwrap();
        assert!(refused && found.len() == 1 && approved.is_empty());
        ids.extend(&found);
        let mut inspection = request.inspection();
        inspection.approved(&found);
        assert_eq!(examine(&engine, &inspection, &request), (false, None, found.clone()));
        // The outcome does not depend on chunks.
        let whole = request.run_in(&engine, &inspection, &split::whole(request.body.len()));
        let bytes = request.run_in(&engine, &inspection, &vec![1; request.body.len()]);
        assert!(!whole.blocked && !bytes.blocked && whole.sightings == bytes.sightings);
        // Without what was approved nothing is used up.
        let clean = post().body("nothing");
        assert_eq!(examine(&engine, &inspection, &clean), (false, None, Vec::new()));
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "one value has one id");
    // Another value of the same rule is another finding.
    let mut inspection = post().inspection();
    inspection.approved(&ids);
    let (refused, approvable, _) = examine(&engine, &inspection, &post().body(format!("{token} {other}")));
    assert!(refused);
    assert!(approvable.is_some_and(|found| found.len() == 1 && found[0] != ids[0]));
    let both = post().field("x-key", &token).body(other.clone());
    let (refused, _, approved) = examine(&engine, &inspection, &both);
    assert!(refused && approved == [ids[0]]);
}

#[test]
fn nothing_else_can_be_approved() {
    let mut rng = Rng::new(612);
    let secret = rng.text(keys::BASE62, 40);
    let engine = engine(&secret);
    let secret = String::from_utf8(secret).unwrap();
    let (token, sure) = (key(&mut rng, "acme_"), key(&mut rng, "corp_"));
    let post = |body: String| Request::new(TO, "POST", "/x").body(body);
    // All ids there are, of whatever was found.
    let mut ids = Vec::new();
    for body in [&token, &sure, &secret] {
        let outcome = post(body.clone()).run(&engine);
        ids.extend(outcome.sightings.iter().filter_map(|sighting| match sighting.event() {
            exfilter::Event::Finding(finding) => finding.id(),
            _ => None,
        }));
    }
    assert_eq!(ids.len(), 3);
    for body in [sure.clone(), secret.clone(), format!("{token} {sure}"), format!("{secret} {token}")] {
        let request = post(body);
        assert_eq!(examine(&engine, &request.inspection(), &request).1, None);
        let mut inspection = request.inspection();
        inspection.approved(&ids);
        let (refused, approvable, _) = examine(&engine, &inspection, &request);
        assert!(refused && approvable.is_none());
    }
    // A quarantine, and what cannot be examined.
    let request = post(token.clone());
    let mut inspection = request.inspection();
    inspection.approved(&ids).quarantined();
    let (refused, approvable, _) = examine(&engine, &inspection, &request);
    assert!(refused && approvable.is_none());
    let coded = post(token.clone()).field("content-encoding", "unheard-of");
    let (refused, approvable, _) = examine(&engine, &coded.inspection(), &coded);
    assert!(refused && approvable.is_none());
    let mut inspection = coded.inspection();
    inspection.approved(&ids);
    assert!(examine(&engine, &inspection, &coded).0);
    // More than are kept for the refusal.
    let many: Vec<String> = (0..20).map(|_| key(&mut rng, "acme_")).collect();
    let request = post(many.join(" "));
    assert_eq!(examine(&engine, &request.inspection(), &request).1, None);
}

/// What lasts longer than a request does not know of it.
#[test]
fn what_is_approved_once_is_remembered_nowhere() {
    let mut rng = Rng::new(613);
    let engine = engine(&rng.text(keys::BASE62, 40));
    let token = key(&mut rng, "acme_");
    let (prefixes, uploads) = (Prefixes::new(), Uploads::new());
    let said = "word ".repeat(4000);
    let turn = |more: &str| {
        let body = format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{said} {token}\"}},{{\"role\":\"user\",\"content\":\"{more}\"}}]}}"
        );
        Request::new("https://api.anthropic.com", "POST", "/v1/messages")
            .field("content-type", "application/json")
            .body(body)
    };
    let look = |request: &Request, approved: &[FindingId]| {
        let mut inspection = request.inspection();
        inspection.prefixes(&prefixes).uploads(&uploads).approved(approved);
        examine(&engine, &inspection, request)
    };
    let (refused, found, _) = look(&turn("one"), &[]);
    let found = found.unwrap();
    assert!(refused);
    assert!(!look(&turn("one"), &found).0);
    assert!(look(&turn("one"), &[]).0 && look(&turn("two"), &[]).0);
    // A part of an object.
    let part = Request::new(TO, "PUT", "/bucket/object?partNumber=1&uploadId=abc").body(token.clone());
    assert!(look(&part, &found).0);
}
