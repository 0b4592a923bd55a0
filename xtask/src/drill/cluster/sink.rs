//! A mail server that takes everything and remembers the Message-ID of each mail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How often each mail was taken. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Taken(Arc<Mutex<BTreeMap<String, u64>>>);

impl Taken {
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) async fn start() -> Result<(SocketAddr, Taken)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (address, taken) = (listener.local_addr()?, Taken::default());
    let all = taken.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, all.clone()));
        }
    });
    Ok((address, taken))
}

async fn converse(stream: TcpStream, taken: Taken) -> Result<()> {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    output.write_all(b"220 sink\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let reply: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "DATA" => {
                output.write_all(b"354 go on\r\n").await?;
                let mut id = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    if let Some(told) = line.strip_prefix("Message-ID:") {
                        id = told.trim().to_owned();
                    }
                }
                *taken.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
                b"250 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 yes\r\n",
        };
        output.write_all(reply).await?;
    }
    Ok(())
}
