//! Token endpoints that servers name themselves: what is believed of what they say, and where their tokens go.

use std::sync::Arc;

use exfilter::config::Config;
use exfilter::substitute::{LearnedEndpoints, Logins, TokenEndpoints, TokenRequest};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Engine, Slot};
use serde_json::{Value, json};

use crate::logins::{FORM, key, to, token};
use crate::metadata::says;

pub(crate) const AUTH: &str = "https://auth.example.com";
pub(crate) const TOKEN: &str = "https://auth.example.com/oauth/token";
pub(crate) const SERVER: &str = "/.well-known/oauth-authorization-server";
pub(crate) const OPENID: &str = "/.well-known/openid-configuration";
pub(crate) const RESOURCE: &str = "/.well-known/oauth-protected-resource";
pub(crate) const GRANT: &str = "grant_type=authorization_code&code=x&client_id=y";

/// All who say something here, as a policy names them.
const NAMED: &str = r#"learn = ["*.example.com", "example.com", "*.example.net", "example.net", "*.example.org", "com", "10.0.0.1", "10.0.0.2", "[::1]", "[::2]", "github.com"]"#;

/// A session: what it has learned, and the tokens that it keeps.
pub(crate) struct Session {
    pub(crate) learned: LearnedEndpoints,
    pub(crate) endpoints: TokenEndpoints,
    pub(crate) logins: Logins,
}

impl Session {
    /// With a policy that names whoever says something.
    pub(crate) fn new() -> Session {
        Session::with("")
    }

    /// With more of that policy.
    fn with(more: &str) -> Session {
        Session::under(&format!("[oauth]\n{NAMED}\n{more}"))
    }

    /// With a policy.
    pub(crate) fn under(policy: &str) -> Session {
        let learned = LearnedEndpoints::new();
        let endpoints = endpoints(&learned, policy);
        Session { learned, endpoints, logins: Logins::new([7; 32]) }
    }

    /// Another policy from now on, as the guard takes one.
    pub(crate) fn reload(&mut self, policy: &str) {
        self.endpoints = endpoints(&self.learned, policy);
        self.logins.rebind(&self.endpoints);
        self.learned.retain(|host| self.endpoints.learns_from(host));
    }

    /// What a server says of itself.
    pub(crate) fn says(&self, authority: &str, path: &str, document: &Value) -> bool {
        says(&self.learned, authority, path, document.to_string().as_bytes())
    }

    /// That an authorization server has this endpoint.
    pub(crate) fn server(&self, issuer: &str, endpoint: &str) {
        let document = json!({"issuer": issuer, "token_endpoint": endpoint});
        assert!(self.says(issuer, SERVER, &document), "{issuer}");
    }

    /// That a resource names this authorization server.
    pub(crate) fn resource(&self, host: &str, issuer: &str) {
        let document = json!({"resource": host, "authorization_servers": [issuer]});
        assert!(self.says(host, RESOURCE, &document), "{host}");
    }

    pub(crate) fn request(&self, method: &str, url: &str, form: &str) -> Option<TokenRequest> {
        let (authority, head) = head(method, url, form.len());
        let set = self.logins.substitutes();
        self.endpoints.request(&set, &to(&authority), &head, Some(form.as_bytes()))
    }

    pub(crate) fn keeps(&self, method: &str, url: &str, form: &str) -> bool {
        self.request(method, url, form).is_some_and(|request| request.keeps())
    }

    /// The answer that the client gets, and what is told of it.
    pub(crate) fn answered(&self, url: &str, form: &str, answer: &Value) -> (Value, String) {
        let request = self.request("POST", url, form).unwrap();
        assert!(request.keeps(), "{url}");
        let mut held = request.answer(200, &Headers::new());
        held.push(answer.to_string().as_bytes()).unwrap();
        let rewritten = held.finish(&self.logins).unwrap();
        assert!(rewritten.is_kept());
        (serde_json::from_slice(rewritten.body().unwrap()).unwrap(), rewritten.told().unwrap())
    }

