//! `exfilter forward`: within a network namespace, from a port of 127.0.0.1 to the guard's socket. Started by `exfilter run --isolate`.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use tokio::net::{TcpListener, UnixStream};

use super::child;
use crate::ask::VARIABLE;
use crate::fault::Fault;
use crate::sandbox::PROXIES;

/// `exfilter forward`.
#[derive(Args)]
pub(crate) struct ForwardArgs {
    /// The guard's socket
    #[arg(long, value_name = "SOCKET")]
    socket: PathBuf,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Listens, and runs the command.
///
/// # Errors
///
/// It cannot listen, or the command cannot be started.
pub(crate) fn run(args: &ForwardArgs) -> Result<u8, Fault> {
    let fault =
        |error: std::io::Error| Fault::new("127.0.0.1", format!("cannot be listened on: {error}"), "");
    let runtime = child::runtime().map_err(fault)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(fault)?;
        let proxy = format!("http://{}", listener.local_addr().map_err(fault)?);
        let socket = args.socket.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let socket = socket.clone();
                tokio::spawn(async move {
                    if let Ok(mut guard) = UnixStream::connect(socket).await {
                        // Whoever ends it, both ends are told.
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut guard).await;
                    }
                });
            }
        });
        let mut command = Command::new(&args.command[0]);
        command.args(&args.command[1..]).envs(PROXIES.map(|name| (name, &proxy))).env(VARIABLE, &proxy);
        child::run_in(command, child::Depth::Child).await.map_err(|error| child::fault(&args.command, &error))
    })
}
