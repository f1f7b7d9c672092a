//! What who owns a host from whose words is learned can do with it, and what not.

use exfilter::config::Config;
use exfilter::inspector::{Inspection, Inspector};
use exfilter::substitute::{AnswerError, Logins, Rewritten};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Engine, KnownSecrets, Verdict};
use exfilter_testing::wrap;
use serde_json::{Value, json};

use crate::learned_logins::{AUTH, GRANT, OPENID, RESOURCE, SERVER, Session, TOKEN};
use crate::logins::{FORM, key, to, token};

const EVIL: &str = "https://evil.example.net";
const EVIL_TOKEN: &str = "https://evil.example.net/token";

impl Session {
    /// What becomes of an answer.
    fn finish(&self, url: &str, form: &str, answer: &Value) -> Result<Rewritten, AnswerError> {
        let request = self.request("POST", url, form).unwrap();
        let mut held = request.answer(200, &Headers::new());
        held.push(answer.to_string().as_bytes()).unwrap();
        held.finish(&self.logins)
    }

    /// Whether a request to elsewhere is refused for what is in it, and whether that counts.
    fn refused(&self, engine: &Engine, body: &str) -> Option<bool> {
        let engine = self.logins.engine(engine, key()).unwrap();
        let to = to("https://api.example.org");
        let len = body.len().to_string();
        let fields = [("host", "api.example.org"), ("content-length", &len)];
        let head = RequestHead::new(b"POST", b"/", fields).unwrap();
        let mut inspector = Inspector::new(&engine, &Inspection::new(to), head).unwrap();
        let _ = inspector.push(body.as_bytes());
        match inspector.finish() {
            Verdict::Block(_) => {
                assert!(inspector.is_hit());
                Some(inspector.counts())
            }
            _ => None,
        }
    }

    /// Whether a request for tokens is one, in this form.
    fn keeps_in(&self, url: &str, media_type: &str, body: &str) -> bool {
        let (authority, target) = url.split_at(8 + url[8..].find('/').unwrap());
        let fields = [("host", to(authority).host().to_owned()), ("content-type", media_type.to_owned())];
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        let head = RequestHead::new(b"POST", target.as_bytes(), fields).unwrap();
        let set = self.logins.substitutes();
        let asked = self.endpoints.request(&set, &to(authority), &head, Some(body.as_bytes()));
        asked.is_some_and(|asked| asked.keeps())
    }
}

fn engine() -> Engine {
    Engine::builder().build().unwrap()
}

