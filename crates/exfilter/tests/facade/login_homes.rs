//! Where the tokens of logins are put, how long they are kept, and which requests are for them.

use exfilter::config::Config;
use exfilter::inspector::{Inspection, Inspector};
use exfilter::substitute::{Logins, TokenEndpoints};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Engine, Slot};
use exfilter_testing::{Rng, keys};
use serde_json::{Value, json};

use crate::logins::{FORM, GITHUB, PATH, coded, key, to, token};

const GITLAB: &str = "https://gitlab.com";

fn head(method: &str, authority: &str, target: &str, len: usize) -> RequestHead {
    let (to, len) = (to(authority), len.to_string());
    let fields = [("host", to.host()), ("content-type", FORM), ("content-length", &len)];
    RequestHead::new(method.as_bytes(), target.as_bytes(), fields).unwrap()
}

/// The answer that the client gets from an endpoint that answers this.
fn answered(
    logins: &Logins,
    endpoints: &TokenEndpoints,
    authority: &str,
    path: &str,
    answer: &Value,
) -> Option<Value> {
    let head = head("POST", authority, path, 0);
    let request = endpoints.request(&logins.substitutes(), &to(authority), &head, None).unwrap();
    assert!(request.keeps());
    let mut held = request.answer(200, &Headers::new());
    held.push(answer.to_string().as_bytes()).unwrap();
    Some(serde_json::from_slice(held.finish(logins).ok()?.body()?).unwrap())
}

/// The placeholder of a token of this name, in the form of GitHub's.
fn placeholder(logins: &Logins, name: &str, real: &str) -> String {
    let answer = answered(logins, &TokenEndpoints::default(), GITHUB, PATH, &json!({name: real})).unwrap();
    answer[name].as_str().unwrap().to_owned()
}

/// Whether the field of a form is exchanged there.
fn is_exchanged(logins: &Logins, (method, authority, target): (&str, &str, &str), form: &str) -> bool {
    let head = head(method, authority, target, form.len());
    logins.substitutes().exchange_body(&to(authority), &head, form.as_bytes()).is_some()
}

/// GitLab has a registry for packages, and GitHub and Hugging Face have files: whoever sends them something reads it again.
#[test]
fn a_token_is_put_into_no_body_that_users_store() {
    let logins = Logins::new([7; 32]);
    let tokens = json!({"access_token": token(71), "refresh_token": token(72)});
    let answer = answered(&logins, &TokenEndpoints::default(), GITLAB, "/oauth/token", &tokens).unwrap();
    for name in ["access_token", "refresh_token"] {
        let form = format!("token={}", answer[name].as_str().unwrap());
        assert!(is_exchanged(&logins, ("POST", GITLAB, "/oauth/revoke"), &form));
        for (method, target) in [
            ("PUT", "/api/v4/projects/1/packages/generic/p/1.0/revoke"),
            ("POST", "/api/v4/projects/1/packages/generic/p/1.0/revoke"),
            ("PUT", "/oauth/revoke"),
            ("POST", "/oauth/revoke?x=1"),
            ("POST", "/oauth//revoke"),
            ("POST", "/a/../oauth/revoke"),
            ("POST", "/oauth/token/revoke"),
            ("POST", "/oauth/token"),
            ("POST", "/revoke"),
        ] {
            assert!(!is_exchanged(&logins, (method, GITLAB, target), &form), "{method} {target}");
        }
    }
}