    /// The placeholder of an access token that is given there, and what is told of it.
    pub(crate) fn login(&self, url: &str, form: &str, seed: u64) -> (String, String) {
        let (answer, told) = self.answered(url, form, &json!({"access_token": token(seed)}));
        (answer["access_token"].as_str().unwrap().to_owned(), told)
    }

    /// Whether the token is put into a head to a host.
    pub(crate) fn is_good(&self, placeholder: &str, authority: &str) -> bool {
        let (slot, bearer) = (Slot::parse(b"header:authorization").unwrap(), format!("Bearer {placeholder}"));
        self.logins.substitutes().inject(&to(authority), &slot, bearer.as_bytes()).is_some()
    }

    /// Whether it is put into the body of a request.
    pub(crate) fn is_exchanged(&self, url: &str, form: &str) -> bool {
        let (authority, head) = head("POST", url, form.len());
        self.logins.substitutes().exchange_body(&to(&authority), &head, form.as_bytes()).is_some()
    }
}

/// The endpoints of a policy, and those that are learned.
fn endpoints(learned: &LearnedEndpoints, policy: &str) -> TokenEndpoints {
    let config = Config::parse("policy.toml", &format!("version = 1\n{policy}")).unwrap();
    let mut endpoints = config.token_endpoints().clone();
    endpoints.set_learned(learned);
    endpoints
}

/// `https://host` of an address, and a request to it.
pub(crate) fn head(method: &str, url: &str, len: usize) -> (String, RequestHead) {
    let at = url[8..].find('/').map_or(url.len(), |at| at + 8);
    let (authority, target) = url.split_at(at);
    let to = to(authority);
    let len = len.to_string();
    let fields = [("host", to.host()), ("content-type", FORM), ("content-length", &len)];
    (authority.to_owned(), RequestHead::new(method.as_bytes(), target.as_bytes(), fields).unwrap())
}

/// As a client of the Model Context Protocol does it, where the server is below its authorization server.
#[test]
fn a_login_at_a_server_that_names_its_endpoints() {
    let session = Session::new();
    assert!(!session.keeps("POST", "https://example.com/token", GRANT), "nobody has named it");
    let document = json!({
        "resource": "https://mcp.example.com/mcp", "authorization_servers": ["https://example.com"],
        "bearer_methods_supported": ["header"],
    });
    assert!(session.says("https://mcp.example.com", &format!("{RESOURCE}/mcp"), &document));
    let document = json!({
        "issuer": "https://example.com", "authorization_endpoint": "https://example.com/authorize",
        "token_endpoint": "https://example.com/token", "revocation_endpoint": "https://example.com/undo",
        "registration_endpoint": null, "response_types_supported": ["code"], "n": -1.5e3, "b": true,
    });
    assert!(session.says("https://example.com", SERVER, &document));
    let (access, refresh) = (token(1), token(2));
    let form = format!("{GRANT}&resource=https%3A%2F%2Fmcp.example.com%2Fmcp");
    let answer = json!({"access_token": access, "refresh_token": refresh, "expires_in": 3600});
    let (came, told) = session.answered("https://example.com/token", &form, &answer);
    assert_eq!(
        told,
        "access_token, refresh_token: the client has placeholders, good at example.com, mcp.example.com"
    );
    assert!(!came.to_string().contains(&access) && !came.to_string().contains(&refresh));
    let (access, refresh) = (came["access_token"].as_str().unwrap(), came["refresh_token"].as_str().unwrap());
    for (authority, good) in [
        ("https://mcp.example.com", true),
        ("https://example.com", true),
        ("http://mcp.example.com", false),
        ("https://mcp.example.com:8443", false),
        ("https://other.example.com", false),
        ("https://mcp.example.net", false),
    ] {
        assert_eq!(session.is_good(access, authority), good, "{authority}");
        assert!(!session.is_good(refresh, authority), "{authority}");
    }
    // A refresh token goes to its endpoint, byte for byte, and both to the address that revokes them.
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert!(session.is_exchanged("https://example.com/token", &grant));
    assert!(session.keeps("POST", "https://example.com/token", &grant));
    for url in [
        "https://example.com/Token",
        "https://example.com/token/",
        "https://example.com/token?x=1",
        "https://example.com/revoke",
        "https://mcp.example.com/token",
        "http://example.com/token",
        "https://example.com:8443/token",
    ] {
        assert!(!session.is_exchanged(url, &grant), "{url}");
    }
    for token in [access, refresh] {
        let form = format!("token={token}");
        assert!(session.is_exchanged("https://example.com/undo", &form));
        assert!(!session.is_exchanged("https://example.com/revoke", &form), "nobody has named it");
        assert!(!session.is_exchanged("https://mcp.example.com/undo", &form));
    }
    // It is looked for like any other.
    let engine = session.logins.engine(&Engine::builder().build().unwrap(), key()).unwrap();
    let mut stream = engine.stream(exfilter::Flow::outbound(to("https://mcp.example.net")));
    let _ = stream.push(format!("x {} x", token_of(&answer)).as_bytes());
    assert!(stream.finish().is_block());
}