/// What is chosen is looked for everywhere, so it must be nothing that stands there.
#[test]
fn strings_of_somebody_elses_choice_are_no_tokens() {
    let session = Session::new();
    session.server(EVIL, EVIL_TOKEN);
    let coded = String::from_utf8(wrap::base64(br#"{"alg":"HS256","typ":"JWT"}"#, true, false)).unwrap();
    let claims = String::from_utf8(wrap::base64(br#"{"sub":"somebody"}"#, true, false)).unwrap();
    let signed = format!("{coded}.{claims}.application_x-www-form-urlencoded");
    for text in [
        "application/x-www-form-urlencoded",
        "claude-sonnet-4-20250514-latest",
        "x86_64-unknown-linux-gnu-toolchain",
        "https://api.example.com/v1/messages",
        "supersecretpassword",
        "0000000000000000000000000001",
        &coded,
        &signed,
    ] {
        for name in ["access_token", "refresh_token", "id_token"] {
            let answer = json!([{"access_token": token(1)}, {name: text}]);
            let error = session.finish(EVIL_TOKEN, GRANT, &answer);
            let error = error.map(drop).unwrap_err().to_string();
            assert!(error.contains("does not look drawn"), "{text}: {error}");
        }
    }
    assert!(session.logins.is_empty(), "all of an answer or nothing");
    assert_eq!(session.refused(&engine(), "x86_64-unknown-linux-gnu-toolchain"), None);
    // Who is trusted by a person gives what he likes.
    let policy = format!("[oauth.endpoints]\n\"{EVIL_TOKEN}\" = [\"evil.example.net\"]");
    let trusting = Session::under(&policy);
    let answer = json!({"access_token": "application/x-www-form-urlencoded"});
    assert!(trusting.finish(EVIL_TOKEN, GRANT, &answer).unwrap().is_kept());
    // What tokens look like.
    for (n, real) in [
        token(2),
        format!("mcp_{}", token(3)),
        format!("{}:{}", "user-17", token(4)),
        format!("{coded}.{claims}.{}", token(5)),
        "3f9c1d7be24a68051c3d9e0f7a6b5c4d".to_owned(),
        format!("1//0{}", token(6)),
    ]
    .iter()
    .enumerate()
    {
        assert!(session.finish(EVIL_TOKEN, GRANT, &json!({"access_token": real})).unwrap().is_kept(), "{n}");
    }
}

/// Whoever could have it counted would have the session in quarantine whenever he likes.
#[test]
fn a_hit_on_what_a_learned_endpoint_gave_counts_for_no_quarantine() {
    let secret = token(10);
    let mut known = KnownSecrets::new(key());
    known.add("OWN", secret.as_bytes(), vec![]).unwrap();
    let engine = Engine::builder().known_secrets(known).build().unwrap();
    let session = Session::new();
    session.server(EVIL, EVIL_TOKEN);
    session.login(EVIL_TOKEN, GRANT, 11);
    let chosen = token(11);
    assert_eq!(session.refused(&engine, &format!("x {chosen} x")), Some(false));
    assert_eq!(session.refused(&engine, &format!("x {secret} x")), Some(true));
    assert_eq!(session.refused(&engine, &format!("x {chosen} {secret} x")), Some(true));
    // Nor is a guess one of his, where it was right.
    session.login(EVIL_TOKEN, GRANT, 10);
    assert_eq!(session.refused(&engine, &format!("x {secret} x")), Some(true));
    // What others give counts, also if it was given there before, or is later.
    let github = "https://github.com/login/oauth/access_token";
    session.login(github, GRANT, 12);
    assert_eq!(session.refused(&engine, &token(12)), Some(true));
    session.login(github, GRANT, 11);
    assert_eq!(session.refused(&engine, &chosen), Some(true));
    session.login(EVIL_TOKEN, GRANT, 12);
    assert_eq!(session.refused(&engine, &token(12)), Some(true));
    // So does what a person vouches for.
    let mut session = Session::new();
    session.server(EVIL, EVIL_TOKEN);
    session.login(EVIL_TOKEN, GRANT, 13);
    assert_eq!(session.refused(&engine, &token(13)), Some(false));
    session.reload(&format!("[oauth.endpoints]\n\"{EVIL_TOKEN}\" = [\"evil.example.net\"]"));
    assert_eq!(session.refused(&engine, &token(13)), Some(true));
}

#[test]
fn a_document_below_a_path_speaks_for_that_path() {
    const HOST: &str = "https://id.example.com";
    for path in [format!("{SERVER}/evil"), format!("{OPENID}/evil"), format!("/evil{OPENID}")] {
        let session = Session::new();
        let mut seed = 20;
        let mut login = |endpoint: &str| {
            seed += 1;
            session.login(endpoint, GRANT, seed).0
        };
        let says = |endpoint: &str, revocation: &str| {
            let document = json!({
                "issuer": "https://id.example.com/evil", "token_endpoint": endpoint, "revocation_endpoint": revocation,
            });
            assert!(session.says(HOST, &path, &document), "{path}");
        };
        // Another's, and that of the host.
        for endpoint in ["https://id.example.com/you/token", "https://id.example.com/token"] {
            says(endpoint, "https://id.example.com/evil/revoke");
            assert!(!session.keeps("POST", endpoint, "a=b"), "{path}");
            assert!(session.keeps("POST", endpoint, GRANT), "{path}");
            let access = login(endpoint);
            assert!(!session.is_exchanged("https://id.example.com/evil/revoke", &format!("token={access}")));
        }
        // It does not speak for hosts below.
        says("https://a.id.example.com/token", "https://a.id.example.com/revoke");
        let access = login("https://a.id.example.com/token");
        assert!(!session.is_good(&access, HOST), "{path}");
        assert!(!session.is_exchanged("https://a.id.example.com/revoke", &format!("token={access}")));
        // Its own, whose revocations are nobody else's.
        for (revocation, is_its) in [
            ("https://id.example.com/evil/revoke", true),
            ("https://id.example.com/you/paste", false),
            ("https://id.example.com:8443/evil/revoke", false),
            ("https://evil.example.net/revoke", false),
        ] {
            says("https://id.example.com/evil/token", revocation);
            assert!(session.keeps("POST", "https://id.example.com/evil/token", "a=b"), "{path}");
            let access = login("https://id.example.com/evil/token");
            let form = format!("token={access}");
            assert_eq!(session.is_exchanged(revocation, &form), is_its, "{path} {revocation}");
        }
    }
    // With an empty path it is the host's own.
    for path in [SERVER.to_owned(), OPENID.to_owned(), format!("{SERVER}/")] {
        let session = Session::new();
        let document = json!({
            "issuer": HOST, "token_endpoint": "https://id.example.com/x/token", "revocation_endpoint": "https://id.example.com/y",
        });
        assert!(session.says(HOST, &path, &document), "{path}");
        assert!(session.keeps("POST", "https://id.example.com/x/token", "a=b"));
        let (access, _) = session.login("https://id.example.com/x/token", GRANT, 23);
        assert!(session.is_exchanged("https://id.example.com/y", &format!("token={access}")));
    }
    // Tokens for one server are not revoked at another, whoever says so.
    let session = Session::new();
    let document = json!({"issuer": "https://example.com", "token_endpoint": TOKEN, "revocation_endpoint": "https://example.com/revoke"});
    assert!(session.says("https://example.com", SERVER, &document));
    let (access, _) = session.login(TOKEN, GRANT, 24);
    assert!(!session.is_exchanged("https://example.com/revoke", &format!("token={access}")));
}

/// Paths of servers are those of their owners as they are spelled.
#[test]
fn an_address_in_other_letters_is_the_owners_of_the_host_alone() {
    let session = Session::new();
    let document = json!({"issuer": "https://id.example.com/evil", "token_endpoint": "https://id.example.com/evil/token"});
    assert!(session.says("https://id.example.com", &format!("{SERVER}/evil"), &document));
    assert!(session.keeps("POST", "https://id.example.com/evil/token", "a=b"));
    for url in [
        "https://id.example.com/Evil/token",
        "https://id.example.com/evil/TOKEN",
        "https://id.example.com/evil//token",
        "https://id.example.com/evil/%74oken",
        "https://id.example.com/x/../evil/token",
    ] {
        for form in ["a=b", GRANT] {
            assert!(!session.keeps("POST", url, form), "{url}");
        }
    }
    // Who names another spelling of somebody else's address takes nothing from that one.
    session.server(AUTH, TOKEN);
    let document = json!({"issuer": EVIL, "token_endpoint": "https://auth.example.com/OAuth/token"});
    assert!(session.says(EVIL, SERVER, &document));
    assert!(session.keeps("POST", "https://auth.example.com/OAuth/token", "a=b"));
    // Nor are they by a token that came from there.
    let (answer, _) =
        session.answered("https://id.example.com/evil/token", GRANT, &json!({"refresh_token": token(25)}));
    let grant =
        format!("grant_type=refresh_token&refresh_token={}", answer["refresh_token"].as_str().unwrap());
    session.learned.retain(|_| false);
    assert!(session.keeps("POST", "https://id.example.com/evil/token", &grant));
    assert!(!session.keeps("POST", "https://id.example.com/Evil/token", &grant));
}

/// A server that reads another one than the guard does gives a token for that.
#[test]
fn a_resource_that_may_be_read_in_two_ways_is_none() {
    const ENDPOINT: &str = "https://example.com/token";
    const NAMED: &str = "https://mcp.example.com";
    let session = Session::new();
    session.server("https://example.com", ENDPOINT);
    for host in [NAMED, "https://other.example.com"] {
        session.resource(host, "https://example.com");
    }
    let mut seed = 100;
    let mut goes = |url: &str, fields: &[(&str, &str)], body: &str| {
        seed += 1;
        let (authority, target) = url.split_at(8 + url[8..].find('/').unwrap());
        let to = to(authority);
        let all = [&[("host", to.host())], fields].concat();
        let head = RequestHead::new(b"POST", target.as_bytes(), all).unwrap();
        let set = session.logins.substitutes();
        let asked = session.endpoints.request(&set, &to, &head, Some(body.as_bytes())).unwrap();
        assert!(asked.keeps(), "{body}");
        let mut held = asked.answer(200, &Headers::new());
        held.push(json!({"access_token": token(seed)}).to_string().as_bytes()).unwrap();
        let rewritten = held.finish(&session.logins).unwrap();
        let read: Value = serde_json::from_slice(rewritten.body().unwrap()).unwrap();
        let access = read["access_token"].as_str().unwrap();
        assert!(session.is_good(access, "https://example.com"), "{body}");
        assert!(!session.is_good(access, "https://other.example.com"), "{body}");
        session.is_good(access, NAMED)
    };
    let form = [("content-type", FORM)];
    let json_type = [("content-type", "application/json")];
    let good = format!("{GRANT}&resource={NAMED}");
    assert!(goes(ENDPOINT, &form, &good));
    assert!(goes(ENDPOINT, &form, &format!("{GRANT}&resource=https%3A%2F%2Fmcp.example.com")));
    let document = json!({"grant_type": "authorization_code", "resource": NAMED}).to_string();
    assert!(goes(ENDPOINT, &json_type, &document));
    let other = "resource=https://other.example.com";
    for bad in [
        format!("{good}&{other}"),
        format!("{good}&resource={NAMED}"),
        format!("{good}&Resource=https://other.example.com"),
        format!("{good}&resource[]=https://other.example.com"),
        format!("{good}&resource%5B0%5D=https://other.example.com"),
        format!("{good}&%20{other}"),
        format!("{good}&scope=a;{other}"),
        format!("{GRANT}&resource%00={NAMED}"),
        format!("{GRANT}&resource.0={NAMED}"),
        format!("{good}&x=\u{e9}"),
    ] {
        assert!(!goes(ENDPOINT, &form, &bad), "{bad}");
    }
    for bad in [
        format!(r#"{{"grant_type":"x","resource":["{NAMED}"]}}"#),
        format!(r#"{{"grant_type":"x","resource":"{NAMED}","Resource":"https://other.example.com"}}"#),
        format!(r#"{{"grant_type":"x","resource":"{NAMED}","resource":"https://other.example.com"}}"#),
        format!(r#"{{"grant_type":"x","resource":"{NAMED}","x":"a&{other}"}}"#),
    ] {
        assert!(!goes(ENDPOINT, &json_type, &bad), "{bad}");
    }
    // In the address, in a coding, and in what is no form.
    for query in ["?resource=https://other.example.com", "?x=1", "?resource=https://mcp.example.com"] {
        assert!(!goes(&format!("{ENDPOINT}{query}"), &form, &good), "{query}");
    }
    let coded = [("content-type", FORM), ("content-encoding", "x")];
    assert!(!goes(ENDPOINT, &coded, &good));
    assert!(!goes(ENDPOINT, &[("content-type", "text/plain")], &good));
    assert!(!goes(ENDPOINT, &[], &good));
}

/// A name somewhere in a body that nobody could read is no reason to hold an answer of somebody else's.
#[test]
fn what_is_only_mentioned_is_no_grant_at_what_others_have_named() {
    const PARTS: &str = "multipart/form-data; boundary=x";
    let body = "--x\r\ncontent-disposition: form-data; name=\"grant_type\"\r\n\r\na\r\n--x--\r\n";
    let session = Session::new();
    let document = json!({"issuer": EVIL, "token_endpoint": TOKEN});
    assert!(session.says(EVIL, SERVER, &document));
    assert!(session.keeps_in(TOKEN, FORM, GRANT));
    assert!(!session.keeps_in(TOKEN, PARTS, body));
    assert!(!session.keeps_in(TOKEN, "application/json", "x grant_type x"));
    // Its own server has named it: then all is held.
    session.server(AUTH, TOKEN);
    assert!(session.keeps_in(TOKEN, PARTS, body));
}

/// Who gives many tokens drives out his own.
#[test]
fn the_tokens_of_a_learned_host_are_few() {
    let session = Session::new();
    let github = "https://github.com/login/oauth/access_token";
    let (known, _) = session.login(github, GRANT, 200);
    session.server(AUTH, TOKEN);
    let (other, _) = session.login(TOKEN, GRANT, 201);
    session.server(EVIL, EVIL_TOKEN);
    let all: Vec<String> = (0..40).map(|n| session.login(EVIL_TOKEN, GRANT, 300 + n).0).collect();
    let good = all.iter().filter(|one| session.is_good(one, EVIL)).count();
    assert_eq!(good, Logins::MOST_OF_A_HOST);
    assert!(session.is_good(all.last().unwrap(), EVIL), "the oldest go");
    // Of one that is used all the time the others go.
    let last = &all[39];
    for n in 0..20 {
        session.login(EVIL_TOKEN, GRANT, 400 + n);
        assert!(session.is_good(last, EVIL));
    }
    assert!(session.is_good(&known, "https://api.github.com") && session.is_good(&other, AUTH));
    // Many hosts of one owner have some room, and no more.
    for host in 0..10 {
        let (issuer, endpoint) =
            (format!("https://e{host}.example.net"), format!("https://e{host}.example.net/token"));
        session.server(&issuer, &endpoint);
        let tokens: Vec<Value> =
            (0..16).map(|n| json!({"access_token": token(1000 + 16 * host + n)})).collect();
        session.answered(&endpoint, GRANT, &json!(tokens));
    }
    let kept = format!("{:?}", session.logins);
    assert_eq!(kept, format!("Logins({} tokens)", Logins::MOST_LEARNED + 1));
    assert!(session.is_good(&known, "https://api.github.com"));
}

/// What a policy hears no more is forgotten; the tokens stay outside, and are good for nothing.
#[test]
fn a_policy_that_hears_a_host_no_more() {
    let mut session = Session::new();
    session.server("https://example.com", "https://example.com/token");
    session.resource("https://mcp.example.com", "https://example.com");
    let form = format!("{GRANT}&resource=https://mcp.example.com");
    let (access, _) = session.login("https://example.com/token", &form, 500);
    let (answer, _) =
        session.answered("https://example.com/token", &form, &json!({"refresh_token": token(501)}));
    let refresh = answer["refresh_token"].as_str().unwrap();
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert!(session.is_exchanged("https://example.com/token", &grant));
    // Without the resource, tokens are not put in there, nor are further ones.
    session.reload("[oauth]\nlearn = [\"example.com\"]");
    assert!(session.is_good(&access, "https://example.com"));
    assert!(!session.is_good(&access, "https://mcp.example.com"));
    let (later, _) = session.login("https://example.com/token", &form, 502);
    assert!(
        session.is_good(&later, "https://example.com") && !session.is_good(&later, "https://mcp.example.com")
    );
    // Without the server, nowhere.
    for policy in ["[oauth]\nlearn = [\"mcp.example.com\"]", "[oauth]\nlearn = []"] {
        session.reload(policy);
        for placeholder in [&access, &later] {
            assert!(!session.is_good(placeholder, "https://example.com"), "{policy}");
        }
        assert!(!session.is_exchanged("https://example.com/token", &grant));
        for form in ["a=b", &form, &grant] {
            assert!(!session.keeps("POST", "https://example.com/token", form), "{policy}");
        }
        assert_eq!(session.refused(&engine(), &token(500)), Some(false), "it is looked for all the same");
    }
    // Nothing comes back by itself, and what is said anew counts.
    session.reload("[oauth]\nlearn = [\"*.example.com\", \"example.com\"]");
    assert_eq!(format!("{:?}", session.learned), "LearnedEndpoints(0 servers, 0 resources)");
    assert!(!session.is_good(&access, "https://example.com"));
    session.server("https://example.com", "https://example.com/token");
    let (again, _) = session.login("https://example.com/token", GRANT, 503);
    assert!(
        session.is_good(&again, "https://example.com") && !session.is_good(&access, "https://example.com")
    );
}

/// An answer that was asked for before, and comes after it.
#[test]
fn what_was_asked_before_is_answered_under_the_new_policy() {
    let mut session = Session::new();
    session.server(AUTH, TOKEN);
    let request = session.request("POST", TOKEN, GRANT).unwrap();
    session.reload("[oauth]\nlearn = []");
    let mut held = request.answer(200, &Headers::new());
    held.push(json!({"access_token": token(510)}).to_string().as_bytes()).unwrap();
    let rewritten = held.finish(&session.logins).unwrap();
    let read: Value = serde_json::from_slice(rewritten.body().unwrap()).unwrap();
    assert!(rewritten.is_kept() && !session.is_good(read["access_token"].as_str().unwrap(), AUTH));
    assert_eq!(session.refused(&engine(), &token(510)), Some(false));
}

/// Where a policy says nothing, servers are heard about themselves, and no login fails that went before.
#[test]
fn without_a_word_of_the_policy_servers_are_heard_about_themselves() {
    let session = Session::under("");
    session.server(AUTH, TOKEN);
    let document = json!({"resource": "https://auth.example.com/mcp", "authorization_servers": [AUTH]});
    assert!(session.says(AUTH, &format!("{RESOURCE}/mcp"), &document));
    for (n, form) in [
        GRANT.to_owned(),
        format!("{GRANT}&resource=https://auth.example.com/mcp"),
        format!("{GRANT}&resource=https://auth.example.com/other"),
        format!("{GRANT}&resource="),
        // Whoever makes it unclear has not got them.
        format!("{GRANT}&resource={EVIL}&resource=https://auth.example.com/mcp"),
        format!("{GRANT}&resource={EVIL}&x[]=y"),
    ]
    .iter()
    .enumerate()
    {
        let (access, _) = session.login(TOKEN, form, 600 + n as u64);
        assert!(session.is_good(&access, AUTH), "{form}");
    }
    // Asked for another server they would be of no use as placeholders.
    for resource in [EVIL, "https://auth.example.com:8443", "http://localhost:3000/mcp"] {
        let form = format!("{GRANT}&resource={resource}");
        assert!(!session.keeps("POST", TOKEN, &form), "{resource}");
        let rewritten = session.finish(TOKEN, &form, &json!({"access_token": token(610)})).unwrap();
        assert!(!rewritten.is_kept() && rewritten.body().is_none());
        let told = rewritten.told().unwrap();
        assert!(
            told.contains("as they are: they are asked for a server at which they would not be put in"),
            "{told}"
        );
        if resource == EVIL {
            let line = "\"https://auth.example.com/oauth/token\" = [\"auth.example.com\", \"evil.example.net\"] under [oauth.endpoints]";
            assert!(told.contains(line), "{told}");
        }
        // A policy that wants none as they are has none.
        let strict = Session::under("[oauth]\nother = \"block\"");
        strict.server(AUTH, TOKEN);
        assert!(strict.finish(TOKEN, &form, &json!({"access_token": token(611)})).is_err());
        assert!(strict.finish(TOKEN, GRANT, &json!({"access_token": token(611)})).unwrap().is_kept());
    }
    // What comes of a token that is kept is kept, whatever it is asked for.
    let answer = json!({"access_token": token(620), "refresh_token": token(621)});
    let (came, _) = session.answered(TOKEN, GRANT, &answer);
    for field in ["refresh_token", "subject_token"] {
        let brought = if field == "refresh_token" { &came["refresh_token"] } else { &came["access_token"] };
        let form = format!("{GRANT}&{field}={}&resource={EVIL}", brought.as_str().unwrap());
        let (access, _) = session.login(TOKEN, &form, 622);
        assert!(session.is_good(&access, AUTH) && !session.is_good(&access, EVIL), "{field}");
    }
    let bearer = format!("Bearer {}", came["access_token"].as_str().unwrap());
    let fields = [("host", "auth.example.com"), ("content-type", FORM), ("authorization", &bearer)];
    let head = RequestHead::new(b"POST", b"/oauth/token", fields).unwrap();
    let form = format!("{GRANT}&resource={EVIL}");
    let set = session.logins.substitutes();
    let asked = session.endpoints.request(&set, &to(AUTH), &head, Some(form.as_bytes())).unwrap();
    assert!(asked.keeps());
}

#[test]
fn without_a_word_of_the_policy_nobody_is_heard_about_others() {
    let session = Session::under("");
    for (issuer, endpoint, is_heard) in [
        (EVIL, TOKEN, false),
        ("https://a.example.com", "https://b.example.com/token", false),
        ("https://evil.example.com", "https://example.com/token", false),
        ("https://me.example.com:8443", "https://me.example.com/token", false),
        ("https://you.example.com", "https://you.example.com/token", true),
        // Who has a name has those below it.
        ("https://example.org", "https://api.example.org/token", true),
    ] {
        session.server(issuer, endpoint);
        assert_eq!(session.keeps("POST", endpoint, GRANT), is_heard, "{issuer}");
    }
    let document =
        |endpoint: &str| json!({"issuer": "https://id.example.com/evil", "token_endpoint": endpoint});
    for (endpoint, is_heard) in
        [("https://id.example.com/token", false), ("https://id.example.com/evil/token", true)]
    {
        assert!(session.says("https://id.example.com", &format!("{SERVER}/evil"), &document(endpoint)));
        assert_eq!(session.keeps("POST", endpoint, GRANT), is_heard, "{endpoint}");
    }
    // One that is named narrows it, and none ends it.
    for (learn, ours) in [("\"you.example.com\"", true), ("\"example.org\"", false), ("", false)] {
        let session = Session::under(&format!("[oauth]\nlearn = [{learn}]"));
        session.server("https://you.example.com", "https://you.example.com/token");
        assert_eq!(session.keeps("POST", "https://you.example.com/token", GRANT), ours, "{learn}");
    }
}

#[test]
fn whom_a_policy_hears() {
    for (policy, mcp, other) in [
        ("", true, true),
        ("[oauth]\nother = \"block\"", true, true),
        ("[oauth]\nlearn = []", false, false),
        ("[oauth]\nlearn = [\"mcp.example.com\"]", true, false),
        ("[hosts]\nallow = [\"*.example.com\"]", true, false),
        ("[hosts]\ndeny = [\"mcp.example.com\"]\n[oauth]\nlearn = [\"mcp.example.com\"]", false, false),
    ] {
        let config = Config::parse("policy.toml", &format!("version = 1\n{policy}")).unwrap();
        let hears = ["mcp.example.com", "example.org"].map(|host| config.learns_from(host));
        assert_eq!(hears, [mcp, other], "{policy}");
    }
}
