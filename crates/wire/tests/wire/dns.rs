//! Questions of the DNS, and their answers.

use exfilter_testing::Rng;
use exfilter_wire::dns::{Answer, MESSAGE_MAX, NAME_MAX, Query};

const HERE: Answer = Answer::Addresses { v4: Some(std::net::Ipv4Addr::new(192, 0, 2, 1)), v6: None };

fn question(labels: &[&[u8]], kind: u16) -> Vec<u8> {
    let mut out = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(*label);
    }
    out.push(0);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out
}

/// The code of an answer, and how many records it has.
fn told(reply: &[u8]) -> (u8, u8) {
    (reply[3] & 15, reply[7])
}

#[test]
fn names_are_answered_or_refused() {
    let query = Query::parse(&question(&[b"wWw", b"example", b"com"], 1)).unwrap();
    assert_eq!(query.name(), b"wWw.example.com");
    let reply = query.reply(&HERE);
    assert_eq!((told(&reply), &reply[..2], reply[2] & 0x81), ((0, 1), &[1, 2][..], 0x81));
    assert!(reply.ends_with(&[0, 4, 192, 0, 2, 1]));
    assert_eq!(told(&query.reply(&Answer::Refused)), (5, 0));
    // Of another kind there is nothing; of another class it is not the server to ask.
    for kind in [28, 65, 15, 16, 255] {
        let query = Query::parse(&question(&[b"example"], kind)).unwrap();
        assert_eq!(told(&query.reply(&HERE)), (0, 0));
    }
    let v6 = Answer::Addresses { v4: None, v6: Some(std::net::Ipv6Addr::LOCALHOST) };
    let query = Query::parse(&question(&[b"example"], 28)).unwrap();
    assert_eq!(told(&query.reply(&v6)), (0, 1));
    let mut chaos = question(&[b"example"], 1);
    *chaos.last_mut().unwrap() = 3;
    assert_eq!(told(&Query::parse(&chaos).unwrap().reply(&HERE)), (5, 0));
    // Who asks for extensions gets their record back.
    let mut extended = question(&[b"example"], 1);
    extended[11] = 1;
    extended.extend([0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0]);
    let reply = Query::parse(&extended).unwrap().reply(&HERE);
    assert_eq!((reply[11], &reply[reply.len() - 11..reply.len() - 8]), (1, &[0, 0, 41][..]));
}

#[test]
fn what_is_no_question_is_told_so_or_left_alone() {
    let good = question(&[b"example", b"com"], 1);
    let with = |at: usize, byte: u8| {
        let mut message = good.clone();
        message[at] = byte;
        Query::parse(&message).map(drop).map_err(|error| error.reply().map(|reply| reply[3] & 15))
    };
    assert_eq!(with(2, 0x81), Err(None), "an answer");
    assert_eq!(with(2, 0x29), Err(Some(4)), "a change of a zone");
    assert_eq!(with(2, 0x03), Err(Some(1)), "a truncated one");
    for at in [5, 7, 9] {
        assert_eq!(with(at, 2), Err(Some(1)));
    }
    assert_eq!(with(11, 1), Err(Some(1)), "a record that is not there");
    assert_eq!(with(12, 0xc0), Err(Some(1)), "a pointer");
    assert_eq!(with(12, 64), Err(Some(1)));
    for end in 0..good.len() {
        let reply = Query::parse(&good[..end]).unwrap_err().reply();
        assert_eq!(reply.is_some(), end >= 12, "{end}");
    }
    assert!(Query::parse(&[&good[..], b"x"].concat()).is_err());
    // The longest name, and one byte more.
    let label = [b'a'; 63];
    let longest = question(&[&label, &label, &label, &label[..61]], 1);
    assert_eq!(Query::parse(&longest).unwrap().name().len(), NAME_MAX - 2);
    assert!(Query::parse(&question(&[&label, &label, &label, &label[..62]], 1)).is_err());
    let many = question(&vec![&b"a"[..]; 127], 1);
    assert!(Query::parse(&many).is_ok() && Query::parse(&question(&vec![&b"a"[..]; 128], 1)).is_err());
}

/// Whatever is read: it answers with the same question, in a message that is no longer than one may be.
#[test]
fn answers_repeat_the_question() {
    let (mut rng, mut read) = (Rng::new(53), 0);
    for _ in 0..20_000 {
        let len = 1 + rng.below(20);
        let mut message = question(&[&rng.bytes(len), b"example"], [1, 28, 65][rng.below(3)]);
        for _ in 0..rng.below(4) {
            let at = rng.below(message.len());
            message[at] = rng.bytes(1)[0];
        }
        let Ok(query) = Query::parse(&message) else { continue };
        read += 1;
        for answer in [HERE, Answer::Refused] {
            let reply = query.reply(&answer);
            assert!(reply.len() <= MESSAGE_MAX && reply[2] & 0x80 != 0);
            let end = message.len();
            assert_eq!(reply[12..end], message[12..]);
            assert!(Query::parse(&reply).is_err());
        }
    }
    assert!(read > 1000, "{read}");
}
