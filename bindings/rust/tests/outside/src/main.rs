// SPDX-License-Identifier: MIT
//! What a user writes first.
use libawait::{create_task, gather, sleep, Command, Error, Stdio};
use std::time::Duration;

fn main() -> Result<(), Error> {
    libawait::run(async {
        let child = Command::new("echo").arg("hello").stdout(Stdio::Piped).spawn()?;
        let (output, slept) = (child.communicate(b"").await?, create_task(sleep(Duration::from_millis(1))));
        gather([slept]).await?;
        assert_eq!(output.stdout, b"hello\n");
        println!("libawait {} says {:?}", libawait::version(), String::from_utf8_lossy(&output.stdout));
        Ok(())
    })
}