fn token_of(answer: &Value) -> &str {
    answer["access_token"].as_str().unwrap()
}

/// Before that the server of the resource was the authorization server itself.
#[test]
fn a_server_that_is_its_own_authorization_server() {
    let session = Session::new();
    let document =
        json!({"issuer": "https://mcp.example.com/", "token_endpoint": "https://mcp.example.com/token"});
    assert!(session.says("https://mcp.example.com", SERVER, &document));
    let (access, told) = session.login("https://mcp.example.com/token", GRANT, 3);
    assert!(session.is_good(&access, "https://mcp.example.com"));
    assert!(!session.is_good(&access, "https://example.com"));
    assert!(told.ends_with("placeholders, good at mcp.example.com"), "{told}");
}

/// The address itself, and nothing beside it.
#[test]
fn a_learned_endpoint_is_one_address() {
    let session = Session::new();
    session.server(AUTH, TOKEN);
    assert!(session.keeps("POST", TOKEN, GRANT));
    // However a server may read it, and whatever is in it: who posts there has nothing else to ask.
    for url in ["https://auth.example.com/oauth//token", "https://auth.example.com/OAuth/%74oken/"] {
        assert!(session.keeps("POST", url, GRANT), "{url}");
    }
    assert!(session.keeps("POST", TOKEN, "client_id=x"));
    for (method, url) in [
        ("POST", "https://auth.example.com/oauth/tokens"),
        ("POST", "https://auth.example.com/oauth/token.json"),
        ("POST", "https://auth.example.com/oauth/token/x"),
        ("POST", "https://auth.example.com/other"),
        ("POST", "https://auth.example.com:8443/oauth/token"),
        ("POST", "http://auth.example.com/oauth/token"),
        ("POST", "https://example.com/oauth/token"),
        ("GET", TOKEN),
        ("PUT", TOKEN),
    ] {
        assert!(!session.keeps(method, url, GRANT), "{method} {url}");
    }
}

