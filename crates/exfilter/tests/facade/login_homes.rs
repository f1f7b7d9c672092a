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

/// What listens at another port of a host may be somebody else's.
#[test]
fn tokens_are_good_at_the_ports_of_their_hosts() {
    const ID: &str = "https://id.example.com:9443";
    let logins = Logins::new([7; 32]);
    let is_good = |placeholder: &str, authority: &str| {
        let (slot, bearer) = (Slot::parse(b"header:authorization").unwrap(), format!("Bearer {placeholder}"));
        let (substitutes, to) = (logins.substitutes(), to(authority));
        let is_put = substitutes.inject(&to, &slot, bearer.as_bytes()).is_some();
        assert_eq!(substitutes.expects(&to, &slot), is_put, "{authority}");
        is_put
    };
    let access = placeholder(&logins, "access_token", &token(71));
    for (authority, good) in [
        ("https://api.github.com", true),
        ("wss://api.github.com", true),
        ("https://api.github.com:443", true),
        ("https://api.github.com:8443", false),
        ("https://api.github.com:80", false),
        ("http://api.github.com:443", false),
    ] {
        assert_eq!(is_good(&access, authority), good, "{authority}");
    }

    let logins = Logins::new([8; 32]);
    let is_good = |placeholder: &str, authority: &str| {
        let slot = Slot::parse(b"header:authorization").unwrap();
        logins
            .substitutes()
            .inject(&to(authority), &slot, format!("Bearer {placeholder}").as_bytes())
            .is_some()
    };
    let known = format!(
        "version = 1\n[oauth.endpoints]\n\"{ID}/token\" = [\"a.example.com\", \"*.b.example.com:8443\"]\n"
    );
    let endpoints = Config::parse("policy.toml", &known).unwrap().token_endpoints().clone();
    let answer = json!({"access_token": token(72)});
    let answer = answered(&logins, &endpoints, ID, "/token", &answer).unwrap();
    let access = answer["access_token"].as_str().unwrap();
    for (authority, good) in [
        ("https://a.example.com", true),
        ("https://a.example.com:9443", true),
        ("https://a.example.com:8443", false),
        ("https://x.b.example.com:8443", true),
        ("https://x.b.example.com", false),
        ("https://x.b.example.com:9443", false),
    ] {
        assert_eq!(is_good(access, authority), good, "{authority}");
    }
    for bad in ["a.example.com:0", "a.example.com:x", "a.example.com:1:2"] {
        let text = format!("version = 1\n[oauth.endpoints]\n\"{ID}/token\" = [\"{bad}\"]\n");
        let error = Config::parse("policy.toml", &text).unwrap_err().to_string();
        assert!(error.contains("oauth.endpoints.?: one of them is no host"), "{error}");
    }
}

const SLACK: &str = "https://slack.com";

/// An app that posts to a channel has an address that is a credential; the token of the bot stood beside that of the user once.
#[test]
fn nothing_of_slacks_answers_comes_in() {
    let logins = Logins::new([7; 32]);
    let mut rng = Rng::new(73);
    let mut text = |len| String::from_utf8(rng.text(keys::BASE62, len)).unwrap();
    let (bot, user, own, secret) =
        (format!("xoxb-{}", text(40)), format!("xoxp-{}", text(40)), format!("xoxb-{}", text(40)), text(24));
    let address = |secret: &str| format!("https://hooks.slack.com/services/T0ABCDEF12/B0ABCDEF12/{secret}");
    let answer = |secret: Value| {
        json!({
            "ok": true, "access_token": bot, "token_type": "bot", "bot": {"bot_access_token": own},
            "authed_user": {"id": "U1234", "access_token": user, "token_type": "user"},
            "incoming_webhook": {"channel": "#c", "configuration_url": "https://x.slack.com/services/B1", "url": secret},
        })
    };
    for path in ["/api/oauth.v2.access", "/api/oauth.access"] {
        let came =
            answered(&logins, &TokenEndpoints::default(), SLACK, path, &answer(json!(address(&secret))))
                .unwrap();
        let all = came.to_string();
        for token in [&bot[5..], &user[5..], &own[5..], &secret] {
            let piece = (0..token.len() - 8).find(|at| all.contains(&token[*at..at + 8]));
            assert_eq!(piece, None, "{path}");
        }
        assert_eq!(came["incoming_webhook"]["channel"], "#c");
        let url = came["incoming_webhook"]["url"].as_str().unwrap();
        let placeholder = url.rsplit('/').next().unwrap();
        assert_eq!((url, placeholder.len()), (&address(placeholder)[..], secret.len()));

        // What posts to it gets there, and nowhere else.
        let exchanged = |authority: &str, target: &str| {
            let head = head("POST", authority, target, 0);
            let exchanged = logins.substitutes().exchange(&to(authority), &head).unwrap();
            exchanged.map(|head| head.target().as_bytes().to_vec())
        };
        let path = |secret: &str| format!("/services/T0ABCDEF12/B0ABCDEF12/{secret}");
        let hooks = "https://hooks.slack.com";
        assert_eq!(exchanged(hooks, &path(placeholder)), Some(path(&secret).into_bytes()));
        for (authority, target) in [
            ("https://hooks.slack.com:8443", path(placeholder)),
            ("http://hooks.slack.com", path(placeholder)),
            ("https://slack.com", path(placeholder)),
            (hooks, format!("/x/{placeholder}")),
            (hooks, format!("/services/a/b?x={placeholder}")),
        ] {
            assert_eq!(exchanged(authority, &target), None, "{authority} {target}");
        }
        let form = format!("token={placeholder}");
        assert!(!is_exchanged(&logins, ("POST", SLACK, "/api/auth.revoke"), &form));
        // The tokens of the bot are bearers.
        let bearer = format!("Bearer {}", came["bot"]["bot_access_token"].as_str().unwrap());
        let slot = Slot::parse(b"header:authorization").unwrap();
        let real = logins.substitutes().inject(&to(SLACK), &slot, bearer.as_bytes()).unwrap();
        assert_eq!(&real[..], format!("Bearer {own}").as_bytes());
        // A request with it passes.
        let rules = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
        let engine = logins.engine(&rules, key()).unwrap();
        let head = head("POST", hooks, url.strip_prefix(hooks).unwrap(), 2);
        let mut inspection = Inspection::new(to(hooks));
        let substitutes = logins.substitutes();
        inspection.substitutes(&substitutes);
        let mut inspector = Inspector::new(&engine, &inspection, head).unwrap();
        assert!(!inspector.push(b"{}").is_block() && !inspector.finish().is_block());
    }
    // An address of another form does not come in; one that is missing is none.
    for (url, passes) in [
        (json!("https://hooks.slack.com/other/T0ABCDEF12/aaaaaaaaaaaaaaaaaaaaaaaa"), false),
        (json!("https://hooks.example.com/services/T0ABCDEF12/B0ABCDEF12/aaaaaaaaaaaaaaaaaaaaaaaa"), false),
        (json!(7), false),
        (json!(null), true),
        (json!(""), true),
    ] {
        let came = answered(
            &logins,
            &TokenEndpoints::default(),
            SLACK,
            "/api/oauth.v2.access",
            &answer(url.clone()),
        );
        assert_eq!(came.is_some(), passes, "{url}");
    }
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
