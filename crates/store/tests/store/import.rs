//! What other programs print, as they print it.

use exfilter_store::source::{Tool, fields};
use exfilter_testing::{Rng, keys, wrap};
use proptest::prelude::*;

/// Names and values of the fields of `json`.
fn read(tool: Tool, json: &str) -> Vec<(String, String)> {
    let fields = fields(tool, json.as_bytes()).unwrap();
    fields.iter().map(|f| (f.name.clone(), String::from_utf8(f.value.to_vec()).unwrap())).collect()
}

fn value(seed: u64) -> String {
    String::from_utf8(Rng::new(seed).text(keys::BASE62, 24)).unwrap()
}

#[track_caller]
fn check(tool: Tool, json: &str, want: &[(&str, &str)]) {
    let want: Vec<_> = want.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    assert_eq!(read(tool, json), want, "{}", tool.as_str());
}

#[test]
fn one_password() {
    let (a, b) = (value(1), value(2));
    let item = format!(
        r#"{{"id":"x1","title":"Deploy","category":"API_CREDENTIAL","fields":[
            {{"id":"username","type":"STRING","label":"username","value":"me"}},
            {{"id":"credential","type":"CONCEALED","label":"credential","value":"{a}","reference":"op://v/Deploy/credential"}},
            {{"id":"notesPlain","type":"STRING","purpose":"NOTES","label":"notesPlain"}},
            {{"id":"k","type":"CONCEALED","value":"{b}"}}]}}"#
    );
    check(Tool::OnePassword, &item, &[("Deploy/credential", &a), ("Deploy/k", &b)]);
    let field = format!(r#"{{"id":"password","type":"CONCEALED","label":"password","value":"{a}"}}"#);
    check(Tool::OnePassword, &field, &[("password", &a)]);
    check(
        Tool::OnePassword,
        &format!("[{field}, {item}]"),
        &[("password", &a), ("Deploy/credential", &a), ("Deploy/k", &b)],
    );
}

