//! Whose credentials go to language models.

use exfilter::substitute::{Accounts, Asked, Logins, OwnLogins, Substitutes, TokenEndpoints, Trust, Whose};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Authority, Binding, Engine, HostPattern, KnownSecrets, Slot, StoreKey};
use exfilter_testing::{Rng, keys, wrap};

fn to(host: &str) -> Authority {
    Authority::parse(format!("https://{host}").as_bytes()).unwrap()
}

fn patterns(hosts: &[&str]) -> Vec<HostPattern> {
    hosts.iter().map(|host| HostPattern::parse(host.as_bytes()).unwrap()).collect()
}

/// A credential without a form that a rule knows.
fn opaque(seed: u64) -> String {
    String::from_utf8(Rng::new(seed).text(keys::BASE62, 60)).unwrap()
}

/// A token of a person.
fn token(subject: &str, seed: u64) -> String {
    let part = |text: &str| String::from_utf8(wrap::base64(text.as_bytes(), true, false)).unwrap();
    let claims = format!(r#"{{"iss":"https://auth.openai.com","sub":"{subject}","exp":{seed}}}"#);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims), opaque(seed))
}

/// A session.
struct Session {
    accounts: Accounts,
    known: OwnLogins,
    substitutes: Substitutes,
    engine: Engine,
    trust: Trust,
    models: Vec<HostPattern>,
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Own,
    First,
    Strangers,
}
use Said::{First, Own, Strangers};

impl Session {
    fn new() -> Session {
        Session {
            accounts: Accounts::new([1; 32]),
            known: OwnLogins::new([2; 32]),
            substitutes: Substitutes::new([3; 32]),
            engine: Engine::builder().build().unwrap(),
            trust: Trust::First,
            models: Vec::new(),
        }
    }

    fn asked<'a>(&'a self, own: &'a [&'a Substitutes]) -> Asked<'a> {
        let Session { known, engine, trust, models, .. } = self;
        Asked { trust: *trust, models, known, own, engine }
    }

    /// Asks about a request, and sends it as the first if it is one, to a server with this answer.
    fn send(&self, host: &str, target: &str, fields: &[(&str, &str)], status: Option<u16>) -> Said {
        let fields = [("host", host)].into_iter().chain(fields.iter().copied());
        let head = RequestHead::new(b"POST", target.as_bytes(), fields).unwrap();
        match self.accounts.whose(&self.asked(&[&self.substitutes]), &to(host), &head) {
            Whose::Own => Own,
            Whose::First(first) => {
                assert!(self.accounts.take(&first));
                self.accounts.answered(&first, status);
                First
            }
            Whose::Strangers(place) => {
                assert!(!place.contains(fields_of(&head)), "{place}");
                Strangers
            }
        }
    }

    fn bearer(&self, host: &str, credential: &str) -> Said {
        self.send(host, "/v1/x", &[("authorization", &format!("Bearer {credential}"))], Some(200))
    }

    fn login(&mut self, credential: &str, hosts: &[&str]) {
        self.known.add(credential.as_bytes(), &patterns(hosts)).close(&patterns(hosts));
    }

    /// A placeholder for a key of the environment.
    fn key(&mut self, host: &str) -> String {
        let bindings = ["header:x-api-key", "header:authorization:bearer"].map(|slot| Binding {
            host: HostPattern::parse(host.as_bytes()).unwrap(),
            slot: Slot::parse(slot.as_bytes()).unwrap(),
        });
        self.substitutes.add("KEY", opaque(900).as_bytes(), bindings.to_vec()).unwrap().to_owned()
    }

    /// Asks an endpoint for tokens, which answers so.
    fn refresh(&self, host: &str, target: &str, body: &str, answer: &str) {
        let (endpoints, logins) = (TokenEndpoints::default(), Logins::new([5; 32]));
        let form = "application/x-www-form-urlencoded";
        let head =
            RequestHead::new(b"POST", target.as_bytes(), [("host", host), ("content-type", form)]).unwrap();
        let request = endpoints.request(&logins.substitutes(), &to(host), &head, Some(body.as_bytes()));
        let mut answering = request.unwrap().answer(200, &Headers::new());
        answering.push(answer.as_bytes()).unwrap();
        answering.teach(&self.accounts, &self.asked(&[&self.substitutes]));
    }

    /// Whose the placeholder of an access token is that an endpoint gives so, and that stays outside.
    fn kept(&self, endpoint: (&str, &str), body: &str, answer: &str) -> Said {
        self.kept_in(&Logins::new([5; 32]), endpoint, &[FORM], body, answer).0
    }

    /// The same beside others, with the placeholder of the refresh token.
    fn kept_in(
        &self,
        logins: &Logins,
        (host, target): (&str, &str),
        fields: &[(&str, &str)],
        body: &str,
        answer: &str,
    ) -> (Said, String) {
        let fields = [("host", host)].into_iter().chain(fields.iter().copied());
        let head = RequestHead::new(b"POST", target.as_bytes(), fields).unwrap();
        let before = logins.substitutes();
        let short = Some(body.as_bytes()).filter(|body| body.len() <= 16 << 10);
        let request = TokenEndpoints::default().request(&before, &to(host), &head, short);
        let mut headers = Headers::new();
        headers.set("content-type", b"application/json").unwrap();
        let mut answering = request.unwrap().answer(200, &headers);
        answering.push(answer.as_bytes()).unwrap();
        answering.teach(&self.accounts, &self.asked(&[&self.substitutes, &before]));
        let rewritten = answering.finish(logins).unwrap();
        let text = String::from_utf8(rewritten.body().unwrap().to_vec()).unwrap();
        let mut placeholders = text.split('"').skip(3).step_by(4);
        let bearer = format!("Bearer {}", placeholders.next().unwrap());
        let head = RequestHead::new(b"POST", b"/v1/files", [("authorization", &*bearer)]).unwrap();
        let logins = logins.substitutes();
        let said = match self.accounts.whose(&self.asked(&[&self.substitutes, &logins]), &to(CLAUDE), &head) {
            Whose::Own => Own,
            Whose::First(_) => First,
            Whose::Strangers(_) => Strangers,
        };
        (said, placeholders.next().unwrap().to_owned())
    }
}

