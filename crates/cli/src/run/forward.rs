//! `exfilter forward`: within a network namespace, from a port of 127.0.0.1 to the guard's socket, and from what its answers of the DNS lead to. Started by `exfilter run --isolate`.

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixStream};

use super::child;
use crate::ask::VARIABLE;
use crate::fault::Fault;
use crate::sandbox::{PROXIES, WITHOUT};
use crate::term::Term;

/// `exfilter forward`.
#[derive(Args)]
pub(crate) struct ForwardArgs {
    /// The guard's socket
    #[arg(long, value_name = "SOCKET")]
    socket: PathBuf,
    /// The guard's socket for questions of the DNS: they are answered at 127.0.0.1:53, and connections to what is answered become tunnels
    #[arg(long, value_name = "SOCKET")]
    names: Option<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Ports at which programs that know no proxy find servers.
const PORTS: [u16; 3] = [80, 443, 22];

/// The command's own servers: the loopback here is nobody else's, and the guard would look for them at its own.
const OWN: &str = "localhost,127.0.0.1,::1";

/// Where they ask for names.
const NAMES: u16 = 53;

/// The longest question that is passed on, in bytes, and one more: the guard tells what is too long.
const QUESTION_MAX: usize = 513;

/// The longest answer of the guard before a connection, in bytes.
const ANSWER_MAX: usize = 16 << 10;

/// Listens, and runs the command.
///
/// # Errors
///
/// It cannot listen, or the command cannot be started.
pub(crate) fn run(args: &ForwardArgs) -> Result<u8, Fault> {
    let fault = |error: io::Error| Fault::new("127.0.0.1", format!("cannot be listened on: {error}"), "");
    let runtime = child::runtime().map_err(fault)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(fault)?;
        let proxy = format!("http://{}", listener.local_addr().map_err(fault)?);
        tokio::spawn(accept(listener, args.socket.clone(), pass));
        if let Some(names) = &args.names
            && let Err(error) = resolve(names, &args.socket).await
        {
            Term::new().note(&format_args!("programs that use no proxy find nothing here: {error}"));
        }
        // All ports are open. With a capability the command could not begin a bubblewrap of its own, as agents do.
        #[cfg(target_os = "linux")]
        let _ = rustix::thread::clear_ambient_capability_set();
        let mut command = Command::new(&args.command[0]);
        command.args(&args.command[1..]).envs(PROXIES.map(|name| (name, &proxy))).env(VARIABLE, &proxy);
        command.envs(WITHOUT.map(|name| (name, OWN)));
        child::run_in(command, child::Depth::Child).await.map_err(|error| child::fault(&args.command, &error))
    })
}

/// Begins to answer questions of the DNS, and to take connections to the addresses that are answered.
async fn resolve(names: &Path, socket: &Path) -> io::Result<()> {
    let questions = UdpSocket::bind((Ipv4Addr::LOCALHOST, NAMES)).await?;
    tokio::spawn(answer(questions, names.to_owned()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, NAMES)).await?;
    tokio::spawn(accept(listener, names.to_owned(), pass));
    for port in PORTS {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        tokio::spawn(accept(listener, socket.to_owned(), tunnel));
    }
    Ok(())
}

/// Takes connections, each with one to the socket.
async fn accept<F>(listener: TcpListener, socket: PathBuf, serve: fn(TcpStream, UnixStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Without it, a lack of descriptors would be a loop at full speed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let socket = socket.clone();
        tokio::spawn(async move {
            // Whoever ends it, both ends are told.
            let _ = serve(client, UnixStream::connect(socket).await?).await;
            io::Result::Ok(())
        });
    }
}

async fn pass(mut client: TcpStream, mut guard: UnixStream) -> io::Result<()> {
    tokio::io::copy_bidirectional(&mut client, &mut guard).await.map(drop)
}

/// Whose address it is that the client has connected to, the guard knows: it has told it.
async fn tunnel(mut client: TcpStream, mut guard: UnixStream) -> io::Result<()> {
    let to = client.local_addr()?;
    guard.write_all(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let end = loop {
        if let Some(at) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if answer.len() > ANSWER_MAX || guard.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    if answer.split(|b| *b == b' ').nth(1) != Some(b"200") {
        // What it says is no answer in the client's protocol. The guard has recorded it.
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    client.write_all(&answer[end..]).await?;
    pass(client, guard).await
}

/// Passes questions on, one after another: the guard asks nobody, so it answers at once.
async fn answer(questions: UdpSocket, names: PathBuf) {
    let mut guard = None;
    let mut question = [0; QUESTION_MAX];
    loop {
        let Ok((len, from)) = questions.recv_from(&mut question).await else { continue };
        // Whoever gets no answer asks again.
        if let Ok((again, reply)) = ask(guard.take(), &names, &question[..len]).await {
            guard = Some(again);
            let _ = questions.send_to(&reply, from).await;
        }
    }
}

/// Asks the guard, over a connection that may have ended meanwhile.
async fn ask(guard: Option<UnixStream>, names: &Path, question: &[u8]) -> io::Result<(UnixStream, Vec<u8>)> {
    if let Some(guard) = guard
        && let Ok(answered) = ask_by(guard, question).await
    {
        return Ok(answered);
    }
    ask_by(UnixStream::connect(names).await?, question).await
}

/// As over TCP: a length of two bytes before each message.
async fn ask_by(mut guard: UnixStream, question: &[u8]) -> io::Result<(UnixStream, Vec<u8>)> {
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    guard.write_all(&[&length.to_be_bytes()[..], question].concat()).await?;
    let mut reply = vec![0; guard.read_u16().await?.into()];
    guard.read_exact(&mut reply).await?;
    Ok((guard, reply))
}
