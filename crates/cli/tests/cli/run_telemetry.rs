//! `exfilter run` and a collector of OpenTelemetry: what it is told, that its headers stay here, and that no run depends on it.

use std::net::TcpListener;

use crate::harness::secret;
use crate::run::{Stage, has};
use crate::upstream::{Answer, Upstream};

const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

fn collector() -> Upstream {
    Upstream::start(&["collector.example.com"], &[b"http/1.1"], |_| Answer {
        status: 200,
        headers: Vec::new(),
        body: b"{}".to_vec(),
    })
}

#[test]
fn a_collector_is_told_and_its_headers_stay_outside() {
    if !has("curl") {
        return;
    }
    let (stage, word) = (Stage::new(), secret(30));
    let headers = format!("authorization=Bearer%20{word}");
    let script = "env; curl -sS https://api.github.com/user";
    for (args, named) in [
        (vec!["--otel"], false),
        (vec!["--observe", "--otel"], false),
        (vec![], true),
        (vec!["--observe"], true),
    ] {
        let collector = collector();
        let url = format!("http://{}", collector.plain);
        let mut args = args;
        let mut variables = vec![(HEADERS, headers.as_str()), ("OTEL_SERVICE_NAME", "an agent")];
        if named {
            variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &url));
        } else {
            args.push(&url);
        }
        args.extend(["--log", "run.log"]);
        let run = stage.run(&args, &variables, &["sh", "-c", script]).exits_with(0);
        assert!(!run.stdout.contains(&word) && !run.stderr.contains(&word), "{run:#?}");
        assert!(!run.stdout.contains(HEADERS) && run.stdout.ends_with("got "), "{run:#?}");
        run.notes("OTEL_EXPORTER_OTLP_HEADERS is taken away").notes_not("did not reach");
        let log = std::fs::read_to_string(stage.sandbox.top().join("run.log")).unwrap();
        assert!(!log.contains(&word) && log.contains(r#""method":"GET""#), "{log}");
        let told = collector.requests();
        assert_eq!(told.len(), 2, "a record, and counts");
        for (request, target) in told.iter().zip(["/v1/logs", "/v1/metrics"]) {
            assert_eq!(request.target, target);
            assert_eq!(request.header("authorization").unwrap(), format!("Bearer {word}"));
            let body = String::from_utf8_lossy(&request.body);
            assert!(body.contains("an agent") && !body.contains(&word), "{body}");
        }
        assert!(String::from_utf8_lossy(&told[0].body).contains("api.github.com"));
    }
    // It is looked for, wherever the command has it from.
    let script = format!("curl -sS -d {word} https://api.github.com/user");
    let run = stage.run(&["--no-otel"], &[(HEADERS, &headers)], &["sh", "-c", &script]).exits_with(0);
    run.notes("what was stopped");
    assert!(!String::from_utf8_lossy(&stage.server.bytes()).contains(&word));
}

#[test]
fn no_run_depends_on_a_collector_that_the_environment_names() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    let command = ["curl", "-sS", "https://api.github.com/user"];
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let run = stage.run(&[], &[(endpoint, &url)], &command).exits_with(0);
    run.notes("1 record did not reach the collector of telemetry, 0 did").notes("cannot be reached");
    let run = stage.run(&[], &[(endpoint, "collector:4317")], &command).exits_with(0);
    run.notes("E_OTEL").notes("no collector is told anything");
    for more in [("OTEL_SDK_DISABLED", "true"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")] {
        stage.run(&[], &[(endpoint, &url), more], &command).exits_with(0).notes_not("collector");
    }
    stage.run(&["--no-otel"], &[(endpoint, &url)], &command).exits_with(0).notes_not("collector");
    // What is asked for by name must be right, and nothing of it is repeated.
    let run = stage.run(&["--otel", "http://me:word@127.0.0.1:4318"], &[], &command).exits_with(2);
    assert!(!run.notes("E_OTEL").stderr.contains("word"));
    let run = stage.run(&["--otel", &url], &[(HEADERS, "no headers")], &command).exits_with(2);
    assert!(!run.notes("E_OTEL_HEADERS").stderr.contains("no headers"));
}
