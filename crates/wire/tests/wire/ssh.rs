//! Channels of SSH: command lines, scp and sftp, in any chunking and of any bytes.

use exfilter_testing::{Rng, split};
use exfilter_wire::ssh::{
    Command, Packets, Scp, ScpPart, SftpReply, SftpRequest, SshError, command, scp_refusal, sftp_status,
};
use proptest::prelude::*;

#[test]
fn command_lines() {
    use Command::*;
    for (line, asked) in [
        ("git-receive-pack '/srv/a b.git'", GitReceivePack),
        ("/usr/bin/git-receive-pack \"x\"", GitReceivePack),
        ("git receive-pack 'x'", GitReceivePack),
        ("git-upload-pack '~/x.git'", GitUploadPack),
        ("git upload-archive x", GitUploadArchive),
        ("git-lfs-authenticate a/b upload", GitLfsAuthenticate),
        ("scp -t .", ScpTo),
        ("scp -v -r -p -t -- ~/dir", ScpTo),
        ("scp -rpt x", ScpTo),
        ("scp -f x", ScpFrom),
        ("scp -t -f x", Other),
        ("scp x y", Other),
        ("scp -- -t", Other),
        ("/usr/lib/openssh/sftp-server", SftpServer),
        ("rsync --server -logDtpre.iLsfxCIvu . x", RsyncTo),
        ("rsync --server --sender -e.LsfxCIvu . x", RsyncFrom),
        ("rsync --server -e.L . -- --sender", RsyncTo),
        ("rsync a b", Other),
        ("git-receive-pack x; cat", Other),
        ("git-receive-pack x && cat", Other),
        ("git-receive-pack $(cat)", Other),
        ("git-receive-pack \"$X\"", Other),
        ("git-receive-pack x > y", Other),
        ("git-receive-pack x\ncat", Other),
        ("git-receive-pack 'x", Other),
        ("A=b git-receive-pack x", Other),
        ("~/git-receive-pack x", Other),
        ("git-receive-pack x\\", Other),
        ("", Other),
        ("ls -la", Other),
    ] {
        assert_eq!(command(line.as_bytes()), asked, "{line}");
    }
}

/// What a side of scp said: lines, content file by file, and how it ended.
fn scp(mut scp: Scp, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>, usize, Option<SshError>) {
    let (mut lines, mut content, mut done) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        while at < piece.len() {
            match scp.next(&piece[at..]) {
                Err(error) => return (lines, content, done, Some(error)),
                Ok((taken, part)) => {
                    assert!(taken > 0);
                    match part {
                        Some(ScpPart::Line { .. }) => lines.push(scp.line().to_vec()),
                        Some(ScpPart::Data(n)) => content.extend_from_slice(&piece[at..at + n]),
                        Some(_) => done += 1,
                        None => {}
                    }
                    at += taken;
                }
            }
        }
    }
    (lines, content, done, None)
}

fn pieces<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let cut = |n: &usize| {
        let (piece, after) = rest.split_at(*n);
        rest = after;
        piece
    };
    lengths.iter().map(cut).collect()
}

#[test]
fn scp_by_the_book() {
    let said = b"T1 0 1 0\nD0755 0 d\nC0644 5 a\nhello\0C0600 0 b\n\0E\n\x01scp: c: no such file\n";
    let (lines, content, done, error) = scp(Scp::sender(), &[said]);
    assert_eq!((lines.len(), content, done, error), (6, b"hello".to_vec(), 2, None));
    // A file that could not be read to its end.
    let (lines, .., error) = scp(Scp::sender(), &[b"C0644 2 a\nxx\x01scp: a: error\nC0644 1 b\ny\0"]);
    assert_eq!((lines.len(), error), (3, None));
    let (_, _, done, error) = scp(Scp::receiver(), &[b"\0\0\0\x01scp: full\n\0"]);
    assert_eq!((done, error), (4, None));
    for wrong in [
        &b"hello\n"[..],
        b"\0",
        b"C0644 x a\n",
        b"C0644 -1 a\n",
        b"C0644 1234567890123456789 a\n",
        b"C0644 1 a\nxC",
    ] {
        assert!(scp(Scp::sender(), &[wrong]).3.is_some(), "{wrong:?}");
    }
    assert!(scp(Scp::receiver(), &[b"C0644 5 a\n"]).3.is_some());
    assert!(scp(Scp::sender(), &[&[b'C'; 20 << 10]]).3.is_some(), "a line without end");
    assert_eq!(scp_refusal("no\n\0"), b"\x01no??\n");
}

