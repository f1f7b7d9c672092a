//! A stand-in for a collector of OpenTelemetry: what it gets has the form of the specification and no secret in it, and whatever it does, flows pass and nothing is lost silently.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exfilter_guard::{Telemetry, TelemetryReport};
use exfilter_testing::{Rng, keys, wrap};
use serde_json::Value;

use crate::stage::{Stage, engine, has, ok, pattern};
use crate::upstream::{Answer, Arrived, Upstream};

const LOGS: &str = "/v1/logs";

fn accepted() -> Answer {
    Answer { status: 200, headers: vec![("content-type", "application/json".into())], body: b"{}".to_vec() }
}

fn collector(answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static) -> Upstream {
    Upstream::start(&["collector.example.com"], &[b"http/1.1"], answer)
}

fn telemetry(url: &str, set: impl FnOnce(&mut Telemetry)) -> Arc<Telemetry> {
    let mut telemetry = Telemetry::new(url).unwrap();
    // Of a test that hangs.
    telemetry.flush(Duration::from_secs(60)).metric_interval(Duration::from_secs(3600));
    set(&mut telemetry);
    Arc::new(telemetry)
}

fn stage(telemetry: &Arc<Telemetry>, set: impl FnOnce(&mut exfilter_guard::Settings)) -> Stage {
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.telemetry(telemetry.clone());
        set(settings);
    };
    Stage::new(engine(), set, |_| ok(b"done\n"))
}

/// Sends so many clean requests through a guard that ends then; gives what became of its records.
fn after(telemetry: &Arc<Telemetry>, requests: usize) -> TelemetryReport {
    let stage = stage(telemetry, |_| {});
    for n in 0..requests {
        let said = stage.run(&["curl", "-sS", &format!("https://echo.example.com/{n}")]).said;
        assert_eq!(said, "done\n");
    }
    assert_eq!(stage.records().len(), requests, "the journal has all");
    drop(stage.guard);
    telemetry.report()
}