fn fields_of(head: &RequestHead) -> &str {
    head.headers().get("authorization").and_then(|value| std::str::from_utf8(value).ok()).unwrap_or("\n")
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
const CLAUDE: &str = "api.anthropic.com";
const GEMINI: &str = "generativelanguage.googleapis.com";
const ENDPOINT: (&str, &str) = ("console.anthropic.com", "/v1/oauth/token");

#[test]
fn a_login_of_a_file_passes_and_a_strangers_does_not() {
    let mut session = Session::new();
    let (login, other) = (opaque(1), opaque(2));
    session.login(&login, &[CLAUDE]);
    assert_eq!(session.bearer(CLAUDE, &other), Strangers);
    assert_eq!(session.bearer(CLAUDE, &login), Own);
    assert_eq!(session.bearer(CLAUDE, &other), Strangers);
    // As a key too, in any case and with blanks, twice, and beside an own one.
    for fields in [
        &[("x-api-key", &*other)][..],
        &[("X-Api-Key", &other)],
        &[("authorization", &other)],
        &[("authorization", &format!("bearer   {other} "))],
        &[("authorization", &format!("Basic {other}"))],
        &[("authorization", &format!("Bearer {login} {other}"))],
        &[("authorization", &format!("Bearer {login}, Bearer {other}"))],
        &[("authorization", &format!("Bearer {login}")), ("x-api-key", &other)],
    ] {
        assert_eq!(session.send(CLAUDE, "/v1/files", fields, None), Strangers, "{fields:?}");
    }
    // Without any, and where nobody asks.
    assert_eq!(session.send(CLAUDE, "/v1/files", &[("x-other", &other)], None), Own);
    assert_eq!(session.send(CLAUDE, "/v1/files", &[("authorization", " ")], None), Own);
    assert_eq!(session.bearer("api.github.com", &other), Own);
    session.trust = Trust::Any;
    assert_eq!(session.bearer(CLAUDE, &other), Own);
    // What is good at one provider is a stranger's at another.
    session.trust = Trust::Known;
    assert_eq!((session.bearer(CLAUDE, &login), session.bearer("api.openai.com", &login)), (Own, Strangers));
}

#[test]
fn a_key_closes_its_host_once_it_is_used() {
    let mut session = Session::new();
    let given = session.key(CLAUDE);
    let (login, other) = (opaque(1), opaque(2));
    assert_eq!(session.send(CLAUDE, "/", &[("x-api-key", &given)], None), Own);
    assert_eq!(session.bearer(CLAUDE, &other), Strangers);
    // A client that takes a login which no file tells, before the key was ever used.
    let mut session = Session::new();
    let given = session.key(CLAUDE);
    assert_eq!(session.bearer(CLAUDE, &login), First);
    assert_eq!(session.send(CLAUDE, "/", &[("x-api-key", &given)], None), Own);
    assert_eq!((session.bearer(CLAUDE, &login), session.bearer(CLAUDE, &other)), (Own, Strangers));
    // Both in one request.
    let mut session = Session::new();
    let given = session.key(CLAUDE);
    let both = [("authorization", &*format!("Bearer {other}")), ("x-api-key", &given)];
    assert_eq!(session.send(CLAUDE, "/", &both, None), Strangers);
    // Key and login.
    let mut session = Session::new();
    let given = session.key(CLAUDE);
    session.login(&login, &[CLAUDE]);
    for (credential, expected) in [(&other, Strangers), (&given, Own), (&login, Own), (&other, Strangers)] {
        assert_eq!(session.bearer(CLAUDE, credential), expected);
    }
}

#[test]
fn where_nothing_is_known_the_first_is_the_sessions() {
    let mut session = Session::new();
    let (first, other) = (opaque(1), opaque(2));
    // One that the server does not take is forgotten.
    let bearer = |one: &str| format!("Bearer {one}");
    for status in [None, Some(401), Some(403), Some(400)] {
        let said = session.send(CLAUDE, "/", &[("authorization", &bearer(&other))], status);
        assert_eq!(said, First, "{status:?}");
    }
    assert_eq!(session.bearer(CLAUDE, &first), First);
    assert_eq!(session.bearer(CLAUDE, &first), Own);
    assert_eq!(session.bearer(CLAUDE, &other), Strangers);
    assert_eq!(session.send(CLAUDE, "/", &[("x-api-key", &first)], Some(401)), Own);
    assert_eq!((session.bearer(CLAUDE, &other), session.bearer(CLAUDE, &first)), (Strangers, Own));
    // What was the first at one host is not known at another, and each provider is one account.
    assert_eq!(session.bearer("openrouter.ai", &other), First);
    assert_eq!(session.bearer(CLAUDE, &other), Strangers);
    assert_eq!(session.bearer("api.githubcopilot.com", &first), First);
    assert_eq!(session.bearer("api.individual.githubcopilot.com", &other), Strangers);
    assert_eq!(session.bearer("mcp-proxy.anthropic.com", &other), Strangers);
    assert_eq!(session.bearer("chatgpt.com", &first), First);
    assert_eq!(session.bearer("eu.chatgpt.com", &other), Strangers);
    let azure = |customer: &str| format!("{customer}.openai.azure.com");
    let key = |host: &str, key: &str| session.send(host, "/", &[("api-key", key)], Some(200));
    // Below a suffix anybody has a host, and one of them is the session's.
    assert_eq!((key(&azure("one"), &first), key(&azure("two"), &other)), (First, Strangers));
    assert_eq!((key(&azure("two"), &first), key(&azure("one"), &other)), (Strangers, Strangers));
    session.trust = Trust::Known;
    assert_eq!(session.bearer("api.groq.com", &first), Strangers);
}

/// Two are under way at once, and only one can have been the first.
#[test]
fn of_two_at_once_one_is_the_first() {
    let session = Session::new();
    let first = |credential: &str| {
        let head = RequestHead::new(b"POST", b"/", [("x-api-key", credential)]).unwrap();
        match session.accounts.whose(&session.asked(&[]), &to(CLAUDE), &head) {
            Whose::First(first) => first,
            other => panic!("{other:?}"),
        }
    };
    let (one, same) = (first("one-credential"), first("one-credential"));
    let other = first("another-credential");
    assert!(session.accounts.take(&one) && session.accounts.take(&same));
    assert!(!session.accounts.take(&other));
    // What becomes of the other says nothing of this one.
    session.accounts.answered(&other, Some(401));
    assert!(!session.accounts.take(&other));
    session.accounts.answered(&one, Some(200));
    session.accounts.answered(&one, Some(401));
    assert_eq!(session.bearer(CLAUDE, "another-credential"), Strangers);
    assert!(!format!("{one:?} {:?}", session.accounts).contains("one-credential"));
}

#[test]
fn a_token_of_the_same_person_is_as_good() {
    let mut session = Session::new();
    session.login(&token("me", 1), &["chatgpt.com", "*.chatgpt.com"]);
    assert_eq!(session.bearer("chatgpt.com", &token("me", 2)), Own);
    assert_eq!(session.bearer("chatgpt.com", &token("you", 3)), Strangers);
    assert_eq!(session.bearer("api.openai.com", &token("me", 2)), First);
    // Also where it was the first.
    let session = Session::new();
    assert_eq!(session.bearer("chatgpt.com", &token("me", 1)), First);
    assert_eq!(session.bearer("chatgpt.com", &token("me", 2)), Own);
    assert_eq!(session.bearer("chatgpt.com", &token("you", 2)), Strangers);
}

#[test]
fn what_an_endpoint_gives_for_an_own_token_is_own() {
    let mut session = Session::new();
    let [login, refresh, theirs, next, second, stolen] = [1, 2, 3, 4, 5, 6].map(opaque);
    session.login(&login, &[CLAUDE]);
    session.known.add(refresh.as_bytes(), &patterns(&[CLAUDE]));
    let body = |token: &str| format!("grant_type=refresh_token&client_id=x&refresh_token={token}");
    let answer =
        |access: &str, refresh: &str| format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}"}}"#);
    let (host, target) = ENDPOINT;
    // A stranger's, with more than a refresh in it, at another address of the host.
    session.refresh(host, target, &body(&theirs), &answer(&stolen, &opaque(7)));
    session.refresh(host, "/other", &body(&refresh), &answer(&stolen, &opaque(7)));
    assert_eq!(session.bearer(CLAUDE, &stolen), Strangers);
    session.refresh(host, target, &body(&refresh), &answer(&next, &second));
    assert_eq!((session.bearer(CLAUDE, &next), session.bearer(CLAUDE, &stolen)), (Own, Strangers));
    // By the one that was given.
    session.refresh(host, target, &body(&second), &answer(&opaque(8), &opaque(9)));
    assert_eq!(session.bearer(CLAUDE, &opaque(8)), Own);
    // Of a login that no file tells, the first refresh counts, and no second one.
    let session = Session::new();
    assert_eq!(session.bearer(CLAUDE, &login), First);
    session.refresh(host, target, &body(&refresh), &answer(&next, &second));
    session.refresh(host, target, &body(&theirs), &answer(&stolen, &opaque(7)));
    assert_eq!((session.bearer(CLAUDE, &next), session.bearer(CLAUDE, &stolen)), (Own, Strangers));
    session.refresh(host, target, &body(&second), &answer(&opaque(8), &opaque(9)));
    assert_eq!(session.bearer(CLAUDE, &opaque(8)), Own);
    // Not beside a key that is in use.
    let mut session = Session::new();
    let given = session.key(CLAUDE);
    assert_eq!(session.bearer(CLAUDE, &given), Own);
    session.refresh(host, target, &body(&theirs), &answer(&stolen, &opaque(7)));
    assert_eq!(session.bearer(CLAUDE, &stolen), Strangers);
}