/// `gcloud auth revoke` and `npm logout`.
#[test]
fn a_token_is_put_into_the_address_that_revokes_it() {
    let logins = Logins::new([7; 32]);
    let endpoints = TokenEndpoints::default();
    let (google, npm) = ("https://oauth2.googleapis.com", "https://registry.npmjs.org");
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let sent = |method: &str, authority: &str, target: &str| {
        let (to, head) = (to(authority), head(method, authority, target, 0));
        let exchanged = logins.substitutes().exchange(&to, &head).unwrap();
        let mut inspection = Inspection::new(to);
        inspection.substitutes(&logins.substitutes());
        let mut inspector = Inspector::new(&engine, &inspection, head).unwrap();
        let passes = !inspector.finish().is_block();
        (passes, exchanged.map(|head| String::from_utf8(head.target().as_bytes().to_vec()).unwrap()))
    };
    let real = token(76);
    let answer = answered(&logins, &endpoints, google, "/token", &json!({"refresh_token": real})).unwrap();
    let placeholder = answer["refresh_token"].as_str().unwrap();
    let target = format!("/revoke?token={placeholder}");
    assert_eq!(sent("POST", google, &target), (true, Some(format!("/revoke?token={real}"))));
    for (method, authority, target) in [
        ("GET", google, target.clone()),
        ("POST", "https://www.googleapis.com", target.clone()),
        ("POST", "http://oauth2.googleapis.com", target.clone()),
        ("POST", google, format!("{target}&token=x")),
        ("POST", google, format!("/revoke?name={placeholder}")),
        ("POST", google, format!("/x/revoke?token={placeholder}")),
        ("POST", google, format!("/revoke/{placeholder}")),
    ] {
        assert_eq!(sent(method, authority, &target).1, None, "{method} {authority}{target}");
    }
    let real = String::from_utf8(keys::github(&mut Rng::new(77), "gho_")).unwrap();
    let answer = answered(&logins, &endpoints, npm, "/-/v1/done", &json!({"token": real})).unwrap();
    let placeholder = answer["token"].as_str().unwrap();
    let path = format!("/-/user/token/{placeholder}");
    assert_eq!(sent("DELETE", npm, &path), (true, Some(format!("/-/user/token/{real}"))));
    for (method, target) in [
        ("PUT", path.clone()),
        ("DELETE", format!("{path}?x=1")),
        ("DELETE", format!("{path}/x")),
        ("DELETE", format!("/-/user/{placeholder}")),
        ("PUT", format!("/{placeholder}")),
    ] {
        assert_eq!(sent(method, npm, &target), (false, None), "{method} {target}");
    }
    assert_eq!(sent("DELETE", google, &path).1, None);
}

/// Where it is not exchanged a placeholder is what it looks like.
#[test]
fn a_placeholder_passes_in_the_body_of_one_address() {
    let logins = Logins::new([7; 32]);
    let real = String::from_utf8(keys::github(&mut Rng::new(73), "gho_")).unwrap();
    let form = format!("refresh_token={}", placeholder(&logins, "refresh_token", &real));
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let passes = |method: &str, target: &str| {
        let mut inspection = Inspection::new(to(GITHUB));
        inspection.substitutes(&logins.substitutes());
        let head = head(method, GITHUB, target, form.len());
        let mut inspector = Inspector::new(&engine, &inspection, head).unwrap();
        let _ = inspector.push(form.as_bytes());
        !inspector.finish().is_block()
    };
    assert!(passes("POST", PATH));
    assert!(!passes("PUT", PATH) && !passes("POST", "/login/oauth/access_token/x"));
}

/// One that is kept and cannot be looked for would end all later logins.
#[test]
fn what_cannot_be_looked_for_is_not_kept() {
    let logins = Logins::new([7; 32]);
    let endpoints = TokenEndpoints::default();
    // What begins so is a private key, and has no line of one.
    let bad = format!("-----BEGIN{}", &token(74)[..20]);
    assert!(answered(&logins, &endpoints, GITHUB, PATH, &json!({"access_token": bad})).is_none());
    assert!(logins.is_empty());
    placeholder(&logins, "access_token", &token(75));
    logins.engine(&Engine::builder().build().unwrap(), key()).unwrap();
}

#[test]
fn refresh_tokens_outlive_access_tokens_and_what_is_used_what_is_not() {
    let logins = Logins::new([7; 32]);
    let is_kept = |placeholder: &str| {
        let form = format!("refresh_token={placeholder}");
        is_exchanged(&logins, ("POST", GITHUB, PATH), &form)
    };
    let refresh = placeholder(&logins, "refresh_token", &token(1000));
    let most = Logins::MOST as u64;
    for n in 0..=most {
        placeholder(&logins, "access_token", &token(2000 + n));
    }
    assert!(is_kept(&refresh));
    let (unused, again) = (token(3000), token(3001));
    let unused = placeholder(&logins, "refresh_token", &unused);
    let seen = placeholder(&logins, "refresh_token", &again);
    for n in 0..most - 3 {
        placeholder(&logins, "refresh_token", &token(4000 + n));
    }
    assert_eq!(format!("{logins:?}"), "Logins(256 tokens)");
    assert!(is_kept(&refresh));
    assert_eq!(placeholder(&logins, "refresh_token", &again), seen);
    placeholder(&logins, "access_token", &token(5000));
    placeholder(&logins, "refresh_token", &token(5001));
    placeholder(&logins, "refresh_token", &token(5002));
    assert!(is_kept(&refresh) && is_kept(&seen) && !is_kept(&unused));
}

