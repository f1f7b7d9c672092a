//! What a sandbox would see.

use std::fs;
use std::path::Path;

use exfilter_audit::{Audit, Looks, Report, View};

use crate::home::{ENGINE, Home, assert_mute, audit, audit_variables, find, github, secret};

/// Audits the files of a view and its sockets, without the processes of this machine.
fn quiet(view: View) -> Report {
    let mut looks = Looks::default();
    looks.processes = false;
    let report = Audit::new(ENGINE.clone(), view).looks(looks).run().unwrap();
    assert_mute(&report);
    report
}

#[test]
fn bubblewrap_shows_what_it_binds_and_nothing_else() {
    let home = Home::new();
    home.file(".netrc", format!("machine h login me password {}\n", secret(20)));
    home.file(".aws/credentials", format!("[d]\naws_secret_access_key={}\n", secret(40)));
    home.file("work/.env", format!("A_TOKEN={}\n", secret(30)));
    let at = home.path("");
    let at = at.to_str().unwrap();
    let arguments = format!(
        "bwrap --bind {at} /home/u --tmpfs /home/u/.aws --ro-bind-try {at}/none /none --symlink /home/u/.netrc /root/.netrc \\\n \
         --clearenv --setenv HOME /home/u --setenv 'DEPLOY_TOKEN' '{}' --unsetenv X --dev /dev --unshare-pid --chdir /home/u/work -- /bin/true --bind / /",
        secret(30)
    );
    let view = View::of_bubblewrap(arguments.as_bytes()).unwrap();
    let report = quiet(view);
    find(&report, "/home/u/.netrc", "h.password");
    find(&report, "/home/u/work/.env", "A_TOKEN");
    find(&report, "environment", "DEPLOY_TOKEN");
    assert_eq!(
        report.finds.len(),
        3,
        "the folder under the empty file system is hidden: {:#?}",
        report.finds
    );
    assert!(report.gaps.iter().any(|gap| gap.reason == "unshared-processes"));
    // The same with NULs.
    let nuls = arguments
        .replace("\\\n", "")
        .split_whitespace()
        .map(|w| w.trim_matches('\'').to_string())
        .collect::<Vec<_>>()
        .join("\0");
    let report = quiet(View::of_bubblewrap(nuls.as_bytes()).unwrap());
    assert_eq!(report.finds.len(), 3);
}

#[test]
fn bubblewraps_arguments_may_be_wrong() {
    assert!(View::of_bubblewrap(b"--bind /a").is_err());
    assert!(View::of_bubblewrap(b"--setenv 'open").is_err());
    assert!(View::of_bubblewrap(b"").is_ok());
}

#[test]
fn a_devcontainer_shows_its_mounts_and_variables() {
    let home = Home::new();
    let token = github();
    home.file(".ssh/readme", "nothing");
    home.file(".netrc", format!("machine h login me password {}\n", secret(20)));
    home.file("project/.env", format!("A_TOKEN={}\n", secret(30)));
    home.file("project/run.env", format!("FROM_FILE_TOKEN={}\n", secret(30)));
    let text = format!(
        r#"{{
          // what a person writes
          "image": "mcr.example/base",
          "workspaceFolder": "/srv/project",
          "workspaceMount": "source=${{localWorkspaceFolder}},target=/srv/project,type=bind",
          "mounts": [
            "source=${{localWorkspaceFolder}}/../.netrc,target=/home/dev/.netrc,type=bind,readonly",
            {{"source": "cache", "target": "/cache", "type": "volume"}},
          ],
          "containerEnv": {{"API_TOKEN": "{token}", "LOCAL": "${{localEnv:NOT_SET_ANYWHERE:none}}"}},
          "runArgs": ["--env-file", "run.env", "-e", "MORE_TOKEN={more}"],
          "remoteUser": "dev",
        }}"#,
        more = secret(30)
    );
    let file = home.file("project/.devcontainer/devcontainer.json", &text);
    let view = View::of_devcontainer(text.as_bytes(), &file, View::of_nothing()).unwrap();
    let report = quiet(view);
    find(&report, "environment", "API_TOKEN");
    find(&report, "environment", "MORE_TOKEN");
    find(&report, "environment", "FROM_FILE_TOKEN");
    find(&report, "/srv/project/.env", "A_TOKEN");
    find(&report, "/home/dev/.netrc", "h.password");
    for reason in ["image", "volume", "editor-forwarding"] {
        assert!(report.gaps.iter().any(|gap| gap.reason == reason), "{reason}");
    }
}