#[test]
fn vault() {
    let (a, b) = (value(3), value(4));
    let second = format!(
        r#"{{"request_id":"r","lease_id":"","data":{{"data":{{"api":"{a}","db":{{"password":"{b}","port":5432}}}},
            "metadata":{{"created_time":"2026-11-01T00:00:00Z","version":3}}}},"warnings":null}}"#
    );
    check(Tool::Vault, &second, &[("api", &a), ("db.password", &b)]);
    check(Tool::Vault, &format!(r#"{{"data":{{"api":"{a}"}}}}"#), &[("api", &a)]);
    let login = format!(r#"{{"auth":{{"client_token":"{b}","policies":["default"]}},"data":null}}"#);
    check(Tool::Vault, &login, &[("client_token", &b)]);
}

#[test]
fn doppler() {
    let a = value(5);
    let long = format!(
        r#"{{"API_KEY":{{"computed":"{a}","computedVisibility":"masked","note":""}},"DOPPLER_CONFIG":{{"computed":"dev"}}}}"#
    );
    check(Tool::Doppler, &long, &[("API_KEY", &a)]);
    check(Tool::Doppler, &format!(r#"{{"API_KEY":"{a}","DOPPLER_PROJECT":"p"}}"#), &[("API_KEY", &a)]);
}

#[test]
fn sops() {
    let (a, b) = (value(6), value(7));
    let json = format!(
        r#"{{"api":"{a}","list":["x","{b}"],"left":"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]","n":1,
            "sops":{{"mac":"ENC[AES256_GCM,data:AA==]","version":"3.9.0"}}}}"#
    );
    check(Tool::Sops, &json, &[("api", &a), ("list.0", "x"), ("list.1", &b)]);
}

#[test]
fn aws_secrets_manager() {
    let (a, b) = (value(8), value(9));
    let one = |secret: &str| {
        let secret = secret.replace('"', "\\\"");
        format!(
            r#"{{"ARN":"arn:aws:secretsmanager:eu-west-1:1:secret:prod/db-x","Name":"prod/db","VersionId":"v","SecretString":"{secret}"}}"#
        )
    };
    check(Tool::AwsSecretsManager, &one(&a), &[("prod/db", &a)]);
    let pair = one(&format!(r#"{{"username":"app","password":"{b}"}}"#));
    check(Tool::AwsSecretsManager, &pair, &[("prod/db/password", &b), ("prod/db/username", "app")]);
    let batch = format!(r#"{{"SecretValues":[{}],"Errors":[]}}"#, one(&a));
    check(Tool::AwsSecretsManager, &batch, &[("prod/db", &a)]);
    let binary = String::from_utf8(wrap::base64(b.as_bytes(), false, true)).unwrap();
    check(Tool::AwsSecretsManager, &format!(r#"{{"Name":"n","SecretBinary":"{binary}"}}"#), &[("n", &b)]);
}

#[test]
fn kubernetes() {
    let (a, b) = (value(10), value(11));
    let data = String::from_utf8(wrap::base64(format!("{a}\n").as_bytes(), false, true)).unwrap();
    let secret = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","type":"Opaque","metadata":{{"name":"app","namespace":"prod"}},
            "data":{{"token":"{data}"}},"stringData":{{"other":"{b}"}}}}"#
    );
    check(Tool::Kubernetes, &secret, &[("app/token", &a), ("app/other", &b)]);
    let list = format!(r#"{{"kind":"List","items":[{secret},{secret}]}}"#);
    let names: Vec<_> = read(Tool::Kubernetes, &list).into_iter().map(|f| f.0).collect();
    assert_eq!(names, ["app/token", "app/other", "app/token#3", "app/other#4"]);
}

#[test]
fn what_is_something_else_is_refused_without_being_repeated() {
    let secret = value(12);
    for tool in Tool::ALL {
        for text in [
            secret.clone(),
            format!("\"{secret}\""),
            format!("[[\"{secret}\"]]"),
            format!("{{\"a\":[{secret}"),
        ] {
            let error = fields(tool, text.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains(&secret[..6]), "{error}");
        }
    }
    assert!(fields(Tool::Kubernetes, br#"{"kind":"ConfigMap","data":{"a":"b"}}"#).is_err());
    // Deeper than anything is.
    assert!(fields(Tool::Sops, "[".repeat(100_000).as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_json_is_read_or_refused(words in proptest::collection::vec(prop_oneof![
        Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"data\""), Just("\"items\""), Just("\"kind\""),
        Just("\"Secret\""), Just("\"fields\""), Just("\"type\""), Just("\"CONCEALED\""), Just("\"SecretString\""), Just("\"value\""),
        Just("\"QQ==\""), Just("\"{}\""), Just("1"), Just("null"), Just("\"auth\""), Just("\"metadata\""), Just("{}"),
    ], 0..24)) {
        let text = words.concat();
        for tool in Tool::ALL {
            if let Ok(fields) = fields(tool, text.as_bytes()) {
                prop_assert!(fields.iter().all(|field| !field.name.is_empty() && !field.value.is_empty()));
            }
        }
    }
}

#[test]
fn names_are_cut_before_they_are_copied() {
    // A megabyte of a name before every one of a hundred thousand values would be a hundred gigabytes to copy.
    let name = "n".repeat(1 << 20);
    let numbers = vec!["1"; 100_000].join(",");
    let deep = format!(r#"{{"data":{{"{name}":[{numbers},"{}"]}}}}"#, value(11));
    let fields = fields(Tool::Vault, deep.as_bytes()).unwrap();
    assert_eq!(fields.len(), 1);
    assert!(fields[0].name.len() <= 410 && fields[0].name.starts_with("nnn"));
}

#[test]
fn equal_names_of_many_items_stay_apart() {
    let item = |n: u64| {
        format!(
            r#"{{"title":"Login","fields":[{{"id":"p{n}","type":"CONCEALED","label":"{}","value":"{}"}}]}}"#,
            if n.is_multiple_of(100) { "password".into() } else { format!("p{n}") },
            value(n)
        )
    };
    let items: Vec<String> = (0..300).map(item).collect();
    let fields = read(Tool::OnePassword, &format!("[{}]", items.join(",")));
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((fields.len(), names.len()), (300, 300));
}
