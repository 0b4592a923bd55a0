//! The ways out: a mail server, or a folder.

mod failure;
mod folder;
mod smtp;

use std::path::PathBuf;
use std::time::Duration;

pub(super) use self::failure::{Failure, Kind};
use self::smtp::{Line, Smtp};
use super::message::Composed;
use super::outbox::MailId;
use crate::config;

/// A way out. It is opened for a round of deliveries and closed after it.
pub(super) enum Channel {
    Folder(PathBuf),
    Smtp(Box<Smtp>),
}

/// A way out while it is open.
pub(super) enum Open<'a> {
    Folder(&'a PathBuf),
    Smtp(Box<Line<'a>>),
}

impl Channel {
    /// `None` where mail is not to leave.
    ///
    /// # Errors
    /// If TLS cannot be set up for the server's name.
    pub fn of(
        transport: config::Transport,
        sender: &str,
    ) -> Result<Option<Self>, lettre::transport::smtp::Error> {
        Ok(match transport {
            config::Transport::Outbox => None,
            config::Transport::Folder(folder) => Some(Self::Folder(folder)),
            config::Transport::Smtp(server) => Some(Self::Smtp(Box::new(Smtp::new(server, sender)?))),
        })
    }

    pub fn open(&self, patience: Duration) -> Open<'_> {
        match self {
            Self::Folder(folder) => Open::Folder(folder),
            Self::Smtp(smtp) => Open::Smtp(Box::new(smtp.line(patience))),
        }
    }
}

impl Open<'_> {
    pub async fn send(&mut self, id: MailId, mail: &Composed) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => folder::write(folder, id, &mail.bytes).await,
            Self::Smtp(line) => line.send(mail).await,
        }
    }

    pub async fn close(self) {
        if let Self::Smtp(line) = self {
            line.close().await;
        }
    }
}
