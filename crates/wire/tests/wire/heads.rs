//! Heads: what is read, what is refused, and that nothing is lost between the two ways in.

use exfilter_testing::Rng;
use exfilter_wire::http1::{self, Parsed};
use exfilter_wire::places::{self, Place};
use exfilter_wire::{BodyLength, HEAD_MAX, RequestHead};
use proptest::prelude::*;

fn parse(text: &str) -> Result<RequestHead, String> {
    match http1::parse(text.as_bytes()) {
        Ok(Parsed::Complete { head, consumed }) => {
            assert_eq!(consumed, text.find("\r\n\r\n").unwrap() + 4);
            Ok(*head)
        }
        Ok(Parsed::Incomplete) => Err("incomplete".into()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_two_readers_may_take_differently_is_refused() {
    let refused = [
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "a content length and a transfer coding",
        ),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "stands twice"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", "no number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", "no number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1234567890123456789\r\n\r\n", "no number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", "no number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "not chunked"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "not chunked"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "not chunked"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "stands twice",
        ),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n", "control character"),
        ("POST / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "stands twice"),
        ("POST / HTTP/1.1\r\n\r\n", "does not name one host"),
        ("POST / HTTP/1.1\r\nHost : h\r\n\r\n", "name is no token"),
        ("POST / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "goes on in another line"),
        ("POST / HTTP/1.1\r\nHost: h\nX: a\r\n\r\n", "CR LF"),
        ("POST / HTTP/1.1\r\nHost: h\rX: a\r\n\r\n", "CR LF"),
        ("POST / HTTP/1.1\r\nHost: h\0\r\n\r\n", "control character"),
        ("POST / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n", "name is no token"),
        ("POST / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "name is no token"),
        ("POST  / HTTP/1.1\r\nHost: h\r\n\r\n", "request line"),
        ("POST / HTTP/1.1 x\r\nHost: h\r\n\r\n", "request line"),
        ("POST / HTTP/2.0\r\nHost: h\r\n\r\n", "version"),
        ("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "not chunked"),
        ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Range: 0-1\r\nContent-Range: 2-3\r\n\r\n", "stands twice"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close, Content-Length\r\n\r\n",
            "next hop alone",
        ),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: HOST\r\n\r\n", "next hop alone"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\n\r\n",
            "another header for some readers",
        ),
        ("POST / HTTP/1.1\r\nHost: h\r\ncontent_length: 5\r\n\r\n", "another header for some readers"),
        ("P(ST / HTTP/1.1\r\nHost: h\r\n\r\n", "method"),
        ("POST /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "target"),
        ("POST a HTTP/1.1\r\nHost: h\r\n\r\n", "target"),
        ("\r\nPOST / HTTP/1.1\r\nHost: h\r\n\r\n", "request line"),
        ("POST / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nauthorization: b\r\n\r\n", "stands twice"),
    ];
    for (text, why) in refused {
        let error = parse(text).unwrap_err();
        assert!(error.contains(why), "{text:?}: {error}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", "a".repeat(HEAD_MAX));
    assert!(parse(&long).unwrap_err().contains("too long"));
    let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: a\r\n".repeat(600));
    assert!(parse(&many).unwrap_err().contains("too many"));
}

#[test]
fn a_head_is_read_as_it_stands() {
    let head = parse("PUT http://h.example/a%20b?x=%2B+ HTTP/1.1\r\nHost:\th.example \r\nX-A: 1\r\nx-a:2\r\nContent-Encoding: gzip\r\nTransfer-Encoding: br, Chunked\r\nCookie: a=1; b = 2;c\r\n\r\n").unwrap();
    assert_eq!((head.method(), head.length()), ("PUT", BodyLength::Chunked));
    assert_eq!(head.headers().all("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(head.codings(), b"gzip, br");
    assert!(!head.is_aws_chunked());
    assert!(head.names_one_host());
    let texts = places::texts(&head);
    let target = texts.iter().find(|t| t.place == Place::Target).unwrap();
    assert_eq!(target.parts[0].value, b"a b");
    assert_eq!(
        (target.parts[1].value.as_slice(), &target.bytes[target.parts[1].range.clone()]),
        (&b"+ "[..], &b"%2B+"[..])
    );
    let cookie = texts.iter().find(|t| t.place == Place::Header("cookie".into())).unwrap();
    let cookies: Vec<_> = cookie.parts.iter().map(|p| (p.place.clone(), p.value.clone())).collect();
    assert_eq!(
        cookies,
        [(Place::Cookie(b"a".to_vec()), b"1".to_vec()), (Place::Cookie(b"b ".to_vec()), b" 2".to_vec())]
    );
    let close = parse("GET / HTTP/1.1\r\nHost: h\r\nX_Y: 1\r\nConnection: close, TE, Upgrade, X-Y\r\n\r\n");
    assert!(close.is_ok(), "what may be said of a connection");
    let other = parse("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n").unwrap();
    assert!(!other.names_one_host());
}

#[test]
fn places_of_a_text_are_bounded() {
    let target = format!("{}?{}", "/a".repeat(20_000), "b=c&".repeat(20_000));
    let cookie = "d=e; ".repeat(2_000);
    let head = RequestHead::new(b"GET", target.as_bytes(), [("host", "h"), ("cookie", &cookie)]).unwrap();
    for text in places::texts(&head) {
        assert!(text.parts.len() <= 512, "{:?}: {}", text, text.parts.len());
    }
}

#[test]
fn heads_of_http2_come_in_parts() {
    let head = RequestHead::new(b"GET", b"/x", [(":authority", "h.example"), ("accept", "*/*")]).unwrap();
    assert_eq!(head.host(), Some(&b"h.example"[..]));
    let two = RequestHead::new(b"GET", b"/x", [(":authority", "h.example"), ("host", "other")]);
    assert!(two.unwrap_err().to_string().contains("one host"));
    assert!(RequestHead::new(b"GET", b"/x", [(":path", "/x")]).is_err());
    assert!(RequestHead::new(b"GET", b"/x", [("a", "b\r\nc: d")]).is_err());
}

#[test]
fn debug_shows_no_content() {
    let mut rng = Rng::new(3);
    let secret = String::from_utf8(exfilter_testing::keys::secret(&mut rng)).unwrap();
    let text = format!(
        "GET /{secret}?{secret}={secret} HTTP/1.1\r\nHost: h\r\n{secret}: {secret}\r\nCookie: {secret}={secret}\r\n\r\n"
    );
    let head = parse(&text).unwrap();
    let shown = format!("{head:?} {:?} {:?}", head.headers(), places::texts(&head));
    assert!(!shown.to_lowercase().contains(&secret.to_lowercase()[4..12]), "{} bytes", shown.len());
}

proptest! {
    /// Any bytes are refused, incomplete or a head; a head that is written is read as the same one; every prefix of it is incomplete.
    #[test]
    fn reading_is_total_and_writing_is_its_inverse(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[A-Z]{1,4} /[ -~]{0,20} HTTP/1.[01]\r\n(Host|X|content-length): ?[ -~]{0,8}\r\n\r\n") {
        let _ = http1::parse(&bytes);
        if let Ok(Parsed::Complete { head, consumed }) = http1::parse(text.as_bytes()) {
            prop_assert_eq!(consumed, text.len());
            for cut in 0..consumed {
                prop_assert!(matches!(http1::parse(&text.as_bytes()[..cut]), Ok(Parsed::Incomplete)));
            }
            let written = http1::write(&head);
            let Ok(Parsed::Complete { head: again, .. }) = http1::parse(&written) else { panic!("it is a head") };
            prop_assert!(again == head);
            // Every byte of target and values is in a text.
            let texts = places::texts(&head);
            prop_assert!(texts.iter().any(|t| t.bytes == head.target().as_bytes()));
            for (_, value) in head.headers().iter() {
                prop_assert!(texts.iter().any(|t| t.bytes == value));
            }
            for text in &texts {
                for part in &text.parts {
                    prop_assert!(part.range.end <= text.bytes.len());
                }
            }
        }
    }
}

/// Servers go by the hash of the body, which says that it is none; the coding alone is one that nobody undoes.
#[test]
fn the_chunks_of_s3_are_no_coding() {
    let read = |fields: &[(&str, &str)]| {
        let fields = [&[("host", "h")][..], fields].concat();
        let head = RequestHead::new(b"PUT", b"/", fields).unwrap();
        (String::from_utf8(head.codings()).unwrap(), head.is_aws_chunked())
    };
    let hash = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let coded = |value| read(&[("content-encoding", value), hash]);
    assert_eq!(coded("aws-chunked"), (String::new(), true));
    assert_eq!(coded("gzip, AWS-Chunked"), ("gzip".into(), true));
    assert_eq!(coded("aws-chunked,gzip"), ("aws-chunked, gzip".into(), true));
    assert_eq!(coded("aws-chunked,aws-chunked"), ("aws-chunked".into(), true));
    assert_eq!(coded("gzip"), ("gzip".into(), true));
    assert_eq!(read(&[hash]), (String::new(), true));
    for other in [&[][..], &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]] {
        let fields = [&[("content-encoding", "aws-chunked")][..], other].concat();
        assert_eq!(read(&fields), ("aws-chunked".into(), false));
    }
    let fields = [("content-encoding", "aws-chunked"), ("transfer-encoding", "chunked"), hash];
    assert_eq!(read(&fields), (String::new(), true));
    let fields = [("content-encoding", "aws-chunked"), ("transfer-encoding", "gzip, chunked"), hash];
    assert_eq!(read(&fields), ("aws-chunked, gzip".into(), false));
}