fn is_digits(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// That a list of attributes has the form of `KeyValue` and `AnyValue`; gives it by keys.
fn attributes(list: &Value) -> std::collections::BTreeMap<String, Value> {
    fn check(value: &Value) {
        let members = value.as_object().unwrap();
        assert_eq!(members.len(), 1, "{value}");
        let (kind, value) = members.iter().next().unwrap();
        match kind.as_str() {
            "stringValue" => assert!(value.is_string()),
            "intValue" => assert!(is_digits(value), "{value}"),
            "boolValue" => assert!(value.is_boolean()),
            "doubleValue" => assert!(value.is_f64()),
            "arrayValue" => value["values"].as_array().unwrap().iter().for_each(check),
            "kvlistValue" => drop(attributes(&value["values"])),
            other => panic!("{other}"),
        }
    }
    let list = list.as_array().unwrap().iter().map(|one| {
        assert_eq!(one.as_object().unwrap().len(), 2);
        check(&one["value"]);
        (one["key"].as_str().unwrap().to_owned(), one["value"].clone())
    });
    list.collect()
}

fn resource(resource: &Value) {
    let attributes = attributes(&resource["attributes"]);
    assert_eq!(attributes["service.name"]["stringValue"], "a guard");
    assert_eq!(attributes["service.instance.id"]["stringValue"].as_str().unwrap().len(), 32);
}

#[test]
fn a_collector_gets_the_form_of_the_specification_and_no_secret() {
    if !has("curl", &["--version"]) {
        return;
    }
    let collector = collector(|_| accepted());
    let pass = String::from_utf8(Rng::new(90).text(keys::BASE62, 30)).unwrap();
    let telemetry = telemetry(&format!("http://{}/otlp/", collector.plain), |telemetry| {
        telemetry.headers(&format!("x-scope = me,authorization=Bearer%20{pass}")).unwrap();
        telemetry.service_name("a guard");
    });
    // Neither the list of hosts nor the closed network is in the way of what the operator has named.
    let stage = stage(&telemetry, |settings| {
        settings.allow(pattern("echo.example.com")).allow(pattern("api.github.com")).closed_network();
    });
    let key = keys::github(&mut Rng::new(91), "ghp_");
    let text = String::from_utf8(key.clone()).unwrap();
    stage.run(&["curl", "-sS", "-d", "clean", "https://echo.example.com/a-private-path?word=of-the-client"]);
    stage.run(&["curl", "-sS", "-X", "STRANGE", "https://echo.example.com/"]);
    for args in [
        &["-d", &format!("x={text}")][..],
        &["-d", &String::from_utf8(wrap::base64(&key, false, true)).unwrap()],
        &["-H", &format!("x-a: {text}")],
        &["-H", &format!("cookie: {text}={text}")],
        &["-F", &format!("{text}=@/dev/null;filename={text}")],
    ] {
        let said = stage.run(&[&["curl", "-sS", "https://api.github.com/user"], args].concat()).said;
        assert!(said.contains("blocked") || said.contains("detected"), "{said}");
    }
    let refused = stage.refusals().len();
    assert_eq!(refused, 5, "{:?}", stage.refusals());
    let all = stage.records().len();
    drop(stage.guard);
    let report = telemetry.report();
    assert_eq!((report.taken, report.dropped, report.lost, report.why), (all as u64, 0, 0, None));

    let (mut records, mut metrics) = (Vec::new(), Vec::new());
    for request in collector.requests() {
        assert_eq!((request.method.as_str(), request.header("x-scope").unwrap().as_str()), ("POST", "me"));
        assert_eq!(request.header("authorization").unwrap(), format!("Bearer {pass}"));
        assert_eq!(request.header("content-type").unwrap(), "application/json");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        match request.target.as_str() {
            "/otlp/v1/logs" => {
                resource(&body["resourceLogs"][0]["resource"]);
                let scope = &body["resourceLogs"][0]["scopeLogs"][0];
                assert_eq!(scope["scope"]["name"], "exfilter");
                records.extend(scope["logRecords"].as_array().unwrap().clone());
            }
            "/otlp/v1/metrics" => {
                resource(&body["resourceMetrics"][0]["resource"]);
                metrics =
                    body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone();
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(records.len(), all);
    let mut seen = Vec::new();
    for record in &records {
        assert!(is_digits(&record["timeUnixNano"]) && is_digits(&record["observedTimeUnixNano"]), "{record}");
        assert!(record["severityNumber"].is_u64() && record["body"]["stringValue"].is_string());
        seen.push(attributes(&record["attributes"]));
    }
    let first = &seen[0];
    assert_eq!(first["server.address"]["stringValue"], "echo.example.com");
    assert_eq!(first["server.port"]["intValue"], "443");
    assert_eq!(first["url.scheme"]["stringValue"], "https");
    assert_eq!(first["http.request.method"]["stringValue"], "POST");
    assert_eq!(first["http.request.body.size"]["intValue"], "5");
    assert_eq!(first["exfilter.outcome"]["stringValue"], "sent");
    assert!(first["exfilter.duration"]["doubleValue"].as_f64().unwrap() > 0.0);
    assert_eq!(seen[1]["http.request.method"]["stringValue"], "_OTHER");
    assert_eq!((&seen[1]["exfilter.findings.count"]["intValue"]), "0");
    let second = &seen[2];
    assert_eq!(records[2]["severityText"], "WARN");
    assert_eq!(second["exfilter.outcome"]["stringValue"], "refused");
    assert_eq!(second["exfilter.findings.names"]["arrayValue"]["values"][0]["stringValue"], "github-pat");
    let found = attributes(&second["exfilter.findings"]["arrayValue"]["values"][0]["kvlistValue"]["values"]);
    assert_eq!(
        (&found["confidence"]["stringValue"], &found["action"]["stringValue"]),
        (&"high".into(), &"block".into())
    );

    // The counts are those that Prometheus reads.
    let mut sums = 0;
    for metric in &metrics {
        let (sum, gauge) = (&metric["sum"], &metric["gauge"]);
        assert!(sum.is_object() != gauge.is_object(), "{metric}");
        let points = if sum.is_object() { &sum["dataPoints"] } else { &gauge["dataPoints"] };
        for point in points.as_array().unwrap() {
            assert!(is_digits(&point["timeUnixNano"]) && is_digits(&point["startTimeUnixNano"]), "{point}");
            assert!(is_digits(&point["asInt"]));
            attributes(&point["attributes"]);
        }
        if sum.is_object() {
            assert_eq!((&sum["aggregationTemporality"], &sum["isMonotonic"]), (&2.into(), &true.into()));
        }
        if metric["name"] == "exfilter.requests" {
            sums = points
                .as_array()
                .unwrap()
                .iter()
                .map(|point| point["asInt"].as_str().unwrap().parse::<usize>().unwrap())
                .sum();
        }
    }
    assert_eq!(sums, all);

    // Headers are where the password of the collector belongs; all else is searched for everything.
    let bodies: Vec<u8> = collector.requests().iter().flat_map(|request| request.body.clone()).collect();
    let reversed: Vec<u8> = key.iter().rev().copied().collect();
    let digits: Vec<u8> = key.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let coded = wrap::base64(&key, false, false);
    for secret in [&key[..], &key[10..30], &reversed, &digits, &coded[..coded.len() - 4], pass.as_bytes()] {
        let is_it = |window: &[u8]| window.eq_ignore_ascii_case(secret);
        assert!(!bodies.windows(secret.len()).any(is_it), "{}", String::from_utf8_lossy(secret));
    }
    for word in ["a-private-path", "of-the-client", "STRANGE", "done"] {
        assert!(!bodies.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
}

#[test]
fn a_collector_that_is_down_or_not_verified_costs_its_records_alone() {
    if !has("curl", &["--version"]) {
        return;
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = after(&telemetry(&format!("http://{gone}"), |_| {}), 3);
    assert_eq!((report.taken, report.lost, report.dropped), (0, 3, 0));
    assert!(report.why.unwrap().contains("cannot be reached"));
    // Its certificate is of an authority that nobody has named.
    let collector = collector(|_| accepted());
    let report = after(&telemetry(&format!("https://{}", collector.tls), |_| {}), 1);
    assert_eq!((report.taken, report.lost), (0, 1));
    assert!(collector.requests().is_empty());
}

#[test]
fn a_collector_is_reached_by_tls() {
    if !has("curl", &["--version"]) {
        return;
    }
    let collector = collector(|_| accepted());
    let telemetry = telemetry("https://collector.example.com", |_| {});
    let stage = stage(&telemetry, |settings| {
        settings.resolve("collector.example.com", 443, collector.tls);
        settings.upstream_root(collector.ca.clone().into_bytes());
    });
    stage.run(&["curl", "-sS", "https://echo.example.com/"]);
    drop(stage.guard);
    assert_eq!(telemetry.report().taken, 1);
    assert_eq!(collector.requests()[0].target, LOGS);
}

#[test]
fn a_slow_collector_holds_neither_a_flow_nor_the_end() {
    if !has("curl", &["--version"]) {
        return;
    }
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let collector = collector(move |_| {
        let _ = wait.lock().unwrap().recv();
        accepted()
    });
    let telemetry = telemetry(&format!("http://{}", collector.plain), |telemetry| {
        telemetry.flush(Duration::from_millis(100)).timeout(Duration::from_secs(3600));
    });
    let report = after(&telemetry, 3);
    assert_eq!((report.taken, report.lost), (0, 3));
    assert_eq!(report.why, Some("the collector is too slow"));
    drop(release);
}

/// What becomes of two records with these answers, one behind the other, the last one again and again; also how often records were sent.
fn answered(answers: &'static [(u16, &'static str, &'static str)]) -> (TelemetryReport, usize) {
    let at = AtomicUsize::new(0);
    let collector = collector(move |request| {
        if request.target != LOGS {
            return accepted();
        }
        let (status, after, body) = answers[at.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)];
        let name = if status == 307 { "location" } else { "retry-after" };
        Answer { status, headers: vec![(name, after.to_owned())], body: body.as_bytes().to_vec() }
    });
    let report = after(&telemetry(&format!("http://{}", collector.plain), |_| {}), 2);
    let bodies: Vec<Vec<u8>> = collector
        .requests()
        .into_iter()
        .filter(|request| request.target == LOGS)
        .map(|request| request.body)
        .collect();
    // What is sent again is the same.
    if report.taken == 2 && answers.len() > 1 {
        assert_eq!(bodies[0], bodies[1]);
    }
    (report, bodies.len())
}

#[test]
fn answers_of_a_collector_are_heeded() {
    if !has("curl", &["--version"]) {
        return;
    }
    // Both records go together, or each by itself on a machine that is busy.
    for again in [429, 502, 503, 504] {
        let answers: &'static [_] = Vec::leak(vec![(again, "0", "busy"), (200, "", "{}")]);
        let (report, sent) = answered(answers);
        assert!(
            (report.taken, report.lost) == (2, 0) && (2..=3).contains(&sent),
            "{again} {report:?} {sent}"
        );
    }
    let (report, sent) = answered(&[(429, "0", "{}")]);
    assert!((report.taken, report.lost) == (0, 2) && [5, 10].contains(&sent), "{report:?} {sent}");
    assert_eq!(report.why, Some("the collector is busy"));
    for refused in [400, 401, 403, 404, 413, 500, 501, 307] {
        let answers: &'static [_] =
            Vec::leak(vec![(refused, "http://127.0.0.1:1/elsewhere", "{\"message\":\"no\"}")]);
        let (report, sent) = answered(answers);
        assert!((report.taken, report.lost) == (0, 2) && sent <= 2, "{refused} {report:?} {sent}");
    }
    for garbage in ["", "\u{0}\u{1}", "<html>", "[[[[", "{\"partialSuccess\":7}", "{\"partialSuccess\":{}}"] {
        let answers: &'static [_] = Vec::leak(vec![(200, "", garbage)]);
        assert_eq!(answered(answers).0.taken, 2, "{garbage}");
    }
    for partial in [
        r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"one too many"}}"#,
        r#"{"partialSuccess":{"rejectedLogRecords":1}}"#,
    ] {
        let answers: &'static [_] = Vec::leak(vec![(200, "", partial), (200, "", "{}")]);
        let (report, sent) = answered(answers);
        assert!((report.taken, report.lost) == (1, 1) && sent <= 2, "{report:?} {sent}");
    }
    let (report, _) = answered(&[(200, "", r#"{"partialSuccess":{"rejectedLogRecords":"99"}}"#)]);
    assert_eq!((report.taken, report.lost), (0, 2));
}