/// Whoever names the address of another has not got his tokens, and the answers of that address are held only where they are such.
#[test]
fn an_endpoint_of_another_is_none_of_the_issuers() {
    const EVIL: &str = "https://evil.example.net";
    let session = Session::new();
    let document = json!({
        "issuer": EVIL, "token_endpoint": TOKEN, "revocation_endpoint": "https://evil.example.net/revoke",
    });
    assert!(session.says(EVIL, SERVER, &document));
    session.resource(EVIL, EVIL);
    assert!(!session.keeps("POST", TOKEN, "a=b") && !session.keeps("GET", TOKEN, GRANT));
    assert!(session.keeps("POST", TOKEN, GRANT));
    // Another spelling is another address, to which nobody's refresh token should go.
    assert!(!session.keeps("POST", "https://auth.example.com/OAuth/token", GRANT));
    for form in [GRANT.to_owned(), format!("{GRANT}&resource={EVIL}")] {
        let (access, _) = session.login(TOKEN, &form, 4);
        assert!(session.is_good(&access, AUTH));
        assert!(!session.is_good(&access, EVIL));
        for url in ["https://evil.example.net/revoke", "https://auth.example.com/oauth/revoke"] {
            assert!(!session.is_exchanged(url, &format!("token={access}")), "{url}");
        }
    }
    // Nor where the owner of the address has named it too.
    session.server(AUTH, TOKEN);
    let (access, _) = session.login(TOKEN, &format!("{GRANT}&resource={EVIL}"), 5);
    assert!(session.is_good(&access, AUTH) && !session.is_good(&access, EVIL));
}

/// What may stand below a host is not always its owner's.
#[test]
fn names_and_paths_for_strangers() {
    // The name above has one for everybody: who is below cannot have the tokens of who is above, or beside.
    let session = Session::new();
    for (issuer, endpoint) in [
        ("https://evil.example.com", "https://example.com/token"),
        ("https://evil.example.com", "https://you.example.com/token"),
        ("https://evil.example.com:8443", "https://evil.example.com/token"),
    ] {
        session.server(issuer, endpoint);
        session.resource(issuer, issuer);
        let (access, _) = session.login(endpoint, GRANT, 6);
        assert!(!session.is_good(&access, issuer), "{issuer} {endpoint}");
    }
    // But who is above has those below.
    let session = Session::new();
    session.server("https://example.com", TOKEN);
    let (access, _) = session.login(TOKEN, GRANT, 7);
    assert!(session.is_good(&access, "https://example.com") && session.is_good(&access, AUTH));
    // One label is a domain of the world.
    let session = Session::new();
    session.server("https://com", "https://victim.com/token");
    let (access, _) = session.login("https://victim.com/token", GRANT, 8);
    assert!(!session.is_good(&access, "https://com"));

    // A path that its users fill.
    let session = Session::new();
    let users = "https://example.com/users/evil";
    let document = |endpoint: &str, revocation: &str| json!({"issuer": users, "token_endpoint": endpoint, "revocation_endpoint": revocation});
    let path = format!("/users/evil{OPENID}");
    let said = document("https://example.com/token", "https://example.com/users/evil/paste");
    assert!(session.says("https://example.com", &path, &said));
    assert!(!session.keeps("POST", "https://example.com/token", "a=b"));
    let (access, _) = session.login("https://example.com/token", GRANT, 9);
    assert!(!session.is_exchanged("https://example.com/users/evil/paste", &format!("token={access}")));
    // It does not speak for the hosts below, as the host itself would.
    assert!(session.says("https://example.com", &path, &document(TOKEN, "https://auth.example.com/x")));
    let (access, _) = session.login(TOKEN, GRANT, 10);
    assert!(session.is_good(&access, AUTH) && !session.is_good(&access, "https://example.com"));
    // What is its own it has named.
    let said = document("https://example.com/users/evil/token", "https://example.com/users/evil/revoke");
    assert!(session.says("https://example.com", &path, &said));
    assert!(session.keeps("POST", "https://example.com/users/evil/token", "a=b"));
    let (access, _) = session.login("https://example.com/users/evil/token", GRANT, 11);
    assert!(session.is_exchanged("https://example.com/users/evil/revoke", &format!("token={access}")));
}

