// SPDX-License-Identifier: MIT
//! Four shell commands at once, each with a two-second timeout.
use libawait::{create_task, gather, run, timeout, Command, Result, Stdio};
use std::time::Duration;

async fn single_process(command: &'static str) -> Result<()> {
    let child = Command::shell(command).stdout(Stdio::Piped).stderr(Stdio::Piped).group().spawn()?;
    match timeout(Duration::from_secs(2), child.communicate(b"")).await {
        Ok(output) => println!("{} complete: {:?}", command, String::from_utf8_lossy(&output?.stdout)),
        Err(_) => println!("{} timeout", command), // dropping the last handle kills the child
    }
    Ok(())
}

fn main() -> Result<()> {
    let commands = ["sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"];
    run(async { gather(commands.map(|command| create_task(single_process(command)))).await }).map(drop)
}
