//! A mail server that takes everything and counts how often it was given what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Letters by their Message-ID.
type Letters = Arc<Mutex<BTreeMap<String, u32>>>;

pub struct Post {
    pub url: String,
    listener: std::net::TcpListener,
    letters: Letters,
}

impl Post {
    pub fn open() -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let url = format!("smtp://{}", listener.local_addr()?);
        Ok(Self { url, listener, letters: Letters::default() })
    }

    /// Takes letters for as long as the runtime lasts.
    pub fn serve(&self) -> Result<()> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        let (listener, letters) = (TcpListener::from_std(listener)?, self.letters.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A courier who hangs up is no concern of the post's.
                tokio::spawn(take(stream, letters.clone()));
            }
        });
        Ok(())
    }

    /// How many letters came, and how many of them more than once.
    pub fn counted(&self) -> (usize, usize) {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        (letters.len(), letters.values().filter(|times| **times > 1).count())
    }
}

/// One connection (RFC 5321), which says yes to everything.
async fn take(stream: TcpStream, letters: Letters) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 post\r\n").await?;
    let (mut in_content, mut id) = (false, String::new());
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match (in_content, line.as_str()) {
            (true, ".") => {
                in_content = false;
                *letters
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(std::mem::take(&mut id))
                    .or_default() += 1;
                b"250 taken\r\n"
            }
            (true, header) => {
                if header.to_ascii_lowercase().starts_with("message-id:") {
                    id = header.to_owned();
                }
                continue;
            }
            (false, "DATA") => {
                in_content = true;
                b"354 go on\r\n"
            }
            (false, "QUIT") => b"221 bye\r\n",
            _ => b"250 yes\r\n",
        };
        writer.write_all(answer).await?;
    }
    Ok(())
}