#[test]
fn copilots_token_is_own_where_githubs_is() {
    const COPILOT: &str = "api.githubcopilot.com";
    let (github, theirs) = (opaque(1), opaque(2));
    let mut session = Session::new();
    session.login(&github, &["*.githubcopilot.com"]);
    let exchange = |session: &Session, bearer: &str, given: &str| {
        let fields = [("host", "api.github.com"), ("authorization", &*format!("token {bearer}"))];
        let head = RequestHead::new(b"GET", b"/copilot_internal/v2/token", fields).unwrap();
        let (endpoints, logins) = (TokenEndpoints::default(), Logins::new([5; 32]));
        let request = endpoints.request(&logins.substitutes(), &to("api.github.com"), &head, Some(b""));
        let mut answer = request.unwrap().answer(200, &Headers::new());
        let body = format!(r#"{{"annotations_enabled":false,"endpoints":{{}},"token":"{given}"}}"#);
        answer.push(body.as_bytes()).unwrap();
        answer.teach(&session.accounts, &session.asked(&[&session.substitutes]));
        let rewritten = answer.finish(&logins).unwrap();
        assert!(rewritten.body().is_none() && !rewritten.told().unwrap().contains(given));
    };
    let given = |n: u64| format!("tid={};exp=1;sku=x:{}", opaque(n), opaque(n + 100));
    exchange(&session, &theirs, &given(3));
    assert_eq!(session.bearer(COPILOT, &given(3)), Strangers);
    exchange(&session, &github, &given(4));
    assert_eq!(session.bearer(COPILOT, &given(4)), Own);
    assert_eq!(session.bearer("api.business.githubcopilot.com", &given(4)), Own);
    assert_eq!(session.bearer("api.anthropic.com", &given(4)), First);
    // Where no file tells of the one of GitHub, again and again for the first one.
    let session = Session::new();
    for (bearer, n, expected) in [(&github, 5, Own), (&theirs, 6, Strangers), (&github, 7, Own)] {
        exchange(&session, bearer, &given(n));
        assert_eq!(session.bearer(COPILOT, &given(n)), expected, "{n}");
    }
    // By a placeholder.
    let mut session = Session::new();
    let placeholder = session.key(COPILOT);
    exchange(&session, &placeholder, &given(8));
    assert_eq!(session.bearer(COPILOT, &given(8)), Own);
}

#[test]
fn credentials_are_seen_in_every_slot() {
    let other = opaque(1);
    let mut session = Session::new();
    session.login(&opaque(2), &[GEMINI, "api.openai.com", "chatgpt.com"]);
    for name in ["key", "%6bey", "$key", "access_token", "oauth_token"] {
        let target = format!("/v1beta/files?alt=json&{name}={other}");
        assert_eq!(session.send(GEMINI, &target, &[], None), Strangers, "{name}");
    }
    assert_eq!(session.send(GEMINI, "/", &[("x-goog-api-key", &other)], None), Strangers);
    assert_eq!(session.send(GEMINI, &format!("/?keys={other}"), &[], None), Own);
    let protocols = format!("realtime, openai-insecure-api-key.{other}");
    assert_eq!(
        session.send("api.openai.com", "/", &[("sec-websocket-protocol", &protocols)], None),
        Strangers
    );
    assert_eq!(session.send("api.openai.com", "/", &[("sec-websocket-protocol", "realtime")], None), Own);
    for name in ["__Secure-next-auth.session-token", "__Secure-next-auth.session-token.1"] {
        let cookie = format!("a=b; {name}={other}");
        assert_eq!(session.send("chatgpt.com", "/", &[("cookie", &cookie)], None), Strangers);
    }
    assert_eq!(session.send("chatgpt.com", "/", &[("cookie", "__cf_bm=x")], None), Own);
    // Of a host that the policy calls one, whatever gateways take.
    session.models = patterns(&["llm.example.com"]);
    assert_eq!(session.send("llm.example.com", "/", &[("api-key", &other)], Some(200)), First);
    assert_eq!(session.bearer("llm.example.com", &opaque(3)), Strangers);
    assert_eq!(session.bearer("other.example.com", &opaque(3)), Own);
}

/// One that is enrolled and bound there, as `--keep` leaves them.
#[test]
fn an_enrolled_secret_is_own_where_it_is_bound() {
    let mut session = Session::new();
    let (mine, other) = (opaque(1), opaque(2));
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    let slot = Slot::parse(b"header:authorization:bearer").unwrap();
    let host = HostPattern::parse(CLAUDE.as_bytes()).unwrap();
    known.add("KEPT", mine.as_bytes(), vec![Binding { host, slot }]).unwrap();
    session.engine = Engine::builder().known_secrets(known).build().unwrap();
    session.trust = Trust::Known;
    assert_eq!((session.bearer(CLAUDE, &mine), session.bearer(CLAUDE, &other)), (Own, Strangers));
    assert_eq!(session.bearer("api.openai.com", &mine), Strangers);
    // In an address it speaks for itself, and not for the parameters beside it.
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    let (host, slot) = (HostPattern::parse(GEMINI.as_bytes()).unwrap(), Slot::parse(b"query:key").unwrap());
    known.add("KEPT", mine.as_bytes(), vec![Binding { host, slot: slot.clone() }]).unwrap();
    session.engine = Engine::builder().known_secrets(known).build().unwrap();
    let said =
        [format!("/?key={mine}"), format!("/?key={mine}&key={other}"), format!("/?key={other}&key={mine}")]
            .map(|target| session.send(GEMINI, &target, &[], None));
    assert_eq!(said, [Own, Strangers, Strangers]);
    // Nor where a placeholder is put.
    let host = HostPattern::parse(GEMINI.as_bytes()).unwrap();
    session.substitutes.add("OTHER", opaque(9).as_bytes(), vec![Binding { host, slot }]).unwrap();
    let foreign = |target: &str| {
        let head = RequestHead::new(b"POST", target.as_bytes(), [("host", GEMINI)]).unwrap();
        session.substitutes.foreign(&session.engine, &to(GEMINI), &head)
    };
    assert_eq!(foreign(&format!("/?key={mine}")), None);
    assert_eq!(foreign(&format!("/?key={mine}&key={other}")).as_deref(), Some("query"));
}

/// Its tokens stay outside, for it is no plain refresh: they are a stranger's there, too.
#[test]
fn tokens_that_stay_outside_are_as_good_as_what_they_are_given_for() {
    let mut session = Session::new();
    let [login, refresh, theirs] = [1, 2, 3].map(opaque);
    session.login(&login, &[CLAUDE]);
    session.known.add(refresh.as_bytes(), &patterns(&[CLAUDE]));
    let answer = |access: &str| format!(r#"{{"access_token":"{access}","refresh_token":"{access}-again"}}"#);
    let mut number = 10;
    let mut given = |session: &Session, body: &str| {
        number += 1;
        session.kept(ENDPOINT, body, &answer(&opaque(number)))
    };
    let refresh_of = |token: &str| format!("grant_type=refresh_token&client_id=x&x=1&refresh_token={token}");
    assert_eq!(given(&session, &refresh_of(&refresh)), Own);
    assert_eq!(given(&session, &refresh_of(&theirs)), Strangers);
    let others = [
        format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={theirs}"),
        format!("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={theirs}"),
        format!("grant_type=client_credentials&client_id=x&client_secret={theirs}"),
    ];
    for body in &others {
        assert_eq!(given(&session, body), Strangers, "{body}");
    }
    // A login inside is one's own.
    assert_eq!(
        given(&session, "grant_type=authorization_code&code=abcdefgh&client_id=x&client_secret=abcd"),
        Own
    );
}

/// At hosts of no language model too.
#[test]
fn no_parameter_stands_behind_many_others_where_one_of_ours_is_put() {
    let mut session = Session::new();
    let host = patterns(&["api.example.com"]).remove(0);
    let home = Binding { host, slot: Slot::parse(b"query:key").unwrap() };
    session.substitutes.add("KEY", opaque(1).as_bytes(), vec![home]).unwrap();
    let foreign = |host: &str, n: usize| {
        let target = format!("/?{}key={}", "a=1&".repeat(n), opaque(2));
        let head = RequestHead::new(b"POST", target.as_bytes(), [("host", host)]).unwrap();
        session.substitutes.foreign(&session.engine, &to(host), &head)
    };
    for n in [0, 255, 256, 1000] {
        assert_eq!(foreign("api.example.com", n).as_deref(), Some("query"), "{n}");
        assert_eq!(foreign("example.com", n), None, "{n}");
    }
}

/// A session with a login of a file at Claude's hosts, what refreshes that, and what does not.
fn with_a_login() -> (Session, String, String) {
    let mut session = Session::new();
    let [login, refresh, theirs] = [1, 2, 3].map(opaque);
    session.login(&login, &[CLAUDE]);
    session.known.add(refresh.as_bytes(), &patterns(&[CLAUDE]));
    (session, refresh, theirs)
}

/// Its target, fields and body.
type Request<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

fn answer(number: u64) -> String {
    let [access, refresh] = [number, number + 1].map(opaque);
    format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}"}}"#)
}

#[test]
fn a_strangers_token_stays_one_however_often_it_is_refreshed() {
    let (session, mine, theirs) = with_a_login();
    let logins = Logins::new([5; 32]);
    let mut number = 20;
    for (token, whose) in [(theirs, Strangers), (mine, Own)] {
        let mut body = format!("grant_type=refresh_token&x=1&refresh_token={token}");
        for _ in 0..3 {
            number += 2;
            let (said, refresh) = session.kept_in(&logins, ENDPOINT, &[FORM], &body, &answer(number));
            assert_eq!(said, whose);
            body = format!("grant_type=refresh_token&client_id=x&refresh_token={refresh}");
        }
    }
}

#[test]
fn what_a_request_for_tokens_hides_is_a_strangers() {
    let (session, mine, theirs) = with_a_login();
    let mut number = 20;
    let mut given = |target: &str, fields: &[(&str, &str)], body: &str| {
        number += 2;
        let endpoint = (ENDPOINT.0, target);
        session.kept_in(&Logins::new([5; 32]), endpoint, fields, body, &answer(number)).0
    };
    let (plain, login) = (ENDPOINT.1, "grant_type=authorization_code&code=abcdefgh&client_id=x");
    let document = format!(r#"{{"grant_type":"refresh_token","refresh_token":"{theirs}","x":"1"}}"#);
    let query = |rest: &str| format!("{plain}?{rest}");
    let basic = String::from_utf8(wrap::base64(format!("x:{theirs}").as_bytes(), false, true)).unwrap();
    let basic = format!("Basic {basic}");
    let for_itself = "grant_type=client_credentials";
    let long = format!("x={}&grant_type=refresh_token&refresh_token={theirs}", "a".repeat(16 << 10));
    let many = format!("{}grant_type=refresh_token&refresh%5Ftoken={theirs}", "x=1&".repeat(300));
    let hidden: [Request<'_>; 16] = [
        (plain, &[JSON], &document),
        // Nobody reads it here, and a server may.
        (plain, &[("content-type", "text/plain")], &document),
        (plain, &[], &document),
        (plain, &[FORM], &document),
        (plain, &[FORM], &long),
        (plain, &[FORM], &many),
        (plain, &[FORM], &format!("{login};refresh_token={theirs}")),
        // One of two.
        (plain, &[FORM], &format!("grant_type=refresh_token&refresh_token={mine}&refresh_token={theirs}")),
        (
            &query(&format!("refresh_token={mine}&refresh_token={theirs}")),
            &[FORM],
            "grant_type=refresh_token",
        ),
        (&query(for_itself), &[FORM], &format!("client_secret={theirs}")),
        (plain, &[FORM, ("authorization", &basic)], for_itself),
        (plain, &[FORM], &format!("{for_itself}&client_assertion={theirs}")),
        (plain, &[FORM], for_itself),
        (plain, &[FORM], &format!("grant_type=password&username=x&password={theirs}")),
        (plain, &[JSON], &format!(r#"{{"grantType":"x","subjectToken":"{theirs}"}}"#)),
        (plain, &[JSON, ("content-encoding", "zstd")], &document),
    ];
    for (at, (target, fields, body)) in hidden.iter().enumerate() {
        assert_eq!(given(target, fields, body), Strangers, "{at}");
    }
    assert_eq!(given(plain, &[FORM], login), Own);
    let device = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=abcdefgh";
    assert_eq!(given(plain, &[FORM], device), Own);
    let login = r#"{"grant_type":"authorization_code","code":"abc#def","state":"def","redirect_uri":"http://localhost:1/callback"}"#;
    assert_eq!(given(plain, &[JSON], login), Own);
}

#[test]
fn a_credential_behind_many_others_does_not_pass() {
    let session = Session::new();
    let target = |n: usize| format!("/?{}key={}", "a=1&".repeat(n), opaque(1));
    assert_eq!(session.send(GEMINI, &target(255), &[], Some(200)), First);
    assert_eq!(session.send(GEMINI, &target(256), &[], Some(200)), Strangers);
    let cookies = format!("{}__Secure-next-auth.session-token=x", "a=1; ".repeat(256));
    assert_eq!(session.send("chatgpt.com", "/", &[("cookie", &cookies)], Some(200)), Strangers);
}

#[test]
fn what_no_server_has_taken_is_asked_about_again() {
    let session = Session::new();
    let send = |one: &str, status| session.send(CLAUDE, "/", &[("x-api-key", one)], status);
    for status in [Some(404), Some(429), Some(503), Some(302)] {
        assert_eq!((send("one", status), send("other", status)), (First, Strangers), "{status:?}");
    }
    assert_eq!(
        (send("one", Some(401)), send("other", Some(200)), send("one", None)),
        (First, First, Strangers)
    );
    assert_eq!(send("other", Some(401)), Own);
    assert_eq!(send("other", None), Own);
}

#[test]
fn the_first_refresh_at_an_endpoint_above_the_hosts_is_believed() {
    let session = Session::new();
    let [first, refresh, next, theirs, stolen] = [1, 2, 3, 4, 5].map(opaque);
    assert_eq!(session.bearer(GEMINI, &first), First);
    let body = |token: &str| format!("grant_type=refresh_token&client_id=x&refresh_token={token}");
    let answer = |access: &str| format!(r#"{{"access_token":"{access}"}}"#);
    session.refresh("oauth2.googleapis.com", "/token", &body(&refresh), &answer(&next));
    session.refresh("oauth2.googleapis.com", "/token", &body(&theirs), &answer(&stolen));
    assert_eq!((session.bearer(GEMINI, &next), session.bearer(GEMINI, &stolen)), (Own, Strangers));
}

#[test]
fn hosts_without_end_are_not_remembered() {
    let mut session = Session::new();
    let own = opaque(1);
    session.login(&own, &["*.openai.azure.com"]);
    for n in 0..5000 {
        assert_eq!(session.bearer(&format!("n{n}.openai.azure.com"), &own), Own);
    }
    assert_eq!(session.bearer("more.openai.azure.com", &opaque(2)), Strangers);
    assert_eq!(session.bearer(CLAUDE, &opaque(3)), First);
}

#[test]
fn so_many_are_known_and_no_more() {
    let mut known = OwnLogins::new([1; 32]);
    assert!(known.is_empty() && known.add(b" ", &[]).is_empty());
    for n in 0..=OwnLogins::MOST {
        known.add(n.to_string().as_bytes(), &[]);
    }
    assert_eq!(format!("{known:?}"), format!("OwnLogins({} credentials)", OwnLogins::MOST));
}
