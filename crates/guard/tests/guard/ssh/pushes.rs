//! git over SSH.

use exfilter_guard::Outcome;
use exfilter_testing::{Rng, keys};

use super::stage::{HOST, Ran, Stage, has_ssh};
use crate::stage::has;

struct Repository {
    stage: Stage,
}

impl Repository {
    fn new() -> Repository {
        let stage = Stage::usual();
        let config = "[user]\nname = T\nemail = t@example.com\n[init]\ndefaultBranch = main\n";
        std::fs::write(stage.path(".gitconfig"), config).unwrap();
        let bare = stage.text("there/r.git");
        let address = format!("ssh://{}{bare}", stage.user());
        for args in [
            &["git", "init", "-q", "--bare", &bare][..],
            &["git", "init", "-q", "work"],
            &["git", "-C", "work", "remote", "add", "origin", &address],
        ] {
            stage.run(args, b"").ok();
        }
        Repository { stage }
    }

    fn git(&self, args: &[&str]) -> Ran {
        self.stage.run_in(&self.stage.path("work"), &[], &[&["git"], args].concat(), b"")
    }

    fn commit(&self, name: &str, content: &[u8]) {
        std::fs::write(self.stage.path("work").join(name), content).unwrap();
        self.git(&["add", "-A"]).ok();
        self.git(&["commit", "-q", "-m", "change"]).ok();
    }

    fn has_object(&self, revision: &str) -> bool {
        let id = self.git(&["rev-parse", revision]).text();
        let bare = self.stage.text("there/r.git");
        self.stage.run(&["git", "-C", &bare, "cat-file", "-e", id.trim()], b"").code == Some(0)
    }
}

#[test]
fn pushes_arrive_or_are_refused_with_the_file() {
    if !has_ssh() || !has("git", &["--version"]) {
        return;
    }
    let repository = Repository::new();
    let mut rng = Rng::new(41);
    repository.commit("a.txt", &rng.bytes(300_000));
    repository.git(&["push", "-q", "origin", "main"]).ok();
    assert!(repository.has_object("HEAD"));
    let record = repository.stage.last();
    assert_eq!((record.conversation, &record.outcome), ("ssh-git-receive-pack", &Outcome::Sent));
    assert!(record.bytes > 300_000 && record.to.as_deref() == Some(&*format!("ssh://{HOST}:22")));
    // Nothing to do, and then a thin pack that has to hold its base.
    repository.git(&["push", "-q", "origin", "main"]).ok();
    repository.commit("a.txt", &rng.bytes(300_100));
    repository.git(&["push", "-q", "--thin", "origin", "main"]).ok();
    assert!(repository.git(&["ls-remote", "origin"]).ok().text().contains("refs/heads/main"));

    let token = keys::github(&mut rng, "ghp_");
    repository.commit("config.py", &[b"x = 1\nkey = '", &token[..], b"'\n"].concat());
    repository.commit("b.bin", &rng.bytes(1 << 20));
    let ran = repository.git(&["push", "origin", "main"]);
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(
        ran.said.contains("! [remote rejected] main -> main (secret detected in config.py:2:8"),
        "{}",
        ran.said
    );
    assert!(!repository.has_object("HEAD") && !repository.has_object("HEAD~1"));
    let Outcome::Refused { why } = repository.stage.last().outcome else { panic!("it is refused") };
    assert!(why.contains("config.py:2"), "{why}");

    repository.git(&["reset", "-q", "--hard", "origin/main"]).ok();
    repository.git(&["push", "-q", "origin", "main:other"]).ok();
    // Deleted: commands without a pack, after which the client only waits.
    repository.git(&["push", "-q", "origin", ":other"]).ok();
    let address = repository.git(&["remote", "get-url", "origin"]).text();
    repository.stage.run(&["git", "clone", "-q", address.trim(), "again"], b"").ok();
    let clone = std::fs::read(repository.stage.path("again/a.txt")).unwrap();
    assert_eq!(clone.len(), 300_100);
    // In a name of a ref.
    let name = format!("main:refs/heads/{}", String::from_utf8_lossy(&token));
    let ran = repository.git(&["push", "origin", &name]);
    assert!(ran.code == Some(1) && ran.said.contains("secret detected in git commands"), "{}", ran.said);
}