#[test]
fn where_a_resource_has_tokens_and_where_not() {
    // The resource, the issuer, the endpoint; whether the resource has tokens that are asked for it, and those that are asked for nothing.
    for (resource, issuer, endpoint, for_it, for_all) in [
        // The same host.
        (AUTH, AUTH, TOKEN, true, true),
        ("https://auth.example.com", "https://example.com", TOKEN, true, true),
        // Below and above.
        ("https://mcp.auth.example.com", AUTH, TOKEN, true, false),
        ("https://example.com", AUTH, TOKEN, true, false),
        ("https://mcp.example.com", "https://example.com", TOKEN, true, false),
        // Beside, and elsewhere.
        ("https://mcp.example.com", AUTH, TOKEN, false, false),
        ("https://mcp.example.net", AUTH, TOKEN, false, false),
        ("https://badauth.example.com", AUTH, TOKEN, false, false),
        // By an issuer that is elsewhere.
        ("https://mcp.example.net", "https://example.net", TOKEN, false, false),
        ("https://example.net", "https://example.net", TOKEN, false, false),
        // Another port may be another's.
        ("https://auth.example.com:8443", AUTH, TOKEN, false, false),
        ("https://auth.example.com:8443", AUTH, "https://auth.example.com:8443/token", true, true),
        // An address has nothing below it.
        ("https://[::1]", "https://[::2]", "https://[::2]/token", false, false),
        ("https://10.0.0.1", "https://10.0.0.2", "https://10.0.0.2/token", false, false),
        ("https://10.0.0.1", "https://10.0.0.1", "https://10.0.0.1/token", true, true),
    ] {
        let session = Session::new();
        session.server(issuer, endpoint);
        session.resource(resource, issuer);
        let (chosen, _) = session.login(endpoint, &format!("{GRANT}&resource={resource}/"), 20);
        let (any, _) = session.login(endpoint, GRANT, 21);
        assert_eq!(session.is_good(&chosen, resource), for_it, "{resource} {issuer} {endpoint}");
        assert_eq!(session.is_good(&any, resource), for_all, "{resource} {issuer} {endpoint}");
    }
    // It must have named the issuer itself.
    let session = Session::new();
    session.server("https://example.com", "https://example.com/token");
    let form = |resource: &str| format!("{GRANT}&resource={resource}");
    let (access, _) = session.login("https://example.com/token", &form("https://mcp.example.com"), 22);
    assert!(!session.is_good(&access, "https://mcp.example.com"));
    session.resource("https://mcp.example.com", "https://example.net");
    let (access, _) = session.login("https://example.com/token", &form("https://mcp.example.com"), 23);
    assert!(!session.is_good(&access, "https://mcp.example.com"));
    // Of several one is chosen.
    for name in ["a", "b", "c"] {
        session.resource(&format!("https://{name}.example.com"), "https://example.com");
    }
    for (named, good) in [
        ("&resource=https://b.example.com", [false, true, false]),
        ("&resource=https%3A%2F%2Fc.example.com%2F", [false, false, true]),
        ("&resource=https://b.example.com/x", [false; 3]),
        ("&resource=", [false; 3]),
        ("&resource=https://b.example.com?x", [false; 3]),
        ("", [false; 3]),
    ] {
        let seed = 30 + named.len() as u64;
        let (access, _) = session.login("https://example.com/token", &format!("{GRANT}{named}"), seed);
        let is = ["a", "b", "c"].map(|name| session.is_good(&access, &format!("https://{name}.example.com")));
        assert_eq!(is, good, "{named}");
        assert!(session.is_good(&access, "https://example.com"));
    }
}

#[test]
fn a_token_goes_nowhere_that_was_learned_later() {
    let session = Session::new();
    let endpoint = "https://example.com/token";
    session.server("https://example.com", endpoint);
    let form = format!("{GRANT}&resource=https://mcp.example.com");
    let (early, _) = session.login(endpoint, &form, 40);
    session.resource("https://mcp.example.com", "https://example.com");
    assert!(!session.is_good(&early, "https://mcp.example.com"));
    // Not even if it is given once more.
    let before = session.logins.substitutes();
    assert_eq!(session.login(endpoint, &form, 40).0, early);
    assert!(!session.is_good(&early, "https://mcp.example.com"));
    assert!(Arc::ptr_eq(&before, &session.logins.substitutes()));
    let (late, _) = session.login(endpoint, &form, 41);
    assert!(session.is_good(&late, "https://mcp.example.com"));
    // One that is named no more has what it was given.
    session.resource("https://mcp.example.com", "https://example.net");
    assert!(session.is_good(&late, "https://mcp.example.com"));
}