/// The root of a process is one.
#[test]
fn a_root_may_be_a_link() {
    let home = Home::new();
    home.file("notes.txt", github());
    let link = home.path("root");
    std::os::unix::fs::symlink(home.root(), &link).unwrap();
    let mut view = View::of_root(&link, None).unwrap();
    view.home(Path::new("/"));
    let report = Audit::new(ENGINE.clone(), view).run().unwrap();
    assert_mute(&report);
    find(&report, "/home/u/notes.txt", "");
}

#[test]
fn a_process_shows_what_it_has() {
    if !Path::new("/proc/self/root").exists() {
        println!("skipped: there is no /proc");
        return;
    }
    let home = Home::new();
    let token = github();
    home.file(".netrc", format!("machine h login me password {}\n", secret(20)));
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .env_clear()
        .env("HOME", home.path(""))
        .env("THE_TOKEN", &token)
        .current_dir(home.path(""))
        .spawn()
        .unwrap();
    // The environment is that of the new program once it has been started.
    let started = || {
        std::fs::read(format!("/proc/{}/cmdline", child.id())).is_ok_and(|line| line.starts_with(b"sleep"))
    };
    let begun = std::time::Instant::now();
    while !started() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it does not start");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let view = View::of_process(child.id());
    let report = view.map(|view| {
        let mut looks = Looks::nothing();
        looks.environment = true;
        looks.files = true;
        Audit::new(ENGINE.clone(), view).looks(looks).run().unwrap()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let report = report.unwrap();
    assert_mute(&report);
    find(&report, "environment", "THE_TOKEN");
    find(&report, ".netrc", "h.password");
    assert!(View::of_process(u32::MAX).is_err());
}

#[test]
fn variables_of_a_file() {
    let home = Home::new();
    let mut view = home.view();
    view.variables_from(
        format!("# c\nA_TOKEN={}\nURL=postgres://u:{}@h/d\nEMPTY=\n", secret(30), secret(16)).as_bytes(),
    );
    let report = audit_variables(view);
    find(&report, "environment", "A_TOKEN");
    find(&report, "environment", "URL");
}

#[test]
fn folders_that_variables_move_are_found() {
    let home = Home::new();
    fs::create_dir_all(home.root().join("srv/claude")).unwrap();
    fs::write(
        home.root().join("srv/claude/.credentials.json"),
        format!("{{\"claudeAiOauth\": {{\"refreshToken\": \"{}\"}}}}", secret(40)),
    )
    .unwrap();
    fs::write(home.root().join("srv/kube"), format!("users:\n- user:\n    token: {}\n", secret(40))).unwrap();
    let mut view = home.view();
    view.variables_from(b"CLAUDE_CONFIG_DIR=/srv/claude\nKUBECONFIG=/none:/srv/kube\n");
    let report = audit(view);
    find(&report, "/srv/claude/.credentials.json", "refreshToken");
    find(&report, "/srv/kube", "token");
}

#[test]
fn sockets_are_told_and_not_dialled() {
    let home = Home::new();
    let listener = std::os::unix::net::UnixListener::bind(home.path("agent.sock")).unwrap();
    listener.set_nonblocking(true).unwrap();
    fs::create_dir_all(home.root().join("run")).unwrap();
    let _docker = std::os::unix::net::UnixListener::bind(home.root().join("run/docker.sock")).unwrap();
    let mut view = home.view();
    view.variables_from(
        b"SSH_AUTH_SOCK=/home/u/agent.sock\nACTIONS_ID_TOKEN_REQUEST_URL=https://example.com/\n",
    );
    let report = quiet(view);
    let ids: Vec<&str> = report.capabilities.iter().map(|one| one.id).collect();
    assert_eq!(ids, ["container-engine", "github-actions-identity", "ssh-agent"]);
    assert!(listener.accept().is_err(), "nobody has called");
}
