//! A small registry behind the proxy, and what is planted in packages.

use std::path::Path;

use exfilter::Engine;
use exfilter_testing::{Rng, keys, wrap};

use super::proxy::Proxy;
use super::server::{Answer, Arrived, Server};
use super::{Ran, holds, run};

/// A registry, the proxy before it, and the home of whoever publishes.
pub(super) struct Registry {
    pub(super) server: Server,
    pub(super) proxy: Proxy,
    pub(super) home: tempfile::TempDir,
    /// What is planted.
    pub(super) token: Vec<u8>,
    /// The publisher's own credential: no rule knows it.
    pub(super) password: String,
    engine: Engine,
}

/// Files of a package, by their names.
pub(super) type Files = Vec<(String, Vec<u8>)>;

impl Registry {
    pub(super) fn start(seed: u64, answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static) -> Registry {
        let mut rng = Rng::new(seed);
        let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
        let server = Server::start(answer);
        Registry {
            proxy: Proxy::start(engine.clone(), server.address),
            server,
            home: tempfile::tempdir().unwrap(),
            token: keys::github(&mut rng, "ghp_"),
            password: String::from_utf8(rng.text(keys::BASE62, 12)).unwrap(),
            engine,
        }
    }

    /// A package with the key in a file, in its readme, in an archive in an archive, and in a file's name.
    pub(super) fn planted(&self) -> [Files; 4] {
        let line = |before: &str, after: &str| [before.as_bytes(), &self.token, after.as_bytes()].concat();
        let inner = wrap::tar(&[("deep/config.ini", line("key = ", "\n"))]);
        let zipped = wrap::zip(&mut Rng::new(5), &inner);
        let nested = wrap::gzip(&mut Rng::new(6), &wrap::tar(&[("inner.zip", zipped)]));
        let name = String::from_utf8(line("data/", ".txt")).unwrap();
        [
            vec![("data/key.txt".into(), line("const key = '", "'\n"))],
            vec![("README.md".into(), line("# demo\nuse ", "\n"))],
            vec![("data/nested.tgz".into(), nested)],
            vec![(name, b"nothing\n".to_vec())],
        ]
    }

    pub(super) fn run(&self, dir: &Path, env: &[(&str, &str)], args: &[&str]) -> Ran {
        self.server.forget();
        self.proxy.forget();
        run(dir, self.home.path(), env, args)
    }

    /// The body of the one request with this method: it arrived as the client sent it.
    pub(super) fn arrived(&self, ran: &Ran, method: &str) -> Vec<u8> {
        assert!(ran.ok, "{}", ran.said);
        let requests = self.server.requests(method);
        assert_eq!(requests.len(), 1, "{}", ran.said);
        assert!(self.proxy.bodies(method) == [requests[0].body.clone()], "it was changed");
        requests[0].body.clone()
    }

    /// The client failed and says why, nothing that it sent with this method arrived, and nothing of the key did.
    pub(super) fn refused(&self, ran: &Ran, method: &str, conversation: &str) {
        self.shown(ran, conversation);
        assert!(self.server.requests(method).is_empty());
    }

    /// The client failed and says why, and nothing of the key arrived.
    pub(super) fn shown(&self, ran: &Ran, conversation: &str) {
        assert!(!ran.ok && ran.said.contains("secret detected in "), "{}", ran.said);
        assert!(ran.said.contains("(github-pat)"), "{}", ran.said);
        assert!(!holds(&self.engine, &self.server.bytes(), &self.token));
        let refused = self.proxy.refused.lock().unwrap().clone();
        assert!(!refused.is_empty() && refused.iter().all(|what| *what == conversation), "{refused:?}");
    }
}

/// Writes files, and the directories that they stand in.
pub(super) fn write(dir: &Path, files: &[(String, Vec<u8>)]) {
    for (name, content) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

pub(super) fn json(status: u16, body: &str) -> Answer {
    (status, "application/json".into(), body.as_bytes().to_vec())
}