#[test]
fn what_is_known_wins() {
    // The table.
    let session = Session::new();
    let github = "https://github.com";
    session.server(github, "https://github.com/other/token");
    session.server("https://evil.example.net", "https://github.com/evil/token");
    for url in ["https://github.com/other/token", "https://github.com/evil/token"] {
        assert!(!session.keeps("POST", url, "a=b"), "{url}");
        // It is one for GitHub, whatever was said.
        let (access, told) = session.login(url, GRANT, 50);
        assert!(told.contains("api.github.com") && session.is_good(&access, "https://api.github.com"));
        assert!(!session.is_good(&access, "https://evil.example.net"));
    }
    // The policy.
    let policy = "[oauth.endpoints]\n\"https://auth.example.com/oauth/token\" = [\"mcp.example.net\"]";
    let session = Session::with(policy);
    session.server(AUTH, TOKEN);
    session.server("https://example.com", "https://auth.example.com/other");
    session.resource(AUTH, AUTH);
    let (access, told) = session.login(TOKEN, &format!("{GRANT}&resource={AUTH}"), 51);
    assert!(told.ends_with("good at mcp.example.net"), "{told}");
    assert!(session.is_good(&access, "https://mcp.example.net") && !session.is_good(&access, AUTH));
    assert!(!session.keeps("POST", "https://auth.example.com/other", "a=b"));
}

#[test]
fn another_policy_takes_the_place_of_what_was_learned() {
    let session = Session::new();
    session.server("https://example.com", "https://example.com/token");
    session.server(AUTH, TOKEN);
    let (learned, _) = session.login("https://example.com/token", GRANT, 60);
    let (access, _) = session.login(TOKEN, GRANT, 61);
    let rebind = |policy: &str| {
        let endpoints = endpoints(&session.learned, policy);
        session.logins.rebind(&endpoints);
        endpoints
    };
    // One that says nothing of it.
    rebind("");
    assert!(session.is_good(&learned, "https://example.com") && session.is_good(&access, AUTH));
    // One that knows the address, and one that knows another of the host.
    let text = "\"https://auth.example.com/oauth/token\" = [\"api.example.net\"]\n\"https://example.com/x\" = [\"a.example\"]";
    let endpoints = rebind(&format!("[oauth.endpoints]\n{text}"));
    assert!(!session.is_good(&access, AUTH) && session.is_good(&access, "https://api.example.net"));
    for authority in ["https://example.com", "https://a.example"] {
        assert!(!session.is_good(&learned, authority), "{authority}");
    }
    // What was asked before is answered after it.
    let request = session.request("POST", TOKEN, GRANT).unwrap();
    let mut held = request.answer(200, &Headers::new());
    held.push(json!({"access_token": token(62)}).to_string().as_bytes()).unwrap();
    let rewritten = held.finish(&session.logins).unwrap();
    let read: Value = serde_json::from_slice(rewritten.body().unwrap()).unwrap();
    let late = read["access_token"].as_str().unwrap();
    assert!(!session.is_good(late, AUTH) && session.is_good(late, "https://api.example.net"));
    let (authority, head) = head("POST", "https://example.com/token", 3);
    let set = session.logins.substitutes();
    assert!(endpoints.request(&set, &to(&authority), &head, Some(b"a=b")).is_none());
}

