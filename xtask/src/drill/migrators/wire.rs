//! Between a migrator and PostgreSQL: counts what the migrator says, and stops at one of it (PostgreSQL's
//! protocol, version 3: after the first packets each message is a letter, a length and what that counts).

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

/// When the message that is counted is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It does not come to PostgreSQL.
    Before,
    /// PostgreSQL is at work on it, or done, and its answer may not come.
    After,
}

pub struct Wire {
    pub address: SocketAddr,
    said: Arc<AtomicUsize>,
    /// Told when the message was there.
    pub reached: Receiver<()>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

#[derive(Clone)]
struct Stop {
    at: usize,
    held: Held,
    said: Arc<AtomicUsize>,
    reached: Sender<()>,
}

impl Wire {
    pub fn to(upstream: String, at: usize, held: Held) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (address, said, open) =
            (listener.local_addr()?, Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (tell, reached) = channel();
        let stop = Stop { at, held, said: said.clone(), reached: tell };
        let kept = open.clone();
        // It ends with the process: a drill has a few hundred of them.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&upstream) else { return };
                let ends = [near.try_clone(), far.try_clone()].into_iter().flatten();
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(ends);
                let stop = stop.clone();
                if let (Ok(mut from), Ok(mut back)) = (far.try_clone(), near.try_clone()) {
                    thread::spawn(move || io::copy(&mut from, &mut back));
                }
                thread::spawn(move || carry(near, far, &stop));
            }
        });
        Ok(Self { address, said, reached, open })
    }

    /// How many messages there were so far.
    pub fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }

    pub fn cut(&self) {
        for end in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut near: TcpStream, mut far: TcpStream, stop: &Stop) -> io::Result<()> {
    // The first packet has no letter.
    let first = packet(&mut near, Vec::new())?;
    far.write_all(&first)?;
    loop {
        let mut letter = [0];
        near.read_exact(&mut letter)?;
        let message = packet(&mut near, letter.to_vec())?;
        let is_there = stop.said.fetch_add(1, Ordering::Relaxed) + 1 == stop.at;
        if !is_there || stop.held == Held::After {
            far.write_all(&message)?;
        }
        if is_there {
            _ = stop.reached.send(());
            return Ok(());
        }
    }
}

/// What a length counts, itself included, behind what was read before it.
fn packet(from: &mut TcpStream, mut read: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    read.extend(length);
    let mut rest = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
    from.read_exact(&mut rest)?;
    read.extend(rest);
    Ok(read)
}