/// The tokens that were kept before belong where the new policy says.
#[test]
fn another_policy_says_where_tokens_belong() {
    const ID: &str = "https://id.example.com";
    let endpoints = |hosts: &str| {
        let known = format!("version = 1\n[oauth.endpoints]\n\"{ID}/oauth2/token\" = [{hosts}]\n");
        Config::parse("policy.toml", &known).unwrap().token_endpoints().clone()
    };
    let logins = Logins::new([7; 32]);
    let tokens = json!({"access_token": token(81), "refresh_token": token(82)});
    let login = |endpoints: &TokenEndpoints| {
        let answer = answered(&logins, endpoints, ID, "/oauth2/token", &tokens).unwrap();
        ["access_token", "refresh_token"].map(|name| answer[name].as_str().unwrap().to_owned())
    };
    let wide = endpoints("\"a.example.com\", \"b.example.com\"");
    let [access, refresh] = login(&wide);
    let slot = Slot::parse(b"header:authorization").unwrap();
    let good = || {
        let bearer = format!("Bearer {access}");
        let at = |host: &str| {
            let to = to(&format!("https://{host}"));
            logins.substitutes().inject(&to, &slot, bearer.as_bytes()).is_some()
        };
        let form = format!("refresh_token={refresh}");
        (
            at("a.example.com"),
            at("b.example.com"),
            is_exchanged(&logins, ("POST", ID, "/oauth2/token"), &form),
        )
    };
    assert_eq!(good(), (true, true, true));
    let narrow = endpoints("\"a.example.com\"");
    logins.rebind(&narrow);
    assert_eq!(good(), (true, false, true));
    // What was asked under the old policy and is answered under the new one.
    assert_eq!(login(&wide), [access.clone(), refresh.clone()]);
    assert_eq!(good(), (true, false, true));
    logins.rebind(&TokenEndpoints::default());
    assert_eq!(good(), (false, false, false));
    let engine = logins.engine(&Engine::builder().build().unwrap(), key()).unwrap();
    assert_eq!(engine.known_secrets().map(|known| known.len()), Some(2), "they are looked for all the same");
    logins.rebind(&wide);
    assert_eq!(good(), (false, false, false), "until they come once more");
    assert_eq!(login(&wide), [access.clone(), refresh.clone()]);
    assert_eq!(good(), (true, true, true));
}

#[test]
fn a_grant_in_an_address_is_one() {
    let (logins, endpoints) = (Logins::new([7; 32]), TokenEndpoints::default());
    let keeps = |method: &str, authority: &str, target: &str| {
        let head = head(method, authority, target, 0);
        endpoints.request(&logins.substitutes(), &to(authority), &head, None).map(|request| request.keeps())
    };
    let grant = "/a?grant_type=client_credentials&client_id=x";
    assert_eq!(keeps("GET", GITHUB, grant), Some(true));
    assert_eq!(keeps("GET", "https://id.example.com", grant), Some(false));
    assert_eq!(keeps("GET", GITHUB, "/a?client_id=x&code=y"), None);
    // Whatever the body is written in.
    let sends = |media_type: &str, coding: &str, body: &[u8]| {
        let len = body.len().to_string();
        let fields = [
            ("host", "github.com"),
            ("content-type", media_type),
            ("content-encoding", coding),
            ("content-length", &len),
        ];
        let head = RequestHead::new(b"POST", b"/a", fields).unwrap();
        endpoints
            .request(&logins.substitutes(), &to(GITHUB), &head, Some(body))
            .map(|request| request.keeps())
    };
    let form = format!("grant_type=refresh_token&refresh_token={}", token(91));
    for name in ["gzip", "deflate", "zstd"] {
        assert_eq!(sends(FORM, name, &coded(name, form.as_bytes())), Some(true), "{name}");
    }
    let multipart = |name: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nx\r\n--b--\r\n").into_bytes()
    };
    assert_eq!(sends("multipart/form-data; boundary=b", "identity", &multipart("grant_type")), Some(true));
    assert_eq!(
        sends("multipart/form-data; boundary=b", "gzip", &coded("gzip", &multipart("grant_type"))),
        Some(true)
    );
    assert_eq!(sends("multipart/form-data; boundary=b", "gzip", &coded("gzip", &multipart("file"))), None);
    // npm's login by a password, where the user is there already.
    let npm = "https://registry.npmjs.org";
    assert_eq!(keeps("PUT", npm, "/-/user/org.couchdb.user:me/-rev/1-a"), Some(true));
    assert_eq!(keeps("PUT", npm, "/package/-rev/1-a"), None);
}
