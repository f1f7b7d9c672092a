//! dns: a message is a question in one form or it is none; answers repeat it, are short, and are no questions themselves.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_wire::dns::{Answer, MESSAGE_MAX, NAME_MAX, Query};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Message(Vec<u8>);

impl<'a> Arbitrary<'a> for Message {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Message> {
        let mut said: Vec<u8> = u.arbitrary::<[u8; 2]>()?.to_vec();
        said.extend_from_slice(&[*u.choose(&[0, 1, 2, 8, 0x80])?, 0, 0, 1, 0, 0, 0, 0, 0, u.int_in_range(0..=1)?]);
        for _ in 0..u.int_in_range(0..=130)? {
            let label = u.arbitrary::<&[u8]>()?;
            let label = &label[..label.len().min(70)];
            said.push(label.len() as u8);
            said.extend_from_slice(label);
        }
        said.extend_from_slice(&[0, 0, *u.choose(&[1, 28, 65])?, 0, 1]);
        if said[11] == 1 {
            let data = u.arbitrary::<&[u8]>()?;
            let data = &data[..data.len().min(200)];
            said.extend_from_slice(&[0, 0, 41, 2, 0, 0, 0, 0, 0, 0, data.len() as u8]);
            said.extend_from_slice(data);
        }
        for _ in 0..u.int_in_range(0..=3)? {
            let at = u.choose_index(said.len())?;
            said[at] = u.arbitrary()?;
        }
        Ok(Message(said))
    }
}

fuzz_target!(|message: Message| {
    let message = &message.0[..];
    let query = match Query::parse(message) {
        Ok(query) => query,
        Err(error) => {
            if let Some(reply) = error.reply() {
                assert!(reply[..2] == message[..2] && Query::parse(&reply).is_err());
            }
            return;
        }
    };
    assert!(message.len() <= MESSAGE_MAX && query.name().len() < NAME_MAX);
    let here = Answer::Addresses { v4: Some(Ipv4Addr::LOCALHOST), v6: Some(Ipv6Addr::LOCALHOST) };
    for answer in [here, Answer::Refused] {
        let reply = query.reply(&answer);
        assert!(reply.len() <= MESSAGE_MAX && reply[..2] == message[..2] && Query::parse(&reply).is_err());
        let question = query.name().len() + if query.name().is_empty() { 5 } else { 6 };
        let same = reply[12..].iter().zip(&message[12..]).take(question);
        assert!(same.clone().count() == question && same.clone().all(|(a, b)| a == b), "the question is repeated");
    }
});