fn packets(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool, Option<SshError>) {
    let (mut packets, mut out) = (Packets::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match packets.next(&mut rest) {
                Ok(true) => out.push(packets.packet().to_vec()),
                Ok(false) => break,
                Err(error) => return (out, false, Some(error)),
            }
        }
    }
    (out, packets.is_within(), None)
}

fn packet(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    [&u32::try_from(fields.len() + 1).unwrap().to_be_bytes()[..], &[kind], &fields].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}

#[test]
fn sftp_by_the_book() {
    let write =
        packet(6, &[&7_u32.to_be_bytes(), &string(b"h"), &(5_u64 << 33).to_be_bytes(), &string(b"data")]);
    assert!(matches!(
        SftpRequest::parse(&write),
        Ok(SftpRequest::Write { id: 7, handle: b"h", offset: 42_949_672_960, data: b"data" })
    ));
    let open = packet(3, &[&1_u32.to_be_bytes(), &string(b"name"), &0x0e_u32.to_be_bytes(), &[0; 4]]);
    assert!(matches!(
        SftpRequest::parse(&open),
        Ok(SftpRequest::Open { id: 1, path: b"name", appends: true, rest: [0, 0, 0, 0] })
    ));
    let rename = packet(18, &[&2_u32.to_be_bytes(), &string(b"from"), &string(b"to")]);
    assert!(
        matches!(SftpRequest::parse(&rename), Ok(SftpRequest::Other { id: 2, texts }) if texts == [&b"from"[..], b"to"])
    );
    let extended =
        packet(200, &[&2_u32.to_be_bytes(), &string(b"hardlink@"), &string(b"from"), &string(b"to")]);
    assert!(
        matches!(SftpRequest::parse(&extended), Ok(SftpRequest::Other { texts, .. }) if texts[2..] == [&b"from"[..], b"to"])
    );
    for wrong in [
        packet(6, &[&7_u32.to_be_bytes(), &string(b"h"), &[0; 8], &string(b"data"), b"more"]),
        packet(6, &[&7_u32.to_be_bytes(), &string(b"h"), &[0; 8], &[0, 0, 0, 9], b"data"]),
        packet(99, &[&7_u32.to_be_bytes()]),
        packet(4, &[&7_u32.to_be_bytes()]),
        packet(3, &[]),
    ] {
        assert!(SftpRequest::parse(&wrong).is_err());
    }
    let status = sftp_status(9, 3, "no");
    assert!(matches!(SftpReply::parse(&status), Ok(SftpReply::Status { id: 9, code: 3 })));
    assert_eq!(packets(&[&status, &status]), (vec![status.clone(), status.clone()], false, None));
    assert!(packets(&[&[0; 4]]).2.is_some() && packets(&[&[0xff; 4]]).2.is_some());
    let handle = packet(102, &[&9_u32.to_be_bytes(), &string(b"h")]);
    assert!(matches!(SftpReply::parse(&handle), Ok(SftpReply::Handle { id: 9, handle: b"h" })));
}

proptest! {
    #[test]
    fn any_bytes_read_alike_in_any_chunks(seed in any::<u64>(), parts in prop::collection::vec((0..8_u8, prop::collection::vec(any::<u8>(), 0..40)), 0..12)) {
        let mut said = Vec::new();
        for (kind, bytes) in &parts {
            match kind {
                0 => said.extend_from_slice(bytes),
                1 => said.extend_from_slice(format!("C0644 {} x\n", bytes.len()).as_bytes()),
                2 => said.extend([bytes, &b"\0"[..]].concat()),
                3 => said.extend_from_slice(b"D0755 0 d\n"),
                4 => said.extend_from_slice(b"\x01text\n"),
                5 => said.extend(packet(bytes.first().copied().unwrap_or(3), &[bytes])),
                6 => said.extend(packet(6, &[&[0; 4], &string(b"h"), &[0; 8], &string(bytes)])),
                _ => said.extend_from_slice(&[0, 0]),
            }
        }
        let mut rng = Rng::new(seed);
        let whole = (scp(Scp::sender(), &[&said]), scp(Scp::receiver(), &[&said]), packets(&[&said]));
        for chunks in split::standard(&mut rng, said.len()) {
            let cut = pieces(&said, &chunks);
            prop_assert_eq!(&(scp(Scp::sender(), &cut), scp(Scp::receiver(), &cut), packets(&cut)), &whole);
        }
        for packet in &whole.2.0 {
            let _ = (SftpRequest::parse(packet).is_ok(), SftpReply::parse(packet).is_ok());
        }
        let _ = command(&said);
    }
}