/// Who names many drives out nobody, and of what was forgotten tokens are kept all the same.
#[test]
fn what_is_remembered_is_bounded() {
    let session = Session::new();
    session.server(AUTH, TOKEN);
    let (answer, _) = session.answered(TOKEN, GRANT, &json!({"refresh_token": token(70)}));
    let refresh = answer["refresh_token"].as_str().unwrap();
    for n in 0..100 {
        let issuer = format!("https://evil.example.net/{n}");
        let document = json!({"issuer": issuer, "token_endpoint": "https://evil.example.net/token"});
        assert!(session.says("https://evil.example.net", &format!("{SERVER}/{n}"), &document));
        let document = json!({"resource": issuer, "authorization_servers": [issuer]});
        assert!(session.says("https://evil.example.net", &format!("{RESOURCE}/{n}"), &document));
    }
    assert_eq!(format!("{:?}", session.learned), "LearnedEndpoints(9 servers, 8 resources)");
    assert!(session.keeps("POST", TOKEN, GRANT));
    for n in 0..100 {
        session.server(&format!("https://evil{n}.example.net"), "https://x.example.net/token");
    }
    assert_eq!(format!("{:?}", session.learned), "LearnedEndpoints(64 servers, 8 resources)");
    let url = "https://other.example.com/token";
    assert!(!session.keeps("POST", url, GRANT));
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert!(session.is_exchanged(TOKEN, &grant) && session.keeps("POST", TOKEN, &grant));
    let (access, _) = session.login(TOKEN, &grant, 71);
    assert!(session.is_good(&access, AUTH));
    // What is put in in no other way is a grant, too.
    for field in ["refresh_token", "subject_token", "actor_token"] {
        let token = if field == "refresh_token" { refresh } else { &access };
        let form = format!("{field}={token}");
        assert!(session.is_exchanged(TOKEN, &form) && session.keeps("POST", TOKEN, &form), "{field}");
    }
}

#[test]
fn what_the_policy_would_have_to_say_is_told_once() {
    let session = Session::new();
    session.server(AUTH, TOKEN);
    session.resource("https://mcp.example.net:8443", AUTH);
    session.resource("https://mcp.example.org", AUTH);
    let form = format!("{GRANT}&resource=https://mcp.example.net:8443");
    let (access, told) = session.login(TOKEN, &form, 80);
    let kept = "access_token: the client has placeholders, good at auth.example.com";
    let line = "\"https://auth.example.com/oauth/token\" = [\"auth.example.com\", \"mcp.example.net:8443\"]";
    assert_eq!(
        told,
        format!(
            "{kept}; not at mcp.example.net:8443, for which there is its own word alone: whoever trusts it with these tokens writes {line} under [oauth.endpoints] in the policy"
        )
    );
    assert!(!session.is_good(&access, "https://mcp.example.net:8443"));
    assert_eq!(session.login(TOKEN, &form, 81).1, kept);
    session.resource("https://mcp.example.net:8443", AUTH);
    assert_eq!(session.login(TOKEN, &form, 82).1, kept);
    // One that was not told of is told of; all are named.
    let (_, told) = session.login(TOKEN, GRANT, 83);
    assert!(told.contains("mcp.example.org") && told.contains("mcp.example.net:8443"), "{told}");
    assert_eq!(session.login(TOKEN, GRANT, 84).1, kept);
    // The line does what it says.
    let other = Session::with(&format!("[oauth.endpoints]\n{line}"));
    let (access, _) = other.login(TOKEN, &form, 85);
    for authority in [AUTH, "https://mcp.example.net:8443"] {
        assert!(other.is_good(&access, authority), "{authority}");
    }
}

/// What an answer holds is handled as with all others, and a refresh by a token from before, too.
#[test]
fn answers_that_cannot_be_read_and_tokens_from_before() {
    let session = Session::new();
    session.server(AUTH, TOKEN);
    let request = session.request("POST", TOKEN, GRANT).unwrap();
    let mut held = request.answer(200, &Headers::new());
    held.push(format!("<html>{}</html>", token(90)).as_bytes()).unwrap();
    assert!(held.finish(&session.logins).is_err());
    let own = format!("grant_type=refresh_token&refresh_token={}", token(91));
    assert!(!session.keeps("POST", TOKEN, &own));
    let mut observed = request.clone();
    assert!(!observed.observe().keeps());
}
